/**
 * DESIGN. One HTTP exchange with an engine: undici's handler on one side, batches of the events that came on the
 * other. A class and not closures, because that is 12 µs and 45 MB cheaper under load; and the iterator itself, because
 * a generator around it would cost a promise and two turns of the microtask queue more for each batch.
 *
 * - Undici calls back once per HTTP chunk; all callbacks of one socket read run before the waiting `next` goes on,
 *   so one read becomes one batch.
 * - Back-pressure: above QUEUE_BYTES or QUEUE_EVENTS the socket is paused until the queue has been taken. The
 *   queue can exceed the bound by one read (64 KiB) or one event (4 MiB), never by more. While the socket is
 *   paused only the request's deadline runs.
 * - The end comes once: from the reader, the network, a time limit or the signal, whichever is first. A good end
 *   leaves the connection to finish by itself, so that it can be used again, but not for longer than DRAIN_MS
 *   and DRAIN_BYTES; any other end destroys it at once.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Call } from '../contract/call.ts'
import {
  type AnswerError,
  type AnswerEvent,
  type AnswerFinish,
  type Batch,
  isTerminal,
} from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { timedOut } from '../lib/timed-out.ts'
import { problemOfNetwork } from './network.ts'
import { answerError, FailureReader, garbled, NOTHING_SENT, type Reader, type Sink } from './reader.ts'
import type { Target } from './target.ts'
import { clean, problemOfResponse } from './upstream.ts'
import { type Phase, PhaseWatch } from './watch.ts'

export const QUEUE_BYTES = 128 * 1024
const QUEUE_EVENTS = 2_048
const DRAIN_MS = 1_000
const DRAIN_BYTES = 64 * 1024

/** What a call is bounded by. */
export type Bounded = Pick<Call, 'deadline' | 'signal'>

export interface ExchangeParts {
  readonly target: Target
  readonly call: Bounded
  /** Whether tokens come one by one. */
  readonly stream: boolean
  /** What turns the body of a good response into events; made once, when the response begins. */
  readonly read: (sink: Sink) => Reader
  readonly clock: Clock
}

const OVER: IteratorResult<Batch, undefined> = { done: true, value: undefined }
const RETURNED = Promise.resolve(OVER)

export class Exchange implements Dispatcher.DispatchHandler, Sink, Disposable, AsyncIterableIterator<Batch> {
  readonly #target: Target
  readonly #call: Bounded
  readonly #read: (sink: Sink) => Reader
  readonly #clock: Clock
  readonly #watch: PhaseWatch
  #controller: Dispatcher.DispatchController | undefined
  #reader: Reader | undefined
  #status = 0
  #queue: AnswerEvent[] = []
  #queuedBytes = 0
  #wake: (() => void) | undefined
  #paused = false
  /** The current read brought content. */
  #token = false
  /** The terminal event has been queued, or nobody waits for one. */
  #over = false
  /** The terminal event has been taken, or the answer has been given up. */
  #taken = false
  /** Undici has said its last word. */
  #closed = false
  #drainedBytes = 0
  #drainTimer: NodeJS.Timeout | undefined

