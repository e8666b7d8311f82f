import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lockHome } from '../record/lock.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'upshift-offline-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** How a command on a home ended, and how often it opened that: each time it says that this variable sets nothing. */
async function listed(home: string, opened: (times: number) => void = () => undefined) {
  const env = { HOME: root, UPSHIFT_HOME: home, UPSHIFT_DISCOVER: 'false', UPSHIFT_TEXT_DAY: '1' }
  const child = spawn(process.execPath, [MAIN, 'keys', 'list'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  const times = (): number => err.split('UPSHIFT_TEXT_DAY sets nothing').length - 1
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    opened(times())
  })
  const [code] = await once(child, 'close')
  return { code, err, times: times() }
}

test('a fault of the home is told at once: a command waits for the lock and for nothing else', async () => {
  const home = mkdtempSync(join(root, 'faulty-'))
  writeFileSync(join(home, 'owner.key'), 'too short\n', { mode: 0o600 })
  const { code, err, times } = await listed(home)
  assert.equal(code, 1)
  assert.match(err, /owner\.key must be 32 to 256 visible ASCII characters/)
  assert.equal(times, 1, err)
})

test('a command waits for a home that another process is about to leave', async () => {
  const home = mkdtempSync(join(root, 'held-'))
  const lock = lockHome(home)
  const { code, err, times } = await listed(home, (opened) => {
    if (opened > 1) lock.release()
  })
  assert.equal(code, 0, err)
  assert.ok(times > 1, err)
})
