import { both, isEmpty, spansOf, TooLarge } from './dfa.ts'
import type { Expander } from './expand.ts'
import { hasNumbers } from './numbers.ts'
import { type Alternative, type ArraySpec, itemTerms, propertyTerms } from './shape.ts'
import type { StringSpec } from './strings.ts'

const MAX_LOOKED_AT = 16

/** False where an alternative surely admits nothing, as far as can be seen in so many levels. */
export function isPossible(alternative: Alternative, levels: number, expander: Expander): boolean {
  switch (alternative.kind) {
    case 'values':
      return true
    case 'number':
      return hasNumbers(alternative.spec, expander.bounds, expander.work)
    case 'string':
      return isPossibleString(alternative.spec, expander)
    case 'array': {
      const { spec } = alternative
      if (spec.least > spec.most) return false
      const needed = Array.from({ length: Math.min(spec.least, MAX_LOOKED_AT) }, (_, index) => index)
      if (levels === 0) return true
      const rest = itemTerms(spec, Number.MAX_SAFE_INTEGER)
      return (
        needed.every((index) => isMet(itemTerms(spec, index), levels - 1, expander)) &&
        (hasPrefix(spec) ||
          spec.contains.every(
            ({ terms, least }) => least === 0 || isMet([...rest, ...terms], levels - 1, expander),
          ))
      )
    }
    case 'object': {
      const { spec } = alternative
      if (spec.least > spec.most || spec.required.length > spec.most) return false
      return (
        levels === 0 || spec.required.every((key) => isMet(propertyTerms(spec, key), levels - 1, expander))
      )
    }
  }
}

function hasPrefix({ layers }: ArraySpec): boolean {
  return layers.some(({ prefix }) => prefix.length > 0)
}

function isMet(terms: Parameters<Expander['of']>[0], levels: number, expander: Expander): boolean {
  return terms.length === 0 || expander.of(terms).some((one) => isPossible(one, levels, expander))
}

function isPossibleString({ languages, least, most }: StringSpec, { work }: Expander): boolean {
  if (least > most) return false
  const [first, ...others] = languages
  if (first === undefined) return true
  try {
    const dfa = others.reduce((all, { dfa }) => both(all, dfa, work), first.dfa)
    const span = spansOf(dfa)[dfa.start]
    return !isEmpty(dfa) && span !== undefined && span.least <= most && span.most >= least
  } catch (error) {
    if (error instanceof TooLarge) return true
    throw error
  }
}
