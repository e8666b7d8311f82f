import type { Tier } from '../../contract/tier.ts'
import type { Price } from '../../contract/usage.ts'
import { type Kind, PROFILES } from '../profiles.ts'
import { ROWS } from './rows.ts'
import { type Size, sizeInName, tierOfSize } from './size.ts'

/** One model as its vendor's page stated it in the month `asOf`. What was not certain is left out. */
export interface CatalogueRow {
  readonly kind: Kind | 'any'
  readonly name: string
  readonly tier: Tier
  readonly contextTokens?: number
  readonly maxOutputTokens?: number
  readonly price?: Price
  /** Prompts longer than this cost more: `price`, where the vendor's figure is known. */
  readonly long?: { readonly aboveTokens: number; readonly price?: Price }
  readonly source: string
  /** `2026-09` */
  readonly asOf: string
}

export interface Classified {
  readonly tier: Tier
  /** Why that tier, in words. */
  readonly reason: string
  readonly row: CatalogueRow | undefined
}

const byKind = new Map<string, CatalogueRow>(ROWS.map((row) => [`${row.kind} ${row.name}`, row]))

/** The row of a model; a dated snapshot (`gpt-4o-2024-08-06`) has the row of its family. */
export function catalogueRow(kind: Kind, name: string): CatalogueRow | undefined {
  const exact = name.toLowerCase().replace(/^models\//, '')
  const plain = exact.replace(/[-@]20\d{2}-?\d{2}-?\d{2}$/, '')
  const family = plain.split('/').at(-1)?.split(':')[0] ?? plain
  return (
    byKind.get(`${kind} ${exact}`) ??
    byKind.get(`${kind} ${plain}`) ??
    byKind.get(`any ${plain}`) ??
    byKind.get(`any ${plain.replace(':', '-')}`) ??
    byKind.get(`any ${family}`)
  )
}

/** What the catalogue knows of one vendor: shown for an engine that may not be asked yet. */
export function catalogueOf(kind: Kind): readonly CatalogueRow[] {
  return ROWS.filter((row) => row.kind === kind)
}

/**
 * A tier for any model, with its reason: the catalogue's row, else its size, else the vendor's own word for it
 * (`mini`, `pro`), else the careful guess that is said to be one.
 */
export function classify(kind: Kind, name: string, size: Size | undefined): Classified {
  const row = catalogueRow(kind, name)
  if (row) return { tier: row.tier, reason: `catalogue of ${row.asOf}`, row }
  const known = sizeInName(name) ?? size
  if (known) return { ...tierOfSize(known), row: undefined }
  const word = wordTier(name)
  if (word && PROFILES[kind].cloud) return { ...word, row: undefined }
  const tier: Tier = PROFILES[kind].cloud ? 'mid' : 'fast'
  return {
    tier,
    reason: `nothing is known of it, so ${tier} is a guess: set its tier in the configuration`,
    row: undefined,
  }
}

const WORDS: readonly (readonly [RegExp, Tier])[] = [
  [/(?:^|[-_.])(nano|mini|lite|flash|small|haiku|instant|tiny|luna|fast)(?:$|[-_.])/, 'fast'],
  [/(?:^|[-_.])(pro|opus|ultra|max|large|fable|astra|heavy)(?:$|[-_.])/, 'expert'],
]

function wordTier(name: string): { tier: Tier; reason: string } | undefined {
  for (const [pattern, tier] of WORDS) {
    const found = pattern.exec(name.toLowerCase())
    if (found) return { tier, reason: `its vendor calls it ${found[1]}` }
  }
  return undefined
}

// Families that embed: what their makers call so, and those of MTEB's board whose names do not say it.
const EMBEDS =
  /embed|(?:^|[/_-])(?:bge|e5|gte|gtr|m3e|uae|stella|labse|voyage|instructor)-|all-(?:minilm|mpnet|distilroberta)|paraphrase-multi|sentence-t5|m2-bert/
// Cross-encoders score pairs, and share their families' names.
const RERANKS = /rerank|cross-?encoder/
// Other families of a vendor's model list that do not chat.
const NOT_CHAT =
  /whisper|tts|dall-e|moderation|rerank|transcri|realtime|audio|image|imagen|veo|sora|speech|ocr|davinci|babbage|voxtral|guard|aqa|omni-mod|computer-use|deep-research|-instruct-0914$|bidi|^gemini.*-live|orpheus|lyria|voice/

/** What a model is for; `other` is what a list also holds: speech, images, moderation, ranking. */
export type Purpose = 'chat' | 'embedding' | 'other'

/** What a model is for, as its name tells: most lists of models say no more. */
export function purposeOf(name: string): Purpose {
  const text = name.toLowerCase()
  if (RERANKS.test(text)) return 'other'
  if (EMBEDS.test(text)) return 'embedding'
  return NOT_CHAT.test(text) ? 'other' : 'chat'
}

/** The tier of an embedding model: they cost a hundredth of what a chat model does, whatever their size. */
export function classifyEmbedding(kind: Kind, name: string): Classified {
  return { tier: 'fast', reason: 'every embedding model counts as fast', row: catalogueRow(kind, name) }
}
