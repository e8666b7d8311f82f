import { type Purpose, purposeOf } from '../catalogue/catalogue.ts'
import {
  ask,
  type ListedModel,
  type Listing,
  type ListingAsk,
  MODELS_PER_ENGINE,
  nameOf,
  purposeField,
  rootOf,
  type Shown,
  unusable,
} from './ask.ts'
import { countOf, fieldOf, listOf } from './probe.ts'

/*
 * DESIGN. Ollama cuts a prompt that is longer than its context without a word, and that context is not the
 * model's: it is `num_ctx` of the model's file, else the server's OLLAMA_CONTEXT_LENGTH, else 4,096 (or more on
 * a large GPU). No endpoint tells the server's default. So: a loaded model's length comes from /api/ps, which is
 * the truth; else `num_ctx` from /api/show; else the smallest default is assumed and marked so, because a refused
 * prompt can be sent again and a prompt cut in silence is a wrong answer. The first answer loads the model, and
 * the next refresh then knows. Source: docs/context-length and docs/api in github.com/ollama/ollama.
 *
 * Models that end in `cloud` run on the vendor's machines although they are listed by a local server: they are
 * left out, and said to be, because no prompt leaves the machine unasked.
 */
const SMALLEST_DEFAULT_TOKENS = 4_096
/** What is asked about models in one refresh: the rest keeps what was known and follows in the next. */
const SHOWS_PER_REFRESH = 64
const SHOWS_AT_ONCE = 4

interface Tag {
  readonly name: string
  readonly digest: string
  readonly remote: boolean
  /** As its name tells. */
  readonly purpose: Purpose
  readonly billions: number | undefined
}

export async function listOllama(from: ListingAsk): Promise<Listing> {
  const root = rootOf(from.baseUrl)
  const [tagged, loaded] = await Promise.all([ask(from, `${root}/api/tags`), ask(from, `${root}/api/ps`)])
  if (tagged.type !== 'json') return unusable(tagged)
  const tags = (listOf(tagged.value, 'models', MODELS_PER_ENGINE) ?? []).flatMap(tagOf)
  const local = tags.filter((tag) => !tag.remote)
  await learn(from, root, local)
  const contextNow = new Map<string, number>()
  for (const item of loaded.type === 'json'
    ? (listOf(loaded.value, 'models', MODELS_PER_ENGINE) ?? [])
    : []) {
    const context = countOf(fieldOf(item, 'context_length'))
    const name = nameOf(fieldOf(item, 'name'))
    if (context && name) contextNow.set(name, context)
  }
  const models = local.flatMap((tag) => described(tag, from.memory.get(tag.digest), contextNow.get(tag.name)))
  const remote = tags.filter((tag) => tag.remote).map((tag) => tag.name)
  const notes =
    remote.length === 0 ? [] : [`not used, because they run on the vendor's machines: ${remote.join(', ')}`]
  return { type: 'listed', models, notes }
}

function tagOf(item: object): Tag[] {
  const name = nameOf(fieldOf(item, 'name'))
  if (name === undefined) return []
  const digest = nameOf(fieldOf(item, 'digest')) ?? name
  const remote = /[:-]cloud$/.test(name) || typeof fieldOf(item, 'remote_host') === 'string'
  const stated = fieldOf(fieldOf(item, 'details'), 'parameter_size')
  const size = typeof stated === 'string' ? /^(\d+(?:\.\d+)?)\s*([BM])$/i.exec(stated.trim()) : null
  const scale = size?.[2]?.toUpperCase() === 'M' ? 0.001 : 1
  const billions = size ? Number(size[1]) * scale : undefined
  return [{ name, digest, remote, purpose: purposeOf(name), billions }]
}

async function learn(from: ListingAsk, root: string, tags: readonly Tag[]): Promise<void> {
  const unknown = tags
    .filter((tag) => tag.purpose !== 'other' && !from.memory.has(tag.digest))
    .slice(0, SHOWS_PER_REFRESH)
  const worker = async (): Promise<void> => {
    for (let tag = unknown.shift(); tag && !from.signal.aborted; tag = unknown.shift()) {
      const shown = await ask(from, `${root}/api/show`, { model: tag.name })
      if (shown.type === 'json') from.memory.set(tag.digest, shownOf(shown.value))
    }
  }
  await Promise.all(Array.from({ length: SHOWS_AT_ONCE }, worker))
  const alive = new Set(tags.map((tag) => tag.digest))
  for (const digest of from.memory.keys()) if (!alive.has(digest)) from.memory.delete(digest)
}

function shownOf(value: unknown): Shown {
  const capabilities = fieldOf(value, 'capabilities')
  const parameters = fieldOf(value, 'parameters')
  const numCtx = typeof parameters === 'string' ? /^num_ctx\s+(\d+)/m.exec(parameters)?.[1] : undefined
  const info = fieldOf(value, 'model_info')
  const architecture = fieldOf(info, 'general.architecture')
  return {
    purpose: purposeIn(capabilities),
    contextTokens: numCtx === undefined ? undefined : countOf(Number(numCtx)),
    trainedTokens: countOf(fieldOf(info, `${architecture}.context_length`)),
  }
}

/** A model that can do both chats: that is what it was made for. */
function purposeIn(capabilities: unknown): Purpose {
  if (!Array.isArray(capabilities) || capabilities.includes('completion')) return 'chat'
  return capabilities.includes('embedding') ? 'embedding' : 'other'
}

function described(tag: Tag, shown: Shown | undefined, loadedTokens: number | undefined): ListedModel[] {
  // Ollama takes some embedding models for ones that complete: their names know better.
  const purpose = tag.purpose === 'chat' ? (shown?.purpose ?? 'chat') : tag.purpose
  const stated = loadedTokens ?? shown?.contextTokens
  const assumed = Math.min(SMALLEST_DEFAULT_TOKENS, shown?.trainedTokens ?? SMALLEST_DEFAULT_TOKENS)
  return [
    {
      name: tag.name,
      upstream: tag.name,
      ...purposeField(purpose),
      contextTokens: stated ?? assumed,
      contextFrom: stated === undefined ? 'assumed' : 'server',
      ...(shown?.trainedTokens && { trainedTokens: shown.trainedTokens }),
      ...(tag.billions && { size: { total: tag.billions } }),
    },
  ]
}
