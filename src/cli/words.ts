import { parseArgs } from 'node:util'
import { type Flags, UsageError, type Verb, type VerbOption } from '../contract/verb.ts'
import { nearest } from '../lib/nearest.ts'

/** The options that every verb takes. */
export const GLOBAL_OPTIONS: Readonly<Record<string, VerbOption>> = {
  json: {
    type: 'boolean',
    summary: 'Print one JSON document on stdout, also for an error. For commands that return data.',
  },
  home: { type: 'string', value: 'DIR', summary: 'Folder for all state; default: ~/.upshift.' },
  config: {
    type: 'string',
    value: 'FILE',
    summary: 'Read this configuration file instead of ./upshift.yaml.',
  },
  help: { type: 'boolean', short: 'h', summary: 'Explain the command.' },
}

/** `--version` belongs to the program, not to a verb. */
const PROGRAM_OPTIONS: Readonly<Record<string, VerbOption>> = {
  ...GLOBAL_OPTIONS,
  version: { type: 'boolean', short: 'V', summary: 'Print the version.' },
}

/** The other short form of `--version`. */
const VERSION_TOO = '-v'

export interface Words {
  readonly flags: Flags
  readonly args: readonly string[]
}

export interface Split {
  /** The verb that the leading words name, the longest that fits. */
  readonly verb: string | undefined
  /** The leading words, as far as they could be a verb's name. */
  readonly lead: readonly string[]
  /** Everything but the verb's own words. */
  readonly rest: readonly string[]
}

/** True where the words ask for JSON, however wrong they may be otherwise. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json')
}

/** Finds the verb; global options may stand before it. */
export function splitVerb(argv: readonly string[], names: readonly string[]): Split {
  const most = Math.max(...names.map((name) => name.split(' ').length))
  const places: number[] = []
  for (let at = 0; at < argv.length && places.length < most; at++) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-')) places.push(at)
    else if (takesNextWord(word)) at++
    else if (!isGlobal(word)) break
  }
  const lead = places.map((at) => argv[at] ?? '')
  for (let count = lead.length; count > 0; count--) {
    const verb = lead.slice(0, count).join(' ')
    if (!names.includes(verb)) continue
    const own = new Set(places.slice(0, count))
    return { verb, lead, rest: argv.filter((_, at) => !own.has(at)) }
  }
  return { verb: undefined, lead, rest: argv.filter((_, at) => !places.includes(at)) }
}

function takesNextWord(word: string): boolean {
  return word.startsWith('--') && PROGRAM_OPTIONS[word.slice(2)]?.type === 'string'
}

function isGlobal(word: string): boolean {
  if (word === VERSION_TOO) return true
  const name = word.replace(/^--?/, '').split('=')[0] ?? ''
  if (word.startsWith('--')) return Object.hasOwn(PROGRAM_OPTIONS, name)
  return Object.values(PROGRAM_OPTIONS).some((option) => option.short === name)
}

/** The options of the program itself, where no verb was named, and what is left. Throws UsageError. */
export function readProgramWords(argv: readonly string[]): Words {
  return readWords(
    argv.map((word) => (word === VERSION_TOO ? '--version' : word)),
    PROGRAM_OPTIONS,
  )
}

/** A verb's flags and operands, global options included. Throws UsageError. */
export function readVerbWords(verb: Verb, argv: readonly string[]): Words {
  const words = readWords(argv, { ...GLOBAL_OPTIONS, ...verb.options })
  if (words.flags['help'] !== true) checkOperands(verb, words.args)
  return words
}

function readWords(argv: readonly string[], options: Readonly<Record<string, VerbOption>>): Words {
  const known = Object.entries(options).map(([name, { type, short, multiple }]) => {
    return [name, { type, ...(short ? { short } : {}), ...(multiple ? { multiple } : {}) }] as const
  })
  const parsed = parseArgs({
    args: [...argv],
    options: Object.fromEntries(known),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined
    if (!option) throw new UsageError(unknownOption(token.rawName, options))
    if (option.type === 'boolean' && token.value !== undefined) {
      throw new UsageError(`--${token.name} takes no value; write it alone`)
    }
    const bare = token.value === undefined || (!token.inlineValue && isKnownOption(token.value, options))
    if (option.type === 'string' && bare) {
      throw new UsageError(`--${token.name} needs a value: --${token.name} ${option.value ?? 'VALUE'}`)
    }
  }
  const flags: Flags = { ...parsed.values }
  return { flags, args: parsed.positionals }
}

function isKnownOption(word: string, options: Readonly<Record<string, VerbOption>>): boolean {
  return word.startsWith('--') && Object.hasOwn(options, word.slice(2))
}

function unknownOption(raw: string, options: Readonly<Record<string, VerbOption>>): string {
  const near = nearest(raw.replace(/^-+/, ''), Object.keys(options))
  return `there is no option ${raw}${near ? `; did you mean --${near}?` : ''}`
}

/** `NAME` must be there, `[NAME]` may, and `...` takes any number. */
function checkOperands(verb: Verb, args: readonly string[]): void {
  const operands = verb.operands?.split(' ') ?? []
  const needed = operands.filter((one) => !one.startsWith('['))
  const missing = needed[args.length]
  if (missing) throw new UsageError(`\`upshift ${verb.name}\` needs ${missing}`)
  const unbounded = operands.some((one) => one.includes('...'))
  if (unbounded || args.length <= operands.length) return
  const takes = operands.length === 0 ? 'no arguments' : operands.join(' ')
  throw new UsageError(`\`upshift ${verb.name}\` takes ${takes}; "${args[operands.length]}" is too much`)
}
