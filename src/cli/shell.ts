import type { Readable } from 'node:stream'
import type { PageFetcher } from '../contract/page.ts'
import { type ExitCode, type ServerPort, UsageError } from '../contract/verb.ts'
import { nearest } from '../lib/nearest.ts'
import type { Catalogue } from './catalogue.ts'
import { type Course, complain, type Fault, faultOf, INTERRUPTED, type Terminal } from './fault.ts'
import { groupHelp, type HelpStyle, helpWidth, OWN_VERBS, programHelp, verbHelp } from './help.ts'
import { asksForJson, readProgramWords, readVerbWords, splitVerb } from './words.ts'

export interface Cli {
  /** The words after the program's name. */
  readonly argv: readonly string[]
  /** How the program was started, as it stands in front of those words: `upshift`, `npx upshift`. */
  readonly program: string
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
  /** The home's folder as configured. */
  homeOf(where: ServerWhere): Promise<string>
  /** What fetches pages as configured. */
  pagesOf(where: ServerWhere): Promise<PageFetcher>
  /** Whether a reranker is configured. */
  reranksOf(where: ServerWhere): Promise<boolean>
}

/** The global options that say which server is meant; undefined: as configured. */
export interface ServerWhere {
  readonly home: string | undefined
  readonly config: string | undefined
}

/**
 * Runs one command and resolves to its exit code; never throws and never exits. Errors are told on stderr, with
 * --json also as the one document on stdout: an UpshiftError by its message, wrong words with a hint (2), Ctrl-C
 * in a line (130), anything else as a bug with its stack. A reader that closes stdout early (`| head`) ends the
 * command quietly with 0.
 */
export async function runCli(cli: Cli): Promise<ExitCode> {
  const output = watch(cli.stdout)
  const course: Course = { verb: undefined, opened: false, returned: false }
  const tell = (fault: Fault): ExitCode =>
    complain(cli, fault, asksForJson(cli.argv) && !course.returned && output.fault() === undefined)
  try {
    const code = await dispatch(cli, AbortSignal.any([cli.signal, output.signal]), course)
    if (output.fault() !== undefined) return endOfOutput(output.fault(), tell)
    return code !== 0 && cli.signal.aborted ? tell(INTERRUPTED) : code
  } catch (error) {
    if (cli.signal.aborted) return tell(INTERRUPTED)
    if (output.fault() !== undefined) return endOfOutput(output.fault(), tell)
    return tell(faultOf(error, course, cli.version))
  } finally {
    output.unwatch()
  }
}

async function dispatch(cli: Cli, signal: AbortSignal, course: Course): Promise<ExitCode> {
  const names = [...cli.catalogue.map((entry) => entry.name), ...OWN_NAMES]
  const { verb: name, lead, rest } = splitVerb(cli.argv, names)
  if (name === 'version') return tellVersion(cli, rest.includes('--json'))
  if (name === 'help') return help(cli, readProgramWords(rest).args)
  const entry = cli.catalogue.find((one) => one.name === name)
  if (!entry) return withoutVerb(cli, lead, rest)

  course.verb = entry.name
  const verb = await entry.load()
  const { flags, args } = readVerbWords(verb, rest)
  if (flags['help'] === true) return tell(cli, verbHelp(verb, styleOf(cli, cli.stdout)))
  const json = flags['json'] === true
  const where: ServerWhere = { home: text(flags['home']), config: text(flags['config']) }
  await using server = serverOnce(cli, where, course)
  const code = await verb.run({
    args,
    flags,
    out: cli.stdout,
    err: cli.stderr,
    stdin: cli.stdin,
    json,
    colour: cli.stdout.isTTY === true && !json && !cli.env['NO_COLOR'] && cli.env['TERM'] !== 'dumb',
    program: cli.program,
    signal,
    home: () => cli.homeOf(where),
    pages: () => cli.pagesOf(where),
    reranks: () => cli.reranksOf(where),
    server: server.open,
  })
  course.returned = true
  return code
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
  if (asksForJson(rest)) {
    const words = group.map((entry) => entry.name.slice(first.length + 1))
    throw new UsageError(`\`upshift ${first}\` needs one of ${words.join(', ')}`)
  }
  cli.stderr.write(groupHelp(first, group, styleOf(cli, cli.stderr)))
  return 2
}

/** `help`, `help keys`, `help keys create`. */
async function help(cli: Cli, words: readonly string[]): Promise<ExitCode> {
  const style = styleOf(cli, cli.stdout)
  const name = words.join(' ')
  if (name === '' || OWN_NAMES.includes(name))
    return tell(cli, programHelp(cli.catalogue, cli.version, style))
  const entry = cli.catalogue.find((one) => one.name === name)
  if (entry) return tell(cli, verbHelp(await entry.load(), style))
  const group = cli.catalogue.filter((one) => one.name.startsWith(`${name} `))
  if (group.length === 0) throw new UsageError(unknownVerb(cli.catalogue, words))
  return tell(cli, groupHelp(name, group, style))
}

function unknownVerb(catalogue: Catalogue, lead: readonly string[]): string {
  const names = catalogue.map((entry) => entry.name)
  const groups = names.filter((name) => name.includes(' ')).map((name) => name.split(' ')[0] ?? '')
  const near = nearest(lead.join(' '), names) ?? nearest(lead[0] ?? '', [...names, ...groups, ...OWN_NAMES])
  const known = near ? `; did you mean \`upshift ${near}\`?` : ''
  const said = names.some((name) => name.startsWith(`${lead[0]} `)) ? lead.join(' ') : lead[0]
  return `there is no command \`${said}\`${known}`
}

/** The verbs that are the shell's own. */
const OWN_NAMES: readonly string[] = OWN_VERBS.map(({ name }) => name)

function styleOf({ program }: Cli, { columns }: Terminal): HelpStyle {
  return { width: helpWidth(columns), program }
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

function text(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}

/** One port however often a verb asks for it; disposing closes it where it was opened. */
function serverOnce(cli: Cli, where: ServerWhere, course: Course) {
  let opening: Promise<ServerPort & Partial<AsyncDisposable>> | undefined
  let opened: Awaited<typeof opening>
  return {
    open: async (): Promise<ServerPort> => {
      opening ??= cli.openServer(where)
      opened = await opening
      course.opened = true
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

function endOfOutput(
  fault: (Error & { code?: string }) | undefined,
  tell: (fault: Fault) => ExitCode,
): ExitCode {
  if (fault?.code === 'EPIPE') return 0
  const message = `the output cannot be written: ${fault?.message}. Free the disk or write elsewhere.`
  return tell({ code: 'output', message, exit: 1 })
}
