import type { Verb } from '../contract/verb.ts'
import { optionLines, usageLine } from './help.ts'
import { GLOBAL_OPTIONS } from './words.ts'

/** docs/cli.md: every verb, from the same fields as its help. */
export function referencePage(verbs: readonly Verb[]): string {
  const parts = [
    '# Command reference',
    'This page is generated from the commands themselves by `node src/cli/generate.ts`.',
    'Data goes to standard output, remarks go to standard error. The exit code is 0 for success, 1 for an error, 2 for wrong usage, 3 for a failed gate and 4 for an inconclusive result.',
    '## Options of every command',
    optionTable(GLOBAL_OPTIONS),
    ...verbs.flatMap(section),
  ]
  return `${parts.join('\n\n')}\n`
}

function section(verb: Verb): string[] {
  const parts = [`## upshift ${verb.name}`, verb.summary, fenced([usageLine(verb)])]
  if (verb.details) parts.push(verb.details)
  if (verb.options) parts.push(optionTable(verb.options))
  if (verb.examples?.length) parts.push('Examples:', fenced(verb.examples))
  return parts
}

function optionTable(options: NonNullable<Verb['options']>): string {
  const rows = optionLines(options).map(([left, right]) => `| \`${cell(left)}\` | ${cell(right)} |`)
  return ['| option | meaning |', '|---|---|', ...rows].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function fenced(lines: readonly string[]): string {
  return `\`\`\`sh\n${lines.join('\n')}\n\`\`\``
}
