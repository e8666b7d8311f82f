import { isRecord } from './upstream.ts'

/** Distinct tool calls that one choice may make. */
const MAX_TOOL_CALLS = 1_024

interface Calls {
  /** The place of every id seen. */
  readonly places: Map<string, number>
  /** The id that holds a place; empty where the engine gave none. */
  readonly owners: Map<number, string>
  next: number
  last: number
}

/**
 * Which tool call a streamed delta belongs to, for engines that lose the index (Gemini) or give every call the
 * same one. In the order of the stream: an id that is known belongs to its call; a new id is a new call, at the
 * place that the delta names unless another id is there already, else at the next; a delta without id and index
 * goes on with the last call. A new id without a tool's name at a taken place is the same call: older vLLM gave
 * every delta a fresh id.
 */
export class ToolIndexes {
  readonly #choices = new Map<number, Calls>()

  /** Sets the delta's `index`; true where that changed it. A text says what is wrong. */
  place(choice: number, call: Record<string, unknown>): boolean | string {
    let calls = this.#choices.get(choice)
    if (calls === undefined) {
      calls = { places: new Map(), owners: new Map(), next: 0, last: 0 }
      this.#choices.set(choice, calls)
    }
    const given = isIndex(call['index']) ? call['index'] : undefined
    const id = typeof call['id'] === 'string' ? call['id'] : ''
    const index = placeOf(calls, given, id, isNamed(call))
    const owner = calls.owners.get(index)
    if (owner === undefined || owner === '') calls.owners.set(index, id)
    if (id !== '') calls.places.set(id, index)
    if (calls.places.size > MAX_TOOL_CALLS || calls.owners.size > MAX_TOOL_CALLS) {
      return `it makes more than ${MAX_TOOL_CALLS} tool calls`
    }
    calls.next = Math.max(calls.next, index + 1)
    calls.last = index
    if (given === index) return false
    call['index'] = index
    return true
  }
}

function placeOf(calls: Calls, given: number | undefined, id: string, named: boolean): number {
  if (id === '') return given ?? (named ? calls.next : calls.last)
  const known = calls.places.get(id)
  if (known !== undefined) return known
  if (given === undefined) return calls.next
  const owner = calls.owners.get(given)
  const taken = owner !== undefined && owner !== '' && named
  return taken ? calls.next : given
}

function isNamed(call: Record<string, unknown>): boolean {
  return (
    isRecord(call['function']) &&
    typeof call['function']['name'] === 'string' &&
    call['function']['name'] !== ''
  )
}

export function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 1_000_000
}
