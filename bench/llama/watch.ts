import { availableParallelism, cpus } from 'node:os'
import { busySeconds, cpuSeconds, machineTicks, stolenShare } from '../gateway/measured.ts'
import type { Machine } from './summary.ts'

/** What the machine did in the meantime, and how much of it was not ours. */
export class Watch {
  private readonly pids: readonly number[]
  private readonly before = machineTicks()
  private readonly ownBefore: number
  private readonly begun = performance.now()

  /** @param pids - the processes that are measured; this one counts too */
  constructor(pids: readonly number[]) {
    this.pids = pids
    this.ownBefore = this.own()
  }

  end(): Machine {
    const after = machineTicks()
    const seconds = (performance.now() - this.begun) / 1_000
    const others = busySeconds(this.before, after) - (this.own() - this.ownBefore)
    return {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      node: process.version,
      othersBusy: Math.max(0, others) / seconds,
      stolenShare: stolenShare(this.before, after),
      seconds,
    }
  }

  private own(): number {
    const { user, system } = process.cpuUsage()
    return this.pids.reduce((sum, pid) => sum + cpuSeconds(pid), (user + system) / 1e6)
  }
}
