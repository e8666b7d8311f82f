import type { Tier } from '../../contract/tier.ts'
import type { Price } from '../../contract/usage.ts'
import type { Kind } from '../profiles.ts'
import type { CatalogueRow } from './catalogue.ts'

/*
 * DESIGN. The catalogue, compiled in 2026-11. Each row names the vendor's page and the month in which its figures
 * were read there or, where the page itself could not be read, in a public list that cites it. A price that two
 * lists disagree on, a price of an alias that moves (`-latest`), and a figure that only resellers state are left
 * out: a missing price is refused with the line to configure, a wrong one breaks a budget in silence. Where the
 * cached rate is missing, cached tokens count at the full rate. Standard tier, no batch discounts.
 */
const OPENAI = 'https://developers.openai.com/api/docs/pricing'
const XAI = 'https://docs.x.ai/developers/models'
const GOOGLE = 'https://ai.google.dev/gemini-api/docs/pricing'
const MISTRAL = 'https://mistral.ai/pricing#api-pricing'
const GROQ = 'https://console.groq.com/docs/models'
const ANTHROPIC = 'https://platform.claude.com/docs/en/about-claude/models/overview'
const DEEPSEEK = 'https://api-docs.deepseek.com/quick_start/pricing'
const LONG_OPENAI = 272_000
const LONG_XAI = 200_000
const LONG_GOOGLE = 200_000

/** Dollars per million tokens, as vendors print them. */
function usd(input: number, output: number, cached?: number): Price {
  return {
    inputPerMillion: Math.round(input * 1_000_000),
    outputPerMillion: Math.round(output * 1_000_000),
    ...(cached !== undefined && { cachedInputPerMillion: Math.round(cached * 1_000_000) }),
  }
}

type Facts = Omit<CatalogueRow, 'kind' | 'source' | 'asOf' | 'name' | 'tier'>

function row(
  kind: Kind | 'any',
  source: string,
  asOf: string,
  name: string,
  tier: Tier,
  facts: Facts = {},
): CatalogueRow {
  return { kind, source, asOf, name, tier, ...facts }
}

/** Above 272K prompt tokens OpenAI bills a long-context rate, which is not certain for each model: left out. */
const longOpenai = { long: { aboveTokens: LONG_OPENAI } }

const openai = (
  asOf: string,
  name: string,
  tier: Tier,
  contextTokens: number,
  price: Price,
  more: Facts = {},
): CatalogueRow => row('openai', OPENAI, asOf, name, tier, { contextTokens, price, ...more })

