import type { Config } from '../config/sections.ts'
import { systemClock } from '../lib/clock.ts'
import type { Logs } from '../observe/logs.ts'
import type { JudgePort } from '../request/cascade/way.ts'
import { DEFAULT_PRIOR, openPrior } from '../route/default-prior.ts'
import { Judging, type Learned } from '../route/escalate/judging.ts'
import type { EscalationPorts, Expected } from '../route/escalate/plan.ts'
import { Sessions } from '../route/escalate/sessions.ts'
import { thriftOf } from '../route/escalate/thrift.ts'
import { Lots } from '../route/online/draw.ts'
import type { Parts } from './parts.ts'

type Needs = Pick<Parts, 'keys' | 'ledger' | 'record'>

/** What deciding between two tiers needs and keeps; it outlives a configuration. */
export class Escalating {
  readonly #parts: Needs
  readonly #sessions = new Sessions()
  readonly #learned: Learned
  readonly #lots: Lots
  readonly #expect: (text: string) => Expected | undefined

  constructor(parts: Needs, logs: Pick<Logs, 'warn'>) {
    this.#parts = parts
    this.#expect = priorOf(logs)
    const { found, seed } = parts.record
    const { segments, learner, explored } = found.routing
    this.#lots = new Lots(seed, segments, explored)
    this.#learned = {
      weights: () => learner.weights,
      standing: (segment) => segments.decide(segment, systemClock.now(), NOT_DRAWN),
    }
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
      standing: (segment) => this.#learned.standing(segment),
      draw: (asked) => this.#lots.draw(config.route, asked, systemClock.now()),
    }
  }

  judge(config: Config): JudgePort {
    return new Judging(config.route, this.#learned, this.#sessions)
  }
}

/** Where only the state is asked for. */
const NOT_DRAWN = { optedOut: false, withinResidency: true, room: true } as const

/** The prior, read when it is first asked for; one that cannot be used is said to be so, once. */
function priorOf(logs: Pick<Logs, 'warn'>): (text: string) => Expected | undefined {
  let prior: ReturnType<typeof openPrior> | undefined
  return (text) => {
    if (prior === undefined) {
      prior = openPrior(DEFAULT_PRIOR)
      if ('why' in prior) {
        logs.warn(`Routing has no prior, and points of difficulty decide what \`auto\` is: ${prior.why}.`)
      }
    }
    return 'why' in prior ? undefined : prior.decide(text)
  }
}
