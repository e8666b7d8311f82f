import type { Escalation, Evidence } from '../../contract/escalation.ts'
import type { Said } from '../../contract/task.ts'
import type { RouteConfig } from '../config.ts'
import { judge, type Standing, type Verdict } from './judge.ts'
import type { Weights } from './posterior.ts'
import { equalAnswer, sameAnswer } from './same.ts'
import type { Sessions } from './sessions.ts'

/** What routing has learned from outcomes so far. */
export interface Learned {
  weights(): Weights
  standing(segment: string): Standing
}

/** The judge of the request path, as the configuration and what was learned have it. */
export class Judging {
  readonly patienceMs: number
  readonly #learned: Learned
  readonly #abstains: boolean
  readonly #sessions: Sessions

  constructor({ escalation }: RouteConfig, learned: Learned, sessions: Sessions) {
    this.patienceMs = escalation.patienceMs
    this.#learned = learned
    this.#abstains = escalation.abstain
    this.#sessions = sessions
  }

  judge(escalation: Escalation, evidence?: Evidence): Verdict {
    const { standing, weights } = this.#learned
    const parts = { weights: weights(), standing: standing(escalation.segment), abstains: this.#abstains }
    const verdict = judge(parts, escalation, evidence)
    // What went wrong in one step lifts that step alone.
    const moves = evidence?.repeats !== true && escalation.order !== 'shadow'
    if (verdict.action === 'escalate' && moves) this.#sessions.moved(escalation)
    return verdict
  }

  same(one: Said, other: Said): boolean | undefined {
    return sameAnswer(one, other)
  }

  equal(one: Said, other: Said): boolean {
    return equalAnswer(one, other)
  }
}
