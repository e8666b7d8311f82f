import type { ModelView } from '../contract/model.ts'
import { RESERVED_NAMES, type RouteConfig } from './config.ts'

/** An alias that stands for nothing that a request may name at present. */
export interface LooseAlias {
  readonly alias: string
  readonly target: string
}

/**
 * Aliases that lead nowhere: to no tier, no `auto`, and no model of an engine that is known now, off or down ones
 * included. An engine may come up later, so none is a fault of the configuration. An alias of an alias is not followed.
 */
export function looseAliases({ aliases }: RouteConfig, models: readonly ModelView[]): readonly LooseAlias[] {
  const known = new Set([...RESERVED_NAMES, ...models.flatMap(({ id, name }) => [id, name])])
  return Object.entries(aliases).flatMap(([alias, target]) => (known.has(target) ? [] : [{ alias, target }]))
}

export function looseWords({ alias, target }: LooseAlias): string {
  return `The alias ${JSON.stringify(alias)} (route.aliases) leads nowhere: no engine that is known now has a model ${JSON.stringify(target)}.`
}
