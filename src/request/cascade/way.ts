import type { Batches, Bill, Way, Work } from '../../contract/ask.ts'
import type { Attempted } from '../../contract/entry.ts'
import type { Compared, Escalation, Evidence, Judgement } from '../../contract/escalation.ts'
import { type AnswerFinish, type Batch, isTerminal, type Verdict } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import { type Said, taskOf } from '../../contract/task.ts'
import { assert } from '../../lib/assert.ts'
import { settledWithin } from '../../lib/clock.ts'
import { decline } from './decline.ts'
import { questionOf } from './evaluator.ts'
import { type Heard, hear, type Unheard } from './heard.ts'
import { Leg } from './leg.ts'
import { marginOf, withMargins, withoutMargins } from './margin.ts'
import { seenIn } from './seen.ts'

/** Asks the models of a plan: the loop of attempts. */
export type Asking = (work: Work, cause: Attempted['cause']) => Batches

/** Says whether a cheap answer is good enough. */
export interface JudgePort {
  /** `evidence` is absent where there is no cheap answer: then the plan's own expectation decides. */
  judge(escalation: Escalation, evidence?: Evidence): Pick<Judgement, 'action' | 'gain' | 'reason'>
  /** Whether two answers to one question say the same; undefined where that cannot be told. */
  same(one: Said, other: Said): boolean | undefined
  /** Whether they are equal but for form: enough to say that neither is the better one. */
  equal(one: Said, other: Said): boolean
  /** Milliseconds that a whole cheap answer waits for the second one. */
  readonly patienceMs: number
}

/**
 * The way of a plan that may shift up. The cheap model answers, and a second one of another maker where that is
 * planned; then, before the first byte leaves, the evidence says which answer the caller gets: this one, the strong
 * model's, or none. Each model's turns stand in the one record with their own costs. Where the strong model is wanted
 * and cannot answer, the cheap answer stands, and says so.
 *
 * @param random - 0 ≤ x < 1, of which marks are made that no answer could know
 */
export function createCascade(asking: Asking, judge: JudgePort, random: () => number): Way {
  return (work) => new Cascade(asking, judge, random, work).run()
}

class Cascade {
  readonly #asking: Asking
  readonly #judge: JudgePort
  readonly #random: () => number
  readonly #work: Work
  readonly #escalation: Escalation
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #strong: Leg
  readonly #cheapBill: Bill
  readonly #strongBill: Bill
  /** What the second model says, as soon as it is known. */
  #second: Heard | Unheard | undefined
  #listening: Promise<void> | undefined
  #margin: number | undefined
  #shows: ReturnType<typeof seenIn> | undefined

  constructor(asking: Asking, judge: JudgePort, random: () => number, work: Work) {
    const { escalation } = work.plan
    assert(escalation !== undefined, 'only a plan that may shift up has a cascade')
    this.#asking = asking
    this.#judge = judge
    this.#random = random
    this.#work = work
    this.#escalation = escalation
    this.#signal = AbortSignal.any([work.ask.signal, this.#stop.signal])
    this.#cheapBill = work.bill.leg()
    this.#strongBill = work.bill.leg()
    this.#strong = new Leg(() => asking(this.#above(), 'escalate'))
  }

