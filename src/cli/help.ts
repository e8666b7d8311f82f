import { asStarted, type Verb, type VerbOption } from '../contract/verb.ts'
import type { Catalogue, CatalogueEntry } from './catalogue.ts'
import { GLOBAL_OPTIONS } from './words.ts'

const WIDTH_MIN = 40
const WIDTH_MAX = 100
const WIDTH_DEFAULT = 80

/** What a terminal of `columns` shows well; a pipe gets 80. */
export function helpWidth(columns: number | undefined): number {
  return Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, columns ?? WIDTH_DEFAULT))
}

/** How help is printed. */
export interface HelpStyle {
  /** Columns. */
  readonly width: number
  /** How the program was started: `upshift`, `npx upshift`. */
  readonly program: string
}

/** The shell's own verbs, which no room exports. */
export const OWN_VERBS = [
  { name: 'help', operands: '[COMMAND]', summary: 'Explain the program, or one command.' },
  {
    name: 'version',
    operands: '',
    summary: 'Print the version; so do the options --version, -V and -v.',
  },
] as const

/** `upshift help`: every verb in a line. */
export function programHelp(catalogue: Catalogue, version: string, { width, program }: HelpStyle): string {
  const own = OWN_VERBS.map(({ name, operands, summary }) => [`${name} ${operands}`.trim(), summary] as const)
  const text = [
    wrapped(`Upshift ${version}: answers AI requests with the cheapest thing that will do.`, width),
    '',
    'Usage: upshift [COMMAND] [options]',
    '',
    'Commands:',
    listed([...catalogue.map(line), ...own], width),
    '',
    'Options of every command:',
    listed(optionLines(GLOBAL_OPTIONS), width),
    '',
    wrapped(
      asStarted('`upshift` alone is `upshift serve`. `upshift help COMMAND` explains a command.', program),
      width,
    ),
    '',
  ]
  return asStarted(text.join('\n'), program)
}

/** `upshift help keys`: the verbs of one group. */
export function groupHelp(
  group: string,
  entries: readonly CatalogueEntry[],
  { width, program }: HelpStyle,
): string {
  const text = [
    `Usage: upshift ${group} COMMAND [options]`,
    '',
    'Commands:',
    listed(entries.map(line), width),
    '',
  ]
  return asStarted(text.join('\n'), program)
}

/** `upshift help keys create`. */
export function verbHelp(verb: Verb, { width, program }: HelpStyle): string {
  const prose = (text: string): string => wrapped(asStarted(text, program), width)
  const parts = [asStarted(`Usage: ${usageLine(verb)}`, program), '', prose(verb.summary)]
  if (verb.details) parts.push('', prose(verb.details))
  if (verb.options) parts.push('', 'Options:', listed(optionLines(verb.options), width))
  parts.push('', 'Options of every command:', listed(optionLines(GLOBAL_OPTIONS), width))
  if (verb.examples?.length) {
    parts.push('', 'Examples:', ...verb.examples.map((one) => `  ${asStarted(one, program)}`))
  }
  return `${parts.join('\n')}\n`
}

export function usageLine(verb: Verb): string {
  return ['upshift', verb.name, verb.operands, '[options]'].filter(Boolean).join(' ')
}

/** `-m, --model NAME` and its summary, in the order of their declaration. */
export function optionLines(options: Readonly<Record<string, VerbOption>>): (readonly [string, string])[] {
  return Object.entries(options).map(([name, option]) => {
    const short = option.short ? `-${option.short}, ` : ''
    const value = option.type === 'string' ? ` ${option.value ?? 'VALUE'}` : ''
    return [`${short}--${name}${value}`, option.summary]
  })
}

function line(entry: CatalogueEntry): readonly [string, string] {
  return [entry.name, entry.summary]
}

function listed(lines: readonly (readonly [string, string])[], width: number): string {
  const indent = Math.max(...lines.map(([left]) => left.length)) + 4
  const rows = lines.map(([left, right]) => {
    const [first = '', ...more] = wrapped(right, Math.max(WIDTH_MIN / 2, width - indent)).split('\n')
    return [`  ${left}`.padEnd(indent) + first, ...more.map((text) => ' '.repeat(indent) + text)].join('\n')
  })
  return rows.join('\n')
}

/** Breaks at spaces; a word longer than the width stands alone. */
function wrapped(text: string, width: number): string {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(/\s+/)) {
    if (current && current.length + 1 + word.length > width) {
      lines.push(current)
      current = word
    } else current = current ? `${current} ${word}` : word
  }
  return [...lines, current].join('\n')
}
