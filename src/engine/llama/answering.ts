import type { Call } from '../../contract/call.ts'
import type { WireUsage } from '../../contract/chat.ts'
import type { AnswerError, AnswerEvent, AnswerFinish, Batch, Verdict } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Usage } from '../../contract/usage.ts'
import type { Clock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { timedOut } from '../../lib/timed-out.ts'
import { Choice, chunkOf, type Delta, type Frame } from './choice.ts'
import type { Heard, Host } from './host.ts'
import type { EndReason, Job, JobStats, Piece } from './protocol.ts'

export interface AnsweringParts {
  readonly host: Host
  readonly name: string
  readonly call: Call
  readonly jobs: readonly Job[]
  readonly clock: Clock
}

interface Ended {
  readonly reason: EndReason
  readonly stats: JobStats
}

/** When to come back where the time was over while the request still waited for its turn. */
const LATER_MS = 1_000

/** One call of the engine: its choices, from what the process says of each to batches and one terminal event. */
export class Answering implements Disposable {
  readonly #parts: AnsweringParts
  readonly #frame: Frame
  readonly #choices: readonly Choice[]
  readonly #ended: (Ended | undefined)[]
  #queue: AnswerEvent[] = []
  #terminal: AnswerFinish | AnswerError | undefined
  readonly #arrivedAt: number
  /** When the first choice had its turn. */
  #begunAt: number | undefined
  /** Something of the answer has left. */
  #told = false
  #wake: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(parts: AnsweringParts) {
    const { call, clock, name, jobs } = parts
    this.#parts = parts
    this.#arrivedAt = clock.elapsed()
    this.#frame = { id: `chatcmpl-${call.id}`, created: Math.floor(clock.now() / 1_000), model: name }
    const newCallId = () => newId('call', clock.now())
    this.#choices = jobs.map(
      ({ tools, begun }, index) => new Choice(index, tools && newCallId, begun !== undefined),
    )
    this.#ended = jobs.map(() => undefined)
  }

  async *batches(): AsyncGenerator<Batch> {
    this.#submit()
    for (;;) {
      if (this.#queue.length === 0 && this.#terminal === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      const events = this.#queue
      this.#queue = []
      if (this.#terminal === undefined) yield events
      else {
        yield [...events, this.#terminal]
        return
      }
    }
  }

  [Symbol.dispose](): void {
    this.#leave()
  }

  #submit(): void {
    const { call, clock, host, jobs } = this.#parts
    if (call.signal.aborted) {
      this.#aborted()
      return
    }
    call.signal.addEventListener('abort', this.#aborted, { once: true })
    this.#timer = setTimeout(() => this.#late(), Math.max(0, call.deadline - clock.elapsed()))
    for (const [index, job] of jobs.entries()) host.submit(job, (heard) => this.#hear(index, heard))
  }

  #hear(index: number, heard: Heard): void {
    switch (heard.type) {
      case 'begun':
        this.#begunAt ??= this.#parts.clock.elapsed()
        return
      case 'said':
        for (const { piece, tokens } of joined(heard.pieces)) {
          this.#say(this.#choices[index]?.push(piece) ?? [], tokens)
        }
        return
      case 'ended':
        this.#endChoice(index, heard)
        return
      case 'refused':
        this.#fail(problemOf(heard))
        return
      case 'lost':
        this.#fail({ code: 'upstream_failed', message: `The answer was lost: ${heard.why}.` })
        return
      case 'unloadable':
        this.#fail({ code: 'no_model', message: unloadable(this.#parts.name, heard.why) })
        return
      case 'unreadable': {
        const message = `The chat template of "${this.#parts.name}" did not come back with these messages: ${heard.why}. Change them, or choose another model.`
        this.#fail({ code: 'invalid_request', message, param: 'messages' })
      }
    }
  }

  #say(deltas: readonly Delta[], tokens: number): void {
    if (this.#parts.call.request.stream !== true) return
    for (const [at, delta] of deltas.entries()) {
      const told = at === 0 ? tokens : 0
      this.#queue.push({ type: 'chunk-delta', chunk: chunkOf(this.#frame, delta), tokens: told })
    }
    if (deltas.length === 0) return
    this.#told = true
    this.#wakeUp()
  }

  #endChoice(index: number, ended: Ended): void {
    const choice = this.#choices[index]
    if (choice === undefined) return
    const last = choice.end(ended.reason)
    this.#ended[index] = ended
    this.#say(last, 0)
    const all = this.#ended.filter((one) => one !== undefined)
    if (all.length < this.#choices.length) return
    if (this.#parts.call.request.stream === true) this.#queue.push(this.#usageChunk(all))
    else this.#queue.push(this.#whole(all))
    const first = all[0]?.stats
    this.#end({
      type: 'answer-finish',
      usage: usageOf(all),
      verdicts: this.#verdicts(),
      ...(first === undefined ? {} : { engineStats: this.#stats(first) }),
    })
  }

  #whole(ended: readonly Ended[]): AnswerEvent {
    const choices = this.#choices.map((choice, index) => choice.whole(ended[index]?.reason ?? 'stop'))
    const usage = wireUsage(usageOf(ended))
    return { type: 'answer-whole', completion: { ...this.#frame, object: 'chat.completion', choices, usage } }
  }

  /** Told in every stream: what the caller has not asked to see is left out on the way. */
  #usageChunk(ended: readonly Ended[]): AnswerEvent {
    const usage = wireUsage(usageOf(ended))
    const chunk = { ...this.#frame, object: 'chat.completion.chunk', choices: [], usage }
    return { type: 'chunk-delta', chunk }
  }

  #stats({ waitMs, prefillMs }: JobStats) {
    const gauges = this.#parts.host.gauges
    const times = { waitMs: Math.round(waitMs), prefillMs: Math.round(prefillMs) }
    if (gauges === undefined) return times
    const { running, waiting, kvTokens, kvCapacityTokens } = gauges
    return { ...times, running, waiting, kvTokens, kvCapacityTokens }
  }

  #verdicts(): readonly Verdict[] {
    if (this.#parts.host.facts?.templateMissing !== true) return []
    const detail = 'the model brings no chat template: ChatML was used'
    return [{ check: 'engine.chat_template', outcome: 'skipped', detail }]
  }

  readonly #aborted = (): void => {
    if (timedOut(this.#parts.call.signal)) this.#late()
    else
      this.#fail({ code: 'client_closed', message: 'The caller went away before the answer was complete.' })
  }

  /** Who has waited for longer than it was worked on, and has heard nothing, had no turn worth the name. */
  #late(): void {
    const { name, clock } = this.#parts
    const now = clock.elapsed()
    const begunAt = this.#begunAt ?? now
    const over = 'The time for this request was over'
    if (this.#told || begunAt - this.#arrivedAt < now - begunAt) {
      const message = `${over} before ${name} had answered. Ask for less, or allow more time.`
      this.#fail({ code: 'deadline_exceeded', message })
    } else {
      const message = `${over} while it waited for ${name}. Try again later, or allow more time.`
      this.#fail({ code: 'queue_timeout', message, retryAfterMs: LATER_MS })
    }
  }

  #fail(problem: Problem): void {
    const ended = this.#ended.filter((one) => one !== undefined)
    const usage = this.#begunAt === undefined ? { usage: usageOf(ended) } : {}
    this.#end({ type: 'answer-error', problem, ...usage })
  }

  #end(terminal: AnswerFinish | AnswerError): void {
    this.#terminal ??= terminal
    this.#leave()
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #leave(): void {
    const { call, host, jobs } = this.#parts
    clearTimeout(this.#timer)
    call.signal.removeEventListener('abort', this.#aborted)
    for (const [index, { id }] of jobs.entries()) if (this.#ended[index] === undefined) host.cancel(id)
  }
}

/** The prompt counts once, however many choices were asked for; so it was cached where the first choice found it. */
function usageOf(ended: readonly Ended[]): Usage {
  const first = ended[0]?.stats
  let completionTokens = 0
  for (const { stats } of ended) completionTokens += stats.completionTokens
  return { promptTokens: first?.promptTokens ?? 0, completionTokens, cachedTokens: first?.cachedTokens ?? 0 }
}

function wireUsage({ promptTokens, completionTokens, cachedTokens = 0 }: Usage): WireUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  }
}

/** What came together leaves together: a chunk for each token costs the gateway more than the token. */
function joined(pieces: readonly Piece[]): readonly { readonly piece: Piece; readonly tokens: number }[] {
  if (pieces.some(({ logprobs }) => logprobs !== undefined))
    return pieces.map((piece) => ({ piece, tokens: 1 }))
  return [{ piece: { text: pieces.map(({ text }) => text).join('') }, tokens: pieces.length }]
}

function unloadable(name: string, why: string): string {
  return `llama.cpp does not take the model "${name}": ${why}. Get its file again, or choose another model.`
}

function problemOf({ code, message, param, retryAfterMs }: Extract<Heard, { type: 'refused' }>): Problem {
  return {
    code,
    message,
    ...(param === undefined ? {} : { param }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}
