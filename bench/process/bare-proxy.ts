import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'

/**
 * The least that a proxy in this language can be that knows which model it is asked for: node:http in, the request's
 * JSON parsed, an undici dispatch out, bytes piped as they come. No routing, no record: what Upshift costs is measured
 * against it. Forked with the engine's base URL; sends its port, and its CPU usage for every message.
 */
const [base] = process.argv.slice(2)
if (base === undefined || process.send === undefined)
  throw new Error('fork this with the base URL of an engine')
const { origin } = new URL(base)
const pool = new Pool(origin, { connections: 64, pipelining: 1 })

class Piped implements Dispatcher.DispatchHandler {
  private readonly response: ServerResponse

  constructor(response: ServerResponse) {
    this.response = response
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: IncomingHttpHeaders,
  ): void {
    const length = headers['content-length']
    this.response.writeHead(statusCode, {
      'content-type': headers['content-type'] ?? 'application/octet-stream',
      ...(length === undefined ? {} : { 'content-length': length }),
    })
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.response.write(chunk)
  }

  onResponseEnd(): void {
    this.response.end()
  }

  onResponseError(): void {
    this.response.destroy()
  }
}

function modelOf(body: Buffer): string | undefined {
  const asked: unknown = JSON.parse(body.toString('utf8'))
  const named = typeof asked === 'object' && asked !== null && 'model' in asked
  return named && typeof asked.model === 'string' ? asked.model : undefined
}

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => {
    const headers = { 'content-type': 'application/json' }
    const body = Buffer.concat(pieces)
    if (modelOf(body) === undefined) {
      response.writeHead(400).end()
      return
    }
    pool.dispatch({ path: request.url ?? '/', method: 'POST', headers, body }, new Piped(response))
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? { port: address?.port } : {})
})
process.on('message', () => process.send?.(process.cpuUsage()))
process.on('disconnect', () => process.exit())
