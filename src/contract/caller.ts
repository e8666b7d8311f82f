import type { ModelView } from './model.ts'
import type { Tier } from './tier.ts'

/** What a key may use. An absent list means everything of its kind. */
export interface Scope {
  readonly tiers?: readonly Tier[]
  /** Exact models or `engine/*`. */
  readonly models?: readonly string[]
  /** `local`: only engines on this machine. `any`: also allowed engines off it. */
  readonly engines: 'local' | 'any'
  /** Collections of documents, by name. */
  readonly collections?: readonly string[]
}

/** An authenticated caller. */
export interface Caller {
  /** The key's public id, `key_…`: fit for logs. */
  readonly key: string
  readonly name: string
  /** The owner may also administer. */
  readonly owner: boolean
  readonly scope: Scope
}

/** Whether a scope covers a model: true, or the reason why not, in words that may go into a record. */
export function mayUse(
  scope: Scope,
  model: Pick<ModelView, 'id' | 'engine' | 'tier' | 'offMachine'>,
): true | string {
  if (scope.engines === 'local' && model.offMachine) {
    return `the key may only use engines on this machine, and ${model.engine} is off it`
  }
  if (scope.tiers !== undefined && !scope.tiers.includes(model.tier)) {
    return `the key may use the tiers ${scope.tiers.join(', ')}, and ${model.id} is ${model.tier}`
  }
  if (scope.models?.every((allowed) => allowed !== model.id && allowed !== `${model.engine}/*`)) {
    return `the key may use the models ${scope.models.join(', ')}, and ${model.id} is none of them`
  }
  return true
}

/** Whether a scope covers a collection. Who may not read one is told what is told of one that does not exist. */
export function mayRead({ collections }: Scope, collection: string): boolean {
  return collections?.includes(collection) !== false
}
