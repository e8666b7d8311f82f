import type { Readable, Writable } from 'node:stream'
import type { PageFetcher } from './page.ts'

/** A server's answer to the CLI: the running one's, over its control socket, or this process's own. */
export interface ServerReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Raw bytes as they arrive. */
  readonly body: Readable
}

/** Talks to the home's server as its owner. Where none runs, the call is handled inside this process. */
export interface ServerPort {
  /** True where another process serves this home. */
  readonly running: boolean
  call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<ServerReply>
}

export interface VerbOption {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  readonly summary: string
  /** Shown in the help as `--name VALUE`. */
  readonly value?: string
}

export type Flags = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

export interface VerbContext {
  readonly args: readonly string[]
  readonly flags: Flags
  /** stdout is data, stderr is chatter. */
  readonly out: Writable
  readonly err: Writable
  readonly stdin: Readable
  /** True with `--json`: print one JSON document and nothing else on stdout. */
  readonly json: boolean
  /** How the program was started, for commands to run next: `npx upshift` in a clone; absent: `upshift`. */
  readonly program?: string
  /** True where stdout is a terminal that wants colour (NO_COLOR and --json respected). */
  readonly colour: boolean
  readonly signal: AbortSignal
  /** The home's folder, as configured: for verbs that read its files and need no server. */
  home(): Promise<string>
  /** Opens what fetches pages that the configuration allows; absent where a command is run without a network. */
  pages?(): Promise<PageFetcher>
  /** Whether a reranker is configured; absent where a command is run without a configuration. */
  reranks?(): Promise<boolean>
  /** Opens the port to the server; called only by verbs that need it. */
  server(): Promise<ServerPort>
}

/** Exit codes: 0 ok, 1 error, 2 usage, 3 a gate failed, 4 inconclusive, 130 interrupted (128 + SIGINT). */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 130

/** The words of a command were wrong. The shell tells it in one sentence with where to read more, and ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** One command of the CLI: `keys create`. Help and the reference in docs/ are generated from these fields. */
export interface Verb {
  readonly name: string
  readonly summary: string
  /** The positional arguments as shown in the help: `ID`, `[QUESTION...]`. */
  readonly operands?: string
  readonly options?: Readonly<Record<string, VerbOption>>
  /** More than the summary, in sentences; wrapped by the shell. */
  readonly details?: string
  readonly examples?: readonly string[]
  run(context: VerbContext): Promise<ExitCode>
}

/** A command stands at the start of a line, after `Usage: `, a backtick, a pipe, or in `$(…)`. */
const COMMAND = /(?<=^|^Usage: |`|\| |\$\()upshift(?=[ `])/gm

/** The text with every command in it as it must be typed where the program was started as `program`. */
export function asStarted(text: string, program = 'upshift'): string {
  return program === 'upshift' ? text : text.replace(COMMAND, program)
}
