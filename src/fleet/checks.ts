import type { Check } from '../contract/check.ts'
import type { ModelEntry } from './table.ts'
import type { EngineView } from './view.ts'

/** What is wrong with the engines, and what to do. An engine that is off by its owner's choice is not a fault. */
export function engineChecks(
  engines: readonly EngineView[],
  entries: readonly ModelEntry[],
): readonly Check[] {
  const chat = entries.filter((entry) => entry.view.kind === 'chat')
  const usable = chat.filter((entry) => entry.view.available)
  const embedding = entries.filter((entry) => entry.view.kind === 'embedding' && entry.view.available).length
  const more = embedding === 0 ? '' : `, and ${embedding} for embeddings`
  const overall: Check =
    usable.length > 0
      ? { name: 'models', state: 'ok', detail: `${usable.length} can be used${more}` }
      : {
          name: 'models',
          state: 'warn',
          detail: 'no model can be used: only questions to the handbook are answered',
          fix: firstStep(engines),
        }
  return [overall, ...engines.flatMap(checksOf)]
}

function firstStep(engines: readonly EngineView[]): string {
  const off = engines.find((engine) => !engine.allowed)
  const local = 'start a local engine (`ollama serve`, then `ollama pull qwen3:4b`)'
  return off
    ? `${local}, or allow one: upshift engines allow ${off.name}`
    : `${local}, or name one under fleet.engines`
}

function checksOf(engine: EngineView): readonly Check[] {
  const name = `engine ${engine.name}`
  if (!engine.allowed) return [{ name, state: 'ok', detail: engine.state }]
  const checks: Check[] = []
  if (engine.available) checks.push({ name, state: 'ok', detail: engine.state })
  else
    checks.push({
      name,
      state: engine.source === 'found' ? 'warn' : 'fail',
      detail: engine.state,
      fix: reachFix(engine),
    })
  for (const replica of engine.replicas) {
    if (engine.replicas.length === 1 || replica.reach.state !== 'down') continue
    const fix = `start it, or remove ${replica.url} from fleet.engines.${engine.name}.urls`
    checks.push({ name: `replica ${replica.id}`, state: 'fail', detail: replica.reach.why, fix })
  }
  const unpriced = engine.models.filter((entry) => engine.offMachine && !entry.view.price)
  if (unpriced.length > 0) checks.push(priceCheck(engine, unpriced))
  return [...checks, ...engine.models.flatMap((entry) => contextCheck(engine, entry))]
}

function reachFix(engine: EngineView): string {
  const url = engine.replicas[0]?.url ?? ''
  if (engine.replicas.some((replica) => replica.reach.state === 'up')) {
    return engine.kind === 'ollama' ? 'pull a chat model: ollama pull qwen3:4b' : 'load a chat model in it'
  }
  if (engine.source === 'found') return 'start it again, if it is wanted'
  return `check that it runs, and its address and key: ${url} (fleet.engines.${engine.name})`
}

function priceCheck(engine: EngineView, unpriced: readonly ModelEntry[]): Check {
  const names = unpriced.slice(0, 3).map((entry) => entry.view.name)
  const rest = unpriced.length > names.length ? ` and ${unpriced.length - names.length} more` : ''
  return {
    name: `prices of ${engine.name}`,
    state: 'warn',
    detail: `${unpriced.length} models without a known price are not used: ${names.join(', ')}${rest}`,
    fix: `add their price under fleet.engines.${engine.name}.models`,
  }
}

/** Ollama cuts what is longer than its context in silence, and its default is far below what models can read. */
function contextCheck(engine: EngineView, entry: ModelEntry): readonly Check[] {
  const { contextTokens, name } = entry.view
  const trained = entry.trainedTokens
  if (engine.kind !== 'ollama' || contextTokens === undefined || trained === undefined) return []
  if (contextTokens >= trained) return []
  const sure = entry.contextAssumed ? 'reads perhaps only' : 'reads only'
  return [
    {
      name: `context of ${entry.view.id}`,
      state: 'warn',
      detail: `Ollama ${sure} ${contextTokens} of the ${trained} tokens that the model can; longer prompts are refused`,
      fix:
        `start Ollama with OLLAMA_CONTEXT_LENGTH=${Math.min(trained, 32_768)}` +
        (entry.contextAssumed
          ? `, or, if it is set already, load the model once (ollama run ${name} hi) or state it: ` +
            `fleet.engines.${engine.name}.models: [{ name: ${JSON.stringify(name)}, contextTokens: … }]`
          : ''),
    },
  ]
}
