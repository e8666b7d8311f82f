import { homedir } from 'node:os'
import { resolve } from 'node:path'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { expectJson } from '../contract/reply.ts'
import { secretSchema } from '../contract/section.ts'
import { UsageError, type Verb, type VerbContext } from '../contract/verb.ts'
import { textTable } from '../lib/table.ts'
import {
  checkConfig,
  type Invalid,
  type Loaded,
  loadConfig,
  readOneFile,
  type Source,
  wordsOf,
} from './load.ts'
import { publishedSchema } from './publish.ts'
import { readSecretFile, resolveSecret } from './secret.ts'
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
      details:
        'With FILE only that file is looked at; without it all that the server would read, values that a flag or ' +
        'a variable masks included. A variable that looks like one of ours and sets nothing is a warning, and so is a ' +
        'secret that cannot be read here.',
      examples: ['upshift config check', 'upshift config check deploy/upshift.yaml'],
      run: (context) => check(context, sections, around),
    },
    {
      name: 'config reload',
      summary: 'Let the running server read its configuration again.',
      details:
        'Engines, routing, rules of the guard: in force at once, and nothing that runs is cut off. What needs a restart ' +
        'is listed. With a fault in it nothing changes. SIGHUP does the same.',
      examples: ['upshift config reload'],
      run: reload,
    },
    {
      name: 'config schema',
      summary: 'Print the JSON Schema of upshift.yaml.',
      examples: ['upshift config schema > upshift.schema.json'],
      run: async (context) => {
        context.out.write(publishedSchema(sections))
        return 0
      },
    },
  ]
}

const reloadReply = z.object({
  changed: z.array(z.string()),
  restart: z.array(z.string()),
  warnings: z.array(z.string()),
})

async function reload(context: VerbContext): Promise<0> {
  const server = await context.server()
  if (!server.running) {
    const message = 'No server runs on this home, so there is nothing to reload: the next start reads it.'
    throw new UpshiftError({ code: 'conflict', message })
  }
  const answered = await server.call('POST', '/v1/admin/reload', undefined, context.signal)
  const { changed, restart, warnings } = await expectJson(answered, reloadReply)
  warn(context, warnings)
  if (context.json) context.out.write(`${JSON.stringify({ changed, restart, warnings })}\n`)
  else {
    context.out.write(
      changed.length === 0 ? 'Nothing has changed.\n' : `In force now: ${changed.join(', ')}\n`,
    )
    if (restart.length > 0) context.out.write(`After a restart: ${restart.join(', ')}\n`)
  }
  return 0
}

async function explain(context: VerbContext, sections: Sections, around: Around): Promise<0> {
  const [path] = context.args
  const read = loadConfig(sections, { ...around(), flags: context.flags })
  warn(context, read.warnings)
  const wanted = [...read.sources].filter(([name]) => path === undefined || isWithin(name, path))
  if (wanted.length === 0)
    throw new UsageError(`there is no value ${path}: \`upshift config explain\` lists all.`)
  if (context.json) {
    const values = wanted.map(([name, source]) => ({ path: name, ...source }))
    context.out.write(`${JSON.stringify({ files: read.files, values })}\n`)
    return 0
  }
  const rows = wanted.map(([name, source]) => [name, shown(source), source.from])
  context.out.write(textTable(['PATH', 'VALUE', 'SOURCE'], rows))
  return 0
}

async function check(context: VerbContext, sections: Sections, around: Around): Promise<0 | 1> {
  const [file] = context.args
  const surroundings = { ...around(), flags: context.flags }
  const read =
    file === undefined
      ? withSecrets(checkConfig(sections, surroundings), surroundings)
      : readOneFile(sections, resolve(surroundings.cwd, file), surroundings)
  if (context.json) {
    const found =
      read.type === 'invalid'
        ? { complaints: read.complaints, warnings: [] }
        : { complaints: [], warnings: read.warnings }
    context.out.write(`${JSON.stringify({ valid: read.type === 'loaded', ...found })}\n`)
    return read.type === 'loaded' ? 0 : 1
  }
  if (read.type === 'invalid')
    throw new UpshiftError({ code: 'invalid_request', message: wordsOf(read.complaints) })
  warn(context, read.warnings)
  context.out.write(`The configuration is valid (${read.files.join(', ') || 'no file: defaults'}).\n`)
  return 0
}

/**
 * The secrets that cannot be read in these surroundings are warnings: the values are right, and a server may stand in
 * others. What is found of a single file says nothing of them.
 */
function withSecrets(read: Loaded<Sections> | Invalid, { env }: Surroundings): Loaded<Sections> | Invalid {
  if (read.type === 'invalid') return read
  const found: string[] = []
  for (const [path, { value, from, secret }] of read.sources) {
    const reference = secret ? secretSchema.safeParse(value) : undefined
    if (reference?.success !== true) continue
    try {
      const { warning } = resolveSecret(reference.data, env, readSecretFile)
      if (warning !== undefined) found.push(warning)
    } catch (error) {
      if (!(error instanceof UpshiftError)) throw error
      found.push(`${path} (${from}) cannot be used here: ${error.message}`)
    }
  }
  return { ...read, warnings: [...read.warnings, ...found] }
}

function warn(context: VerbContext, warnings: readonly string[]): void {
  for (const warning of warnings) context.err.write(`upshift: ${warning}\n`)
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
