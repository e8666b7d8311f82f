/**
 * The elements for which `holds` is true, in order: the list itself where that is all of them. On the path of a request
 * it nearly always is, and a `filter` would copy the list there for nothing.
 */
export function kept<T>(list: readonly T[], holds: (one: T) => boolean): readonly T[] {
  let some: T[] | undefined
  for (let at = 0; at < list.length; at++) {
    const one = list[at] as T // at < list.length
    if (holds(one)) some?.push(one)
    else some ??= list.slice(0, at)
  }
  return some ?? list
}
