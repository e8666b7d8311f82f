import type { Way, Work } from '../../contract/ask.ts'
import { type EmbedInput, type EmbedRequest, inputsOf } from '../../contract/embed.ts'
import type { AnswerFinish, AnswerStart, Verdict } from '../../contract/event.ts'
import type { Need } from '../../contract/need.ts'
import type { Problem, ProblemCode } from '../../contract/problem.ts'
import { costMicros, estimatedPromptTokens, type Usage } from '../../contract/usage.ts'
import { attempts, type End, type Next, type RequestKind, type Running, type TurnParts } from '../attempt.ts'
import { settlementOf } from '../bill.ts'
import type { Admitted, Lease, LoopPorts } from '../ports.ts'
import { RetryBudget } from '../retry.ts'
import { inputTokensBound } from '../worst-case.ts'
import { Gathered } from './gathered.ts'
import { partsOf } from './parts.ts'

/**
 * The way `embed`: vectors from one model. A request is sent in bounded parts, one after the other, so that it takes one
 * place of a replica however large it is. Where a part fails, the next turn goes on from there, on another replica of
 * the same model or after a pause: what was made is kept, and paid once. The answer leaves when all of it is there.
 */
export function createEmbed(ports: LoopPorts<EmbedRequest>): Way<EmbedRequest> {
  const budget = new RetryBudget(ports.bounds.retryShare)
  return (work) => attempts(ports, budget, new Embedding(ports, work), work)
}

type Ports = Pick<LoopPorts<EmbedRequest>, 'elapsed'>

/** One request on its way through all of its turns. */
class Embedding implements RequestKind<EmbedRequest> {
  readonly ports: Ports
  readonly work: Work<EmbedRequest>
  readonly gathered = new Gathered()
  /** Of the inputs that have their vectors. */
  promptTokens = 0
  /** The engine has not stated all of them. */
  estimated = false
  readonly #verdicts = new Map<string, Verdict>()

  constructor(ports: Ports, work: Work<EmbedRequest>) {
    this.ports = ports
    this.work = work
  }

  worst({ request }: Next<EmbedRequest>): Pick<Need, 'promptTokensBound' | 'choices'> {
    const left = inputsOf(request).slice(this.gathered.vectors.length)
    return { promptTokensBound: inputTokensBound(left), choices: 1 }
  }

  /** One language is spoken here. */
  spoken(request: EmbedRequest): Admitted<EmbedRequest> {
    return { type: 'admitted', request, verdicts: [] }
  }

  turn(parts: TurnParts<EmbedRequest>): EmbedTurn {
    this.add(parts.verdicts)
    return new EmbedTurn(this, parts)
  }

  /** Each part may say the same: it stands in the answer once. */
  add(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) this.#verdicts.set(`${verdict.check} ${verdict.detail}`, verdict)
  }

  get verdicts(): readonly Verdict[] {
    return [...this.#verdicts.values(), ...(this.estimated ? [UNSTATED] : [])]
  }
}

const UNSTATED: Verdict = {
  check: 'usage',
  outcome: 'skipped',
  detail: 'the engine did not state all tokens: prompt_tokens is an estimate',
}

/** One lease: part after part, until all inputs have their vectors or one part fails. */
class EmbedTurn implements Running<EmbedRequest> {
  readonly #all: Embedding
  readonly #parts: TurnParts<EmbedRequest>
  readonly #startedAt: number
  readonly #resumed: boolean
  #settled = false
  #answered = 0
  #promptTokens = 0
  #estimated = false
  /** Bound on the tokens of the part that is under way. */
  #open = 0

  constructor(all: Embedding, parts: TurnParts<EmbedRequest>) {
    this.#all = all
    this.#parts = parts
    this.#startedAt = all.ports.elapsed()
    this.#resumed = all.gathered.vectors.length > 0
  }

