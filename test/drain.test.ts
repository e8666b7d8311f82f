import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { chatBody, chatHead, chatRequest, getRequest } from '../bench/process/chat.ts'
import { Connection, type Reply } from '../bench/process/connection.ts'
import { type StartedBy, startUpshift, type Upshift } from '../bench/process/upshift.ts'
import { startUpstream } from '../bench/process/upstream.ts'

const CONNECTIONS = 64
/** A server that never ends must fail its test, and not hold up the run. */
const LIMIT = { timeout: 60_000 }
/** A client that is never told to leave would turn for ever: then the drain is broken, and this ends the test. */
const REQUESTS_MAX = 2_000

const folder = mkdtempSync(join(tmpdir(), 'upshift-drain-'))
const upstream = await startUpstream()
after(async () => {
  await upstream[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

for (const by of ['node', 'npm'] as const) {
  test(`SIGTERM under load to a server started by ${by} loses no accepted request`, LIMIT, async () => {
    await using upshift = await start(by)
    const clients = Array.from({ length: CONNECTIONS }, (_, index) => new Client(upshift, index))
    await Promise.all(clients.map((client) => client.open()))
    const ends = clients.map((client) => client.run())
    await Promise.all(clients.map((client) => client.hasAnswers))
    upshift.child.kill('SIGTERM')
    await Promise.all(ends)

    assert.deepEqual(
      clients.flatMap((client) => client.faults),
      [],
    )
    for (const client of clients) assert.ok(client.toldToLeave, `client ${client.index} was told to leave`)
    await assert.rejects(Connection.open(upshift.port), /ECONNREFUSED/)
    assert.deepEqual(await upshift.ended, { code: 0, signal: null }, upshift.output())
    assert.match(upshift.output(), /SIGTERM: draining\nstopped: nothing was cut off/)
  })
}

test(
  'a stream, a waiting answer, a body half sent and a request that comes late are all answered whole',
  LIMIT,
  async () => {
    await using upshift = await start('node')
    const open = await Promise.all([1, 2, 3, 4, 5].map(() => Connection.open(upshift.port)))
    const [streaming, waiting, sending, idle, quiet] = open
    assert.ok(streaming && waiting && sending && idle && quiet)
    await idle.send(getRequest('/health'))
    const running = [
      streaming.send(request(upshift, 'events=60 gapMs=20', true)),
      waiting.send(request(upshift, 'waitMs=800', false)),
    ] as const
    const body = JSON.stringify(chatBody('events=3', false))
    sending.write(chatHead(upshift.key, body.length) + body.slice(0, 20))
    await until(() => streaming.partial.includes('"delta"'))

    upshift.child.kill('SIGTERM')
    await until(() => upshift.output().includes('draining'))
    const ends = await Promise.all([
      idle.send(request(upshift, 'events=3', true)),
      sending.send(body.slice(20)),
      ...running,
    ])
    const [late, rest, stream, whole] = ends
    assertStreamed(late)
    assert.match(late.head, /\r\nconnection: close/)
    assertStreamed(stream)
    assert.equal(stream.body.match(/"content":"word/g)?.length, 60)
    for (const plain of [rest, whole]) {
      assert.equal(plain.status, 200)
      assert.match(
        plain.head,
        /\r\nconnection: close/,
        'a head written while draining tells the client to leave',
      )
    }
    await quiet.closed
    assert.deepEqual(await upshift.ended, { code: 0, signal: null }, upshift.output())
  },
)

test(
  'what has not ended when the time for draining is over is cut off, counted, and the server still ends',
  LIMIT,
  async () => {
    await using upshift = await start('node', { drainMs: 300 })
    const connection = await Connection.open(upshift.port)
    const stream = connection.send(request(upshift, 'events=10000 gapMs=10', true))
    const lost = assert.rejects(stream, /closed after \d+ bytes of a body/)
    await until(() => connection.partial.includes('"delta"'))
    upshift.child.kill('SIGTERM')
    await lost
    assert.deepEqual(await upshift.ended, { code: 1, signal: null }, upshift.output())
    assert.match(upshift.output(), /stopped: 1 requests were cut off/)
  },
)

/** One connection that asks again and again, plain and streaming in turn, until the server closes it. */
class Client {
  readonly index: number
  readonly faults: string[] = []
  readonly hasAnswers: Promise<void>
  toldToLeave = false
  private readonly upshift: Upshift
  private readonly answered = Promise.withResolvers<void>()
  private connection: Connection | undefined

  constructor(upshift: Upshift, index: number) {
    this.upshift = upshift
    this.index = index
    this.hasAnswers = this.answered.promise
  }

  async open(): Promise<void> {
    this.connection = await Connection.open(this.upshift.port)
  }

  async run(): Promise<void> {
    for (let turn = 0; turn < REQUESTS_MAX && !this.toldToLeave; turn++) {
      const streams = (turn + this.index) % 2 === 0
      // A fourth of the connections are in long streams, so that the signal finds some of them half way.
      const script = this.index % 4 === 0 ? 'events=20 gapMs=10' : 'events=5 gapMs=1'
      try {
        const reply = await this.connection?.send(request(this.upshift, script, streams))
        assert.ok(reply)
        if (streams) assertStreamed(reply)
        else assert.match(reply.body, /"finish_reason":"stop"/)
        this.toldToLeave = /\r\nconnection: close/.test(reply.head)
      } catch (error) {
        this.faults.push(`client ${this.index}, request ${turn}: ${String(error)}`)
        break
      }
      if (turn === 1) this.answered.resolve()
    }
    this.answered.resolve()
    this.connection?.destroy()
  }
}

function start(by: StartedBy, server: Record<string, unknown> = {}): Promise<Upshift> {
  return startUpshift({ folder: mkdtempSync(join(folder, `${by}-`)), engine: upstream.url, by, server })
}

function request(upshift: Upshift, script: string, stream: boolean): string {
  return chatRequest(upshift.key, chatBody(script, stream))
}

function assertStreamed(reply: Reply): void {
  assert.equal(reply.status, 200)
  assert.ok(
    reply.body.endsWith('data: [DONE]\n\n'),
    `a stream ends with [DONE], not ${reply.body.slice(-200)}`,
  )
}

const UNTIL_LIMIT_MS = 10_000

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + UNTIL_LIMIT_MS
  while (!holds()) {
    assert.ok(performance.now() < end, `waited ${UNTIL_LIMIT_MS} ms for: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
