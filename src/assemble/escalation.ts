import type { Config } from '../config/sections.ts'
import { systemClock } from '../lib/clock.ts'
import type { Logs } from '../observe/logs.ts'
import type { JudgePort } from '../request/cascade/way.ts'
import { DEFAULT_PRIOR, openPrior } from '../route/default-prior.ts'
import { Judging, type Learned } from '../route/escalate/judging.ts'
import type { EscalationPorts, Expected } from '../route/escalate/plan.ts'
import { DEFAULT_WEIGHTS } from '../route/escalate/posterior.ts'
import { Sessions } from '../route/escalate/sessions.ts'
import { thriftOf } from '../route/escalate/thrift.ts'
import type { Parts } from './parts.ts'

/** What deciding between two tiers needs and keeps; it outlives a configuration. */
export class Escalating {
  readonly #parts: Pick<Parts, 'keys' | 'ledger'>
  readonly #sessions = new Sessions()
  readonly #learned: Learned = { weights: () => DEFAULT_WEIGHTS, standing: () => UNKNOWN }
  readonly #expect: (text: string) => Expected | undefined

  constructor(parts: Pick<Parts, 'keys' | 'ledger'>, logs: Pick<Logs, 'warn'>) {
    this.#parts = parts
    this.#expect = priorOf(logs)
  }

  warm(): void {
    this.#expect('')
  }

  ports(config: Config): EscalationPorts {
    const { keys, ledger } = this.#parts
    return {
      config: config.route,
      sessions: this.#sessions,
      expect: this.#expect,
      thrift: ({ key }) => {
        const { today, thisMonth } = ledger.view(key)
        const spent = { todayMicros: today.spentMicros, monthMicros: thisMonth.spentMicros }
        return thriftOf(keys.limitsOf(key), spent, systemClock.now())
      },
      draw: () => undefined,
    }
  }

  judge(config: Config): JudgePort {
    return new Judging(config.route, this.#learned)
  }
}

const UNKNOWN = { state: 'unknown', reason: '' } as const

/** The prior, read when it is first asked for; one that cannot be used is said to be so, once. */
function priorOf(logs: Pick<Logs, 'warn'>): (text: string) => Expected | undefined {
  let prior: ReturnType<typeof openPrior> | undefined
  return (text) => {
    if (prior === undefined) {
      prior = openPrior(DEFAULT_PRIOR)
      if ('why' in prior) {
        logs.warn(`Routing has no prior, and \`auto\` stays with the cheap tier: ${prior.why}.`)
      }
    }
    return 'why' in prior ? undefined : prior.decide(text)
  }
}
