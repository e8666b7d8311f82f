import { UpshiftError } from '../../contract/problem.ts'
import type { Tier } from '../../contract/tier.ts'
import { UsageError } from '../../contract/verb.ts'
import type { ModelPorts } from '../ports.ts'
import { DISK_RESERVE_BYTES } from '../pull/disk.ts'
import { shownBytes } from '../pull/figures.ts'
import { type LocalModel, listModels } from '../pull/folder.ts'
import { parseSource, type Source, shownSource, wantedFiles } from '../pull/source.ts'
import { CURATED, type CuratedModel } from './curated.ts'
import type { Machine } from './machine.ts'
import { memoryFor, memoryNeed, propose } from './propose.ts'

/** A model for a tier: to be fetched, or here already. */
export interface Choice {
  readonly tier: Tier
  readonly name: string
  /** Null for a model that is here and is not of the list. */
  readonly curated: CuratedModel | null
  /** Undefined where it is to be fetched. */
  readonly here: LocalModel | undefined
}

export interface Wishes {
  readonly tiers: readonly Tier[]
  /** Ids of the list; empty: what fits best. */
  readonly models: readonly string[]
}

/**
 * What is to be set up: for each tier the model that is here for it, else one of the list that fits. Throws
 * UpshiftError with the figures where there is neither, UsageError for a model that is not on the list.
 */
export async function planFor(
  machine: Machine,
  ports: ModelPorts,
  wishes: Wishes,
): Promise<readonly Choice[]> {
  const { models } = await listModels(ports.settings.folder)
  const choose = (curated: CuratedModel): Choice => {
    const { source, name } = nameOf(curated, ports)
    const here = models.find((model) => model.name === name && model.manifest?.source === shownSource(source))
    return { tier: curated.tier, name, curated, here }
  }
  if (wishes.models.length > 0) return wishes.models.map((id) => choose(curatedOf(id)))
  const kept = wishes.tiers.flatMap((tier) => keptFor(tier, models, ports, choose) ?? [])
  const missing = wishes.tiers.filter((tier) => !kept.some((choice) => choice.tier === tier))
  const taken = kept.reduce((sum, { here }) => sum + (here?.bytes ?? 0), 0)
  const proposed = propose(machine, missing, DISK_RESERVE_BYTES, taken).map(choose)
  if (kept.length + proposed.length === 0) throw nothingFits(machine, wishes.tiers)
  return [...kept, ...proposed].sort(
    (one, other) => wishes.tiers.indexOf(one.tier) - wishes.tiers.indexOf(other.tier),
  )
}

/** The model that is here for a tier: by the configuration, or of the list. */
function keptFor(
  tier: Tier,
  models: readonly LocalModel[],
  { tiers }: ModelPorts,
  choose: (curated: CuratedModel) => Choice,
): Choice | undefined {
  const listed = CURATED.filter((curated) => curated.tier === tier)
    .map(choose)
    .find(({ here }) => here !== undefined)
  if (listed !== undefined) return listed
  const configured = models.find(({ name, fault }) => fault === null && tiers[name] === tier)
  return configured && { tier, name: configured.name, curated: null, here: configured }
}

function curatedOf(id: string): CuratedModel {
  const found = CURATED.find((model) => model.id === id)
  if (found !== undefined) return found
  throw new UsageError(
    `--model takes one of ${CURATED.map((model) => model.id).join(', ')}, not ${JSON.stringify(id)}`,
  )
}

/** The source of a model of the list, and what it will be called. */
export function nameOf(
  { source: text }: CuratedModel,
  { settings }: ModelPorts,
): { readonly source: Source; readonly name: string } {
  const source = parseSource(text)
  if (source.type === 'file') throw new Error('a model of the list comes from the network')
  return { source, name: wantedFiles(source, new URL(settings.config.mirror)).name }
}

function nothingFits(machine: Machine, tiers: readonly Tier[]): UpshiftError {
  const [smallest] = CURATED.filter(({ tier }) => tiers.includes(tier)).sort(
    (one, other) => memoryNeed(one) - memoryNeed(other),
  )
  const { memory, disk, cores } = machine
  const least =
    smallest === undefined
      ? `The list has no model for ${tiers.join(' and ')}.`
      : `The smallest for ${tiers.join(' and ')}, ${smallest.id}, needs about ${shownBytes(memoryNeed(smallest))} of memory and ` +
        `${shownBytes(smallest.bytes + DISK_RESERVE_BYTES)} of disk.`
  const message =
    `No model of the list fits this machine. ${least} Models may take ${shownBytes(memoryFor(machine))} here ` +
    `(${shownBytes(memory.availableBytes)} of ${shownBytes(memory.limitBytes ?? memory.totalBytes)} are available), ${shownBytes(disk.freeBytes)} ` +
    `are free under ${disk.folder}, and there are ${cores} processors. End other programs, free some disk, or name an ` +
    'engine elsewhere under fleet.engines.'
  return new UpshiftError({ code: 'no_model', message })
}
