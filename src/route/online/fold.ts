import * as z from 'zod'
import type { Closed, Entry, Feedback, Settled, Settlement, Stamped } from '../../contract/entry.ts'
import type { Decided, Draw, Escalation, Judgement } from '../../contract/escalation.ts'
import { dayOf } from '../../lib/utc.ts'
import type { ExplorationState } from '../proof/exploration.ts'
import { PROOF_RULES } from '../proof/segment.ts'
import { Segments, segmentsStateSchema } from '../proof/segments.ts'
import { Learner, learnerStateSchema } from './learner.ts'
import type { LikeRequests } from './like.ts'
import { Tallies, tallyStateSchema } from './tally.ts'

/** What a `policy-changed` entry names that takes the live version of the weights back. */
export const ROUTING_POLICY = 'routing'

/** Requests that a lot has chosen and nobody has judged yet; the oldest is given up first. */
const WAITING_MAX = 20_000

const waitingSchema = z.strictObject({
  id: z.string(),
  segment: z.string(),
  at: z.number(),
  costMicros: z.number(),
  arm: z.enum(['cheap', 'strong']),
  drawn: z.number(),
  propensity: z.number(),
  terms: z.strictObject({
    models: z.string(),
    priceMicros: z.number(),
    cheapMaxMicros: z.number(),
    strongMaxMicros: z.number(),
  }),
})
type Waiting = Readonly<z.infer<typeof waitingSchema>>

const count = z.number().int().min(0)
const exploredSchema = z.strictObject({
  day: count,
  requests: count,
  drawn: count,
  micros: z.number().min(0),
})

const stateSchema = z.strictObject({
  segments: segmentsStateSchema,
  waiting: z.array(waitingSchema).max(WAITING_MAX),
  tallies: tallyStateSchema,
  learner: learnerStateSchema,
  open: z.record(z.string(), z.string()),
  // Not there in states of before.
  decided: z.record(z.string(), z.enum(['cheap', 'strong'])).default({}),
  explored: exploredSchema,
})

/**
 * What the log says of going up: per kind of traffic how often, at what cost, and, on the requests that a lot chose,
 * whether it paid. The same entries give the same state, live and at the next start.
 */
export class RoutingFold {
  readonly segments: Segments
  readonly tallies: Tallies
  readonly learner: Learner
  /** Told of what is written from now on, and not of what the log held before. */
  watch: Pick<LikeRequests, 'labelled' | 'opened'> | undefined
  readonly #waiting = new Map<string, Waiting>()
  /** Kinds of traffic of requests under way. */
  readonly #open = new Map<string, string>()
  /** Which model the prompt alone has chosen for them, where it has. */
  readonly #decided = new Map<string, Decided['to']>()
  #explored: ExplorationState = { day: 0, requests: 0, drawn: 0, micros: 0 }

  /** Goes on from a state; throws where it is none. */
  constructor(state?: unknown) {
    const known = state === undefined ? undefined : stateSchema.parse(state)
    this.segments = new Segments(PROOF_RULES, known?.segments)
    this.tallies = new Tallies(known?.tallies)
    this.learner = new Learner(known?.learner)
    for (const one of known?.waiting ?? []) this.#waiting.set(one.id, one)
    for (const [id, segment] of Object.entries(known?.open ?? {})) this.#open.set(id, segment)
    for (const [id, to] of Object.entries(known?.decided ?? {})) this.#decided.set(id, to)
    if (known !== undefined) this.#explored = known.explored
  }

  /**
   * @param at - when it was written, milliseconds since the epoch
   * @param subject - of an entry that does not name it yet
   */
  visit(entry: Entry | Stamped, at: number, subject?: string): void {
    switch (entry.type) {
      case 'opened':
        if (entry.plan.escalation !== undefined) this.#begun(entry.id, entry.plan.escalation, at)
        if (entry.plan.decided !== undefined) {
          this.#asked(at)
          this.#open.set(entry.id, entry.plan.decided.segment)
          this.#decided.set(entry.id, entry.plan.decided.to)
        }
        if (entry.plan.escalation?.drawn !== undefined) this.watch?.opened(entry.id, entry.subject ?? subject)
        break
      case 'attempt':
        this.#settled(entry.id, entry.settled)
        break
      case 'settled':
        this.#settled(entry.id, [entry])
        break
      case 'closed':
        this.#settled(entry.id, entry.settled)
        if (entry.judged !== undefined) this.#judged(entry, entry.judged, at)
        this.#ended(entry)
        break
      case 'started':
        this.#open.clear()
        this.#decided.clear()
        break
      case 'policy-changed':
        if (entry.what === ROUTING_POLICY) this.learner.rollBack()
        break
      case 'feedback':
        this.#labelled(entry)
        break
    }
  }

