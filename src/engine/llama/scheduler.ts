import type { LlamaContextSequence } from 'node-llama-cpp'
import type { Clock } from '../../lib/clock.ts'
import { FairLine } from './fair-line.ts'
import { Forms } from './forms.ts'
import { type Beginning, Generation } from './generation.ts'
import type { Refused as Unformed } from './grammar/outcome.ts'
import type { LoadedModel } from './model.ts'
import { prefill } from './prefill.ts'
import { type Prompt, TemplateError } from './prompt.ts'
import type { FromChild, Gauges, Job, LoadOptions } from './protocol.ts'
import type { Chosen, Slot } from './slots.ts'
import type { WarmStates } from './warm-states.ts'

/** Weight of the newest answer in the mean time of one. */
const NEWEST_SHARE = 0.2
const FIRST_JOB_MS = 1_000

interface Refused {
  readonly code: 'invalid_request' | 'context_length_exceeded' | 'queue_full'
  readonly message: string
  readonly param?: string
  readonly retryAfterMs?: number
}

interface Waiting {
  readonly job: Job
  readonly prompt: Prompt
  /** Tokens of the answer that were said already. */
  readonly begun: Beginning
  /** GBNF that the answer follows. */
  readonly grammar: string | undefined
  readonly arrivedAt: number
}

/**
 * Which request runs on which sequence. A request is taken only where its prompt and answer fit a sequence whole,
 * and begins only on a free one: the caches were all reserved when the model was loaded, so that nothing that
 * happens here can run out of memory. The rest waits in a bounded line, in which callers take turns.
 */
