import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How a command ended, and what it printed. */
export interface Command {
  /** Null where a signal or the limit ended it. */
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const LIMIT_MS = 300_000
const OUTPUT_BYTES_MAX = 64 * 1_048_576

/** Runs `upshift` with these words on a home, in an environment that holds nothing else. */
export function upshift(
  home: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Command> {
  const around = { PATH: process.env['PATH'] ?? '', HOME: dirname(home), UPSHIFT_HOME: home }
  const options = {
    env: { ...around, UPSHIFT_DISCOVER: 'false', ...env },
    timeout: LIMIT_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  }
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...words], options, (_error, out, err) => {
      resolve({ code: child.exitCode, out, err })
    })
  })
}
