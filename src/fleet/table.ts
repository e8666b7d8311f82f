import type { ModelView } from '../contract/model.ts'
import {
  type CatalogueRow,
  catalogueOf,
  classify,
  classifyEmbedding,
  purposeOf,
} from './catalogue/catalogue.ts'
import type { Engine } from './engine.ts'
import type { ModelSetting } from './engines.ts'
import { type ListedModel, publicName } from './listing/ask.ts'
import { PROFILES } from './profiles.ts'
import type { Replica } from './replica.ts'

/** A replica that serves a model, and what the model is called there. */
export interface Place {
  readonly replica: Replica
  readonly upstream: string
}

/** One model with all that placing a request on it needs. */
export interface ModelEntry {
  readonly view: ModelView
  /** Undefined for a model that is built into this process. */
  readonly engine: Engine | undefined
  readonly tierReason: string
  /** Where its price comes from, in words. */
  readonly priceReason: string
  readonly places: readonly Place[]
  readonly long: CatalogueRow['long']
  /** The context length is the smallest that the server may use, because it does not say. */
  readonly contextAssumed: boolean
  readonly trainedTokens: number | undefined
}

export interface ModelTable {
  readonly views: readonly ModelView[]
  readonly entries: ReadonlyMap<string, ModelEntry>
}

/** All models of all engines as they stand at `now`. */
export function buildTable(
  engines: Iterable<Engine>,
  builtIn: readonly ModelEntry[],
  now: number,
): ModelTable {
  const entries = new Map(builtIn.map((entry) => [entry.view.id, entry]))
  for (const engine of engines) {
    for (const entry of entriesOf(engine, now)) entries.set(entry.view.id, entry)
  }
  return { entries, views: [...entries.values()].map((entry) => entry.view) }
}

function entriesOf(engine: Engine, now: number): readonly ModelEntry[] {
  const settings = new Map(engine.spec.models.map((model) => [settingName(engine, model.name), model]))
  const names = new Set(settings.keys())
  let unlisted = false
  for (const { listed } of engine.replicas) {
    if (listed === undefined) unlisted = true
    else for (const [name, { purpose }] of listed) if (purpose !== 'other') names.add(name)
  }
  // A vendor that has not been asked, or has no list: what the catalogue knows of it.
  if (unlisted && names.size === settings.size) {
    for (const row of catalogueOf(engine.spec.kind)) names.add(row.name)
  }
  const entries = [...names].map((name) => entryOf(engine, name, settings.get(name), now))
  // What only another model's own address lists is nobody's.
  return entries.filter((entry, index) => entry.places.length > 0 || index < settings.size)
}

/** The configuration may call a model as its server does: a file's path, or Ollama's name without its tag. */
function settingName(engine: Engine, name: string): string {
  if (engine.spec.kind === 'ollama') return name.includes(':') ? name : `${name}:latest`
  return publicName(name)
}

function entryOf(engine: Engine, name: string, setting: ModelSetting | undefined, now: number): ModelEntry {
  const { kind } = engine.spec
  const places: Place[] = []
  const listed: ListedModel[] = []
  for (const replica of engine.replicas) {
    const serves = setting?.baseUrls ?? engine.spec.baseUrls
    if (!serves.includes(replica.baseUrl)) continue
    const model = replica.listed?.get(name)
    if (model) listed.push(model)
    if (model || replica.listed === undefined) places.push({ replica, upstream: model?.upstream ?? name })
  }
  const purpose = purposeFor(name, setting, listed[0])
  const { tier, reason, row } =
    purpose === 'embedding' ? classifyEmbedding(kind, name) : classify(kind, name, listed[0]?.size)
  const lengths = listed.flatMap((model) => model.contextTokens ?? [])
  const served = lengths.length === 0 ? undefined : Math.min(...lengths)
  const price = setting?.price ?? row?.price
  return {
    engine,
    places,
    tierReason: setting?.tier ? 'configured' : reason,
    priceReason: setting?.price ? 'configured' : row?.price ? `${row.source}, ${row.asOf}` : 'unpriced',
    long: setting?.price ? undefined : row?.long,
    contextAssumed:
      setting?.contextTokens === undefined && listed.some((model) => model.contextFrom === 'assumed'),
    trainedTokens: listed.find((model) => model.trainedTokens !== undefined)?.trainedTokens,
    view: {
      id: `${engine.name}/${name}`,
      engine: engine.name,
      name: listed[0]?.upstream ?? name,
      tier: setting?.tier ?? tier,
      kind: purpose,
      offMachine: engine.spec.offMachine,
      allowed: engine.allowed,
      // Off the machine nothing without a price can be kept under a cap, so it is not used.
      available:
        engine.allowed &&
        (price !== undefined || !engine.spec.offMachine) &&
        places.some(({ replica }) => replica.usable(now)),
      contextTokens: setting?.contextTokens ?? served ?? row?.contextTokens,
      price,
      continues: engine.spec.continues !== undefined,
      enforcesSchema: PROFILES[kind].enforcesSchema,
      ...(PROFILES[kind].tellsLogprobs === true ? { tellsLogprobs: true } : {}),
      ...(PROFILES[kind].dialect === undefined ? {} : { dialect: PROFILES[kind].dialect }),
    },
  }
}

/** What the configuration says, else the server, else the name. What is configured without a kind is for chat. */
function purposeFor(
  name: string,
  setting: ModelSetting | undefined,
  listed: ListedModel | undefined,
): 'chat' | 'embedding' {
  if (setting?.kind !== undefined) return setting.kind
  const purpose = listed === undefined ? purposeOf(name) : listed.purpose
  return purpose === 'embedding' ? 'embedding' : 'chat'
}

/** The same for a model that is built into this process: no price, no cap, no address. */
export function builtInEntry(view: ModelView, replica: Replica): ModelEntry {
  return {
    view,
    engine: undefined,
    tierReason: 'built in',
    priceReason: 'free',
    places: [{ replica, upstream: view.name }],
    long: undefined,
    contextAssumed: false,
    trainedTokens: undefined,
  }
}
