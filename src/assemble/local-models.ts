import type { Config } from '../config/sections.ts'
import type { ModelView } from '../contract/model.ts'
import type { Tier } from '../contract/tier.ts'
import type { ModelFolder } from '../engine/llama/model-folder.ts'
import type { LocalModel } from '../engine/llama/models.ts'
import { classify } from '../fleet/catalogue/catalogue.ts'
import type { LocalModels } from '../fleet/fleet.ts'

/** The name of the engine inside this process: its models are `llama/NAME`. */
const LLAMA = 'llama'

/** The models in the folder as the planner sees them: on this machine, and free of charge. */
export function localModels({ llama, models }: Config, folder: ModelFolder): LocalModels {
  return {
    models: () =>
      folder.models().map((model) => viewOf(model, llama.contextTokens, models.tiers[model.name])),
    refresh: () => folder.refresh(),
    maxConcurrent: llama.queueLimit + llama.parallel,
  }
}

function viewOf(
  { name, shape, parameters, embeds }: LocalModel,
  contextTokens: number,
  configured: Tier | undefined,
): ModelView {
  const { tier } = classify('llama.cpp', name, { total: parameters / 1e9 })
  return {
    id: `${LLAMA}/${name}`,
    engine: LLAMA,
    name,
    tier: configured ?? tier,
    kind: embeds ? 'embedding' : 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: Math.min(contextTokens, shape.trainedTokens),
    price: { inputPerMillion: 0, outputPerMillion: 0 },
    // A process that was started again goes on where the one before it was killed.
    continues: true,
    enforcesSchema: false,
    writesByGrammar: true,
  }
}
