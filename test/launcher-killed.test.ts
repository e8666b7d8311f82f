import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { readLog } from './process/log.ts'
import { until } from './process/until.ts'
import { ROOT } from './task.ts'

/** A launcher that is killed takes the program with it, which ends as at a Ctrl-C; nothing else does. */

const HOW = {
  skip: process.platform === 'win32' && 'Windows has no signal that ends a process gently',
  timeout: 60_000,
}
const root = mkdtempSync(join(tmpdir(), 'upshift-launcher-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** The launcher's own hand-over, in a Node that passes for 20: the program then runs in a second process. */
const OLD = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})`
const HAND_OVER = `
const { handOver } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'bin/pinned.mjs')).href)})
await handOver(${JSON.stringify(ROOT)}, ${JSON.stringify(join(ROOT, 'src/main.ts'))})`

function launch(home: string, words: readonly string[]): { launcher: ChildProcess; said: () => string } {
  const env = { PATH: process.env['PATH'] ?? '', HOME: root, UPSHIFT_HOME: home, UPSHIFT_DISCOVER: 'false' }
  const args = ['--import', OLD, '--input-type=module', '--eval', HAND_OVER, '--', 'upshift', ...words]
  const launcher = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [launcher.stdout, launcher.stderr])
    stream.on('data', (piece: Buffer) => {
      said += piece
    })
  return { launcher, said: () => said }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false // ESRCH: there is no such process
  }
}

test(
  'kill -9 of the launcher ends the server that it started, which drains; the end of stdin does not',
  HOW,
  async () => {
    const home = join(root, 'served')
    const { launcher, said } = launch(home, ['serve', '--port', '0'])
    const file = join(home, 'server.json')
    await until('the server says where it is', () => said().includes('Upshift is at'))
    const { pid, address } = JSON.parse(readFileSync(file, 'utf8'))
    assert.notEqual(pid, launcher.pid)
    launcher.stdin?.end()
    const [ready] = await once(get(`${address}/ready`), 'response')
    ready.resume()
    assert.equal(ready.statusCode, 200)
    launcher.kill('SIGKILL')
    await until('the server has ended', () => !isAlive(pid))
    assert.equal(existsSync(file), false, 'it has ended by itself, and taken its note away')
    assert.ok(readLog(home).length > 0)
  },
)

test('kill -9 of the launcher ends the command that it started', HOW, async () => {
  const home = join(root, 'added')
  const note = join(root, 'note.md')
  writeFileSync(note, '# Note\n\nThe valve is stuck.\n')
  const { launcher, said } = launch(home, ['knowledge', 'add', '--watch', note])
  await until('it watches', () => said().includes('Watching'))
  const ended = once(launcher, 'close')
  launcher.kill('SIGKILL')
  // The program holds the launcher's stdout too: it closes when both have ended.
  await ended
  assert.match(said(), /1 added/)
})
