import { connect, type Socket } from 'node:net'

/**
 * One HTTP/1.1 connection by hand: what was sent when, on which connection, and how that ended is exactly what
 * a drain or a bench asks about, and what a client library hides. One request at a time.
 */
export interface Reply {
  readonly status: number
  /** Header lines, in lower case. */
  readonly head: string
  /** The decoded body; empty where the connection does not keep bodies. */
  readonly body: string
  readonly bodyBytes: number
  /** Milliseconds from sending to the first byte of the body, and to the last. */
  readonly firstMs: number
  readonly totalMs: number
}

interface Waiting {
  readonly reader: ReplyReader
  readonly sentAt: number
  resolve(reply: Reply): void
  reject(reason: Error): void
}

export class Connection {
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>
  private readonly socket: Socket
  private readonly keepBodies: boolean
  private waiting: Waiting | undefined
  private fault: Error | undefined

  private constructor(socket: Socket, keepBodies: boolean) {
    this.socket = socket
    this.keepBodies = keepBodies
    socket.setNoDelay(true)
    // No encoding is set, so bytes come as buffers.
    socket.on('data', (bytes) => this.receive(bytes as Buffer))
    socket.on('error', (error) => {
      this.fault = error
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.lose()
        resolve()
      })
    })
  }

  /** Rejects with the socket's error, such as ECONNREFUSED. */
  static open(port: number, keepBodies = true): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket, keepBodies))
      })
    })
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && !this.socket.readableEnded && this.socket.writable
  }

  /** Sends bytes that may be a part of a request. */
  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes)
  }

  /** Sends the (rest of a) request; rejects where the connection ends before the whole reply. */
  send(bytes: string | Uint8Array): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.waiting = {
        reader: new ReplyReader(this.keepBodies),
        sentAt: performance.now(),
        resolve,
        reject,
      }
      if (this.socket.destroyed) this.lose()
      else this.socket.write(bytes)
    })
  }

  /** What has come of the reply that is being waited for. */
  get partial(): string {
    return this.waiting?.reader.text ?? ''
  }

  /** Stops taking what the server sends. */
  pause(): void {
    this.socket.pause()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private receive(bytes: Buffer): void {
    const { waiting } = this
    if (waiting === undefined || !waiting.reader.feed(bytes)) return
    this.waiting = undefined
    const { reader, sentAt } = waiting
    waiting.resolve({
      status: reader.status,
      head: reader.head,
      body: reader.text,
      bodyBytes: reader.bodyBytes,
      firstMs: reader.firstAt - sentAt,
      totalMs: performance.now() - sentAt,
    })
  }

  private lose(): void {
    const { waiting } = this
    this.waiting = undefined
    const seen = waiting === undefined ? 0 : waiting.reader.bodyBytes
    const why = this.fault === undefined ? '' : `: ${this.fault.message}`
    const when = waiting?.reader.head === '' ? 'before a reply' : `after ${seen} bytes of a body`
    waiting?.reject(new Error(`the connection was closed ${when}${why}`))
  }
}

/** Reads one reply: a head, and a body by its length or in chunks (RFC 9112, section 7.1). */
class ReplyReader {
  status = 0
  head = ''
  text = ''
  bodyBytes = 0
  firstAt = 0
  private readonly keep: boolean
  private start: Buffer = Buffer.alloc(0)
  /** Bytes of body (or of the chunk) that are still to come. */
  private left = 0
  private chunked = false
  private line = ''
  private lastChunk = false

  constructor(keep: boolean) {
    this.keep = keep
  }

  /** True once the reply is whole. */
  feed(bytes: Buffer): boolean {
    if (this.head !== '') return this.body(bytes)
    this.start = this.start.length === 0 ? bytes : Buffer.concat([this.start, bytes])
    const end = this.start.indexOf('\r\n\r\n')
    if (end === -1) return false
    this.head = this.start.toString('latin1', 0, end).toLowerCase()
    this.status = Number(this.head.slice(9, 12))
    this.chunked = this.head.includes('\r\ntransfer-encoding: chunked')
    this.left = Number(/\r\ncontent-length: (\d+)/.exec(this.head)?.[1] ?? 0)
    return this.body(this.start.subarray(end + 4))
  }

  private body(bytes: Buffer): boolean {
    if (bytes.length > 0 && this.firstAt === 0) this.firstAt = performance.now()
    if (this.chunked) return this.chunks(bytes)
    this.take(bytes, 0, bytes.length)
    this.left -= bytes.length
    return this.left <= 0
  }

  private chunks(bytes: Buffer): boolean {
    let at = 0
    while (at < bytes.length) {
      if (this.left > 0) {
        const end = Math.min(bytes.length, at + this.left)
        this.take(bytes, at, end)
        this.left -= end - at
        at = end
        continue
      }
      const feed = bytes.indexOf(10, at)
      this.line += bytes.toString('latin1', at, feed === -1 ? bytes.length : feed)
      if (feed === -1) return false
      at = feed + 1
      const line = this.line.trim()
      this.line = ''
      if (line === '') {
        if (this.lastChunk) return true
        continue
      }
      if (this.lastChunk) continue
      this.left = Number.parseInt(line, 16)
      this.lastChunk = this.left === 0
    }
    return false
  }

  private take(bytes: Buffer, from: number, to: number): void {
    this.bodyBytes += to - from
    if (this.keep) this.text += bytes.toString('latin1', from, to)
  }
}
