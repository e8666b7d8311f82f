import type * as z from 'zod'
import type { ProblemCode } from './problem.ts'
import { PROBLEM_CODES, UpshiftError } from './problem.ts'
import type { ServerReply } from './verb.ts'

/** A JSON reply larger than this is not one of ours. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024

/**
 * The reply's body as the given schema describes it. Throws UpshiftError: with the server's own message and
 * code where it refused, and with what to do where it said something that is not an Upshift reply.
 */
export async function expectJson<Shape>(reply: ServerReply, schema: z.ZodType<Shape>): Promise<Shape> {
  const value = await readJson(reply)
  if (reply.status < 200 || reply.status > 299) throw refusalOf(reply.status, value)
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const first = parsed.error.issues[0]
  const where = first === undefined || first.path.length === 0 ? 'the top' : first.path.map(String).join('.')
  throw strange(
    reply.status,
    `not what this version expects (at ${where}: ${first?.message ?? 'unknown'})`,
    parsed.error,
  )
}

/** The reply's body, parsed, whatever its status. Throws UpshiftError where it is no JSON or exceeds 16 MiB. */
export async function readJson(reply: ServerReply): Promise<unknown> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of reply.body) {
    const buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece))
    bytes += buffer.length
    if (bytes > MAX_REPLY_BYTES) {
      reply.body.destroy()
      throw strange(reply.status, `longer than ${MAX_REPLY_BYTES} bytes`)
    }
    pieces.push(buffer)
  }
  try {
    return JSON.parse(Buffer.concat(pieces, bytes).toString('utf8'))
  } catch (cause) {
    throw strange(reply.status, 'not JSON', cause)
  }
}

/** OpenAI's error shape, `{ error: { message, code, param } }`, as an error to throw. */
function refusalOf(status: number, value: unknown): UpshiftError {
  const error = field(value, 'error')
  const message = field(error, 'message')
  if (typeof message !== 'string') return strange(status, 'an error without a message')
  const param = field(error, 'param')
  return new UpshiftError({
    code: knownCode(field(error, 'code')) ?? 'internal',
    message,
    status,
    ...(typeof param === 'string' ? { param } : {}),
  })
}

function knownCode(code: unknown): ProblemCode | undefined {
  return PROBLEM_CODES.find((known) => known === code)
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function strange(status: number, what: string, cause?: unknown): UpshiftError {
  const message =
    `The server answered with status ${status} and a body that is ${what}. ` +
    'Is it an Upshift server of this version? Compare `upshift --version` with the server that runs.'
  return new UpshiftError({ code: 'internal', message, status }, cause)
}
