import type { Ask, Asked, Batches } from '../contract/ask.ts'
import type { Visit } from '../contract/budget.ts'
import type { Closed } from '../contract/entry.ts'
import {
  type AnswerError,
  type AnswerEvent,
  type AnswerFinish,
  type AnswerStart,
  type Batch,
  type ChunkDelta,
  isTerminal,
  type Verdict,
} from '../contract/event.ts'
import { type Problem, UpshiftError } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import type { RequestBill } from './bill.ts'
import type { PathPorts } from './ports.ts'
import type { Transcript } from './transcript.ts'

/** Chunks that may be kept back: every choice ends once; an engine that ends them for ever is not kept up with. */
const ENDING_MAX = 1_024

const LEFT: AnswerError = {
  type: 'answer-error',
  problem: { code: 'client_closed', message: 'The caller left before the end of the answer.' },
}

/** How a bug in the way stands in the record. */
export function failedInside(bug: unknown): AnswerError {
  return { type: 'answer-error', problem: { code: 'internal', message: String(bug) } }
}

interface ClosingParts {
  readonly ports: PathPorts
  readonly ask: Ask<Asked>
  readonly bill: RequestBill
  readonly visit: Visit
  /** Whom the texts are about. */
  readonly subject: string
  /** What leaves is kept in it; absent for a child, whose text is its parent's. */
  readonly transcript: Transcript | undefined
  readonly verdicts: readonly Verdict[]
}

/** Watches an answer go by, and writes its closed entry before the end of it leaves. */
export class Closing {
  readonly #parts: ClosingParts
  readonly #startedAt: number
  /** The record is closed. */
  over = false
  #model: string | undefined
  #firstTokenMs: number | undefined

  constructor(parts: ClosingParts) {
    this.#parts = parts
    this.#startedAt = parts.ports.elapsed()
  }

  begun(start: AnswerStart): void {
    this.#model = start.model
    this.#firstTokenMs = this.#passedMs()
  }

  /**
   * The batches, with every chunk that finishes a choice kept back until the record is closed. After the last of them
   * nobody has to end it.
   *
   * @param begun - the first batch, without the start
   * @param reading - what follows; undefined where the first batch is the last one
   */
  async *through(begun: Batch, reading: Batches | undefined): AsyncGenerator<Batch> {
    const ending: ChunkDelta[] = []
    let ended = false
    try {
      let batch = begun
      for (let over = reading === undefined; ; ) {
        this.#parts.transcript?.see(batch)
        const ends = ending.length > 0 || batch.some(endsSomething)
        const passing = ends ? batch.filter((event) => !keepBack(event, ending)) : batch
        if (reading === undefined || over) {
          ended = true
          yield await this.#end(passing, ending)
          return
        }
        if (passing.length > 0) yield passing
        const next = await reading.next()
        batch = next.value
        over = next.done === true
      }
    } catch (bug) {
      if (ended) throw bug
      ended = true
      await this.record(failedInside(bug))
      throw bug
    } finally {
      if (!ended) {
        // The consumer stopped early. The way is run to its end first, so that the record tells what it cost.
        await reading?.return([])
        await this.record(LEFT)
      }
    }
  }

  /** The last batch, once it stands in the record. */
  async #end(passing: Batch, ending: readonly ChunkDelta[]): Promise<Batch> {
    const last = passing.at(-1)
    assert(isTerminal(last), 'a way ends with a terminal event')
    const rest = passing.slice(0, -1)
    const terminal =
      last.type === 'answer-finish'
        ? { ...last, verdicts: [...this.#parts.verdicts, ...last.verdicts] }
        : last
    try {
      await this.record(terminal)
      this.over = true
    } catch (cause) {
      // What could not be recorded is not completed.
      return [...rest, { type: 'answer-error', problem: unrecorded(cause) }]
    }
    return terminal.type === 'answer-finish' ? [...rest, ...ending, terminal] : [...rest, terminal]
  }

  /** Writes the closed entry, once, with what was answered, and frees the caller's place. */
  record(terminal: AnswerFinish | AnswerError): Promise<void> {
    const { ask, bill, visit, subject, ports } = this.#parts
    const settled = bill.take()
    const entry: Closed = {
      type: 'closed',
      id: ask.id,
      ...outcome(terminal),
      ...(this.#model === undefined ? {} : { model: this.#model }),
      ...(terminal.usage === undefined ? {} : { usage: terminal.usage }),
      ...bill.charges(),
      ...(this.#firstTokenMs === undefined ? {} : { firstTokenMs: this.#firstTokenMs }),
      totalMs: this.#passedMs(),
      ...(terminal.judged === undefined ? {} : { judged: terminal.judged }),
      ...(settled.length === 0 ? {} : { settled }),
    }
    visit.leave()
    const text = this.#parts.transcript?.end()
    return text === undefined ? ports.record.append(entry) : ports.record.append(entry, { subject, text })
  }

  #passedMs(): number {
    return Math.round(this.#parts.ports.elapsed() - this.#startedAt)
  }
}

/** Why an answer ends without its end: the log's own reason, where it gave one. */
function unrecorded(cause: unknown): Problem {
  if (cause instanceof UpshiftError) return cause.problem
  const why = cause instanceof Error ? cause.message : String(cause)
  return { code: 'record_unavailable', message: `The answer could not be recorded to its end: ${why}` }
}

/** True for a chunk that carries a finish reason, and for the one after it that has no choices (usage). */
function endsSomething(event: AnswerEvent): event is ChunkDelta {
  if (event.type !== 'chunk-delta') return false
  const { choices, usage } = event.chunk
  return choices.length === 0 ? usage != null : choices.some((choice) => choice.finish_reason != null)
}

/** A chunk that ends something, and one that must not overtake what is kept back of the same choice. */
function keepBack(event: AnswerEvent, ending: ChunkDelta[]): boolean {
  if (ending.length >= ENDING_MAX) return false
  if (event.type !== 'chunk-delta') return false
  if (!endsSomething(event) && !ending.some((kept) => sharesChoice(kept, event))) return false
  ending.push(event)
  return true
}

function sharesChoice(one: ChunkDelta, other: ChunkDelta): boolean {
  return one.chunk.choices.some(({ index }) => other.chunk.choices.some((choice) => choice.index === index))
}

function outcome(
  terminal: AnswerFinish | AnswerError,
): Pick<Closed, 'outcome' | 'code' | 'verdicts' | 'sources'> {
  if (terminal.type === 'answer-error') {
    const { code } = terminal.problem
    return { outcome: code === 'client_closed' ? 'aborted' : 'failed', code }
  }
  return {
    outcome: terminal.declined === true ? 'declined' : 'answered',
    ...(terminal.verdicts.length === 0 ? {} : { verdicts: terminal.verdicts }),
    ...(terminal.citations === undefined
      ? {}
      : { sources: terminal.citations.map((citation) => citation.id) }),
  }
}
