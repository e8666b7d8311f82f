import type { QuotingPage } from '../query.ts'
import { number, readRef, text } from '../rows.ts'
import type { Source } from './reading.ts'

/** Rows of the log that one page looks through. */
const WINDOW = 50_000

/**
 * Requests whose record says that they quote a document, by how the ids of its spans begin, with the answers that are
 * kept. A page may be empty and still have a next one.
 */
export function quotingOf({ store }: Source, prefix: string, after: number): QuotingPage {
  const last = Number(store.prepare('SELECT max(seq) AS n FROM detail').get()?.['n'] ?? -1)
  const through = after + WINDOW
  const rows = store
    .prepare(
      'SELECT seq, id, detail.answer AS answer FROM request JOIN detail USING (seq) WHERE seq > ? AND seq <= ? AND instr(data, ?) > 0 ORDER BY seq',
    )
    // As it stands in the JSON: the beginning of an id in a list of them.
    .all(after, through, `"${prefix}`)
  const requests = rows.flatMap((columns) => {
    const answer = readRef(columns['answer'])
    return answer === undefined ? [] : [{ id: text(columns, 'id'), seq: number(columns, 'seq'), answer }]
  })
  return { requests, next: through < last ? through : null }
}