  constructor({ target, call, stream, read, clock }: ExchangeParts) {
    this.#target = target
    this.#call = call
    this.#read = read
    this.#clock = clock
    this.#watch = new PhaseWatch(clock, target.timeouts, call.deadline, stream, this.#expired)
    call.signal.addEventListener('abort', this.#aborted, { once: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The events that have come, waiting for the first; the last batch ends with the terminal event. One call at a time. */
  async next(): Promise<IteratorResult<Batch, undefined>> {
    if (this.#taken) return OVER
    if (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const batch = this.#queue
    if (batch.length === 0) return OVER
    this.#queue = []
    this.#queuedBytes = 0
    this.#taken = isTerminal(batch.at(-1))
    if (this.#taken) this.#drain()
    this.#resume()
    return { done: false, value: batch }
  }

  return(): Promise<IteratorResult<Batch, undefined>> {
    this[Symbol.dispose]()
    return RETURNED
  }

  [Symbol.dispose](): void {
    if (!this.#over) {
      this.#over = true
      this.#release()
      this.#destroy()
    }
    this.#taken = true
    this.#queue = []
    this.#wake?.()
    this.#drain()
    this.#resume()
  }

  // What undici calls.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Undici drops a request whose start throws: before a byte is written, and the connection stays usable.
    if (this.#over) throw new Error('the call ended before a connection was free')
    this.#controller = controller
    this.#watch.connected()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200 || this.#over) return
    this.#status = status
    const encoding = headers['content-encoding'] ?? 'identity'
    if (encoding !== 'identity') {
      this.#fail(encodedProblem(this.#target, status, headers, encoding, this.#clock.now()))
      return
    }
    if (status < 300) this.#reader = this.#read(this)
    else this.#reader = new FailureReader(this.#target, this, status, headers, this.#clock.now())
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#over) {
      this.#drainedBytes += bytes.length
      if (this.#drainedBytes > DRAIN_BYTES) this.#destroy()
      return
    }
    this.#token = this.#reader?.countsReads === true
    this.#reader?.read(bytes)
    if (this.#token && !this.#over) this.#watch.token()
    if (this.#over || (this.#queuedBytes <= QUEUE_BYTES && this.#queue.length <= QUEUE_EVENTS)) return
    controller.pause()
    this.#paused = true
    this.#watch.pause()
  }

  onResponseEnd(): void {
    this.#close()
    if (!this.#over) this.#reader?.close()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#close()
    if (this.#over) return
    // A status that says no is an answer, even where its text is cut short.
    if (this.#reader instanceof FailureReader) this.#reader.close()
    else if (!this.#settled()) this.#fail(problemOfNetwork(this.#target, error, this.#status !== 0))
  }

  // What a reader calls.

  event(event: AnswerEvent, bytes: number, token: boolean): void {
    if (this.#over) return
    this.#token ||= token
    this.#queuedBytes += bytes
    this.#push(event)
  }

  finished(): void {
    this.#watch.finished()
  }

  end(terminal: AnswerFinish | AnswerError): void {
    if (this.#over) return
    this.#over = true
    this.#release()
    // Whoever waits takes it within this very read, and knows by then whether the response has ended, too.
    const waits = this.#wake !== undefined
    this.#push(terminal)
    if (terminal.type === 'answer-error') this.#destroy()
    else if (!waits) this.#drain()
  }

  #push(event: AnswerEvent): void {
    this.#queue.push(event)
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #fail(problem: Problem): void {
    this.end(answerError(problem, this.#controller === undefined ? NOTHING_SENT : undefined))
  }

  readonly #aborted = (): void => {
    this.#queue = [] // nobody reads it any more
    this.#fail(abortProblem(this.#target, this.#call, this.#clock))
  }

  readonly #expired = (phase: Phase, limitMs: number): void => {
    if (!this.#settled()) this.#fail(expiryProblem(this.#target, phase, limitMs))
  }

  /** An answer whose choices have all finished is whole, whatever became of the rest. */
  #settled(): boolean {
    return this.#reader?.settle?.() === true
  }

  #release(): void {
    this.#watch.stop()
    this.#call.signal.removeEventListener('abort', this.#aborted)
  }

  #close(): void {
    this.#closed = true
    clearTimeout(this.#drainTimer)
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (!this.#over) this.#watch.resume()
    // May deliver what the socket holds before it returns: the queue is in order by now.
    this.#controller?.resume()
  }

  /** Mostly the response has ended with the answer, and no timer is set. */
  #drain(): void {
    if (!this.#closed) this.#drainTimer ??= setTimeout(this.#destroy, DRAIN_MS)
  }

  readonly #destroy = (): void => {
    clearTimeout(this.#drainTimer)
    if (!this.#closed) this.#controller?.abort(new Error('the call has ended'))
  }
}

/** @returns deadline_exceeded where the time is up, else client_closed */
export function abortProblem(target: Target, call: Bounded, clock: Clock): Problem {
  if (timedOut(call.signal) || clock.elapsed() >= call.deadline) return deadlineProblem(target)
  return {
    code: 'client_closed',
    message: `The caller went away before engine ${target.engine} had answered; the call was stopped.`,
  }
}

export function deadlineProblem(target: Target, limitMs?: number): Problem {
  const left =
    limitMs === undefined ? '' : ` (${limitMs} ms were left when engine ${target.engine} was called)`
  return {
    code: 'deadline_exceeded',
    message: `The time for this request was over before engine ${target.engine} had answered${left}. Ask for less, or allow more time.`,
  }
}

/** We ask for `identity` and unpack nothing, so that no small answer can grow without bound. */
function encodedProblem(
  target: Target,
  status: number,
  headers: IncomingHttpHeaders,
  encoding: string,
  nowMs: number,
): Problem {
  return status >= 300
    ? problemOfResponse(target, status, headers, '', nowMs)
    : garbled(
        target,
        `its answer is packed (content-encoding: ${clean(encoding, 40)}) although that was not asked for`,
      )
}

function expiryProblem(target: Target, phase: Phase, limitMs: number): Problem {
  if (phase === 'deadline') return deadlineProblem(target, limitMs)
  return {
    code: 'upstream_timeout',
    message: `Engine ${target.engine} ${SILENCE[phase]} within ${limitMs} ms (time limit of the phase “${phase}”). Try again; if the engine is merely slow, raise that limit.`,
  }
}

const SILENCE: Readonly<Record<Exclude<Phase, 'deadline'>, string>> = {
  connect: 'gave no connection',
  'first token': 'sent no content',
  'between tokens': 'sent nothing more',
  tail: 'did not end its answer',
}
