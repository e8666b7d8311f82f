import type { IncomingMessage } from 'node:http'
import type { Problem } from '../contract/problem.ts'

/**
 * Reads a request's body up to a bound. Fastify's own reader copies every body; most come in one piece, which Node has
 * copied out of the socket's memory already, and such a one is handed on as it is.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  done: (body: Buffer | Problem) => void,
): void {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) done(tooLarge(maxBytes))
  else new BodyReader(request, maxBytes, done)
}

class BodyReader {
  readonly #maxBytes: number
  readonly #done: (body: Buffer | Problem) => void
  #pieces: Buffer[] = []
  #bytes = 0
  #over = false

  constructor(request: IncomingMessage, maxBytes: number, done: (body: Buffer | Problem) => void) {
    this.#maxBytes = maxBytes
    this.#done = done
    // They stay until the request is let go of: taking them off costs more than asking whether it is over.
    request.on('data', (piece: Buffer) => this.#take(piece))
    request.on('end', () => this.#end(this.#whole()))
    request.on('error', (error) => this.#end(unreadable(error)))
  }

  #take(piece: Buffer): void {
    if (this.#over) return
    this.#bytes += piece.length
    if (this.#bytes > this.#maxBytes) this.#end(tooLarge(this.#maxBytes))
    else this.#pieces.push(piece)
  }

  #whole(): Buffer {
    const [only] = this.#pieces
    return only !== undefined && this.#pieces.length === 1 ? only : Buffer.concat(this.#pieces, this.#bytes)
  }

  #end(body: Buffer | Problem): void {
    if (this.#over) return
    this.#over = true
    // The request outlives its body.
    this.#pieces = []
    this.#done(body)
  }
}

function tooLarge(maxBytes: number): Problem {
  const message = `The body is larger than ${maxBytes} bytes. Send less, or raise guard.bounds.maxBodyBytes.`
  return { code: 'body_too_large', message }
}

function unreadable(error: Error): Problem {
  return { code: 'invalid_request', message: `The request could not be read: ${error.message}.` }
}
