import { StringDecoder } from 'node:string_decoder'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { expectJson } from '../contract/reply.ts'
import type { ServerReply } from '../contract/verb.ts'
import { isGone, ServerGone } from './gone.ts'

/** What `upshift ask --json` prints: stable, one document. */
export interface Answered {
  /** The request's id, under which its record stands. */
  readonly id: string
  readonly answer: string
  /** True where nothing supported an answer: `answer` then says so. */
  readonly declined: boolean
  readonly citations: readonly AnswerCitation[]
  readonly model: string
  readonly tier: string
  readonly mode: string
  readonly reason: string
  /** Null where the engine reported none. */
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | null
  /** Micro-dollars; null where unpriced or unknown. */
  readonly costMicros: number | null
}

const citation = z.looseObject({
  id: z.string(),
  document: z.string(),
  headings: z.array(z.string()),
  quote: z.string(),
})
type AnswerCitation = z.infer<typeof citation>

const summary = z.looseObject({
  request_id: z.string(),
  model: z.string(),
  tier: z.string(),
  mode: z.string(),
  reason: z.string(),
  cost_micros: z.number().nullable().optional(),
  declined: z.boolean().optional(),
  citations: z.array(citation).optional(),
})

const said = z.looseObject({
  content: z.string().nullable().optional(),
  refusal: z.string().nullable().optional(),
})
const usage = z.looseObject({ prompt_tokens: z.number(), completion_tokens: z.number() })
const completion = z.object({
  choices: z.array(z.looseObject({ message: said })),
  usage: usage.nullable().optional(),
  upshift: summary,
})
const chunk = z.object({
  choices: z.array(z.looseObject({ index: z.number().optional(), delta: said })).default([]),
  usage: usage.nullable().optional(),
  upshift: summary.optional(),
  error: z.looseObject({ message: z.string() }).optional(),
})

/** A whole answer. Throws UpshiftError with the server's own words where it refused. */
export async function readWhole(reply: ServerReply): Promise<Answered> {
  const whole = await expectJson(reply, completion)
  return answered(textOf(whole.choices[0]?.message), whole.usage, whole.upshift)
}

/**
 * A streamed answer; `write` gets its text as it arrives. Throws UpshiftError where the stream ends with an
 * error, or without its last event: what was written is then no whole answer.
 */
export async function readStream(reply: ServerReply, write: (text: string) => void): Promise<Answered> {
  let answer = ''
  let counted: z.infer<typeof usage> | null | undefined
  let last: z.infer<typeof summary> | undefined
  let done = false
  for await (const data of eventData(untilGone(reply.body, () => answer))) {
    if (data === '[DONE]') {
      done = true
      continue
    }
    const event = parseChunk(data)
    if (event.error)
      throw new UpshiftError({ code: 'internal', message: `${cutOff(answer)}${event.error.message}` })
    for (const choice of event.choices) {
      if ((choice.index ?? 0) !== 0) continue
      const text = textOf(choice.delta)
      answer += text
      write(text)
    }
    counted = event.usage ?? counted
    last = event.upshift ?? last
  }
  if (done && last) return answered(answer, counted, last)
  const message = `${cutOff(answer)}The server closed the stream before its last event. Ask again; \`upshift doctor\` may say why.`
  throw new UpshiftError({ code: 'internal', message })
}

function cutOff(answer: string): string {
  return answer === '' ? '' : 'The answer above is incomplete. '
}

/** The body; a connection that breaks is told as what it means for the answer. */
async function* untilGone(body: AsyncIterable<unknown>, answer: () => string): AsyncGenerator<unknown> {
  try {
    yield* body
  } catch (error) {
    if (!isGone(error)) throw error
    const means = answer() === '' ? 'before it had answered' : 'the answer above is incomplete'
    const message = `the server went away${answer() === '' ? ' ' : '; '}${means}. Start it again (\`upshift serve\`) and ask once more.`
    throw new ServerGone(message, { cause: error })
  }
}

function parseChunk(data: string): z.infer<typeof chunk> {
  const event = chunk.safeParse(jsonOf(data))
  if (event.success) return event.data
  const message =
    'The server sent an event that this version does not know. Compare `upshift --version` with the server that runs.'
  throw new UpshiftError({ code: 'internal', message }, event.error)
}

function jsonOf(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return undefined // no chunk looks like that, so the caller's schema refuses it
  }
}

function answered(
  answer: string,
  counted: z.infer<typeof usage> | null | undefined,
  about: z.infer<typeof summary>,
): Answered {
  return {
    id: about.request_id,
    answer,
    declined: about.declined === true,
    citations: about.citations ?? [],
    model: about.model,
    tier: about.tier,
    mode: about.mode,
    reason: about.reason,
    usage: counted
      ? { promptTokens: counted.prompt_tokens, completionTokens: counted.completion_tokens }
      : null,
    costMicros: about.cost_micros ?? null,
  }
}

function textOf(message: z.infer<typeof said> | undefined): string {
  return message?.content ?? message?.refusal ?? ''
}

/** One event of ours: an upstream's largest, 4 MiB, and what is added to it. */
const MAX_EVENT_CHARACTERS = 8 * 1024 * 1024

/** The `data:` lines of a stream of our own server, which writes one such line per event and ends lines by LF. */
async function* eventData(body: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const piece of body) {
    rest += Buffer.isBuffer(piece) ? decoder.write(piece) : String(piece)
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_EVENT_CHARACTERS) {
      const message = `The server sent an event longer than ${MAX_EVENT_CHARACTERS} characters, which is no answer of Upshift's.`
      throw new UpshiftError({ code: 'internal', message })
    }
    for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trimStart()
  }
}
