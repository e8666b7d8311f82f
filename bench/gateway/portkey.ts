import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from '../process/connection.ts'
import { probeFlags } from './measured.ts'

/** Portkey's gateway, installed on demand into a cache folder outside the project, and started on loopback. */
export const PORTKEY_VERSION = '1.15.2'
/**
 * Its direct parts, as they were when the figures were first taken. Without them a fresh install drifts: with a newer
 * `@hono/node-server` it cannot stream under Node 20. What lies deeper follows the registry, and is printed.
 */
const PARTS = {
  '@aws-crypto/sha256-js': '5.2.0',
  '@cfworker/json-schema': '4.1.6',
  '@hono/node-server': '1.13.5',
  '@hono/node-ws': '1.3.1',
  '@portkey-ai/mustache': '2.1.5',
  '@smithy/signature-v4': '2.3.0',
  'async-retry': '1.3.3',
  avsc: '5.7.9',
  hono: '4.13.19',
  ioredis: '5.11.1',
  jose: '6.2.17',
  ws: '8.23.0',
  zod: '3.25.76',
}
const INSTALL_LIMIT_MS = 120_000
const START_LIMIT_MS = 15_000
const LOOK_EVERY_MS = 5
const OUTPUT_MAX = 4_000

export interface Installed {
  readonly folder: string
  readonly main: string
  /** `name@version` of every package in its tree, sorted. */
  readonly tree: readonly string[]
}

/** Installs it where the cache does not hold it. Throws with npm's words where that fails. */
export async function installPortkey(progress: (text: string) => void): Promise<Installed> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'upshift-bench')
  const folder = join(cache, `portkey-${PORTKEY_VERSION}`)
  if (!existsSync(folder)) {
    progress(`installing @portkey-ai/gateway ${PORTKEY_VERSION} into ${folder}`)
    mkdirSync(cache, { recursive: true })
    const building = mkdtempSync(join(cache, 'installing-'))
    try {
      writeFileSync(join(building, 'package.json'), JSON.stringify(manifest(), null, 2))
      await npmInstall(building)
      // Whole or not at all: a run that was cut off leaves nothing that the next one takes for an install.
      renameSync(building, folder)
    } finally {
      rmSync(building, { recursive: true, force: true })
    }
  }
  const main = join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js')
  if (!existsSync(main)) throw new Error(`${main} is missing: remove ${folder} and run again`)
  return { folder, main, tree: treeOf(folder) }
}

function manifest(): object {
  const dependencies = { '@portkey-ai/gateway': PORTKEY_VERSION }
  return { name: 'upshift-bench-portkey', private: true, dependencies, overrides: PARTS }
}

async function npmInstall(cwd: string): Promise<void> {
  const flags = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--omit=dev',
    '--fetch-retries=1',
    '--loglevel=error',
  ]
  // What `npm run` says about the project that this bench is part of would lead the install there.
  const foreign = /^npm_(package_|lifecycle_|command$|config_(local_prefix|prefix)$)/
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
  const child = spawn('npm', ['install', ...flags], {
    cwd,
    env: { ...env, PATH: machinePath() },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_LIMIT_MS,
  })
  const output = collect(child)
  const [code, signal]: (number | string | null)[] = await once(child, 'close')
  if (code !== 0) throw new Error(`npm install ended with ${signal ?? code}: ${output().trim()}`)
}

function treeOf(folder: string): readonly string[] {
  // A parser: npm wrote this file.
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>
  }
  const all = Object.entries(lock.packages)
  return all
    .flatMap(([path, { version }]) =>
      path === '' ? [] : [`${path.replace(/^.*node_modules\//, '')}@${version}`],
    )
    .sort()
}

export interface Portkey extends AsyncDisposable {
  readonly pid: number
  readonly port: number
  /** The Unix socket of its probe. */
  readonly probe: string
  /** From exec to the first connection that was taken. */
  readonly startMs: number
}

/** Starts it under the given Node. Throws with its output where it ends or does not listen. */
export async function startPortkey(installed: Installed, node: string, probe: string): Promise<Portkey> {
  const port = await freePort()
  const begun = performance.now()
  const child = spawn(node, [...probeFlags(probe, true), installed.main, '--headless', `--port=${port}`], {
    cwd: installed.folder,
    env: { PATH: machinePath(), HOME: installed.folder, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = collect(child)
  const closed = once(child, 'close')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await closed
  }
  while (!(await takes(port))) {
    if (child.exitCode !== null || performance.now() - begun > START_LIMIT_MS) {
      await stop()
      throw new Error(`Portkey did not listen under ${node}: ${output().trim()}`)
    }
    await sleep(LOOK_EVERY_MS)
  }
  const startMs = performance.now() - begun
  if (child.pid === undefined) throw new Error(`${node} was not started`)
  return { pid: child.pid, port, probe, startMs, [Symbol.asyncDispose]: stop }
}

/** The headers that lead its request to the engine. */
export function portkeyHeaders(engine: string): Readonly<Record<string, string>> {
  return { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': engine }
}

/** The machine's own Node, where there is one besides the one that runs this. */
export function machineNode(): readonly string[] {
  return machinePath()
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((path) => path !== process.execPath && existsSync(path))
    .slice(0, 1)
}

function machinePath(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.filter((folder) => !folder.includes(`${sep}node_modules${sep}`)).join(delimiter)
}

async function takes(port: number): Promise<boolean> {
  const connection = await Connection.open(port, false).catch(() => undefined)
  connection?.destroy()
  return connection !== undefined
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}

function collect(child: ChildProcess): () => string {
  let text = ''
  const take = (bytes: Buffer): void => {
    text = (text + bytes).slice(-OUTPUT_MAX)
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  return () => text
}
