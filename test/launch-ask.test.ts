import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { event, startUpstream, streamHead, type Upstream } from './process/upstream.ts'
import { ROOT } from './task.ts'

/** An engine that begins an answer and never ends it. */
async function unending(): Promise<Upstream> {
  const upstream = await startUpstream()
  upstream.answer((response) => {
    streamHead(response)
    response.write(event({ role: 'assistant', content: 'This answer has begun and goes on. '.repeat(40) }))
  })
  return upstream
}

const MAIN = join(ROOT, 'src/main.ts')
/** The launcher's own hand-over, in a Node that passes for 20: the program then runs in a second process. */
const OLD = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})`
const HAND_OVER = `
const { handOver } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'bin/pinned.mjs')).href)})
await handOver(${JSON.stringify(ROOT)}, ${JSON.stringify(MAIN)})`

interface Asked {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** `upshift ask` in a process group of its own; `begun` is called once, when the answer has. */
async function ask(
  server: RunningServer,
  words: readonly string[],
  begun: (child: ChildProcess) => void,
): Promise<Asked> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: server.home, UPSHIFT_HOME: server.home }
  const stdio = ['ignore', 'pipe', 'pipe'] as const
  const child = spawn(process.execPath, [...words, 'ask', 'Is it so?'], {
    cwd: server.home,
    env,
    detached: true,
    stdio: [...stdio],
  })
  let [out, err] = ['', '']
  child.stdout.on('data', (piece: Buffer) => {
    if (out === '') begun(child)
    out += piece
  })
  child.stderr.on('data', (piece: Buffer) => {
    err += piece
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('close', (...end) => resolve(end))
  })
  return { code, signal, out, err }
}

test('Ctrl-C in mid-answer, which launcher and program both get, ends both with 130 and one line', async () => {
  await using upstream = await unending()
  await using server = await startServer({ config: configOf({ one: engineAt([upstream.url]) }) })
  const launched = ['--import', OLD, '--input-type=module', '--eval', HAND_OVER, 'upshift']
  for (const words of [launched, [MAIN]]) {
    const asked = await ask(server, words, ({ pid = 0 }) => process.kill(-pid, 'SIGINT'))
    assert.deepEqual([asked.code, asked.signal, asked.err], [130, null, 'upshift: interrupted.\n'])
    assert.match(asked.out, /^This answer has begun/)
  }
})

test('a server that dies in mid-answer is told as that, with 1', async () => {
  await using upstream = await unending()
  await using server = await startServer({ config: configOf({ one: engineAt([upstream.url]) }) })
  const asked = await ask(server, [MAIN], () => void server.kill())
  assert.match(asked.out, /^This answer has begun/)
  assert.match(asked.err, /^upshift: the server went away; the answer above is incomplete\. .*\n$/)
  assert.equal(asked.code, 1)
})

test('wrong flags of the server end it with 2 and are named as they were typed', async () => {
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', 'abc'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let err = ''
  child.stderr.on('data', (piece: Buffer) => {
    err += piece
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  const says =
    'upshift: --port is "abc"; expected a whole number from 0 to 65535. `npx upshift help serve` shows how.\n'
  assert.deepEqual([code, err], [2, says])
})
