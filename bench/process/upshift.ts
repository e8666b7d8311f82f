import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How the server is started: by this Node, by `npm start`, or by the launcher under the machine's own Node. */
export type StartedBy = 'node' | 'npm' | 'launcher'

export interface UpshiftOptions {
  /** An existing folder that gets `home/` and the configuration; the same one again is a restart. */
  readonly folder: string
  /** The base URL of the scripted engine `scripted`; without one only the handbook answers. */
  readonly engine?: string
  /** The base URL of another one, `second`. */
  readonly second?: string
  /** What their model costs, dollars per million tokens; unpriced where absent. */
  readonly price?: { readonly input: number; readonly output: number }
  /** The section `server` of the configuration. */
  readonly server?: Readonly<Record<string, unknown>>
  /** Other sections of it, by name. */
  readonly sections?: Readonly<Record<string, unknown>>
  readonly by?: StartedBy
  /** Flags for the Node that runs the server; only where it is started by this one. */
  readonly nodeFlags?: readonly string[]
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running server: the whole process, as a user starts it. */
export interface Upshift extends AsyncDisposable {
  readonly child: ChildProcess
  readonly port: number
  readonly key: string
  readonly home: string
  /** What it printed so far, both streams. */
  output(): string
  /** Resolves when the started process has ended and its streams are closed. */
  readonly ended: Promise<Ended>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = join(ROOT, 'src', 'main.ts')
const LAUNCHER = join(ROOT, 'bin', 'upshift.mjs')
const START_LIMIT_MS = 30_000

/** Starts a server and waits until it listens. Throws with its output where it ends or is silent instead. */
export async function startUpshift(options: UpshiftOptions): Promise<Upshift> {
  const home = join(options.folder, 'home')
  const config = join(options.folder, 'upshift.yaml')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  writeFileSync(config, JSON.stringify(configuration(options)))
  const [command, ...args] = commandOf(options.by ?? 'node', options.nodeFlags ?? [])
  const child = spawn(command, args, {
    cwd: options.by === 'npm' ? ROOT : options.folder,
    // A fresh environment: no cloud key, proxy or npm variable of whoever runs this gets in.
    env: {
      PATH: pathFor(options.by),
      HOME: options.folder,
      ...startSettings(),
      UPSHIFT_HOME: home,
      UPSHIFT_CONFIG: config,
      NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own group, so that a signal reaches only the process it is sent to, and what is left can be ended.
    detached: true,
  })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes
  })
  child.stderr.on('data', (bytes: Buffer) => {
    output += bytes
  })
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const port = await listening(child, ended, () => output)
  return {
    child,
    port,
    home,
    ended,
    key: readFileSync(join(home, 'owner.key'), 'utf8').trim(),
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      endGroup(child)
      await ended
    },
  }
}

function configuration({ engine, second, price, server, sections }: UpshiftOptions): object {
  const engines = {
    ...(engine === undefined ? {} : { scripted: scripted(engine, price) }),
    ...(second === undefined ? {} : { second: scripted(second, price) }),
  }
  return { server: { port: 0, ...server }, fleet: { discover: false, engines }, ...sections }
}

function scripted(url: string, price: UpshiftOptions['price']): object {
  return {
    kind: 'openai-compatible',
    url,
    models: [{ name: 'small', tier: 'fast', ...(price === undefined ? {} : { price }) }],
    maxConcurrent: 1_024,
  }
}

function commandOf(by: StartedBy, nodeFlags: readonly string[]): [string, ...string[]] {
  if (by === 'npm') return ['npm', 'start', '--silent']
  if (by === 'launcher') return ['node', LAUNCHER, 'serve']
  return [process.execPath, ...startFlags(), ...nodeFlags, MAIN]
}

/** The flags of `npm start`, so that what is measured is what a user starts. */
function startFlags(): readonly string[] {
  return startScript()
    .split(' ')
    .filter((word) => word.startsWith('--'))
}

/** What `npm start` sets where nobody has set anything else: `NAME="${NAME:-2}"`. */
function startSettings(): Record<string, string> {
  const settings = startScript().matchAll(/(\w+)="\$\{\1:-(\w+)\}"/g)
  return Object.fromEntries([...settings].map(([, name = '', value = '']) => [name, value]))
}

function startScript(): string {
  const { scripts }: { scripts: { start: string } } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  )
  return scripts.start
}

/** Without this clone's own Node in front: npm and the launcher meet the machine's, as in a fresh shell. */
function pathFor(by: StartedBy | undefined): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  if (by !== 'npm' && by !== 'launcher') return folders.join(delimiter)
  return folders.filter((folder) => !folder.includes(`${sep}node_modules${sep}`)).join(delimiter)
}

function listening(child: ChildProcess, ended: Promise<Ended>, output: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => {
      endGroup(child)
      reject(new Error(`the server did not listen within ${START_LIMIT_MS} ms:\n${output()}`))
    }, START_LIMIT_MS)
    child.once('error', reject)
    child.stdout?.on('data', () => {
      const port = /^Upshift is at http:\/\/[^\n]*:(\d+)$/m.exec(output())?.[1]
      if (port === undefined) return
      clearTimeout(limit)
      resolve(Number(port))
    })
    void ended.then(({ code, signal }) => {
      clearTimeout(limit)
      reject(new Error(`the server ended (${signal ?? code}) instead of listening:\n${output()}`))
    })
  })
}

/** SIGKILL to the process and what it started: for what is left at the end of a test or a bench. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
