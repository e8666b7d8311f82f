import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_MS = 20_000
const STOP_MS = 20_000

export interface ServerOptions {
  /** What stands in upshift.yaml; JSON is YAML. Absent: there is no such file. */
  readonly config?: unknown
  /** Added to an environment that holds nothing but PATH and the folders of this test. */
  readonly env?: Readonly<Record<string, string>>
  /** A home that an earlier server has left; a fresh one where absent. */
  readonly home?: string
}

/** A real server process. Disposing stops it and removes its folders. */
export interface RunningServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly address: string
  /** The owner's key. */
  readonly key: string
  readonly home: string
  readonly pid: number
  /** What it has printed so far, on both streams. */
  output(): string
  /** True while the process lives. */
  alive(): boolean
  /** SIGTERM, and its exit code once everything is drained. */
  stop(): Promise<number | null>
  /** SIGKILL: nothing is drained, and the home stays for a restart. */
  kill(): Promise<void>
}

/** Starts the server as `npm start` does, on a port of the system's choice, and waits until it says where it is. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'upshift-process-'))
  const home = options.home ?? join(folder, 'home')
  const words = [join(ROOT, 'src/main.ts'), 'serve']
  if (options.config !== undefined) {
    const file = join(folder, 'upshift.yaml')
    writeFileSync(file, JSON.stringify(options.config))
    words.push('--config', file)
  }
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, UPSHIFT_HOME: home, PORT: '0', ...options.env }
  const child = spawn(process.execPath, words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = new Printed(child)
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const address = await printed.waitFor(/Upshift is at (http:\/\/\S+)/)
    const key = readFileSync(join(home, 'owner.key'), 'utf8').trim()
    return new Running(child, exited, printed, { address, key, home }, remove)
  } catch (error) {
    child.kill('SIGKILL')
    await exited
    remove()
    throw error
  }
}

class Printed {
  text = ''
  private readonly child: ChildProcess

  constructor(child: ChildProcess) {
    this.child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.text += text
      })
    }
  }

  waitFor(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const failed = (why: string) => (): void => {
        clearTimeout(timer)
        reject(new Error(`The server ${why}. It printed:\n${this.text}`))
      }
      const timer = setTimeout(failed(`did not start within ${START_MS} ms`), START_MS)
      const look = (): void => {
        const found = pattern.exec(this.text)?.[1]
        if (found === undefined) return
        clearTimeout(timer)
        resolve(found)
      }
      this.child.stdout?.on('data', look)
      this.child.once('close', failed('ended before it was up'))
    })
  }
}

class Running implements RunningServer {
  readonly address: string
  readonly key: string
  readonly home: string
  readonly pid: number
  private readonly child: ChildProcess
  private readonly exited: Promise<number | null>
  private readonly printed: Printed
  private readonly remove: () => void

  constructor(
    child: ChildProcess,
    exited: Promise<number | null>,
    printed: Printed,
    facts: { readonly address: string; readonly key: string; readonly home: string },
    remove: () => void,
  ) {
    this.child = child
    this.exited = exited
    this.printed = printed
    this.address = facts.address
    this.key = facts.key
    this.home = facts.home
    this.pid = child.pid ?? 0
    this.remove = remove
  }

  output(): string {
    return this.printed.text
  }

  alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    const code = await this.exited
    clearTimeout(timer)
    return code
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.alive()) await this.stop()
    this.remove()
  }
}
