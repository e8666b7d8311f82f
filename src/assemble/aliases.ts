import type { Config } from '../config/sections.ts'
import type { Check } from '../contract/check.ts'
import { pause } from '../lib/clock.ts'
import { looseAliases, looseWords } from '../route/aliases.ts'
import type { Parts } from './parts.ts'

/** An engine of this machine has answered by then, and one off it is known by the catalogue. */
const LOOK_WAIT_MS = 2_500

/** A line for each alias that leads nowhere. Only where one seems to, the engines are asked first. */
export async function aliasWarnings({ fleet }: Parts, { route }: Config): Promise<readonly string[]> {
  const loose = () => looseAliases(route, fleet.models())
  if (loose().length === 0) return []
  const waiting = new AbortController()
  try {
    await Promise.race([fleet.refresh('all'), pause(LOOK_WAIT_MS, waiting.signal)])
  } finally {
    waiting.abort()
  }
  return loose().map(looseWords)
}

/** For `doctor`, which has asked the engines: what is known is enough. */
export function aliasChecks({ fleet }: Parts, { route }: Config): readonly Check[] {
  return looseAliases(route, fleet.models()).map((one) => ({
    name: `alias ${one.alias}`,
    state: 'warn',
    detail: looseWords(one),
    fix: `mend route.aliases in upshift.yaml (auto, a tier, or a model of \`upshift engines list --models\`), or start the engine that has ${one.target}`,
  }))
}
