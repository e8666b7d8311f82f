import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SelfTime {
  readonly place: string
  readonly selfMs: number
  /** Share of the busy time: idle is left out. */
  readonly share: number
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const MAIN_THREAD = 0

/** The threads that left a profile, by their numbers in its name: `CPU.date.time.pid.tid.sequence.cpuprofile`. */
export function profiledThreads(folder: string): readonly number[] {
  const numbers = readdirSync(folder).map((name) => Number(name.split('.')[4]))
  return [...new Set(numbers)].sort((left, right) => left - right)
}

/** Functions of a thread by the time spent in themselves, from its newest `.cpuprofile` (V8's format) in a folder. */
export function selfTimes(
  folder: string,
  fits: (url: string) => boolean = () => true,
  thread: number = MAIN_THREAD,
): SelfTime[] {
  const name = readdirSync(folder)
    .filter((one) => one.endsWith('.cpuprofile') && Number(one.split('.')[4]) === thread)
    .sort()
    .at(-1)
  if (name === undefined)
    throw new Error(`there is no .cpuprofile in ${folder}: did the server end by itself?`)
  // A parser: V8 wrote this file.
  const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const byPlace = new Map<string, { url: string; us: number }>()
  let busy = 0
  profile.samples.forEach((id, index) => {
    const frame = frames.get(id)
    const us = profile.timeDeltas[index] ?? 0
    if (frame === undefined || frame.functionName === '(idle)' || frame.functionName === '(program)') return
    busy += us
    const url = frame.url.replace(/^file:\/\//, '').replace(/^.*\/(src|node_modules)\//, '$1/')
    const place = `${frame.functionName || '(anonymous)'} ${url}:${frame.lineNumber + 1}`
    const seen = byPlace.get(place)
    if (seen === undefined) byPlace.set(place, { url, us })
    else seen.us += us
  })
  return [...byPlace]
    .filter(([, { url }]) => fits(url))
    .map(([place, { us }]) => ({ place, selfMs: us / 1_000, share: us / busy }))
    .sort((left, right) => right.selfMs - left.selfMs)
}
