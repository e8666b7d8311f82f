/**
 * A lock between processes that needs no server and outlives no owner. No dependency, and no syntax newer
 * than Node 18.
 *
 * DESIGN. The lock is a folder (mkdir is atomic) with a note of who holds it: the process, and the child that
 * works for it, because npm goes on when its parent is killed. It is stale once all of them are gone. A stale
 * lock is moved aside before it is removed, and moved back if it turns out to be somebody else's new one.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StartError } from './pinned.mjs'

const POLL_MS = 150
const WAIT_MAX_MS = 15 * 60_000
/** A folder without a note is this young only between mkdir and the note's writing. */
const UNSIGNED_MAX_MS = 10_000

/**
 * Waits until the lock is ours. Throws StartError where its folder cannot be written, or after 15 minutes.
 * @param {string} path the folder that is the lock
 * @param {(text: string) => void} say called once if there is somebody to wait for
 * @returns {Promise<(() => void) & { helpedBy(pid: number | undefined): void }>} release; `helpedBy` names a
 *   child that must also be gone before the lock counts as stale
 */
export async function acquireLock(path, say) {
  const end = Date.now() + WAIT_MAX_MS
  let told = false
  while (!take(path)) {
    const note = readNote(path)
    if (isStale(path, note)) {
      setAside(path, note)
      continue
    }
    if (!told)
      say(`another set-up is at work${note ? ` (process ${note.split(' ')[0]})` : ''}; waiting for it …`)
    told = true
    if (Date.now() > end) {
      throw new StartError(
        `upshift: another set-up has held ${path} for 15 minutes. If none is running, remove that folder and start again.`,
      )
    }
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
  const sign = (pids) => writeFileSync(join(path, 'note'), pids.join(' '))
  sign([process.pid])
  const release = () => rmSync(path, { recursive: true, force: true })
  return Object.assign(release, { helpedBy: (pid) => sign(pid ? [process.pid, pid] : [process.pid]) })
}

function take(path) {
  let parent = true
  try {
    mkdirSync(dirname(path), { recursive: true })
    parent = false
    mkdirSync(path)
    return true
  } catch (error) {
    if (error.code === 'EEXIST' && !parent) return false
    throw new StartError(
      `upshift: cannot write to ${dirname(path)}: ${error.message}. Give the folder the right owner, or take a clone of your own, and start again.`,
    )
  }
}

function readNote(path) {
  try {
    return readFileSync(join(path, 'note'), 'utf8')
  } catch {
    return null // not signed yet, or released meanwhile
  }
}

function isStale(path, note) {
  if (note) return note.split(' ').every((pid) => !isAlive(Number(pid)))
  try {
    return Date.now() - statSync(path).mtimeMs > UNSIGNED_MAX_MS
  } catch {
    return false // released meanwhile
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function setAside(path, note) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
  } catch {
    return // another waiter was quicker
  }
  if (readNote(aside) === note) rmSync(aside, { recursive: true, force: true })
  else renameSync(aside, path)
}
