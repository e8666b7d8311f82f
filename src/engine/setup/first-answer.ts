import { basename, dirname } from 'node:path'
import type { AnswerError, AnswerEvent } from '../../contract/event.ts'
import { UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { readGguf } from '../gguf/read.ts'
import type { LlamaConfig } from '../llama/config.ts'
import { LlamaEngine } from '../llama/engine.ts'
import { ModelFolder } from '../llama/model-folder.ts'
import type { LocalModel } from '../llama/models.ts'
import type { FirstAnswer, FirstAnswerGiven } from '../ports.ts'

/** A slow disk and a slow processor have this long, in milliseconds. */
const TIMEOUT_MS = 600_000
const CONTEXT_TOKENS = 512
const ANSWER_TOKENS = 32
const QUESTION = 'Say in one short sentence that you are ready.'

export interface FirstAnswerParts {
  readonly config: LlamaConfig
  readonly clock: Clock
  /** 0 ≤ x < 1. */
  readonly random: () => number
}

/**
 * As `FirstAnswer`: by the engine that will serve the model, with the same threads, template and bounds on memory. It
 * runs in a process of its own, which is ended with the signal; a command that is setting up lives on if that dies.
 */
export function firstAnswerBy(parts: FirstAnswerParts): FirstAnswer {
  return async (path, signal) => {
    const model = await modelAt(path)
    const warnings: string[] = []
    const { clock, random, config } = parts
    await using engine = new LlamaEngine({
      models: () => [model],
      warmFolder: '',
      config: { ...config, contextTokens: CONTEXT_TOKENS, parallel: 1, spareSlots: 0, warmBytes: 0 },
      clock,
      random,
      warn: (message) => void warnings.push(message),
    })
    const hearing = new Hearing(clock)
    const call = {
      id: 'setup',
      caller: 'setup',
      request: { model: model.name, messages: [{ role: 'user' as const, content: QUESTION }], stream: true },
      maxOutputTokens: ANSWER_TOKENS,
      passages: [],
      deadline: clock.elapsed() + TIMEOUT_MS,
      signal,
    }
    for await (const batch of engine.generate(model.name, call))
      for (const event of batch) hearing.hear(event)
    signal.throwIfAborted()
    const { failure, given } = hearing
    if (failure !== undefined) throw failed([failure.problem.message, ...warnings].join(' '))
    if (given.text.trim() === '') throw failed('it loads, and ends its answer before the first word')
    return given
  }
}

/** Throws UpshiftError: what is no model, or not all of one, is told at once. */
async function modelAt(path: string): Promise<LocalModel> {
  await readGguf(path)
  const folder = new ModelFolder(dirname(path), ignored)
  await folder.refresh()
  const model = folder.models().find((one) => basename(one.path) === basename(path))
  if (model === undefined) throw failed('not all of its parts are in the folder, or it makes no text')
  return model
}

/** What is wrong with other files of the folder is no matter of this one. */
function ignored(): void {}

/** What the model says, and how fast. A model that thinks first is heard thinking: that is an answer too. */
class Hearing {
  readonly #clock: Clock
  #text = ''
  #firstAt: number | undefined
  #tokens = 0
  #firstTokens = 0
  #lastAt = 0
  failure: AnswerError | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get given(): FirstAnswerGiven {
    const seconds = (this.#lastAt - (this.#firstAt ?? this.#lastAt)) / 1_000
    // Reading the question and warming up are no measure of its speed: what came first is not counted.
    const timed = Math.max(0, this.#tokens - this.#firstTokens)
    return { text: this.#text, tokensPerSecond: seconds > 0 ? timed / seconds : 0 }
  }

  hear(event: AnswerEvent): void {
    if (event.type === 'answer-error') this.failure = event
    if (event.type === 'answer-finish') this.#tokens = event.usage?.completionTokens ?? 0
    if (event.type !== 'chunk-delta') return
    for (const { delta } of event.chunk.choices) {
      const { content, reasoning_content: thought } = delta
      const said = `${typeof thought === 'string' ? thought : ''}${content ?? ''}`
      if (said === '') continue
      this.#text += said
      this.#lastAt = this.#clock.elapsed()
      if (this.#firstAt !== undefined) continue
      this.#firstAt = this.#lastAt
      this.#firstTokens = event.tokens ?? 1
    }
  }
}

function failed(why: string): UpshiftError {
  const clean = why.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?').replace(/\.$/, '')
  const message = `The model was tried and did not work: ${clean}. It stays in the folder; another one may fit this machine better (\`upshift setup --model ID\`).`
  return new UpshiftError({ code: 'upstream_failed', message })
}