  async run(deadline: number): Promise<End<EmbedRequest>> {
    using lease = this.#parts.lease
    try {
      const problem = await this.#embed(lease, deadline)
      if (problem !== undefined) return { type: 'failed', problem }
      this.#settle('ok', undefined)
      const whole = { type: 'embedding-whole' as const, vectors: this.#all.gathered.vectors }
      return { type: 'done', last: [this.#start(), whole, this.#finish()] }
    } catch (bug) {
      this.#settle('internal', undefined)
      throw bug
    } finally {
      this.#settle('client_closed', undefined)
    }
  }

  async #embed(lease: Lease, deadline: number): Promise<Problem | undefined> {
    const { request, work } = this.#parts
    const { gathered } = this.#all
    const dimensions = request.dimensions ?? undefined
    for (const inputs of partsOf(inputsOf(request), gathered.vectors.length, lease.embedBounds)) {
      this.#open = inputTokensBound(inputs)
      const { id, signal } = work.ask
      const end = await lease.embed({ id, inputs, dimensions, request, deadline, signal })
      const problem =
        end.type === 'failed'
          ? end.problem
          : gathered.take(end.vectors, this.#wanted(lease, inputs, dimensions))
      if (problem !== undefined) {
        this.#settle(problem.code, end.usage, problem.retryAfterMs)
        return problem
      }
      if (end.type === 'embedded') this.#count(end.usage, end.verdicts)
    }
    return undefined
  }

  #wanted({ model }: Lease, inputs: readonly EmbedInput[], dimensions: number | undefined) {
    return { engine: model.engine, model: model.id, inputs: inputs.length, dimensions }
  }

  /** A part that was answered: its tokens as the engine states them, else by the rule. */
  #count(usage: Usage | undefined, verdicts: readonly Verdict[]): void {
    const tokens = usage?.promptTokens ?? estimatedPromptTokens(this.#open)
    this.#estimated ||= usage === undefined
    this.#promptTokens += tokens
    this.#answered += 1
    this.#open = 0
    this.#all.promptTokens += tokens
    this.#all.estimated ||= usage === undefined
    this.#all.add(verdicts)
  }

  /** Settles the lease, once. `usage`: of the part that failed. */
  #settle(outcome: 'ok' | ProblemCode, usage: Usage | undefined, retryAfterMs?: number): void {
    if (this.#settled) return
    this.#settled = true
    const { lease, turn, work } = this.#parts
    const cost = lease.settle({
      outcome,
      usage,
      retryAfterMs,
      contentSeen: this.#answered > 0,
      parts: { promptTokens: this.#promptTokens, estimated: this.#estimated, openTokensBound: this.#open },
    })
    const totalMs = Math.round(this.#all.ports.elapsed() - this.#startedAt)
    const delivered = outcome === 'ok'
    const charged = delivered && this.#resumed ? this.#chargedForAll(lease) : cost.chargedMicros
    const { chargedMicros: _own, ...rest } = cost
    work.bill.add(
      settlementOf(lease, turn, outcome, cost, { totalMs }),
      charged === undefined ? rest : { ...rest, chargedMicros: charged },
      delivered,
    )
  }

  /** What the caller is charged where turns before this one have made a part: every input once. */
  #chargedForAll({ model }: Lease): number | undefined {
    const { promptTokens, estimated } = this.#all
    return model.price === undefined || estimated
      ? undefined
      : costMicros(model.price, { promptTokens, completionTokens: 0 })
  }

  #start(): AnswerStart {
    const { lease, turn } = this.#parts
    const { id, engine, tier, offMachine } = lease.model
    return {
      type: 'answer-start',
      model: id,
      engine,
      tier,
      replica: lease.replica,
      offMachine,
      attempt: turn,
    }
  }

  #finish(): AnswerFinish {
    const { promptTokens, verdicts, work } = this.#all
    const usage = { promptTokens, completionTokens: 0 }
    return { type: 'answer-finish', usage, verdicts, ...work.bill.total() }
  }
}
