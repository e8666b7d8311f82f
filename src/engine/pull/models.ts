import { createInterface } from 'node:readline/promises'
import { UpshiftError } from '../../contract/problem.ts'
import { asStarted, type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { textTable } from '../../lib/table.ts'
import type { GgufFacts } from '../gguf/read.ts'
import type { OpenModels } from '../ports.ts'
import { shownBytes } from './figures.ts'
import { findModel, type LocalModel, listModels, type Unfinished } from './folder.ts'
import { removeModel, whatIsThere } from './remove.ts'
import { isModelName } from './source.ts'

/** `upshift models …`: what lies in the folder of models. What engines serve is `upshift engines list --models`. */
export function modelVerbs(open: OpenModels): readonly Verb[] {
  return [
    {
      name: 'models list',
      summary: 'List the models in the folder of models, and downloads that broke off.',
      details: 'For the models of all engines, as requests name them, see `upshift engines list --models`.',
      examples: ['upshift models list', 'upshift models list --json | jq .models[].name'],
      run: (context) => list(context, open),
    },
    {
      name: 'models show',
      summary: 'Show where a model came from, its checksum, and what its file says.',
      operands: 'NAME',
      examples: ['upshift models show Qwen3-4B-Q4_K_M'],
      run: (context) => show(context, open),
    },
    {
      name: 'models rm',
      summary: 'Remove a model, or what a broken download has left.',
      operands: 'NAME',
      options: { yes: { type: 'boolean', short: 'y', summary: 'Do not ask.' } },
      details:
        'Says how many bytes that freed. A server that has the model loaded goes on with it on Linux and macOS: its room is free once that server ' +
        'has let it go.',
      examples: ['upshift models rm Qwen3-4B-Q4_K_M --yes'],
      run: (context) => remove(context, open),
    },
  ]
}

/** `qwen3, 4.02B parameters, Q4_K_M, 40960 tokens of context`: what a file says of itself, in a line. */
export function describeFacts(facts: GgufFacts): string {
  const parts = [
    facts.type === 'model' ? facts.architecture : `${facts.architecture} (${facts.type}, no model by itself)`,
    `${shownParameters(facts.parameters)} parameters`,
    facts.quantisation ?? 'unknown quantisation',
    facts.contextTokens === null ? undefined : `${facts.contextTokens} tokens of context`,
    facts.chatTemplate ? undefined : 'no chat template',
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

async function list(context: VerbContext, open: OpenModels): Promise<ExitCode> {
  const { settings } = await open(context)
  const { models, unfinished } = await listModels(settings.folder)
  if (context.json) {
    context.out.write(
      `${JSON.stringify({ folder: settings.folder, models: models.map(documentOf), unfinished })}\n`,
    )
    return 0
  }
  if (models.length > 0) context.out.write(table(models))
  else {
    const told = `There is no model in ${settings.folder}. \`upshift setup\` proposes one.\n`
    context.err.write(asStarted(told, context.program))
  }
  for (const { name, fault } of models) if (fault !== null) context.err.write(`${name}: ${fault}\n`)
  for (const one of unfinished) context.err.write(`${unfinishedWords(one)}\n`)
  return 0
}

function table(models: readonly LocalModel[]): string {
  const rows = models.map(({ name, bytes, facts, manifest }) => [
    name,
    shownBytes(bytes),
    facts?.quantisation ?? '?',
    facts?.architecture ?? '?',
    facts === null ? '?' : shownParameters(facts.parameters),
    String(facts?.contextTokens ?? '?'),
    licenceOf({ manifest, facts }) ?? '?',
    manifest === null ? 'put there by hand' : manifest.pulledAt.slice(0, 10),
  ])
  return textTable(['NAME', 'SIZE', 'QUANT', 'ARCH', 'PARAMS', 'CONTEXT', 'LICENCE', 'PULLED'], rows)
}

/** What the file says of itself, else what was known where it came from. */
function licenceOf({ manifest, facts }: Pick<LocalModel, 'manifest' | 'facts'>): string | null {
  return facts?.licence ?? manifest?.licence ?? null
}

function unfinishedWords({ name, file, bytes, of }: Unfinished): string {
  const share = of === null ? shownBytes(bytes) : `${shownBytes(bytes)} of ${shownBytes(of)}`
  return `${file} is not whole: ${share}. Pull it again to go on, or \`upshift models rm ${name}\`.`
}

async function show(context: VerbContext, open: OpenModels): Promise<ExitCode> {
  const { settings } = await open(context)
  const name = nameOf(context)
  const model = await findModel(settings.folder, name)
  if (model === undefined) throw unknownModel(name, settings.folder)
  if (context.json) context.out.write(`${JSON.stringify(documentOf(model))}\n`)
  else context.out.write(linesOf(model))
  return 0
}

function linesOf({ name, path, files, bytes, facts, fault, manifest }: LocalModel): string {
  const rows: (readonly [string, string])[] = [
    ['name', name],
    ['path', path],
    ['size', `${shownBytes(bytes)} (${bytes} bytes${files.length > 1 ? ` in ${files.length} files` : ''})`],
    ['source', manifest?.source ?? 'put there by hand'],
    ...(manifest?.revision ? [['revision', manifest.revision] as const] : []),
    ...(manifest === null
      ? []
      : [
          ['pulled', manifest.pulledAt] as const,
          [
            'verified',
            manifest.verified === null
              ? 'with nothing: no checksum was named'
              : `with the ${manifest.verified}`,
          ] as const,
          ...manifest.files.map((file) => ['sha256', `${file.sha256}  ${file.name}`] as const),
        ]),
    ['licence', licenceOf({ manifest, facts }) ?? 'not said: look at the page where it came from'],
    ...(facts === null ? [['fault', fault ?? ''] as const] : factRows(facts)),
  ]
  // A table without a head: the first row is one.
  const [head = ['', ''], ...rest] = rows
  return textTable(head, rest)
}

function factRows(facts: GgufFacts): (readonly [string, string])[] {
  const told = (value: unknown): string =>
    value === null
      ? 'not said'
      : Array.isArray(value)
        ? `${Math.min(...value)} to ${Math.max(...value)}`
        : String(value)
  return [
    ['model', facts.name ?? 'not said'],
    ['architecture', facts.architecture],
    ['parameters', shownParameters(facts.parameters)],
    ['quantisation', facts.quantisation ?? 'not said'],
    ['context', facts.contextTokens === null ? 'not said' : `${facts.contextTokens} tokens`],
    ['layers', told(facts.layers)],
    ['embedding', told(facts.embedding)],
    ['heads', `${told(facts.heads)}, for keys and values ${told(facts.kvHeads)}`],
    ['experts', facts.experts ? `${facts.experts}, used ${told(facts.expertsUsed)}` : 'none'],
    ['vocabulary', told(facts.vocabulary)],
    ['tokenizer', told(facts.tokenizer)],
    ['chat template', facts.chatTemplate ? 'yes' : 'none'],
  ]
}

async function remove(context: VerbContext, open: OpenModels): Promise<ExitCode> {
  const { settings } = await open(context)
  const name = nameOf(context)
  const there = await whatIsThere(settings.folder, name)
  if (there.files.length === 0) throw unknownModel(name, settings.folder)
  if (
    context.flags['yes'] !== true &&
    !(await agrees(context, `Remove ${name} (${shownBytes(there.bytes)})?`))
  ) {
    context.err.write('Nothing was removed.\n')
    return 1
  }
  const removed = await removeModel(settings.folder, name)
  if (context.json) {
    context.out.write(`${JSON.stringify({ name, ...removed })}\n`)
    return 0
  }
  context.out.write(`${shownBytes(removed.freedBytes)} freed (${removed.freedBytes} bytes).\n`)
  if (removed.linkedBytes > 0)
    context.err.write(
      `${shownBytes(removed.linkedBytes)} stay on the disk: the file has another name elsewhere, from which it was pulled.\n`,
    )
  if (removed.usedBy.length > 0)
    context.err.write(
      `Process ${removed.usedBy.join(', ')} has it loaded: its room is free once that process has let it go.\n`,
    )
  return 0
}

/** Asks on a terminal. Throws UsageError where nobody can answer. */
export async function agrees({ stdin, err, json, signal }: VerbContext, question: string): Promise<boolean> {
  if (json || !('isTTY' in stdin) || stdin.isTTY !== true)
    throw new UsageError('nobody can be asked here: add --yes')
  const lines = createInterface({ input: stdin, output: err })
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    lines.close()
  }
}

function nameOf({ args }: VerbContext): string {
  const name = (args[0] ?? '').replace(/\.gguf$/i, '')
  if (!isModelName(name))
    throw new UsageError(`${JSON.stringify(name)} is no name of a model: see \`upshift models list\``)
  return name
}

function unknownModel(name: string, folder: string): UpshiftError {
  const message = `There is no model ${name} in ${folder}. \`upshift models list\` shows what there is.`
  return new UpshiftError({ code: 'not_found', message })
}

function documentOf({ name, path, files, bytes, facts, fault, manifest }: LocalModel) {
  return {
    name,
    path,
    bytes,
    files,
    source: manifest?.source ?? null,
    revision: manifest?.revision ?? null,
    pulledAt: manifest?.pulledAt ?? null,
    verified: manifest?.verified ?? null,
    licence: licenceOf({ manifest, facts }),
    sha256: manifest?.files.map((file) => file.sha256) ?? null,
    facts,
    fault,
  }
}

function shownParameters(parameters: number): string {
  const units = [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const
  const [size, unit] = units.find(([one]) => parameters >= one) ?? [1, '']
  return `${Number((parameters / size).toPrecision(3))}${unit}`
}
