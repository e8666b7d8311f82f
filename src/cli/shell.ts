import type { Readable, Writable } from 'node:stream'
import { UpshiftError } from '../contract/problem.ts'
import type { ExitCode, ServerPort } from '../contract/verb.ts'
import { nearest } from '../lib/nearest.ts'
import type { Catalogue } from './catalogue.ts'
import { groupHelp, helpWidth, programHelp, verbHelp } from './help.ts'
import { readProgramWords, readVerbWords, splitVerb, UsageError } from './words.ts'

/** A stream that may be a terminal. */
export type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number }

export interface Cli {
  /** The words after the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Data. */
  readonly stdout: Terminal
  /** Chatter. */
  readonly stderr: Terminal
  readonly stdin: Readable
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal
  readonly catalogue: Catalogue
  readonly version: string
  /** Opens the home's server, or handles calls inside this process; closed when the verb has ended. */
  openServer(where: ServerWhere): Promise<ServerPort & Partial<AsyncDisposable>>
}

/** The global options that say which server is meant; undefined: as configured. */
export interface ServerWhere {
  readonly home: string | undefined
  readonly config: string | undefined
}

/**
 * Runs one command and resolves to its exit code; never throws and never exits. Errors are told on stderr:
 * an UpshiftError by its message, wrong words with a hint (2), anything else as a bug with its stack. A reader
 * that closes stdout early (`| head`) ends the command quietly with 0.
 */
export async function runCli(cli: Cli): Promise<ExitCode> {
  const output = watch(cli.stdout)
  try {
    const code = await dispatch(cli, AbortSignal.any([cli.signal, output.signal]))
    return output.fault() === undefined ? code : endOfOutput(cli, output.fault())
  } catch (error) {
    if (output.fault() !== undefined) return endOfOutput(cli, output.fault())
    if (error instanceof UsageError)
      return complain(cli, /[.?]$/.test(error.message) ? error.message : `${error.message}.`, 2)
    if (cli.signal.aborted) return complain(cli, 'interrupted.', 1)
    if (error instanceof UpshiftError) return complain(cli, error.message, 1)
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    cli.stderr.write(`${stack}\n`)
    return complain(cli, `this is a bug in Upshift ${cli.version}. Please report it with the lines above.`, 1)
  } finally {
    output.unwatch()
  }
}

async function dispatch(cli: Cli, signal: AbortSignal): Promise<ExitCode> {
  const names = [...cli.catalogue.map((entry) => entry.name), 'help', 'version']
  const { verb: name, lead, rest } = splitVerb(cli.argv, names)
  if (name === 'version') return tellVersion(cli, rest.includes('--json'))
  if (name === 'help') return help(cli, readProgramWords(rest).args)
  const entry = cli.catalogue.find((one) => one.name === name)
  if (!entry) return withoutVerb(cli, lead, rest)

  const verb = await entry.load()
  const { flags, args } = readVerbWords(verb, rest)
  if (flags['help'] === true) return tell(cli, verbHelp(verb, helpWidth(cli.stdout.columns)))
  const json = flags['json'] === true
  await using server = serverOnce(cli, { home: text(flags['home']), config: text(flags['config']) })
  return await verb.run({
    args,
    flags,
    out: cli.stdout,
    err: cli.stderr,
    stdin: cli.stdin,
    json,
    colour: cli.stdout.isTTY === true && !json && !cli.env['NO_COLOR'] && cli.env['TERM'] !== 'dumb',
    signal,
    server: server.open,
  })
}

/** No verb was named: the program's own options, a group's help, or a mistake. */
async function withoutVerb(cli: Cli, lead: readonly string[], rest: readonly string[]): Promise<ExitCode> {
  const [first, ...more] = lead
  if (first === undefined) {
    const { flags } = readProgramWords(rest)
    return flags['version'] === true ? tellVersion(cli, flags['json'] === true) : help(cli, [])
  }
  const group = cli.catalogue.filter((entry) => entry.name.startsWith(`${first} `))
  if (group.length === 0 || more.length > 0) throw new UsageError(unknownVerb(cli.catalogue, lead))
  if (rest.includes('--help') || rest.includes('-h')) return help(cli, [first])
  cli.stderr.write(groupHelp(first, group, helpWidth(cli.stderr.columns)))
  return 2
}

/** `help`, `help keys`, `help keys create`. */
async function help(cli: Cli, words: readonly string[]): Promise<ExitCode> {
  const width = helpWidth(cli.stdout.columns)
  const name = words.join(' ')
  if (name === '') return tell(cli, programHelp(cli.catalogue, cli.version, width))
  const entry = cli.catalogue.find((one) => one.name === name)
  if (entry) return tell(cli, verbHelp(await entry.load(), width))
  const group = cli.catalogue.filter((one) => one.name.startsWith(`${name} `))
  if (group.length === 0) throw new UsageError(unknownVerb(cli.catalogue, words))
  return tell(cli, groupHelp(name, group, width))
}

function unknownVerb(catalogue: Catalogue, lead: readonly string[]): string {
  const names = catalogue.map((entry) => entry.name)
  const groups = names.filter((name) => name.includes(' ')).map((name) => name.split(' ')[0] ?? '')
  const near =
    nearest(lead.join(' '), names) ?? nearest(lead[0] ?? '', [...names, ...groups, 'help', 'version'])
  const known = near ? `; did you mean \`upshift ${near}\`?` : ''
  const said = names.some((name) => name.startsWith(`${lead[0]} `)) ? lead.join(' ') : lead[0]
  return `there is no command \`${said}\`${known}`
}

function tell(cli: Cli, said: string): ExitCode {
  cli.stdout.write(said)
  return 0
}

function tellVersion(cli: Cli, json: boolean): ExitCode {
  const node = process.versions.node
  if (json) return tell(cli, `${JSON.stringify({ version: cli.version, node })}\n`)
  return tell(cli, `upshift ${cli.version} (node ${node})\n`)
}

function complain(cli: Cli, said: string, code: ExitCode): ExitCode {
  const hint = code === 2 ? ' `upshift help` lists what there is.' : ''
  cli.stderr.write(`upshift: ${said}${hint}\n`)
  return code
}

function text(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}

/** One port however often a verb asks for it; disposing closes it where it was opened. */
function serverOnce(cli: Cli, where: ServerWhere) {
  let opening: Promise<ServerPort & Partial<AsyncDisposable>> | undefined
  let opened: Awaited<typeof opening>
  return {
    open: async (): Promise<ServerPort> => {
      opening ??= cli.openServer(where)
      opened = await opening
      return opened
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await opened?.[Symbol.asyncDispose]?.()
    },
  }
}

/** Aborts the verb when nobody reads its output any more, or it cannot be written. */
function watch(stdout: Terminal) {
  const controller = new AbortController()
  let fault: (Error & { code?: string }) | undefined
  const onError = (error: Error): void => {
    fault ??= error
    controller.abort(error)
  }
  stdout.on('error', onError)
  return {
    signal: controller.signal,
    fault: () => fault,
    unwatch: () => setImmediate(() => stdout.off('error', onError)),
  }
}

function endOfOutput(cli: Cli, fault: (Error & { code?: string }) | undefined): ExitCode {
  if (fault?.code === 'EPIPE') return 0
  return complain(
    cli,
    `the output cannot be written: ${fault?.message}. Free the disk or write elsewhere.`,
    1,
  )
}
