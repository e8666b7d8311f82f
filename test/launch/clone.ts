import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { ROOT } from '../task.ts'

/** What a launched process did. */
export interface Launched {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface LaunchOptions {
  /** Pretends that the Node at hand is 20, so that the launcher has to hand over. */
  readonly old?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Sees the process and what it has printed so far, at each piece of output. */
  readonly watch?: (child: ChildProcess, out: string) => void
}

/** A small clone: our real bin/, a program, and locked packages that come from files, so that no network is needed. */
export interface Clone extends Disposable {
  readonly root: string
  launch(script: string, args: readonly string[], options?: LaunchOptions): Promise<Launched>
  write(path: string, text: string): void
}

/** The package that carries the pinned Node on this platform, from our own manifest. */
export const PINNED = Object.keys(manifest().optionalDependencies).find((name) => {
  return name.endsWith(`${process.platform.replace('win32', 'win')}-${process.arch}`)
})

const OLD = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})`

/** The program says who runs it, and waits for a signal where it is told to. */
const PROGRAM = `
const name: string = process.argv[2] ?? ''
if (name === 'wait') process.on('SIGTERM', () => process.exit(7))
console.log(JSON.stringify({ argv: process.argv.slice(2), exec: process.execPath, entry: process.argv[1] }))
if (name === 'fail') process.exitCode = 3
if (name === 'crash') process.kill(process.pid, 'SIGKILL')
if (name === 'wait') setInterval(() => {}, 1000)
`

/**
 * Makes the clone. Its pinned "Node" is a script that runs this very Node, packed under the real package's
 * name and with this Node's version.
 */
export function createClone(): Clone {
  if (!PINNED) throw new Error(`no pinned Node is published for ${process.platform}-${process.arch}`)
  const root = mkdtempSync(join(tmpdir(), 'upshift-clone-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  cpSync(join(ROOT, 'bin'), join(root, 'bin'), { recursive: true })
  write('src/main.ts', PROGRAM)
  write(
    'pinned/package.json',
    JSON.stringify({ name: PINNED, version: process.versions.node, bin: { node: 'bin/node' } }),
  )
  write('pinned/bin/node', `#!/bin/sh\nexec '${process.execPath}' "$@"\n`)
  chmodSync(join(root, 'pinned/bin/node'), 0o755)
  write('tool/package.json', JSON.stringify({ name: 'a-tool', version: '1.0.0' }))
  npm(root, 'pack', './pinned', './tool')
  const own = {
    name: 'clone',
    version: '1.0.0',
    type: 'module',
    optionalDependencies: { [PINNED]: `file:${PINNED}-${process.versions.node}.tgz` },
    devDependencies: { 'a-tool': 'file:a-tool-1.0.0.tgz' },
  }
  write('package.json', JSON.stringify(own))
  npm(root, 'install', '--package-lock-only', '--ignore-scripts')
  return {
    root,
    write,
    launch: (script, args, options) => launch(root, script, args, options ?? {}),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

function manifest(): { readonly optionalDependencies: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
}

function npm(cwd: string, ...words: readonly string[]): void {
  const ran = spawnSync('npm', words, { cwd, encoding: 'utf8', env: quietEnvironment() })
  if (ran.status !== 0) throw new Error(`npm ${words.join(' ')}: ${ran.error?.message ?? ran.stderr}`)
}

/** Nothing of the npm that runs these tests, no network, and no Node of the clone's own on PATH. */
function quietEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_)/i.test(name))
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((part) => !part.includes('node_modules'))
  const offline = { npm_config_offline: 'true', npm_config_audit: 'false', npm_config_loglevel: 'error' }
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ''])),
    ...offline,
    PATH: path.join(delimiter),
  }
}

async function launch(
  root: string,
  script: string,
  args: readonly string[],
  options: LaunchOptions,
): Promise<Launched> {
  const words = [...(options.old ? ['--import', OLD] : []), join(root, script), ...args]
  const env = { ...quietEnvironment(), ...options.env }
  const child = spawn(process.execPath, words, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (piece: Buffer) => {
    out += piece
    options.watch?.(child, out)
  })
  child.stderr.on('data', (piece: Buffer) => {
    err += piece
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('close', (...end) => resolve(end))
  })
  return { code, signal, out, err }
}
