/** The three tiers, cheapest first. A tier is what a model costs and can do, never which vendor made it. */
export const TIERS = ['fast', 'mid', 'expert'] as const
export type Tier = (typeof TIERS)[number]

export function isTier(text: string): text is Tier {
  return (TIERS as readonly string[]).includes(text)
}
