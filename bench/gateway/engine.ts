import { createServer, type Socket } from 'node:net'

/**
 * An engine that costs as little as it can, for the gateway's bench: replies that are made once, written straight
 * to the socket. Where everything shares two cores, what the engine spends is missing from the proxy.
 *
 * DESIGN. It reads HTTP/1.1 just far enough: a head, a Content-Length, a body (one that comes in chunks is
 * answered 411), one request at a time on a connection. What the request wants stands in the request:
 * `"stream":true`, the word `zh` for an answer in Chinese, `gapMs=4` for a stream whose events come 4 ms apart
 * instead of in one write. A stream has STREAM_EVENTS events with content; each event is an HTTP chunk of its own,
 * as engines send them. Run by itself it prints its port and serves until its standard input ends.
 */
export const STREAM_EVENTS = 50
/** In the last message of a request: an answer in Chinese. */
export const CHINESE_MARK = '[answer=zh]'
const CHARS_PER_EVENT = 20
const HEAD_BYTES_MAX = 16_384
const BODY_BYTES_MAX = 4_194_304
const USAGE = { prompt_tokens: 7, completion_tokens: 50, total_tokens: 57 }

interface Replies {
  readonly whole: Buffer
  /** A stream in one piece. */
  readonly burst: Buffer
  /** The same stream, piece by piece: the head with the first event, each further event, the end. */
  readonly pieces: readonly Buffer[]
}

const ENGLISH = repliesOf('word '.repeat(CHARS_PER_EVENT / 5))
const CHINESE = repliesOf('深度学习模型的回答需要证据和引用并且要准确'.slice(0, CHARS_PER_EVENT))
const MODELS = withLength(
  '200 OK',
  JSON.stringify({ object: 'list', data: [{ id: 'small', object: 'model' }] }),
)
const NO_LENGTH = withLength('411 Length Required', '{"error":{"message":"This engine reads no chunks."}}')

/** One connection: its pieces until a request is whole. */
class Conversation {
  readonly #socket: Socket
  #pieces: Buffer[] = []
  #bytes = 0
  /** Bytes of the whole request; 0 while its head has not ended. */
  #wanted = 0
  #isGet = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    // No encoding is set, so bytes come as buffers.
    socket.on('data', (bytes) => this.#take(bytes as Buffer))
  }

  #take(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.#bytes += bytes.length
    if (this.#wanted === 0 && !this.#readHead()) return
    if (this.#bytes < this.#wanted) return
    const request = this.#whole()
    const isGet = this.#isGet
    this.#pieces = []
    this.#bytes = 0
    this.#wanted = 0
    if (isGet) this.#socket.write(MODELS)
    else this.#answer(request)
  }

  #readHead(): boolean {
    const start = this.#whole()
    const end = start.indexOf('\r\n\r\n')
    if (end === -1) {
      if (start.length > HEAD_BYTES_MAX) this.#socket.destroy()
      return false
    }
    const head = start.toString('latin1', 0, end)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    this.#isGet = head.startsWith('GET ')
    if (length === undefined && !this.#isGet) {
      this.#socket.end(NO_LENGTH)
      return false
    }
    this.#wanted = end + 4 + Number(length ?? 0)
    if (this.#wanted > BODY_BYTES_MAX) this.#socket.destroy()
    return true
  }

  #whole(): Buffer {
    const [only] = this.#pieces
    if (this.#pieces.length !== 1 || only === undefined)
      this.#pieces = [Buffer.concat(this.#pieces, this.#bytes)]
    return this.#pieces[0] ?? Buffer.alloc(0)
  }

  #answer(request: Buffer): void {
    // The mark is at the end of the last message: what a proxy puts behind it is short.
    const replies = request.indexOf(CHINESE_MARK) === -1 ? ENGLISH : CHINESE
    if (!request.includes('"stream":true')) this.#socket.write(replies.whole)
    else {
      const at = request.indexOf('gapMs=')
      if (at === -1) this.#socket.write(replies.burst)
      else this.#trickle(replies.pieces, Number.parseInt(request.toString('latin1', at + 6, at + 12), 10), 0)
    }
  }

  #trickle(pieces: readonly Buffer[], gapMs: number, index: number): void {
    const piece = pieces[index]
    if (piece === undefined || this.#socket.destroyed) return
    this.#socket.write(piece)
    setTimeout(() => this.#trickle(pieces, gapMs, index + 1), gapMs)
  }
}

function repliesOf(word: string): Replies {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
  const delta = chunk([{ index: 0, delta: { content: word }, finish_reason: null }])
  const finish = chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])
  const ending = [finish, chunk([], USAGE), framed('data: [DONE]\n\n'), '0\r\n\r\n'].join('')
  const texts = [head + delta, ...Array.from({ length: STREAM_EVENTS - 1 }, () => delta), ending]
  const message = { role: 'assistant', content: word.repeat(STREAM_EVENTS) }
  const completion = {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'small',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: USAGE,
  }
  return {
    whole: withLength('200 OK', JSON.stringify(completion)),
    burst: Buffer.from(texts.join('')),
    pieces: texts.map((text) => Buffer.from(text)),
  }
}

function chunk(choices: readonly object[], usage?: object): string {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'small', choices }
  return framed(`data: ${JSON.stringify(usage === undefined ? head : { ...head, usage })}\n\n`)
}

/** As a chunk of RFC 9112, section 7.1. */
function framed(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

function withLength(status: string, text: string): Buffer {
  const length = Buffer.byteLength(text)
  return Buffer.from(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${text}`,
  )
}

if (import.meta.main) {
  const server = createServer((socket) => new Conversation(socket))
  server.listen(0, '127.0.0.1', 2_048, () => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the engine listens on no port')
    process.stdout.write(`http://127.0.0.1:${address.port}/v1\n`)
  })
  process.stdin.resume().once('end', () => process.exit())
}