export class Scheduler {
  readonly #model: LoadedModel
  readonly #options: LoadOptions
  readonly #warm: WarmStates | undefined
  readonly #clock: Clock
  readonly #tell: (message: FromChild) => void
  readonly #line: FairLine<Waiting>
  readonly #forms = new Forms()
  readonly #running = new Map<string, Generation>()
  readonly #counted = {
    requests: 0,
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    evictions: 0,
    waitMs: 0,
  }
  #jobMs = FIRST_JOB_MS

  constructor(
    model: LoadedModel,
    options: LoadOptions,
    warm: WarmStates | undefined,
    clock: Clock,
    tell: (message: FromChild) => void,
  ) {
    this.#model = model
    this.#options = options
    this.#warm = warm
    this.#clock = clock
    this.#tell = tell
    this.#line = new FairLine(options.queueLimit + options.parallel)
  }

  get gauges(): Gauges {
    const { slots, context } = this.#model
    return {
      slots: slots.slots.length,
      running: this.#running.size,
      waiting: this.#line.length,
      kvTokens: slots.tokens,
      kvCapacityTokens: slots.slots.length * context.contextSize,
      ...this.#counted,
      warmLoads: this.#warm?.loads ?? 0,
      warmSaves: this.#warm?.saves ?? 0,
      warmBytes: this.#warm?.bytes ?? 0,
    }
  }

  submit(job: Job): void {
    const refused = this.#admit(job)
    if (refused === undefined) this.#pump()
    else this.#tell({ type: 'refused', id: job.id, ...refused })
  }

  cancel(id: string): void {
    const generation = this.#running.get(id)
    if (generation !== undefined) generation.cancelled = true
    const waiting = this.#line.remove(({ job }) => job.id === id)
    if (waiting === undefined) return
    const stats = { promptTokens: 0, completionTokens: 0, cachedTokens: 0, prefillMs: 0 }
    const waitMs = this.#clock.elapsed() - waiting.arrivedAt
    this.#tell({ type: 'ended', id, reason: 'cancelled', stats: { ...stats, waitMs } })
  }

  /** Forgets all that is not being worked on, and the rest as soon as it is not. */
  async forget(): Promise<void> {
    this.#warm?.clear()
    for (const slot of this.#model.slots.slots) {
      if (slot.busy) slot.forget = true
      else {
        slot.busy = true
        await slot.sequence.clearHistory()
        this.#release(slot)
      }
    }
    this.#pump()
  }

  /** Puts a request into the line, or says why not. */
  #admit(job: Job): Refused | undefined {
    const { parallel, queueLimit } = this.#options
    if (this.#running.size + this.#line.length >= parallel + queueLimit) return this.#full()
    const biasFault = this.#model.biasFault(job.sampling)
    if (biasFault !== undefined) return { code: 'invalid_request', message: biasFault, param: 'logit_bias' }
    let prompt: Prompt
    try {
      prompt = this.#model.prompts.write(job.messages, job.tools, job.thinking)
    } catch (error) {
      if (error instanceof TemplateError)
        return { code: 'invalid_request', message: error.message, param: 'messages' }
      throw error
    }
    const { contextSize } = this.#model.context
    const form = job.form === undefined ? undefined : this.#forms.of(job.form)
    if (form?.type === 'refused') return unformed(form)
    const begun = this.#beginning(job, form !== undefined)
    const length = prompt.tokens.length + begun.tokens.length
    if (length >= contextSize) {
      const message =
        `The prompt has ${length} tokens, and the model is loaded with a context of ${contextSize}. ` +
        'Shorten it, or raise llama.contextTokens.'
      return { code: 'context_length_exceeded', message, param: 'messages' }
    }
    const read = { ...prompt, tokens: [...prompt.tokens, ...begun.tokens] }
    const waiting = { job, prompt: read, begun, grammar: form?.gbnf, arrivedAt: this.#clock.elapsed() }
    return this.#line.add(job.caller, waiting) ? undefined : this.#full()
  }

  /** A grammar, or the draws of a seed, stand where they stood only where the same tokens are said again. */
  #beginning({ begun, sampling }: Job, formed: boolean): Beginning {
    if (begun === undefined) return FROM_THE_FIRST
    const again = formed || (begun.seeded && sampling.temperature > 0)
    if (again) return { tokens: [], again: begun.text }
    return { tokens: this.#model.prompts.said(begun.text), again: '' }
  }

  #full(): Refused {
    const message = `${this.#line.length} requests wait for this model, and no more may (llama.queueLimit). Try again later.`
    return { code: 'queue_full', message, retryAfterMs: this.#waitMs(this.#line.length) }
  }

  /** About when the one that comes after so many will have its turn. */
  #waitMs(ahead: number): number {
    return Math.ceil((this.#jobMs * (ahead + 1)) / this.#options.parallel)
  }

  #pump(): void {
    const { slots } = this.#model
    // A slot may be busy with being forgotten.
    while (this.#running.size < this.#options.parallel && slots.busy < slots.slots.length) {
      const next = this.#line.take()
      if (next === undefined) return
      const chosen = slots.take(next.prompt.tokens, this.#clock.elapsed())
      if (chosen === undefined) throw new Error('no slot is free although one is not busy')
      const generation = new Generation(this.#model, next)
      this.#running.set(next.job.id, generation)
      void this.#run(next, chosen, generation)
    }
  }

  async #run(waiting: Waiting, chosen: Chosen<LlamaContextSequence>, generation: Generation): Promise<void> {
    const { job, prompt } = waiting
    const { slot } = chosen
    const startedAt = this.#clock.elapsed()
    const waitMs = startedAt - waiting.arrivedAt
    if (chosen.evicts) this.#counted.evictions += 1
    this.#tell({ type: 'begun', id: job.id })
    try {
      const cachedTokens = await prefill(slot.sequence, prompt, {
        warm: this.#warm,
        now: () => this.#clock.now(),
        beside: () => this.#running.size > 1,
        cancelled: () => generation.cancelled,
      })
      const prefillMs = this.#clock.elapsed() - startedAt
      const reason = generation.cancelled
        ? 'cancelled'
        : await this.#answer(job, slot.sequence, prompt, generation)
      const { completionTokens } = generation
      const promptTokens = prompt.tokens.length + generation.againTokens
      this.#count({ promptTokens, cachedTokens, completionTokens, waitMs })
      const stats = { promptTokens, completionTokens, cachedTokens, waitMs, prefillMs }
      this.#tell({ type: 'ended', id: job.id, reason, stats })
    } catch (error) {
      // What the sequence holds is not known any more.
      slot.forget = true
      const why = error instanceof Error ? error.message : String(error)
      this.#tell({ type: 'refused', id: job.id, code: 'upstream_failed', message: `llama.cpp: ${why}` })
    } finally {
      if (slot.forget) await slot.sequence.clearHistory()
      this.#running.delete(job.id)
      this.#jobMs += NEWEST_SHARE * (this.#clock.elapsed() - startedAt - this.#jobMs)
      this.#release(slot)
      this.#pump()
    }
  }

  #release(slot: Slot<LlamaContextSequence>): void {
    slot.forget = false
    this.#model.slots.release(slot, slot.sequence.contextTokens, this.#clock.elapsed())
  }

  async #answer(job: Job, sequence: LlamaContextSequence, { tokens }: Prompt, generation: Generation) {
    const last = tokens.at(-1)
    if (last === undefined) throw new Error('the prompt has no token')
    const room = this.#model.context.contextSize - tokens.length
    const pieces = generation.run(sequence, last, room)
    for (;;) {
      const next = await pieces.next()
      if (next.done === true) return next.value
      this.#tell({ type: 'said', id: job.id, pieces: [next.value] })
    }
  }

  #count(done: {
    promptTokens: number
    cachedTokens: number
    completionTokens: number
    waitMs: number
  }): void {
    const counted = this.#counted
    counted.requests += 1
    counted.promptTokens += done.promptTokens
    counted.cachedTokens += done.cachedTokens
    counted.completionTokens += done.completionTokens
    counted.waitMs += done.waitMs
  }
}

const FROM_THE_FIRST: Beginning = { tokens: [], again: '' }

function unformed({ keyword, pointer, why }: Unformed): Refused {
  const message = `No answer of this model can have the form that was asked for: ${why} (${keyword} at ${pointer || 'the root'}).`
  return { code: 'invalid_request', message, param: 'response_format' }
}
