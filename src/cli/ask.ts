import type { Readable } from 'node:stream'
import { UpshiftError } from '../contract/problem.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../contract/verb.ts'
import { type Answered, readStream, readWhole } from './answer.ts'

const MAX_QUESTION_BYTES = 1024 * 1024
const MAX_TOKENS = 9_999_999
const MODES = ['auto', 'direct', 'retrieve']

/** `upshift ask`: one question over the server's own API, so that it takes the path that every client takes. */
export const ask: Verb = {
  name: 'ask',
  summary: 'Ask a question and print the answer as it arrives.',
  operands: '[QUESTION...]',
  options: {
    model: {
      type: 'string',
      short: 'm',
      value: 'MODEL',
      summary: '`auto` (default), a tier, an alias or an exact model.',
    },
    mode: {
      type: 'string',
      value: 'MODE',
      summary: 'direct: from a model. retrieve: from the handbook. Default: auto.',
    },
    system: { type: 'string', short: 's', value: 'TEXT', summary: 'A system message before the question.' },
    'max-tokens': {
      type: 'string',
      value: 'COUNT',
      summary: 'The longest answer; default: the cap of the tier.',
    },
    'no-stream': { type: 'boolean', summary: 'Wait for the whole answer.' },
  },
  details:
    'Without QUESTION, or with `-`, the question is read from stdin. The answer and its sources go to stdout, ' +
    'the model, the reason, the cost and the request id to stderr. Where no model is connected, the answer is ' +
    'quoted from the handbook. A declined question is no error: the exit code is 0, and --json says so.',
  examples: [
    'upshift ask "How does Upshift decide to use the expert tier?"',
    'git diff | upshift ask --model fast --system "Review this change." -',
    'upshift ask --json "What is a tier?" | jq .citations',
  ],
  run,
}

async function run(context: VerbContext): Promise<ExitCode> {
  checkFlags(context)
  const question = await questionOf(context)
  if (question.trim() === '') throw new UsageError('there is no question')

  const server = await context.server()
  const model = text(context.flags['model']) ?? 'auto'
  // Who names a model means that model: only `auto` may turn into the handbook.
  const mode = text(context.flags['mode']) ?? (model === 'auto' ? 'auto' : undefined)
  const stream = !context.json && context.flags['no-stream'] !== true
  const body = {
    model,
    messages: messagesOf(text(context.flags['system']), question),
    ...limitOf(text(context.flags['max-tokens'])),
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    ...(mode === undefined ? {} : { upshift: { mode } }),
  }
  const reply = await server.call('POST', '/v1/chat/completions', body, context.signal)
  if (context.json) {
    context.out.write(`${JSON.stringify(await readWhole(reply))}\n`)
    return 0
  }
  const out = textWriter(context)
  try {
    const answered =
      stream && reply.status === 200 ? await readStream(reply, out.write) : await readWhole(reply)
    if (!stream) out.write(answered.answer)
    out.end()
    context.out.write(sourcesOf(answered, context.program ?? 'upshift'))
    context.err.write(chatterOf(answered))
    return 0
  } catch (error) {
    out.cutOff()
    throw error
  }
}

function checkFlags({ flags }: VerbContext): void {
  const mode = text(flags['mode'])
  if (mode !== undefined && !MODES.includes(mode))
    throw new UsageError(`--mode is one of ${MODES.join(', ')}, not "${mode}"`)
  const limit = text(flags['max-tokens'])
  if (limit !== undefined && !isCount(limit))
    throw new UsageError(`--max-tokens is a whole number of tokens from 1 to ${MAX_TOKENS}, not "${limit}"`)
}

function isCount(text: string): boolean {
  return /^[1-9]\d*$/.test(text) && Number(text) <= MAX_TOKENS
}

async function questionOf(context: VerbContext): Promise<string> {
  const { args, stdin, signal } = context
  const fromStdin = args.length === 0 || (args.length === 1 && args[0] === '-')
  if (!fromStdin) return args.join(' ')
  if ('isTTY' in stdin && stdin.isTTY === true && args.length === 0) return ''
  return await readAll(stdin, signal)
}

async function readAll(stdin: Readable, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  const stop = (): void => void stdin.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const piece of stdin) {
      const buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece))
      bytes += buffer.length
      if (bytes > MAX_QUESTION_BYTES) {
        const message = `The question on stdin is longer than ${MAX_QUESTION_BYTES} bytes. Ask about a part of it.`
        throw new UpshiftError({ code: 'body_too_large', message })
      }
      pieces.push(buffer)
    }
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return Buffer.concat(pieces, bytes).toString('utf8')
}

function messagesOf(
  system: string | undefined,
  question: string,
): readonly { role: string; content: string }[] {
  const user = { role: 'user', content: question }
  return system === undefined ? [user] : [{ role: 'system', content: system }, user]
}

function limitOf(tokens: string | undefined): { max_completion_tokens?: number } {
  return tokens === undefined ? {} : { max_completion_tokens: Number(tokens) }
}

/** Writes text as it comes and ends it with one newline. A terminal gets no control characters from a model. */
function textWriter(context: VerbContext) {
  const isTerminal = 'isTTY' in context.out && context.out.isTTY === true
  let last = '\n'
  return {
    write: (piece: string): void => {
      if (piece === '') return
      last = piece.at(-1) ?? last
      context.out.write(isTerminal ? piece.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?') : piece)
    },
    end: (): void => {
      if (last !== '\n') context.out.write('\n')
    },
    /** What is said next stands on a line of its own; a pipe gets the model's bytes and no more. */
    cutOff: (): void => {
      if (isTerminal && last !== '\n') context.out.write('\n')
    },
  }
}

/** The citations that the answer's own text does not name. */
function sourcesOf({ answer, citations }: Answered, program: string): string {
  const unnamed = citations.filter((one) => !answer.includes(one.id))
  if (unnamed.length === 0) return ''
  const lines = unnamed.map(
    (one) => `  ${[one.document, ...one.headings].join(' › ')}\n    ${program} cite ${one.id}\n`,
  )
  return `\nSources\n${lines.join('')}`
}

function chatterOf({ id, tier, model, reason, costMicros, declined }: Answered): string {
  const cost = costMicros === null ? 'cost unknown' : `$${(costMicros / 1_000_000).toFixed(6)}`
  const parts = [declined ? 'declined' : null, tier, model, cost, reason, id]
  return `\n[${parts.filter((part) => part !== null && part !== '').join(' · ')}]\n`
}

function text(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}
