import type { ChatMessage, ChatRequest, WireMessage } from '../contract/chat.ts'
import {
  type AnswerError,
  type AnswerEvent,
  type AnswerFinish,
  type Batch,
  isTerminal,
} from '../contract/event.ts'
import { type Problem, type ProblemCode, problemRow } from '../contract/problem.ts'
import type { EngineStats, Usage } from '../contract/usage.ts'
import type { End, Next, Running, TurnParts } from './attempt.ts'
import { settlementOf } from './bill.ts'
import { charsOf, textOf, wireBytes } from './content.ts'
import { continuationOf, Said } from './continuation.ts'
import type { AnswerCheck, AttemptPorts, Lease } from './ports.ts'

/** For the estimate of an answer that was broken off: three tokens for four characters, of any language. */
const TOKENS_PER_CHAR = 0.75

/** One dispatch of a chat request, from its first batch to its settlement. */
export class Turn implements Running<ChatRequest> {
  readonly #ports: AttemptPorts
  readonly #parts: TurnParts<ChatRequest>
  readonly #check: AnswerCheck
  readonly #startedAt: number
  readonly #shaped: boolean
  readonly #seen: Batch[]
  #kept: Batch[] = []
  #keptBytes = 0
  #holding: boolean
  #left: boolean
  #settled = false
  readonly #said: Said
  readonly #goesOn: boolean
  #seenChunks = 0
  #seenChars = 0
  #firstTokenMs: number | undefined
  #engineStats: EngineStats | undefined

  constructor(ports: AttemptPorts, parts: TurnParts<ChatRequest>) {
    const { request, work, lease, next } = parts
    this.#ports = ports
    this.#parts = parts
    this.#startedAt = ports.elapsed()
    this.#check = next.continued?.check ?? ports.check(request, work.plan, lease.model.enforcesSchema)
    this.#said = next.continued?.said ?? new Said()
    this.#seen = next.continued?.seen ?? []
    this.#goesOn = next.continued !== undefined
    this.#left = this.#goesOn
    this.#holding = this.#check.hold
    this.#shaped = isShaped(request)
  }

