import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** How many tasks run at once; the test runner uses the same number for its files. */
export const PARALLEL = Math.max(2, availableParallelism())

/** A command whose end says pass or fail. */
export interface Task {
  readonly name: string
  /** A script to run with this Node, or a program. */
  readonly command: string
  readonly args: readonly string[]
  /** What has not ended by then is stopped and has failed. */
  readonly limitMs: number
  /** Passes stdout on as it comes, instead of showing it only on failure. */
  readonly echo?: boolean
}

export interface TaskEnd {
  readonly task: Task
  readonly passed: boolean
  readonly seconds: number
  /** What it printed on both streams, in order. */
  readonly output: string
}

const MINUTE_MS = 60_000
const STOP_MS = 10_000

const tool = (path: string): string => join(ROOT, 'node_modules', path)

/** The checks that read the code without running it. */
export const STATIC_TASKS: readonly Task[] = [
  check('biome', tool('.bin/biome'), ['check', '--error-on-warnings', '.']),
  check('tsc', tool('.bin/tsc'), ['-p', '.']),
  check('knip', process.execPath, [tool('knip/bin/knip.js'), '--no-progress']),
]

function check(name: string, command: string, args: readonly string[]): Task {
  return { name, command, args, limitMs: 5 * MINUTE_MS }
}

/** Runs test files by the test runner, which names the file that was running when the limit stops it. */
export function testTask(globs: readonly string[], limitMinutes: number, echo: boolean): Task {
  const words = ['--test', '--test-reporter=spec', `--test-concurrency=${PARALLEL}`]
  const args = [...words, ...globs]
  return { name: 'tests', command: process.execPath, args, limitMs: limitMinutes * MINUTE_MS, echo }
}

/** Runs the tasks, at most PARALLEL at once, and prints a line for each as it ends; failures with all their output. */
export async function runTasks(tasks: readonly Task[]): Promise<readonly TaskEnd[]> {
  const waiting = [...tasks]
  const ends: TaskEnd[] = []
  const lane = async (): Promise<void> => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const end = await runTask(task)
      ends.push(end)
      print(end)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, lane))
  return ends
}

function print({ task, passed, seconds, output }: TaskEnd): void {
  const line = `${passed ? 'ok  ' : 'FAIL'} ${task.name.padEnd(8)} ${seconds.toFixed(1).padStart(5)} s`
  const total = testTotal(output)
  process.stdout.write(`${line}${total === null ? '' : `   ${total} tests`}\n`)
  if (!passed) process.stdout.write(`${output.trimEnd()}\n`)
}

export async function runTask(task: Task): Promise<TaskEnd> {
  const begun = performance.now()
  const child = spawn(task.command, task.args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let inTime = true
  const stop = setTimeout(() => {
    inTime = false
    output += `${task.name} was stopped: it had not ended after ${task.limitMs / MINUTE_MS} minutes\n`
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref()
  }, task.limitMs)
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
    if (task.echo) process.stdout.write(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
    if (task.echo) process.stderr.write(chunk)
  })
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += `${task.command} does not start: ${error.message}\n`
      resolve(null)
    })
    child.on('close', resolve)
  })
  clearTimeout(stop)
  return { task, passed: inTime && code === 0, seconds: (performance.now() - begun) / 1000, output }
}

/** The total that the test runner's spec reporter prints in its closing lines; null where there is none. */
export function testTotal(output: string): number | null {
  const match = /^ℹ tests (\d+)$/m.exec(output)
  return match ? Number(match[1]) : null
}
