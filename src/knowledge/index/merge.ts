import { completed, type Segment } from './segment.ts'

/** A segment and which of its chunks go on, by number. */
export interface Part {
  readonly segment: Segment
  readonly keeps: (chunk: number) => boolean
}

/**
 * One segment of the chunks that go on, in their order; their numbers close up. So a document is taken out (one part),
 * and small segments become one (several). Terms that no chunk holds any more are gone.
 */
export function mergeSegments(parts: readonly Part[]): Segment {
  const places = parts.map(({ segment, keeps }) => kept(segment, keeps))
  const size = places.reduce((sum, { count }) => sum + count, 0)
  const documents = new Uint32Array(size)
  const headLengths = new Uint16Array(size)
  const bodyLengths = new Uint16Array(size)
  const lists = new Map<string, List>()
  let base = 0
  let document = -1
  for (const [number, { segment }] of parts.entries()) {
    const { to, count } = places[number] ?? { to: new Int32Array(0), count: 0 }
    let last = -1
    for (let chunk = 0; chunk < segment.size; chunk++) {
      const place = to[chunk] ?? -1
      if (place < 0) continue
      const own = segment.documents[chunk] ?? 0
      if (own !== last) document++
      last = own
      documents[base + place] = document
      headLengths[base + place] = segment.headLengths[chunk] ?? 0
      bodyLengths[base + place] = segment.bodyLengths[chunk] ?? 0
    }
    for (const [term, id] of segment.terms) append(lists, term, segment, id, to, base)
    base += count
  }
  return assembled(lists, { size, documents, headLengths, bodyLengths })
}

interface List {
  readonly chunks: number[]
  readonly head: number[]
  readonly body: number[]
}

function kept(segment: Segment, keeps: Part['keeps']): { to: Int32Array; count: number } {
  const to = new Int32Array(segment.size).fill(-1)
  let count = 0
  for (let chunk = 0; chunk < segment.size; chunk++) if (keeps(chunk)) to[chunk] = count++
  return { to, count }
}

function append(
  lists: Map<string, List>,
  term: string,
  segment: Segment,
  id: number,
  to: Int32Array,
  base: number,
): void {
  let list = lists.get(term)
  const end = segment.offsets[id + 1] ?? 0
  for (let index = segment.offsets[id] ?? 0; index < end; index++) {
    const place = to[segment.chunks[index] ?? 0] ?? -1
    if (place < 0) continue
    if (list === undefined) {
      list = { chunks: [], head: [], body: [] }
      lists.set(term, list)
    }
    list.chunks.push(base + place)
    list.head.push(segment.head[index] ?? 0)
    list.body.push(segment.body[index] ?? 0)
  }
}

function assembled(
  lists: ReadonlyMap<string, List>,
  chunkwise: Pick<Segment, 'size' | 'documents' | 'headLengths' | 'bodyLengths'>,
): Segment {
  let postings = 0
  for (const { chunks } of lists.values()) postings += chunks.length
  const terms = new Map<string, number>()
  const offsets = new Uint32Array(lists.size + 1)
  const chunks = new Uint32Array(postings)
  const head = new Uint8Array(postings)
  const body = new Uint8Array(postings)
  let at = 0
  for (const [term, list] of lists) {
    const id = terms.size
    terms.set(term, id)
    chunks.set(list.chunks, at)
    head.set(list.head, at)
    body.set(list.body, at)
    at += list.chunks.length
    offsets[id + 1] = at
  }
  return completed({ ...chunkwise, terms, offsets, chunks, head, body })
}
