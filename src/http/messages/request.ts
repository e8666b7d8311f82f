import type { ChatMessage, ChatRequest } from '../../contract/chat.ts'
import {
  type AssistantBlock,
  type CountRequest,
  type DocumentBlock,
  type ImageBlock,
  type MessagesMessage,
  type MessagesRequest,
  messagesRequestSchema,
  type TextBlock,
  type ToolResultBlock,
  type UserBlock,
} from '../../contract/messages.ts'
import type { CacheLife, NativeRequest } from '../../contract/native.ts'

type Part = Exclude<Extract<ChatMessage, { role: 'user' }>['content'], string>[number]
type TextPart = Extract<Part, { type: 'text' }>

/**
 * A Messages request in Chat Completions, with the caller's own body beside it. What Chat Completions has no words
 * for (thoughts, marks of the prompt cache) stays in that body alone, and is named in `native.lost`.
 *
 * @param asked - the parsed request; a request to count tokens has no bound on the output and no stream
 * @param body - the same as it came
 */
export function toChat(
  asked: MessagesRequest | CountRequest,
  body: Readonly<Record<string, unknown>>,
  betas: readonly string[],
): ChatRequest {
  const translation = new Translation()
  translation.system(asked.system)
  for (const [at, message] of asked.messages.entries()) translation.message(message, at)
  const { messages } = translation
  translation.mark(asked)
  const rest = {
    ...toolsOf(asked, translation),
    ...thinkingOf(asked, translation),
    ...formatOf(asked),
    ...samplingOf(asked),
    ...(asked.upshift === undefined ? {} : { upshift: asked.upshift }),
  }
  for (const field of Object.keys(asked)) {
    if (!Object.hasOwn(messagesRequestSchema.shape, field))
      translation.lost.add('a field that Upshift does not know')
  }
  if (betas.length > 0) translation.lost.add('anthropic-beta')
  return { model: asked.model, messages, ...rest, native: translation.native(body, betas) }
}

/** Collects what the messages say, and what of it got lost. */
class Translation {
  readonly messages: ChatMessage[] = []
  readonly lost = new Set<string>()
  #needs: NativeRequest['needs']
  #cache: CacheLife | undefined
  #bringsResults = false

