import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { Verb, VerbContext } from '../contract/verb.ts'
import { textTable } from '../lib/table.ts'
import { readConfig, readOneFile, type Source, wordsOf } from './load.ts'
import { publishedSchema } from './publish.ts'
import { SECTIONS } from './sections.ts'
import { isMapping, type Sections } from './shape.ts'
import type { Surroundings } from './surroundings.ts'

/** What the process stands in. The environment is read here and in main, nowhere else. */
type Around = () => Omit<Surroundings, 'flags'>

export const verbs: readonly Verb[] = configVerbs(SECTIONS, () => ({
  env: process.env,
  cwd: process.cwd(),
  homedir: homedir(),
}))

/** The verbs over any sections and surroundings. */
export function configVerbs(sections: Sections, around: Around): readonly Verb[] {
  return [
    {
      name: 'config explain',
      summary: 'Show every value of the configuration and where it came from.',
      operands: '[PATH]',
      details:
        'PATH limits the list to a section or a value. Secrets are named by their place and never shown.',
      examples: ['upshift config explain', 'upshift config explain server.port'],
      run: (context) => explain(context, sections, around),
    },
    {
      name: 'config check',
      summary: 'Look for mistakes in the configuration.',
      operands: '[FILE]',
      details: 'With FILE only that file is looked at; without it all that the server would read.',
      examples: ['upshift config check', 'upshift config check deploy/upshift.yaml'],
      run: (context) => check(context, sections, around),
    },
    {
      name: 'config schema',
      summary: 'Print the JSON Schema of upshift.yaml.',
      examples: ['upshift config schema > upshift.schema.json'],
      run: async (context) => {
        if (context.args.length > 0) return usage(context, 'config schema takes no arguments')
        context.out.write(publishedSchema(sections))
        return 0
      },
    },
  ]
}

async function explain(context: VerbContext, sections: Sections, around: Around): Promise<0 | 1 | 2> {
  const [path, ...rest] = context.args
  if (rest.length > 0) return usage(context, 'config explain takes at most one PATH')
  const read = readConfig(sections, { ...around(), flags: context.flags })
  if (read.type === 'invalid') {
    context.err.write(`${wordsOf(read.complaints)}\n`)
    return 1
  }
  for (const warning of read.warnings) context.err.write(`${warning}\n`)
  const wanted = [...read.sources].filter(([name]) => path === undefined || isWithin(name, path))
  if (wanted.length === 0)
    return usage(context, `There is no value ${path}: \`upshift config explain\` lists all`)
  if (context.json) {
    const values = wanted.map(([name, source]) => ({ path: name, ...source }))
    context.out.write(`${JSON.stringify({ files: read.files, values })}\n`)
    return 0
  }
  const rows = wanted.map(([name, source]) => [name, shown(source), source.from])
  context.out.write(textTable(['PATH', 'VALUE', 'SOURCE'], rows))
  return 0
}

async function check(context: VerbContext, sections: Sections, around: Around): Promise<0 | 1 | 2> {
  const [file, ...rest] = context.args
  if (rest.length > 0) return usage(context, 'config check takes at most one FILE')
  const surroundings = { ...around(), flags: context.flags }
  const read =
    file === undefined
      ? readConfig(sections, surroundings)
      : readOneFile(sections, resolve(surroundings.cwd, file), surroundings)
  const complaints = read.type === 'invalid' ? read.complaints : []
  if (context.json) context.out.write(`${JSON.stringify({ valid: complaints.length === 0, complaints })}\n`)
  else if (read.type === 'invalid') context.err.write(`${wordsOf(complaints)}\n`)
  else context.out.write(`The configuration is valid (${read.files.join(', ') || 'no file: defaults'}).\n`)
  return complaints.length === 0 ? 0 : 1
}

function isWithin(name: string, path: string): boolean {
  return name === path || name.startsWith(`${path}.`) || name.startsWith(`${path}[`)
}

function shown({ value, secret }: Source): string {
  if (value === undefined) return '(not set)'
  if (!secret) return JSON.stringify(value)
  // A secret's value here is only its reference: { env } or { file }.
  const [kind, place] = (isMapping(value) ? Object.entries(value)[0] : undefined) ?? ['nowhere', '']
  return `(set, from ${kind} ${place})`
}

function usage(context: VerbContext, message: string): 2 {
  context.err.write(`${message}. See \`upshift help config\`.\n`)
  return 2
}
