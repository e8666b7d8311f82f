import type { Tier } from '../../contract/tier.ts'

/** Parameters in billions. `active` is what a mixture of experts computes for one token. */
export interface Size {
  readonly total: number
  readonly active?: number
}

const MID_FROM = 15
const EXPERT_FROM = 60
// Of `8x7b`, attention and embeddings are shared and two experts work on a token: Mixtral 8x7B has 46.7B
// parameters and 12.9B active, 8x22B has 141B and 39B. Source: the Mixtral paper, arXiv 2401.04088.
const EXPERTS_SHARED = 0.83
const EXPERTS_ACTIVE = 1.8

/** The size that a model's name states: `llama3.1:8b`, `qwen3-30b-a3b`, `mixtral-8x7b`, `gemma3:270m`. */
export function sizeInName(name: string): Size | undefined {
  const text = name.toLowerCase()
  const experts = /(?:^|[^a-z0-9.])(\d{1,3})x(\d{1,3}(?:\.\d+)?)b(?![a-z0-9])/.exec(text)
  if (experts) {
    const each = Number(experts[2])
    return { total: Number(experts[1]) * each * EXPERTS_SHARED, active: each * EXPERTS_ACTIVE }
  }
  const total = /(?:^|[^a-z0-9.])e?(\d{1,4}(?:\.\d+)?)(b|m|t)(?![a-z0-9])/.exec(text)
  if (!total) return undefined
  const scale = total[2] === 'm' ? 0.001 : total[2] === 't' ? 1_000 : 1
  const active = /(?:^|[^a-z0-9.])a(\d{1,3}(?:\.\d+)?)b(?![a-z0-9])/.exec(text)
  return { total: Number(total[1]) * scale, ...(active && { active: Number(active[1]) }) }
}

/**
 * The tier of a model of that size, with the rule in words: below 15B fast, from 60B expert, between them mid.
 * A mixture of experts counts as the geometric mean of its total and active parameters, the field's rule of
 * thumb for the dense model that it compares with.
 */
export function tierOfSize(size: Size): { readonly tier: Tier; readonly reason: string } {
  const dense = size.active === undefined ? size.total : Math.sqrt(size.total * size.active)
  const tier: Tier = dense < MID_FROM ? 'fast' : dense < EXPERT_FROM ? 'mid' : 'expert'
  const shown = (billions: number): string => `${Number(billions.toPrecision(3))}B`
  const what =
    size.active === undefined
      ? `${shown(size.total)} parameters`
      : `${shown(size.total)} parameters, ${shown(size.active)} active, like ${shown(dense)} dense`
  return { tier, reason: `${what} (fast below ${MID_FROM}B, expert from ${EXPERT_FROM}B)` }
}