  /** What lots have chosen on the newest day, of all requests between two tiers, also those whose prompt alone decided. */
  get explored(): ExplorationState {
    return this.#explored
  }

  /** As JSON may hold it. */
  state(): z.infer<typeof stateSchema> {
    const segments = this.segments.state()
    return {
      segments: { segments: [...segments.segments], forgotten: segments.forgotten },
      waiting: [...this.#waiting.values()].map((one) => ({ ...one, terms: { ...one.terms } })),
      tallies: this.tallies.state(),
      learner: this.learner.state(),
      open: Object.fromEntries(this.#open),
      decided: Object.fromEntries(this.#decided),
      explored: { ...this.#explored },
    }
  }

  #begun(id: string, { segment, drawn }: Escalation, at: number): void {
    this.#open.set(id, segment)
    this.#asked(at, drawn)
  }

  #asked(at: number, drawn?: Draw): void {
    const day = dayOf(at)
    // A clock that was set back goes on in the day that it had reached.
    if (day > this.#explored.day) this.#explored = { day, requests: 0, drawn: 0, micros: 0 }
    const sofar = this.#explored
    this.#explored = {
      ...sofar,
      requests: sofar.requests + 1,
      drawn: sofar.drawn + (drawn === undefined ? 0 : 1),
      micros: sofar.micros + (drawn?.heldMicros ?? 0),
    }
  }

  #settled(id: string, settled: readonly (Settlement | Settled)[] | undefined): void {
    const segment = settled === undefined || this.#open.size === 0 ? undefined : this.#open.get(id)
    if (segment === undefined) return
    for (const one of settled ?? []) if ('tier' in one) this.tallies.settled(segment, one)
  }

  #ended(closed: Closed): void {
    // Most requests have one tier to choose from, and are not in here.
    if (this.#open.size === 0) return
    const segment = this.#open.get(closed.id)
    const to = this.#decided.get(closed.id)
    if (segment !== undefined && to !== undefined) this.tallies.decided(closed, { segment, to })
    this.#open.delete(closed.id)
    this.#decided.delete(closed.id)
  }

  #judged(closed: Closed, judged: Judgement, at: number): void {
    this.tallies.add(closed, judged)
    const { drawn } = judged
    // What was withheld from the caller has been compared all the same.
    if (drawn === undefined || (closed.outcome !== 'answered' && closed.outcome !== 'declined')) return
    if (drawn.arm === 'both') this.#compared(closed.id, judged, drawn, at)
    else if (closed.costMicros !== undefined) {
      const { segment } = judged
      const { arm, terms, propensity } = drawn
      this.#wait({
        id: closed.id,
        segment,
        at,
        costMicros: closed.costMicros,
        arm,
        drawn: drawn.drawn,
        propensity,
        terms,
      })
    }
  }

  #compared(id: string, judged: Judgement, { drawn, terms }: Draw, at: number): void {
    const { segment, compared } = judged
    if (compared === undefined) return
    const { cheap, strong, cheapMicros, strongMicros } = compared
    const outcome = {
      design: 'paired' as const,
      segment,
      assignedAt: at,
      terms,
      drawn,
      cheap: { quality: cheap, costMicros: cheapMicros },
      strong: { quality: strong, costMicros: strongMicros },
    }
    this.segments.add(outcome)
    this.watch?.labelled(id, { cheap, strong })
    this.learner.add(id, judged, outcome, at)
  }

  #wait(one: Waiting): void {
    this.#waiting.set(one.id, one)
    if (this.#waiting.size <= WAITING_MAX) return
    const [oldest] = this.#waiting.keys()
    if (oldest !== undefined) this.#waiting.delete(oldest)
  }

  /** Feedback of −1 to 1 is a quality of 0 to 1; the first one about a request counts. */
  #labelled({ request, score }: Feedback): void {
    const waiting = this.#waiting.get(request)
    if (waiting === undefined || score === undefined) return
    this.#waiting.delete(request)
    const { segment, at, costMicros, arm, drawn, propensity, terms } = waiting
    const seen = { quality: (score + 1) / 2, costMicros }
    this.watch?.labelled(request, { [arm]: seen.quality })
    this.segments.add({ design: 'single', segment, assignedAt: at, terms, drawn, arm, propensity, seen })
  }
}