const OPENAI_ROWS: readonly CatalogueRow[] = [
  row('openai', OPENAI, '2026-09', 'gpt-6-astra', 'expert', { price: usd(10, 50, 1), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-6-sol', 'expert', { price: usd(2, 10, 0.2), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-6-luna', 'fast', { price: usd(0.1, 0.5, 0.01), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-5.6-sol', 'expert', { price: usd(4, 20, 0.4), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-5.6-terra', 'mid', { price: usd(2, 12, 0.2), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-5.6-luna', 'fast', { price: usd(0.2, 1.2, 0.02), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-5.5', 'expert', { price: usd(5, 30, 0.5), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-5.4', 'expert', { price: usd(2.5, 15, 0.25), ...longOpenai }),
  row('openai', OPENAI, '2026-09', 'gpt-5.4-mini', 'mid', { price: usd(0.75, 4.5, 0.075), ...longOpenai }),
  openai('2025-11', 'gpt-5.1', 'expert', 400_000, usd(1.25, 10, 0.125), { maxOutputTokens: 128_000 }),
  openai('2025-11', 'gpt-5', 'expert', 400_000, usd(1.25, 10, 0.125), { maxOutputTokens: 128_000 }),
  openai('2025-11', 'gpt-5-mini', 'mid', 400_000, usd(0.25, 2, 0.025), { maxOutputTokens: 128_000 }),
  openai('2025-11', 'gpt-5-nano', 'fast', 400_000, usd(0.05, 0.4, 0.005), { maxOutputTokens: 128_000 }),
  openai('2025-07', 'gpt-4.1', 'expert', 1_047_576, usd(2, 8, 0.5), { maxOutputTokens: 32_768 }),
  openai('2025-07', 'gpt-4.1-mini', 'mid', 1_047_576, usd(0.4, 1.6, 0.1), { maxOutputTokens: 32_768 }),
  openai('2025-07', 'gpt-4.1-nano', 'fast', 1_047_576, usd(0.1, 0.4, 0.025), { maxOutputTokens: 32_768 }),
  openai('2025-07', 'gpt-4o', 'mid', 128_000, usd(2.5, 10, 1.25), { maxOutputTokens: 16_384 }),
  // The first snapshot kept its launch price.
  openai('2025-07', 'gpt-4o-2024-05-13', 'mid', 128_000, usd(5, 15), { maxOutputTokens: 4_096 }),
  openai('2025-07', 'gpt-4o-mini', 'fast', 128_000, usd(0.15, 0.6, 0.075), { maxOutputTokens: 16_384 }),
  openai('2026-09', 'text-embedding-3-small', 'fast', 8_192, usd(0.02, 0)),
  openai('2026-09', 'text-embedding-3-large', 'fast', 8_192, usd(0.13, 0)),
  openai('2026-09', 'text-embedding-ada-002', 'fast', 8_192, usd(0.1, 0)),
  openai('2025-07', 'o3', 'expert', 200_000, usd(2, 8, 0.5), { maxOutputTokens: 100_000 }),
  openai('2025-07', 'o4-mini', 'mid', 200_000, usd(1.1, 4.4, 0.275), { maxOutputTokens: 100_000 }),
]

const xai = (
  asOf: string,
  name: string,
  tier: Tier,
  contextTokens: number,
  price: Price,
  longPrice?: Price,
): CatalogueRow =>
  row('xai', XAI, asOf, name, tier, {
    contextTokens,
    price,
    long: { aboveTokens: LONG_XAI, ...(longPrice && { price: longPrice }) },
  })

const XAI_ROWS: readonly CatalogueRow[] = [
  xai('2026-08', 'grok-4.6', 'expert', 500_000, usd(2, 6), usd(4, 12)),
  xai('2026-07', 'grok-4.5', 'expert', 500_000, usd(2, 6, 0.5), usd(4, 12)),
  xai('2026-05', 'grok-4.3', 'mid', 1_000_000, usd(1.25, 2.5, 0.2), usd(2.5, 5)),
  xai('2026-09', 'grok-build-0.1', 'mid', 256_000, usd(1, 2, 0.2), usd(2, 4)),
  // Above 128K these two cost more; the figure is not certain, so long prompts are not offered a price.
  row('xai', XAI, '2026-01', 'grok-4-1-fast-reasoning', 'fast', {
    contextTokens: 2_000_000,
    price: usd(0.2, 0.5, 0.05),
    long: { aboveTokens: 128_000 },
  }),
  row('xai', XAI, '2026-01', 'grok-4-1-fast-non-reasoning', 'fast', {
    contextTokens: 2_000_000,
    price: usd(0.2, 0.5, 0.05),
    long: { aboveTokens: 128_000 },
  }),
]

const GOOGLE_ROWS: readonly CatalogueRow[] = [
  row('gemini', GOOGLE, '2026-04', 'gemini-3.1-pro-preview', 'expert', {
    contextTokens: 1_048_576,
    maxOutputTokens: 65_536,
    price: usd(2, 12, 0.2),
    long: { aboveTokens: LONG_GOOGLE, price: usd(4, 18, 0.4) },
  }),
  // Only the input price of the two newest was certain (introductory, until the end of 2026): no price.
  row('gemini', GOOGLE, '2026-09', 'gemini-3.8-flash', 'fast', { contextTokens: 1_048_576 }),
  row('gemini', GOOGLE, '2026-09', 'gemini-3.5-flash', 'fast', { contextTokens: 1_048_576 }),
  row('gemini', GOOGLE, '2026-01', 'gemini-3-flash-preview', 'fast', {
    contextTokens: 1_048_576,
    maxOutputTokens: 65_536,
    price: usd(0.5, 3),
  }),
  row('gemini', GOOGLE, '2025-07', 'gemini-2.5-pro', 'expert', {
    contextTokens: 1_048_576,
    maxOutputTokens: 65_536,
    price: usd(1.25, 10, 0.31),
    long: { aboveTokens: LONG_GOOGLE, price: usd(2.5, 15, 0.625) },
  }),
  row('gemini', GOOGLE, '2025-07', 'gemini-2.5-flash', 'fast', {
    contextTokens: 1_048_576,
    maxOutputTokens: 65_536,
    price: usd(0.3, 2.5, 0.075),
  }),
  row('gemini', GOOGLE, '2025-07', 'gemini-2.5-flash-lite', 'fast', {
    contextTokens: 1_048_576,
    maxOutputTokens: 65_536,
    price: usd(0.1, 0.4, 0.025),
  }),
  row('gemini', GOOGLE, '2025-07', 'gemini-embedding-001', 'fast', {
    contextTokens: 2_048,
    price: usd(0.15, 0),
  }),
]

const mistral = (
  asOf: string,
  name: string,
  tier: Tier,
  price?: Price,
  contextTokens?: number,
): CatalogueRow =>
  row('mistral', MISTRAL, asOf, name, tier, {
    ...(price && { price }),
    ...(contextTokens && { contextTokens }),
  })

const MISTRAL_ROWS: readonly CatalogueRow[] = [
  mistral('2026-08', 'mistral-large-4', 'expert'),
  mistral('2026-08', 'mistral-large-latest', 'expert'),
  mistral('2026-06', 'mistral-large-2512', 'expert', usd(0.5, 1.5, 0.05), 262_144),
  mistral('2026-08', 'mistral-medium-3-5', 'expert', usd(1.5, 7.5, 0.15), 256_000),
  mistral('2026-08', 'mistral-medium-2508', 'mid', usd(0.4, 2, 0.04), 131_072),
  mistral('2026-08', 'mistral-small-latest', 'fast'),
  mistral('2026-06', 'mistral-small-2603', 'fast', usd(0.15, 0.6, 0.015)),
  mistral('2026-06', 'devstral-2512', 'expert', usd(0.4, 2, 0.04), 262_144),
  mistral('2026-06', 'codestral-2508', 'mid', usd(0.3, 0.9, 0.03), 256_000),
  mistral('2026-06', 'ministral-14b-2512', 'fast', usd(0.2, 0.2, 0.02), 262_144),
  mistral('2026-08', 'ministral-8b-2512', 'fast', usd(0.15, 0.15, 0.015), 262_144),
  mistral('2026-06', 'mistral-embed', 'fast', usd(0.1, 0)),
  mistral('2026-06', 'ministral-3b-2512', 'fast', usd(0.1, 0.1, 0.01), 131_072),
]

const GROQ_ROWS: readonly CatalogueRow[] = [
  row('groq', GROQ, '2026-06', 'openai/gpt-oss-120b', 'mid', {
    contextTokens: 131_072,
    maxOutputTokens: 65_536,
    price: usd(0.15, 0.6),
  }),
  row('groq', GROQ, '2025-11', 'llama-3.3-70b-versatile', 'expert', {
    contextTokens: 131_072,
    maxOutputTokens: 32_768,
    price: usd(0.59, 0.79),
  }),
  row('groq', GROQ, '2025-11', 'llama-3.1-8b-instant', 'fast', {
    contextTokens: 131_072,
    maxOutputTokens: 131_072,
    price: usd(0.05, 0.08),
  }),
]

/** Anthropic prices what is read from its prompt cache at a tenth of fresh input, for every model. */
const CACHE_READ_SHARE = 0.1

const claude = (asOf: string, name: string, tier: Tier, input: number, output: number): CatalogueRow =>
  row('anthropic', ANTHROPIC, asOf, name, tier, {
    contextTokens: tier === 'fast' ? 200_000 : 1_000_000,
    maxOutputTokens: tier === 'fast' ? 64_000 : 128_000,
    price: usd(input, output, input * CACHE_READ_SHARE),
  })

const ANTHROPIC_ROWS: readonly CatalogueRow[] = [
  claude('2026-08', 'claude-fable-5', 'expert', 10, 50),
  claude('2026-08', 'claude-opus-5', 'expert', 5, 25),
  claude('2026-08', 'claude-sonnet-5', 'expert', 2, 10),
  claude('2026-04', 'claude-opus-4-7', 'expert', 5, 25),
  claude('2026-04', 'claude-sonnet-4-6', 'expert', 3, 15),
  claude('2026-08', 'claude-haiku-4-5', 'fast', 1, 5),
]

// DeepSeek changed its prices in the summer of 2026 and public lists disagree: tiers and context only.
const DEEPSEEK_ROWS: readonly CatalogueRow[] = [
  row('deepseek', DEEPSEEK, '2026-06', 'deepseek-v4-pro', 'expert', {
    contextTokens: 1_000_000,
    maxOutputTokens: 384_000,
  }),
  row('deepseek', DEEPSEEK, '2026-06', 'deepseek-v4-flash', 'mid', {
    contextTokens: 1_000_000,
    maxOutputTokens: 384_000,
  }),
]

/** Open weights whose name hides their size: wherever they run, their tier is the same. No price: it is the host's. */
const open = (name: string, tier: Tier, source: string): CatalogueRow =>
  row('any', `https://huggingface.co/${source}`, '2026-08', name, tier)

const OPEN_ROWS: readonly CatalogueRow[] = [
  // 117B with 5.1B active, and 21B with 3.6B: the geometric means are 24B and 9B.
  open('gpt-oss-120b', 'mid', 'openai/gpt-oss-120b'),
  open('gpt-oss-20b', 'fast', 'openai/gpt-oss-20b'),
  open('deepseek-v4-pro', 'expert', 'deepseek-ai/DeepSeek-V4-Pro'),
  open('deepseek-v4-flash', 'mid', 'deepseek-ai/DeepSeek-V4-Flash'),
  open('deepseek-v3', 'expert', 'deepseek-ai/DeepSeek-V3'),
  open('kimi-k2', 'expert', 'moonshotai/Kimi-K2-Instruct'),
  open('mistral-nemo', 'fast', 'mistralai/Mistral-Nemo-Instruct-2407'),
]

export const ROWS: readonly CatalogueRow[] = [
  ...OPENAI_ROWS,
  ...XAI_ROWS,
  ...GOOGLE_ROWS,
  ...MISTRAL_ROWS,
  ...GROQ_ROWS,
  ...ANTHROPIC_ROWS,
  ...DEEPSEEK_ROWS,
  ...OPEN_ROWS,
]
