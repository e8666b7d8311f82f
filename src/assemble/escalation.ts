import type { Config } from '../config/sections.ts'
import type { ModelView } from '../contract/model.ts'
import { systemClock } from '../lib/clock.ts'
import type { Logs } from '../observe/logs.ts'
import type { JudgePort } from '../request/cascade/way.ts'
import { Judging, type Learned } from '../route/escalate/judging.ts'
import type { EscalationPorts } from '../route/escalate/plan.ts'
import { Sessions } from '../route/escalate/sessions.ts'
import { thriftOf } from '../route/escalate/thrift.ts'
import { UsedPrior } from '../route/escalate/used-prior.ts'
import { Lots } from '../route/online/draw.ts'
import type { Parts } from './parts.ts'

type Needs = Pick<Parts, 'fleet' | 'keys' | 'ledger' | 'like' | 'record'>

/** What deciding between two tiers needs and keeps; it outlives a configuration. */
export class Escalating {
  readonly #parts: Needs
  readonly #sessions = new Sessions()
  readonly #learned: Learned
  readonly #lots: Lots
  readonly prior: UsedPrior

  constructor(parts: Needs, logs: Pick<Logs, 'warn'>) {
    this.#parts = parts
    this.prior = new UsedPrior((message) => logs.warn(message))
    const { found, seed } = parts.record
    const { segments, learner, explored } = found.routing
    this.#lots = new Lots(seed, segments, explored)
    this.#learned = {
      weights: () => learner.weights,
      standing: (segment) => segments.decide(segment, systemClock.now(), NOT_DRAWN),
    }
  }

  /** Reads the prior ahead of the first decision, where there will be one. */
  warm(config: Config): void {
    if (needsPrior(config, this.#parts.fleet.models())) this.prior.expect('')
  }

  ports(config: Config): EscalationPorts {
    const { keys, ledger } = this.#parts
    return {
      config: config.route,
      sessions: this.#sessions,
      expect: (text) => this.prior.expect(text),
      hasPrior: () => this.prior.usable,
      thrift: ({ key }) => {
        const { today, thisMonth } = ledger.view(key)
        const spent = { todayMicros: today.spentMicros, monthMicros: thisMonth.spentMicros }
        return thriftOf(keys.limitsOf(key), spent, systemClock.now())
      },
      weights: () => this.#learned.weights(),
      like: this.#parts.like,
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

/** There is something to decide only where models of two tiers may answer; until then the prior takes no memory. */
export function needsPrior({ route }: Pick<Config, 'route'>, models: readonly ModelView[]): boolean {
  const tiers = new Set(
    models.flatMap(({ kind, allowed, tier }) => (kind === 'chat' && allowed ? [tier] : [])),
  )
  return route.escalation.mode !== 'off' && tiers.size > 1
}
