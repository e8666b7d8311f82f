import type { ModelView } from '../../contract/model.ts'

/**
 * Who made a model, as far as its name says: `qwen3:4b` and `Qwen2.5-7B` are `qwen`, `meta-llama/Llama-3.1-8B` is
 * `llama`. Two models of one family err alike, so their agreement says little.
 */
export function familyOf({ name }: Pick<ModelView, 'name'>): string {
  const own = name.slice(name.lastIndexOf('/') + 1).toLowerCase()
  const words = own.match(/[a-z]+/g) ?? [own]
  return words.find((word) => !PREFIXES.has(word)) ?? own
}

/** Words that stand before the family's own in names that are in use. */
const PREFIXES: ReadonlySet<string> = new Set(['meta', 'open', 'deepseek', 'nous', 'tiny', 'hf', 'gguf'])
