import { Template } from '@huggingface/jinja'
import type { LlamaModel, Token } from 'node-llama-cpp'
import type { TemplateMessage } from './protocol.ts'

/** For a model without a template of its own. Source: OpenAI's ChatML, which most open models were made with. */
const CHAT_ML =
  "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}'

/** Stand around the number of a text that was taken out: characters of private use, which are taken out themselves. */
const OPEN = '\u{F0000}'
const SHUT = '\u{F0001}'

/** A prompt in tokens, and how many of the first stand for the system's messages and tools alone. */
export interface Prompt {
  readonly tokens: readonly Token[]
  readonly systemTokens: number
}

/** The template said no, or cannot be rendered: the caller's messages do not fit the model. */
export class TemplateError extends Error {
  override name = 'TemplateError'
}

/**
 * Writes messages as the model's own chat template wants them, in tokens. What a message says can never become a
 * control token: a caller who writes `<|im_end|>` gets its letters. The template is the model file's, and so is
 * text from outside: it runs in the child process, which is ended where it does not come back.
 */
export class PromptWriter {
  readonly templateMissing: boolean
  readonly #model: LlamaModel
  readonly #template: Template
  /** Texts that the tokenizer would read as control tokens, the longest first. */
  readonly #control: RegExp

  constructor(model: LlamaModel) {
    const given: unknown = model.fileInfo.metadata.tokenizer.chat_template
    this.templateMissing = typeof given !== 'string' || given === ''
    this.#model = model
    this.#template = new Template(typeof given === 'string' && given !== '' ? given : CHAT_ML)
    this.#control = controlTexts(model)
  }

  write(
    messages: readonly TemplateMessage[],
    tools: readonly unknown[] | undefined,
    thinking: boolean,
  ): Prompt {
    const tokens = this.#tokens(messages, tools, thinking, true)
    const system = messages.slice(0, firstOther(messages))
    if (system.length === 0 && tools === undefined) return { tokens, systemTokens: 0 }
    return { tokens, systemTokens: this.#common(tokens, system, tools, thinking) }
  }

  /** What the model itself has said, as it stands behind a prompt: no control token is in it. */
  said(text: string): readonly Token[] {
    return this.#model.tokenize(text, false, 'trimLeadingSpace')
  }

  /** As far as the system's messages alone lead to the same tokens. A template may refuse them alone: then none. */
  #common(
    tokens: readonly Token[],
    system: readonly TemplateMessage[],
    tools: readonly unknown[] | undefined,
    thinking: boolean,
  ): number {
    let alone: readonly Token[]
    try {
      alone = this.#tokens(system, tools, thinking, false)
    } catch (error) {
      if (error instanceof TemplateError) return 0
      throw error
    }
    let common = 0
    while (common < alone.length && alone[common] === tokens[common]) common += 1
    return common
  }

  #tokens(
    messages: readonly TemplateMessage[],
    tools: readonly unknown[] | undefined,
    thinking: boolean,
    generation: boolean,
  ): readonly Token[] {
    const hidden: string[] = []
    const hide = (value: unknown): unknown => this.#hide(value, hidden)
    const text = this.#render({
      messages: messages.map(hide),
      ...(tools === undefined ? {} : { tools: tools.map(hide) }),
      add_generation_prompt: generation,
      enable_thinking: thinking,
      bos_token: this.#model.tokens.bosString ?? '',
      eos_token: this.#model.tokens.eosString ?? '',
    })
    return this.#tokenize(text, hidden)
  }

  #render(variables: Record<string, unknown>): string {
    try {
      return this.#template.render(variables)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new TemplateError(`The model's chat template does not take these messages: ${why}`)
    }
  }

  /** Control texts in whatever a caller wrote are taken out, and come back as plain letters. */
  #hide(value: unknown, hidden: string[]): unknown {
    if (typeof value === 'string') return this.#hideText(value, hidden)
    if (Array.isArray(value)) return value.map((item) => this.#hide(item, hidden))
    if (typeof value !== 'object' || value === null) return value
    // A template may print a tool's schema whole, with the names in it.
    const hide = ([name, item]: [string, unknown]) => [this.#hideText(name, hidden), this.#hide(item, hidden)]
    return Object.fromEntries(Object.entries(value).map(hide))
  }

  #hideText(text: string, hidden: string[]): string {
    return text.replace(this.#control, (found) => `${OPEN}${hidden.push(found) - 1}${SHUT}`)
  }

  #tokenize(text: string, hidden: readonly string[]): readonly Token[] {
    const model = this.#model
    const tokens: Token[] = []
    const [first = '', ...rest] = text.split(OPEN)
    for (const token of model.tokenize(first, true)) tokens.push(token)
    for (const part of rest) {
      const end = part.indexOf(SHUT)
      const plain = hidden[Number(part.slice(0, end))] ?? ''
      for (const token of model.tokenize(plain, false, 'trimLeadingSpace')) tokens.push(token)
      for (const token of model.tokenize(part.slice(end + SHUT.length), true, 'trimLeadingSpace'))
        tokens.push(token)
    }
    const { bos } = model.tokens
    if (bos !== null && model.tokens.shouldPrependBosToken && tokens[0] !== bos) tokens.unshift(bos)
    return tokens
  }
}

function firstOther(messages: readonly TemplateMessage[]): number {
  const index = messages.findIndex(({ role }) => role !== 'system')
  return index === -1 ? messages.length : index
}

/** Control tokens only: those that a vocabulary calls its user's are read as such in plain text too. */
function controlTexts(model: LlamaModel): RegExp {
  const texts: string[] = [OPEN, SHUT]
  for (const token of model.iterateAllTokens()) {
    if (!model.getTokenAttributes(token).control) continue
    const text = model.detokenize([token], true)
    if (text !== '') texts.push(text)
  }
  texts.sort((left, right) => right.length - left.length)
  return new RegExp(texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu')
}
