import { isTier, TIERS, type Tier } from '../../contract/tier.ts'
import { asStarted, type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { textTable } from '../../lib/table.ts'
import type { FirstAnswerGiven, ModelPorts, OpenModels } from '../ports.ts'
import { shownBytes } from '../pull/figures.ts'
import { findModel } from '../pull/folder.ts'
import { agrees } from '../pull/models.ts'
import { Progress } from '../pull/progress.ts'
import { pull } from '../pull/pull.ts'
import { CURATED, CURATED_AS_OF } from './curated.ts'
import { lookAtMachine, type Machine } from './machine.ts'
import { type Choice, nameOf, planFor, type Wishes } from './plan.ts'
import { memoryFor, memoryNeed } from './propose.ts'

const TIERS_PROPOSED: readonly Tier[] = ['fast', 'mid']

/** `upshift setup`: from an empty machine to a first answer of a model on it. */
export function setupVerb(open: OpenModels): Verb {
  return {
    name: 'setup',
    summary: 'Look at this machine, propose local models that fit it, and fetch and check them.',
    options: {
      tier: {
        type: 'string',
        value: 'TIER',
        multiple: true,
        summary: 'Only this tier; may be given again. Default: fast and mid.',
      },
      model: {
        type: 'string',
        value: 'ID',
        multiple: true,
        summary: 'This model of the list, instead of what fits best; may be given again.',
      },
      yes: { type: 'boolean', short: 'y', summary: 'Do not ask.' },
    },
    details:
      'Shows what it would do, with the bytes to fetch, the room that is left and the licence, and asks once before ' +
      'it contacts anybody. Then it fetches the models, has each answer a first question, and writes their tiers into ' +
      'the configuration. It may be run again at any time: what is here is not fetched again, and what broke off goes ' +
      'on. With --json and without --yes it only says what it would do.',
    examples: ['upshift setup', 'upshift setup --tier fast --yes', 'upshift setup --model granite-3.3-2b'],
    run: (context) => run(context, open),
  }
}

async function run(context: VerbContext, open: OpenModels): Promise<ExitCode> {
  const wishes = { tiers: tiersOf(context), models: textsOf(context, 'model') }
  const ports = await open(context)
  const [machine, engines] = await Promise.all([
    lookAtMachine(ports.settings.folder, context.signal),
    ports.engines(context.signal),
  ])
  if (!context.json) context.out.write(describe(machine, engines))
  const plan = await planFor(machine, ports, wishes)
  const outline = { machine, engines, listAsOf: CURATED_AS_OF, plan: plan.map(documentOf) }
  if (context.json && context.flags['yes'] !== true) {
    context.out.write(`${JSON.stringify({ ...outline, done: false })}\n`)
    return 0
  }
  if (!context.json) context.out.write(tell(plan, wishes, machine, ports))
  const fetching = plan.some(({ here }) => here === undefined)
  if (fetching && context.flags['yes'] !== true && !(await agrees(context, 'Go on?'))) {
    context.err.write('Nothing was fetched and nothing was changed.\n')
    return 1
  }
  const results: Result[] = []
  for (const choice of plan) results.push(await carryOut(choice, context, ports))
  const changes = results.map(({ name, tier }) => ({ path: ['models', 'tiers', name], value: tier }))
  const config = ports.configure(changes)
  if (context.json) {
    context.out.write(`${JSON.stringify({ ...outline, done: true, results, config })}\n`)
    return 0
  }
  context.out.write(
    config.changed ? `The tiers are written to ${config.file}.\n` : `${config.file} has the tiers already.\n`,
  )
  const ready = 'Ready: `upshift models list` shows the models, `upshift ask` asks them.\n'
  context.out.write(asStarted(ready, context.program))
  return 0
}

function tiersOf(context: VerbContext): readonly Tier[] {
  const given = textsOf(context, 'tier')
  const tiers = given.filter(isTier)
  if (tiers.length < given.length)
    throw new UsageError(`--tier is one of ${TIERS.join(', ')}, not ${given.find((text) => !isTier(text))}`)
  return given.length === 0 ? TIERS_PROPOSED : TIERS.filter((tier) => tiers.includes(tier))
}

function textsOf({ flags }: VerbContext, flag: string): readonly string[] {
  const given = flags[flag]
  return Array.isArray(given) ? given.map(String) : []
}

interface Result extends FirstAnswerGiven {
  readonly name: string
  readonly tier: Tier
  readonly path: string
}

/** Fetches a model where it is not here, and has it say something. */
async function carryOut(choice: Choice, context: VerbContext, ports: ModelPorts): Promise<Result> {
  const { settings } = ports
  const progress = new Progress({ err: context.err, clock: settings.clock, quiet: context.json })
  if (choice.here === undefined && choice.curated !== null) {
    const { source } = nameOf(choice.curated, ports)
    try {
      await pull({ source, licence: choice.curated.licence }, settings, context.signal, progress.tell)
    } finally {
      progress.end()
    }
  }
  const model = choice.here ?? (await findModel(settings.folder, choice.name))
  if (model === undefined) throw new Error(`${choice.name} was placed and is not there`)
  progress.say(`${choice.name} is loaded and asked a first question`)
  const given = await ports.firstAnswer(model.path, context.signal)
  const pace = given.tokensPerSecond > 0 ? `, ${given.tokensPerSecond.toFixed(1)} tokens a second` : ''
  if (!context.json)
    context.out.write(`${choice.tier}: ${choice.name} answers${pace}: ${shownText(given.text)}\n`)
  return { name: choice.name, tier: choice.tier, path: model.path, ...given }
}

const TEXT_CHARS_MAX = 200

/** A model's words for a terminal: in one line, without control characters. */
function shownText(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim()
  return JSON.stringify(line.length > TEXT_CHARS_MAX ? `${line.slice(0, TEXT_CHARS_MAX)}…` : line)
}

function describe(
  machine: Machine,
  engines: readonly { readonly kind: string; readonly baseUrl: string }[],
): string {
  const { memory, cores, disk, gpus } = machine
  const limit = memory.limitBytes === null ? '' : `, limited to ${shownBytes(memory.limitBytes)}`
  const cards = gpus.map(({ name, memoryBytes }) =>
    memoryBytes === null ? name : `${name} with ${shownBytes(memoryBytes)}`,
  )
  const lines = [
    `This machine: ${shownBytes(memory.totalBytes)} of memory${limit}, ${shownBytes(memory.availableBytes)} available; ` +
      `${cores} processors; ${shownBytes(disk.freeBytes)} free under ${disk.folder}.`,
    cards.length === 0
      ? 'No graphics card was found.'
      : `Graphics: ${cards.join(', ')}. The proposals reckon with processors and main memory only.`,
    ...engines.map(
      ({ kind, baseUrl }) => `${kind} answers at ${baseUrl}: its models are used as well, without any setup.`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

function tell(plan: readonly Choice[], wishes: Wishes, machine: Machine, { settings }: ModelPorts): string {
  const rows = plan.map(({ tier, name, curated, here }) => [
    tier,
    curated?.id ?? name,
    curated === null ? '?' : `${curated.parameters}B`,
    here === undefined ? `about ${shownBytes(curated?.bytes ?? 0)}` : `${shownBytes(here.bytes)}, here`,
    curated === null ? '?' : `about ${shownBytes(memoryNeed(curated))}`,
    curated === null ? (here?.facts?.licence ?? '?') : curated.licence,
  ])
  const table = textTable(['TIER', 'MODEL', 'PARAMS', 'SIZE', 'MEMORY', 'LICENCE'], rows)
  // Below the table and not in it: no terminal is as wide as that.
  const goodAt = plan.flatMap(({ curated }) =>
    curated === null
      ? []
      : [`${curated.id}: ${curated.goodAt}. By ${curated.maker}; the file by ${curated.published}.`],
  )
  const bytes = plan.reduce(
    (sum, { here, curated }) => sum + (here === undefined ? (curated?.bytes ?? 0) : 0),
    0,
  )
  const need = plan.reduce(
    (sum, { here, curated }) => sum + (curated === null || here ? 0 : memoryNeed(curated)),
    0,
  )
  const host = new URL(settings.config.mirror).host
  const left = Math.max(0, machine.disk.freeBytes - bytes)
  const lines = [
    '',
    table.trimEnd(),
    '',
    ...goodAt,
    `The list is of ${CURATED_AS_OF} and ages: newer models may be better. Its sizes are approximate.`,
    ...missing(plan, wishes).map((tier) => unfit(tier, machine)),
    ...(need > memoryFor(machine)
      ? [
          `This is more than fits: about ${shownBytes(need)} of memory, and models may take ${shownBytes(memoryFor(machine))} here.`,
        ]
      : []),
    bytes === 0
      ? 'Nothing is to be fetched.'
      : `To fetch: about ${shownBytes(bytes)} from ${host} into ${settings.folder}; about ${shownBytes(left)} stay free. ` +
        'By using a model you accept its licence.',
  ]
  return `${lines.join('\n')}\n`
}

/** Tiers for which nothing was asked for by name, and nothing fits. */
function missing(plan: readonly Choice[], { tiers, models }: Wishes): readonly Tier[] {
  return models.length > 0 ? [] : tiers.filter((tier) => !plan.some((choice) => choice.tier === tier))
}

function unfit(tier: Tier, { cores }: Machine): string {
  const least = CURATED.filter((model) => model.tier === tier).sort(
    (one, other) => memoryNeed(one) - memoryNeed(other),
  )[0]
  if (least === undefined) return `The list has no model for ${tier}.`
  return (
    `For ${tier} nothing of the list fits beside that: the smallest, ${least.id}, wants about ${shownBytes(memoryNeed(least))} ` +
    `of memory and ${least.cores} processors (here ${cores}). \`--model ${least.id}\` takes it all the same.`
  )
}

function documentOf({ tier, name, curated, here }: Choice) {
  return {
    tier,
    name,
    here: here !== undefined,
    bytes: here?.bytes ?? curated?.bytes ?? null,
    memoryBytes: curated === null ? null : memoryNeed(curated),
    curated,
  }
}
