import type { Verb } from '../contract/verb.ts'
import { OWN_VERBS, optionLines, usageLine } from './help.ts'
import { GLOBAL_OPTIONS } from './words.ts'

/** docs/cli.md: every verb, from the same fields as its help. */
export function referencePage(verbs: readonly Verb[]): string {
  const parts = [
    '# Command reference',
    'This page is generated from the commands themselves by `node src/cli/generate.ts`.',
    'Data goes to standard output, remarks go to standard error. The exit code is 0 for success, 1 for an error, 2 for wrong usage, 3 for a failed gate, 4 for an inconclusive result and 130 for a command that Ctrl-C interrupted.',
    `\`upshift\` without any word is \`upshift serve\`. ${OWN_VERBS.map(ownVerb).join(' ')} In a clone of the source every command is written \`npx upshift\`.`,
    '## Options of every command',
    optionTable(GLOBAL_OPTIONS),
    'With `--json` a command that returns data prints it as one JSON document on standard output. Where it fails, the document is `{"error": {"code": "…", "message": "…"}}`, the message also goes to standard error, and the exit code is the same as without `--json`. `upshift serve` and `upshift help` return no data: what they print is text in either case.',
    ...verbs.flatMap(section),
  ]
  return `${parts.join('\n\n')}\n`
}

function ownVerb({ name, operands, summary }: (typeof OWN_VERBS)[number]): string {
  return `\`${`upshift ${name} ${operands}`.trim()}\`: ${summary}`
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