  get #pairs(): boolean {
    return this.#escalation.drawn?.arm === 'both'
  }

  async *run(): Batches {
    try {
      const { second, order } = this.#escalation
      if (second.length > 0) {
        this.#listening = this.#listen(second)
        // Whoever waits for it is told of a bug; until then nobody is.
        this.#listening.catch(() => undefined)
      }
      if (order === 'race' || this.#pairs) this.#strong.begin()
      const cheap = await this.#cheap()
      if (cheap.type === 'unheard' && this.#work.ask.signal.aborted) return await this.#failed(cheap)
      if (this.#listening !== undefined && cheap.type === 'heard') {
        await settledWithin(this.#listening, this.#judge.patienceMs, this.#signal)
      }
      return yield* this.#decided(cheap)
    } finally {
      await this.#end()
    }
  }

  async #cheap(): Promise<Heard | Unheard> {
    const work = this.#with(this.#work.plan.candidates, this.#cheapBill)
    if (this.#escalation.margins !== true) return hear(this.#asking(work, 'first'))
    const { request } = work.ask
    const asked = { ...work, ask: { ...work.ask, request: withMargins(request) } }
    const cheap = await hear(this.#asking(asked, 'first'))
    if (cheap.type === 'unheard') return cheap
    this.#margin = marginOf(cheap.content)
    return request.logprobs === true ? cheap : { ...cheap, content: withoutMargins(cheap.content) }
  }

  async *#decided(cheap: Heard | Unheard): Batches {
    const judged = this.#judged(cheap)
    if (this.#pairs && cheap.type === 'heard') return this.#paired(cheap, judged)
    if (judged.done === 'escalate') return yield* this.#escalated(cheap, judged)
    assert(cheap.type === 'heard', 'only an answer is accepted')
    return judged.done === 'accept' ? this.#whole(cheap, judged) : this.#declined(cheap, judged)
  }

  #judged(cheap: Heard | Unheard): Judgement {
    const { segment, gain: prior, worthMicros, extraMicros, drawn } = this.#escalation
    const told = { segment, prior, worthMicros, extraMicros, ...(drawn === undefined ? {} : { drawn }) }
    if (cheap.type === 'unheard') {
      const reason = `the cheap model gave no answer (${cheap.problem.code})`
      return { ...told, gain: prior, action: 'escalate', done: 'escalate', reason }
    }
    const evidence = this.#evidence(cheap)
    const judged = this.#judge.judge(this.#escalation, evidence)
    return { ...told, ...judged, done: judged.action, evidence }
  }

  /** Looked for once: it takes milliseconds of a long answer. */
  #seen(cheap: Heard): ReturnType<typeof seenIn> {
    this.#shows ??= seenIn(cheap, this.#work.ask)
    return this.#shows
  }

  #evidence(cheap: Heard): Evidence {
    const second = this.#second
    const agrees = second?.type === 'heard' ? this.#judge.same(cheap, second) : undefined
    const margin = this.#margin
    return {
      ...this.#escalation.foreseen,
      chars: cheap.text.length,
      whole: cheap.whole,
      ...(agrees === undefined ? {} : { agrees }),
      ...(margin === undefined ? {} : { margin }),
      ...this.#seen(cheap),
    }
  }

  /** The strong model's answer as it comes; the cheap one where nothing comes of it. */
  async *#escalated(cheap: Heard | Unheard, judged: Judgement): Batches {
    for (let begun = false; ; begun = true) {
      const { value: batch } = await this.#strong.next()
      const [first] = batch
      if (!begun && first?.type === 'answer-error' && cheap.type === 'heard') {
        return this.#instead(cheap, judged, first.problem)
      }
      const last = batch.at(-1)
      if (isTerminal(last)) {
        // Evidence that came too late to decide is kept to learn from.
        const known = cheap.type === 'heard' ? { ...judged, evidence: this.#evidence(cheap) } : judged
        await this.#end()
        const rest = this.#explained(batch.slice(0, -1), judged)
        return [...rest, { ...last, judged: known, ...this.#work.bill.total() }]
      }
      yield this.#explained(batch, judged)
    }
  }

  /** Both answer: which of them is right is found out, and the caller gets the one that the judgement chose. */
  async #paired(cheap: Heard, judged: Judgement): Promise<Batch> {
    const strong = await hear(this.#strong)
    if (strong.type === 'unheard') return this.#instead(cheap, judged, strong.problem)
    const right = await this.#right(cheap, strong)
    const [cheapMicros, strongMicros] = [this.#cheapBill.ownMicros, this.#strongBill.ownMicros]
    const known = right !== undefined && cheapMicros !== undefined && strongMicros !== undefined
    const told = known ? { ...judged, compared: { ...right, cheapMicros, strongMicros } } : judged
    if (told.done === 'abstain') return this.#declined(cheap, told)
    return this.#whole(told.done === 'escalate' ? strong : cheap, told)
  }

  async #right(cheap: Heard, strong: Heard): Promise<Pick<Compared, 'cheap' | 'strong' | 'by'> | undefined> {
    if (this.#judge.equal(cheap, strong)) return { cheap: 0.5, strong: 0.5, by: 'agreement' }
    const { evaluator = [] } = this.#escalation
    // Texts are all that an evaluator is shown: a step of an agent is more than that.
    const acts =
      cheap.calls.length > 0 || strong.calls.length > 0 || taskOf(this.#work.ask.request) !== undefined
    if (evaluator.length === 0 || acts) return undefined
    const work = this.#with(evaluator, this.#work.bill.leg())
    const put = questionOf(work, cheap.text, strong.text, markOf(this.#random))
    const said = await hear(this.#asking(put.work, 'evaluate'))
    return said.type === 'heard' ? put.read(said.text) : undefined
  }

  #explained([first, ...rest]: Batch, { reason }: Judgement): Batch {
    if (first === undefined) return []
    return [first.type === 'answer-start' ? { ...first, why: reason } : first, ...rest]
  }

  async #declined(cheap: Heard, judged: Judgement): Promise<Batch> {
    const [content, finish] = decline(cheap, judged.reason)
    await this.#end()
    return [...this.#explained(content, judged), { ...finish, judged, ...this.#work.bill.total() }]
  }

  #instead(cheap: Heard, judged: Judgement, { code }: Problem): Promise<Batch> {
    const reason = `${judged.reason}; the stronger model could not answer (${code}), so the cheap answer stands`
    const verdict: Verdict = { check: 'escalation', outcome: 'failed', detail: code }
    return this.#whole(cheap, { ...judged, done: 'accept', reason }, verdict)
  }

  async #whole(
    { start, content, finish }: Heard,
    judged: Judgement,
    ...more: readonly Verdict[]
  ): Promise<Batch> {
    await this.#end()
    const verdicts = [...finish.verdicts, ...more]
    const terminal: AnswerFinish = { ...finish, verdicts, judged, ...this.#work.bill.total() }
    return [{ ...start, why: judged.reason }, ...content, terminal]
  }

  async #failed({ problem }: Unheard): Promise<Batch> {
    await this.#end()
    return [{ type: 'answer-error', problem, ...this.#work.bill.total() }]
  }

  async #listen(candidates: readonly string[]): Promise<void> {
    this.#second = await hear(this.#asking(this.#with(candidates, this.#work.bill.leg()), 'evidence'))
  }

  /** What is still being asked is not needed any more. It has settled before the last batch leaves. */
  async #end(): Promise<void> {
    this.#stop.abort()
    await Promise.all([this.#listening, this.#strong.ended()])
  }

  /** The same work for cheap models, held until it is whole, on a leg of the bill of its own. */
  #with(candidates: readonly string[], bill: Bill): Work {
    const { ask, plan } = this.#work
    return {
      ...this.#work,
      ask: { ...ask, signal: this.#signal },
      plan: { ...plan, candidates, output: 'hold' },
      bill,
    }
  }

  #above(): Work {
    const { ask, plan } = this.#work
    const { strong: candidates, tier, maxOutputTokens, deadlineMs } = this.#escalation
    return {
      ...this.#work,
      ask: { ...ask, signal: this.#signal },
      plan: { ...plan, candidates, tier, maxOutputTokens, deadlineMs },
      bill: this.#strongBill,
    }
  }
}

const MARK_DIGITS = 10

function markOf(random: () => number): string {
  return Array.from({ length: MARK_DIGITS }, () => Math.floor(random() * 36).toString(36)).join('')
}