  async *run(deadline: number): AsyncGenerator<Batch, End<ChatRequest>> {
    using lease = this.#parts.lease
    try {
      for await (const read of this.#dispatch(lease, deadline)) {
        const batch = this.#goesOn ? this.#joined(read) : read
        const scanned = this.#scan(batch)
        // A promise is the exception, and a turn of the microtask queue for every batch would not be free.
        const passed = scanned instanceof Promise ? await scanned : scanned
        const terminal = terminalOf(batch)
        let ending = isBatch(passed) ? this.#keep(passed, terminal) : this.#fail(passed, terminal?.usage)
        if (ending === undefined && !this.#holding && terminal?.type !== 'answer-finish') {
          for (const kept of this.#takeKept()) yield kept
        }
        if (ending === undefined && terminal !== undefined) {
          const ended = this.#end(terminal)
          ending = ended instanceof Promise ? await ended : ended
        }
        if (ending !== undefined) return ending
      }
      return this.#fail(UNENDED, undefined)
    } catch (bug) {
      this.settle('internal', undefined)
      throw bug
    } finally {
      this.settle('client_closed', undefined)
    }
  }

  #dispatch(lease: Lease, deadline: number): AsyncIterable<Batch> {
    const { request, work } = this.#parts
    return lease.generate({
      id: work.ask.id,
      caller: work.caller.key,
      request,
      maxOutputTokens: Math.max(1, work.plan.maxOutputTokens - (this.#goesOn ? this.#said.tokens : 0)),
      continues: this.#goesOn,
      passages: work.ask.passages ?? [],
      deadline,
      signal: work.ask.signal,
    })
  }

  /** An answer that streams text from a model which others serve, too, and which can go on from a beginning. */
  get #continues(): boolean {
    const { lease, request } = this.#parts
    return lease.model.continues === true && request.stream === true && (request.n ?? 1) === 1
  }

  /** What a second replica says, joined to what the first one said. */
  #joined(read: Batch): Batch {
    const batch = this.#said.seam(read)
    const last = batch.at(-1)
    if (last?.type !== 'answer-finish' || last.usage === undefined) return batch
    return [...batch.slice(0, -1), { ...last, usage: this.#said.usage(last.usage) }]
  }

  /** The content of a batch as it may go on, or what must end the answer. */
  #scan(batch: Batch): Batch | Problem | Promise<Batch | Problem> {
    const content = terminalOf(batch) === undefined ? batch : batch.slice(0, -1)
    if (content.length === 0) return content
    this.#firstTokenMs ??= Math.round(this.#ports.elapsed() - this.#startedAt)
    this.#seenChunks += content.length
    this.#seenChars += charsOf(content)
    if (this.#continues) this.#said.add(content)
    return this.#check.scan(content)
  }

  /** Settles the lease, once; what it came to stands in the next entry of the request. */
  settle(outcome: 'ok' | ProblemCode, usage: Usage | undefined, retryAfterMs?: number): void {
    if (this.#settled) return
    this.#settled = true
    const { lease, turn, work } = this.#parts
    const cost = lease.settle({
      outcome,
      usage,
      retryAfterMs,
      contentSeen: this.#firstTokenMs !== undefined,
      seenTokens: Math.max(this.#seenChunks, this.#seenChars * TOKENS_PER_CHAR),
      silentMs: this.#firstTokenMs ?? this.#ports.elapsed() - this.#startedAt,
      firstPromptTokens: work.bill.firstPromptTokens,
    })
    const settlement = settlementOf(lease, turn, outcome, cost, {
      ...(this.#firstTokenMs === undefined ? {} : { firstTokenMs: this.#firstTokenMs }),
      totalMs: Math.round(this.#ports.elapsed() - this.#startedAt),
      ...(this.#engineStats === undefined ? {} : { engineStats: this.#engineStats }),
    })
    work.bill.add(settlement, cost, outcome === 'ok' || this.#left)
  }

  /** Keeps a batch back until it may leave; the end of the turn where that is too much. */
  #keep(batch: Batch, terminal: AnswerFinish | AnswerError | undefined): End<ChatRequest> | undefined {
    if (batch.length === 0) return undefined
    if (this.#shaped) this.#seen.push(batch)
    // A printed call must be whole before it leaves: from its first delta on the stream is held.
    if (!this.#holding && this.#shaped && hasToolCall(batch)) this.#holding = true
    this.#kept.push(batch)
    if (!this.#holding && !this.#shaped) return undefined
    this.#keptBytes += wireBytes(batch)
    const bound = this.#ports.bounds.heldBytes
    if (this.#keptBytes <= bound) return undefined
    const message = `The answer must be checked whole and grew beyond ${bound} bytes. Ask for less, or raise guard.bounds.maxHeldBytes.`
    return this.#fail({ code: 'answer_too_large', message }, terminal?.usage)
  }

  /** What is kept, to leave now; the first of all with the start before it. */
  #takeKept(): readonly Batch[] {
    const kept = this.#kept
    const [first] = kept
    if (first === undefined) return kept
    this.#kept = []
    if (!this.#left) kept[0] = [this.#start(), ...first]
    this.#left = true
    return kept
  }

  #start(): AnswerEvent {
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

  #end(terminal: AnswerFinish | AnswerError): End<ChatRequest> | Promise<End<ChatRequest>> {
    if (terminal.type === 'answer-error') return this.#fail(terminal.problem, terminal.usage)
    this.#engineStats = terminal.engineStats
    const rest = this.#check.flush()
    const ending = isBatch(rest) ? this.#keep(rest, terminal) : this.#fail(rest, terminal.usage)
    if (ending !== undefined) return ending
    return this.#shaped ? this.#finishShaped(terminal) : this.#finish(terminal)
  }

  #fail(problem: Problem, usage: Usage | undefined): End<ChatRequest> {
    this.settle(problem.code, usage, problem.retryAfterMs)
    if (!this.#left) return { type: 'failed', problem }
    const mends = problemRow(problem.code).retryable && this.#continues
    if (mends && this.#said.continuable && this.#kept.length === 0) {
      const next = continuationOf(this.#parts.next, {
        said: this.#said,
        check: this.#check,
        seen: this.#seen,
      })
      return { type: 'broken', problem, next }
    }
    const told = usage === undefined ? {} : { usage }
    const last: Batch = [{ type: 'answer-error', problem, ...told, ...this.#parts.work.bill.total() }]
    return { type: 'done', last }
  }

  async #finishShaped(finish: AnswerFinish): Promise<End<ChatRequest>> {
    const shape = await this.#check.whole(this.#seen)
    if (shape.type !== 'unmet' || this.#left) return this.#finish(finish)
    const { problem, advice } = shape
    this.settle(problem.code, finish.usage)
    // Without advice a repair cannot help: the check itself had no answer.
    if (this.#parts.next.repaired || advice === '') return { type: 'failed', problem }
    return { type: 'repair', problem, next: repairOf(this.#parts.next, textOf(this.#seen), advice) }
  }

  #finish(finish: AnswerFinish): End<ChatRequest> {
    const { verdicts, work } = this.#parts
    this.settle('ok', finish.usage)
    const terminal: AnswerFinish = {
      ...finish,
      verdicts: [...verdicts, ...finish.verdicts, ...this.#check.verdicts],
      ...work.bill.total(),
    }
    const last: AnswerEvent[] = this.#left ? [] : [this.#start()]
    for (const kept of this.#kept) last.push(...kept)
    last.push(terminal)
    return { type: 'done', last }
  }
}

const UNENDED: Problem = { code: 'internal', message: 'The engine ended without a terminal event.' }

/** The one repair: the model sees its own answer and what was wrong with it; its worst case grows by both. */
function repairOf(last: Next<ChatRequest>, answer: string, advice: string): Next<ChatRequest> {
  const turns: ChatMessage[] = [
    { role: 'assistant', content: answer },
    { role: 'user', content: advice },
  ]
  return {
    request: { ...last.request, messages: [...last.request.messages, ...turns] },
    bytes: last.bytes + Buffer.byteLength(answer) + Buffer.byteLength(advice),
    cause: 'repair',
    repaired: true,
  }
}

function terminalOf(batch: Batch): AnswerFinish | AnswerError | undefined {
  const last = batch.at(-1)
  return isTerminal(last) ? last : undefined
}

function isBatch(value: Batch | Problem): value is Batch {
  return Array.isArray(value)
}

/** True where the answer has a shape to be checked: a schema, JSON, or tool calls. */
function isShaped(request: ChatRequest): boolean {
  const format = request.response_format?.type
  return (request.tools?.length ?? 0) > 0 || format === 'json_schema' || format === 'json_object'
}

function hasToolCall(batch: Batch): boolean {
  return batch.some((event) => {
    if (event.type === 'answer-whole') return event.completion.choices.some(({ message }) => calls(message))
    return event.type === 'chunk-delta' && event.chunk.choices.some(({ delta }) => calls(delta))
  })
}

function calls(message: WireMessage): boolean {
  return (message.tool_calls?.length ?? 0) > 0
}
