import type { Socket } from 'node:net'
import type { ConnectionError } from 'fastify'
import { STATUS_CODES } from '../lib/node-http.ts'
import { wireProblem } from './problem.ts'

interface Around {
  readonly requestId: string
  readonly headerBytesMax: number
  readonly requestTimeoutMs: number
}

/** Answers what Node's parser gave up on, by hand: there is no request yet, and no response object. */
export function answerUnreadable(error: ConnectionError, socket: Socket, around: Around): void {
  // Reset by the other end, or already answered: there is nobody to tell.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, message } = whatWasWrong(error, around)
  const wire = wireProblem({ code: 'invalid_request', message, status }, around.requestId)
  const body = JSON.stringify(wire.body)
  const headers = { ...wire.headers, 'content-type': 'application/json; charset=utf-8', connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}content-length: ${Buffer.byteLength(body)}\r\n\r\n`
  socket.end(head + body)
}

function whatWasWrong(error: ConnectionError, around: Around): { status: number; message: string } {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const message = `The headers are larger than ${around.headerBytesMax} bytes. Send fewer or shorter ones.`
    return { status: 431, message }
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const bound = `${around.requestTimeoutMs} ms (server.requestTimeoutMs)`
    return { status: 408, message: `The request had not arrived whole within ${bound}. Send it again.` }
  }
  const message =
    'What arrived is not HTTP/1.1. Check that the client speaks HTTP, without TLS, to this port.'
  return { status: 400, message }
}
