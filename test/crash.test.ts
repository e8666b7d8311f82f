import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { chatBody, chatRequest } from '../bench/process/chat.ts'
import { Connection } from '../bench/process/connection.ts'
import { startUpshift, type Upshift } from '../bench/process/upshift.ts'
import { startUpstream } from '../bench/process/upstream.ts'

const KILLS = 4
const CONNECTIONS = 32
/** What a round lets pass before it kills: a different number each time, so that the kill falls anywhere. */
const ANSWERS_BEFORE_KILL = 40
const REQUESTS_MAX = 5_000
/** A server that never ends must fail its test, and not hold up the run. */
const LIMIT = { timeout: 60_000 }

const folder = mkdtempSync(join(tmpdir(), 'upshift-crash-'))
const upstream = await startUpstream()
after(async () => {
  await upstream[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

test(
  'after each kill -9 under streaming load every finished answer has its closed entry, and the home serves on',
  LIMIT,
  async () => {
    const where = mkdtempSync(join(folder, 'home-'))
    const finished = new Set<string>()
    let ownerKey: string | undefined
    let made: string | undefined
    for (let round = 0; round < KILLS; round++) {
      const upshift = await startUpshift({ folder: where, engine: upstream.url })
      try {
        ownerKey ??= upshift.key
        assert.equal(upshift.key, ownerKey, 'the owner keeps the key')
        assert.ok(await isAnswering(where), 'the socket of the dead process has been replaced by a live one')
        made ??= await createKey(upshift)
        await loadAndKill(upshift, made, ANSWERS_BEFORE_KILL * (round + 1) + round, finished)
      } finally {
        await upshift[Symbol.asyncDispose]()
      }
      assert.ok(existsSync(join(where, 'home', 'control.sock')), 'a killed process leaves its socket behind')
      assert.ok(!(await isAnswering(where)))
      const closed = closedIn(join(where, 'home', 'log'))
      const without = [...finished].filter((id) => !closed.has(id))
      assert.deepEqual(
        without,
        [],
        `round ${round}: ${finished.size} finished answers, these without a record`,
      )
    }
    assert.ok(finished.size >= ANSWERS_BEFORE_KILL * KILLS)
    await using last = await startUpshift({ folder: where, engine: upstream.url })
    const connection = await Connection.open(last.port)
    assert.equal((await connection.send(ask(last.key, false))).status, 200, 'the owner’s key is still valid')
    assert.equal((await connection.send(ask(made ?? '', false))).status, 200, 'a created key is still valid')
    connection.destroy()
  },
)

test('a torn last line is cut, reported, and what comes after it is readable', LIMIT, async () => {
  const where = mkdtempSync(join(folder, 'torn-'))
  const log = join(where, 'home', 'log')
  {
    await using upshift = await startUpshift({ folder: where, engine: upstream.url })
    await askOnce(upshift)
  }
  const newest = readdirSync(log).sort().at(-1)
  assert.ok(newest !== undefined)
  const before = readFileSync(join(log, newest))
  const torn = before.subarray(-57, -1)
  appendFileSync(join(log, newest), torn)
  {
    await using upshift = await startUpshift({ folder: where, engine: upstream.url })
    assert.match(upshift.output(), new RegExp(`"bytes":${torn.length}[^\\n]*torn`))
    await askOnce(upshift)
  }
  const closed = closedIn(log)
  assert.equal(closed.size, 2, 'the answers from before and after the crash')
  const kept = readFileSync(join(log, newest)).subarray(0, before.length)
  assert.ok(kept.equals(before), 'what was whole is untouched')
})

test(
  'damage in the middle of the log is told from a torn tail, and the server does not start over it',
  LIMIT,
  async () => {
    const where = mkdtempSync(join(folder, 'damaged-'))
    const log = join(where, 'home', 'log')
    {
      await using upshift = await startUpshift({ folder: where, engine: upstream.url })
      await askOnce(upshift)
    }
    const newest = readdirSync(log).sort().at(-1)
    assert.ok(newest !== undefined)
    const lines = readFileSync(join(log, newest), 'utf8')
    appendFileSync(join(log, newest), `not a line\n${lines}`)
    await assert.rejects(startUpshift({ folder: where, engine: upstream.url }), /is damaged at byte/)
    assert.ok(!(await isAnswering(where)))
  },
)

/** Streams on every connection until so many answers were finished, then kills the server between two bytes. */
async function loadAndKill(
  upshift: Upshift,
  key: string,
  answersBeforeKill: number,
  finished: Set<string>,
): Promise<void> {
  const goal = finished.size + answersBeforeKill
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Connection.open(upshift.port)),
  )
  let sent = 0
  const client = async (connection: Connection, index: number): Promise<void> => {
    while (connection.isOpen && sent < REQUESTS_MAX) {
      sent += 1
      const script = index % 2 === 0 ? 'events=5 gapMs=1' : 'events=5'
      const end = await connection.send(chatRequest(key, chatBody(script, true))).catch(() => undefined)
      const got = end?.body ?? ''
      if (end === undefined) return
      assert.equal(end.status, 200, got)
      assert.ok(got.endsWith('data: [DONE]\n\n'))
      finished.add(requestId(end.head))
      if (finished.size === goal) upshift.child.kill('SIGKILL')
    }
  }
  await Promise.all(connections.map(client))
  assert.deepEqual(await upshift.ended, { code: null, signal: 'SIGKILL' }, upshift.output())
}

function requestId(head: string): string {
  const id = /\r\nx-request-id: (\S+)/.exec(head)?.[1]
  assert.ok(id !== undefined, head)
  return id
}

/** Ids with a closed entry, read by the format alone: a header, then `crc32 in hex, a space, JSON`, to the last whole line. */
function closedIn(log: string): Set<string> {
  const closed = new Set<string>()
  let nextSeq = 0
  for (const name of readdirSync(log).sort()) {
    const lines = readFileSync(join(log, name), 'utf8').split('\n')
    assert.equal(lines[0], 'upshift-log 2', 'a segment names its format')
    for (const line of lines.slice(1, -1)) {
      const json = line.slice(9)
      assert.equal(line.slice(0, 8), crc32(json).toString(16).padStart(8, '0'), `${name}: ${line}`)
      const entry: { type: string; id: string; seq: number } = JSON.parse(json)
      assert.equal(entry.seq, nextSeq, 'the log has no gaps')
      nextSeq += 1
      if (entry.type === 'closed') closed.add(entry.id)
    }
  }
  return closed
}

async function createKey(upshift: Upshift): Promise<string> {
  const connection = await Connection.open(upshift.port)
  const body = JSON.stringify({ name: 'load' })
  const reply = await connection.send(
    `POST /v1/admin/keys HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${upshift.key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  connection.destroy()
  const secret = /"secret":"([^"]+)"/.exec(reply.body)?.[1]
  assert.ok(secret !== undefined, `${reply.status} ${reply.body}`)
  return secret
}

async function askOnce(upshift: Upshift): Promise<void> {
  const connection = await Connection.open(upshift.port)
  const reply = await connection.send(ask(upshift.key, true))
  assert.equal(reply.status, 200, reply.body)
  connection.destroy()
}

function ask(key: string, stream: boolean): string {
  return chatRequest(key, chatBody('events=3', stream))
}

/** Whether a live process accepts connections on the home's control socket. */
function isAnswering(where: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(where, 'home', 'control.sock'))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
