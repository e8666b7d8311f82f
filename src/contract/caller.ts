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
  /** Labels of documents that the key holds; EVERY_LABEL is all of them. Absent: none, so only what has no label is read. */
  readonly labels?: readonly string[]
}

/** What a document's label looks like. */
export const LABEL: RegExp = /^[a-z0-9][a-z0-9._-]{0,63}$/
export const EVERY_LABEL = '*'

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

/**
 * Whether who holds these labels sees a document with those: it must hold every one of them. A second label can only
 * narrow who reads, never widen it; and a document without labels is for all who may read its collection.
 */
export function sees(held: readonly string[], labels: readonly string[]): boolean {
  return held.includes(EVERY_LABEL) || labels.every((label) => held.includes(label))
}
