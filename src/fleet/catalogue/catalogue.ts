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

// Families of a vendor's model list that do not chat.
const NOT_CHAT =
  /embed|whisper|tts|dall-e|moderation|rerank|transcri|realtime|audio|image|imagen|veo|sora|speech|ocr|davinci|babbage|voxtral|bge-|guard|aqa|omni-mod|computer-use|deep-research|-instruct-0914$|bidi|^gemini.*-live|orpheus|lyria|voice/

/** False for what a model list also holds: embeddings, speech, images, moderation. */
export function chats(name: string): boolean {
  return !NOT_CHAT.test(name.toLowerCase())
}