  native(body: Readonly<Record<string, unknown>>, betas: readonly string[]): NativeRequest {
    return {
      dialect: 'messages',
      body,
      messages: this.messages.length,
      betas,
      lost: [...this.lost],
      ...(this.#needs === undefined ? {} : { needs: this.#needs }),
      ...(this.#cache === undefined ? {} : { cache: this.#cache }),
      ...(this.#bringsResults ? { bringsResults: true as const } : {}),
    }
  }

  system(system: MessagesRequest['system']): void {
    if (system !== undefined) this.messages.push({ role: 'system', content: this.#texts(system) })
  }

  message({ role, content }: MessagesMessage, at: number): void {
    const where = `messages[${at}].content`
    if (role !== 'system') this.#bringsResults = false
    if (role === 'system') this.messages.push({ role, content: this.#texts(content) })
    else if (typeof content === 'string') this.messages.push({ role, content })
    else if (role === 'assistant') this.#assistant(content)
    else this.#user(content, where)
  }

  /** Notes a mark of the prompt cache, which is lost but for an engine that keeps one. */
  mark(marked: {
    readonly cache_control?: { readonly ttl?: CacheLife | undefined } | null | undefined
  }): void {
    const mark = marked.cache_control
    if (mark == null) return
    this.lost.add('cache_control')
    this.#cache = mark.ttl === '1h' ? '1h' : (this.#cache ?? '5m')
  }

  #texts(content: string | readonly TextBlock[]): string | TextPart[] {
    if (typeof content === 'string') return content
    const [only, ...more] = content.map((block) => this.#text(block))
    if (only === undefined) return ''
    return more.length === 0 ? only.text : [only, ...more]
  }

  #text(block: TextBlock): TextPart {
    this.mark(block)
    return { type: 'text', text: block.text }
  }

  #assistant(blocks: readonly AssistantBlock[]): void {
    const texts: TextBlock[] = []
    const calls = []
    for (const block of blocks) {
      if (block.type === 'text') texts.push(block)
      else if (block.type === 'tool_use') {
        this.mark(block)
        const called = { name: block.name, arguments: JSON.stringify(block.input) }
        calls.push({ id: block.id, type: 'function' as const, function: called })
      } else this.lost.add('thinking blocks')
    }
    const content = this.#texts(texts)
    this.messages.push({
      role: 'assistant',
      content: content === '' && calls.length > 0 ? null : content,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    })
  }

  /** Results of tools are messages of their own, ahead of what the user says with them. */
  #user(blocks: readonly UserBlock[], where: string): void {
    const parts: Part[] = []
    for (const [at, block] of blocks.entries()) {
      const place = `${where}[${at}]`
      if (block.type === 'tool_result') {
        this.#bringsResults = true
        this.#result(block, parts, place)
      } else parts.push(...this.#parts(block, place))
    }
    const [only, ...more] = parts
    if (only === undefined) return
    const content = more.length === 0 && only.type === 'text' ? only.text : parts
    this.messages.push({ role: 'user', content })
  }

  /** What is no text goes to the user's own words: a tool's message has place for text only. */
  #result(block: ToolResultBlock, seen: Part[], place: string): void {
    this.mark(block)
    const { content = '' } = block
    const blocks = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content
    const texts: TextPart[] = []
    for (const [at, inner] of blocks.entries()) {
      for (const part of this.#parts(inner, `${place}.content[${at}]`)) {
        if (part.type === 'text') texts.push(part)
        else seen.push(part)
      }
    }
    const [first, ...more] = texts
    const text = first?.text ?? ''
    const told = block.is_error === true && !/^\s*error/i.test(text) ? `Error: ${text}` : text
    this.messages.push({
      role: 'tool',
      tool_call_id: block.tool_use_id,
      content: more.length === 0 ? told : [{ type: 'text', text: told }, ...more],
    })
  }

  #parts(block: TextBlock | ImageBlock | DocumentBlock, place: string): readonly Part[] {
    if (block.type === 'text') return [this.#text(block)]
    this.mark(block)
    return block.type === 'image' ? [imagePart(block)] : this.#document(block, place)
  }

  #document(block: DocumentBlock, place: string): readonly Part[] {
    const { source, title } = block
    if (block['citations'] != null) this.lost.add('citations of documents')
    const head: Part[] = title == null || title === '' ? [] : [{ type: 'text', text: title }]
    switch (source.type) {
      case 'text':
        return [...head, { type: 'text', text: source.data }]
      case 'content':
        if (typeof source.content === 'string') return [...head, { type: 'text', text: source.content }]
        return [...head, ...source.content.flatMap((inner) => this.#parts(inner, place))]
      case 'base64': {
        const file_data = `data:${source.media_type};base64,${source.data}`
        return [{ type: 'file', file: { filename: title ?? 'document.pdf', file_data } }]
      }
      case 'url':
        this.#needs ??= { param: place, what: 'a document by its address' }
        return [{ type: 'file', file: {} }]
    }
  }
}

function imagePart({ source }: ImageBlock): Part {
  const url = source.type === 'url' ? source.url : `data:${source.media_type};base64,${source.data}`
  return { type: 'image_url', image_url: { url } }
}

const TOOL_FIELDS = new Set(['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'])

function toolsOf(asked: CountRequest, translation: Translation): Partial<ChatRequest> {
  const { tools, tool_choice: choice } = asked
  const single = choice !== undefined && choice.type !== 'none' && choice.disable_parallel_tool_use === true
  return {
    ...(tools === undefined || tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => {
            translation.mark(tool)
            if (Object.keys(tool).some((field) => !TOOL_FIELDS.has(field))) {
              translation.lost.add('an option of a tool')
            }
            const { name, description, input_schema: parameters, strict } = tool
            return {
              type: 'function' as const,
              function: {
                name,
                ...(description === undefined ? {} : { description }),
                parameters,
                ...(strict === true ? { strict } : {}),
              },
            }
          }),
        }),
    ...(choice === undefined ? {} : { tool_choice: choiceOf(choice) }),
    ...(single ? { parallel_tool_calls: false } : {}),
  }
}

function choiceOf(choice: NonNullable<CountRequest['tool_choice']>): NonNullable<ChatRequest['tool_choice']> {
  if (choice.type === 'tool') return { type: 'function', function: { name: choice.name } }
  return choice.type === 'any' ? 'required' : choice.type
}

/** From this budget on the caller asks for much thought; from the lesser one for some. */
const MUCH_THOUGHT_TOKENS = 16_384
const SOME_THOUGHT_TOKENS = 4_096
const EFFORTS: Readonly<Record<string, 'low' | 'medium' | 'high' | 'xhigh'>> = {
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'xhigh',
}

/** How much thought was asked for: the planner looks at it. */
function thinkingOf(
  { thinking, output_config }: CountRequest,
  translation: Translation,
): Partial<ChatRequest> {
  const thinks = thinking !== undefined && thinking.type !== 'disabled'
  const named = output_config?.effort ?? undefined
  if (thinks) translation.lost.add('thinking')
  if (named !== undefined) translation.lost.add('output_config.effort')
  const effort = named === undefined || !Object.hasOwn(EFFORTS, named) ? undefined : EFFORTS[named]
  if (effort !== undefined) return { reasoning_effort: effort }
  const budget = thinks ? thinking.budget_tokens : undefined
  if (budget === undefined) return {}
  if (budget >= MUCH_THOUGHT_TOKENS) return { reasoning_effort: 'high' }
  return { reasoning_effort: budget >= SOME_THOUGHT_TOKENS ? 'medium' : 'low' }
}

function formatOf({ output_config: config }: CountRequest): Partial<ChatRequest> {
  const schema = config?.format?.schema
  if (schema === undefined) return {}
  return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } }
}

function samplingOf(asked: Partial<MessagesRequest>): Partial<ChatRequest> {
  const { max_tokens, stream, stop_sequences: stop, temperature, top_p, top_k, metadata } = asked
  const user = metadata?.user_id
  return {
    ...(max_tokens === undefined ? {} : { max_tokens }),
    ...(stream === true ? { stream } : {}),
    ...(stop === undefined || stop.length === 0 ? {} : { stop }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { top_p }),
    ...(top_k === undefined ? {} : { top_k }),
    ...(user == null || user === '' ? {} : { user }),
  }
}
