import type { Verdict } from '../../contract/event.ts'
import type { Found, Passage } from '../../contract/passage.ts'
import type { Sought } from '../collection/search-pool.ts'
import type { Hit, Searcher } from '../collection/searcher.ts'
import type { Settings } from '../retrieve/settings.ts'
import { conflictsIn } from './conflict.ts'
import { judged, weigh } from './judge.ts'
import { type Screened, screen } from './screen.ts'

/** Passages that are searched for and judged before the best are handed on: what was planted must not be all there is. */
export const WIDE = 40
/** Places among those handed on that go to the best supported, wherever they rank. */
const SUPPORTED_PLACES = 2
/** From here a passage is worth quoting (contract/passage.ts). */
const WORTH_QUOTING = 0.5

/** What a collection holds for a question, by words and its own semantics: at most `limit` passages, screened and judged. */
export function findIn(
  searcher: Searcher,
  settings: Settings,
  { collection, question, limit, filter }: Omit<Sought, 'dense'>,
): Found {
  const hits = searcher.search(question, settings, Math.max(WIDE, limit), { filter })
  return foundAmong(searcher, collection, question, hits, limit)
}

/** The same of passages that have been found already, the best first. */
export function foundAmong(
  searcher: Searcher,
  collection: string,
  question: string,
  hits: readonly Hit[],
  limit: number,
): Found {
  const screened = screen(question, hits, limit)
  const weighed = weigh(question, searcher.index)
  const all = screened.kept.map((one) => judged(collection, weighed, one))
  const passages = chosen(all, limit)
  const conflicts = conflictsIn(question, passages)
  return { type: 'found', passages, conflicts, verdicts: verdictsOf(screened, conflicts.length) }
}

/** The best found, and with them the best supported. */
function chosen(all: readonly Passage[], limit: number): Passage[] {
  const supported = all
    .filter(({ support }) => support >= WORTH_QUOTING)
    .toSorted((a, b) => b.support - a.support)
    .slice(0, SUPPORTED_PLACES)
  const first = all.slice(0, limit)
  const added = supported.filter((one) => !first.includes(one))
  return [...first.slice(0, Math.max(0, limit - added.length)), ...added].slice(0, limit)
}

function verdictsOf(screened: Screened, conflicts: number): Verdict[] {
  const { lowTrust, copies, echoes, instructing } = screened
  const told: [string, Verdict['outcome'], number, string][] = [
    ['knowledge.trust', 'skipped', lowTrust, 'passages of sources of low trust were left out'],
    ['knowledge.copies', 'repaired', copies, 'passages say what others say, and count once'],
    ['knowledge.echoes', 'repaired', echoes, 'passages repeat the question, and were left out'],
    ['knowledge.instructions', 'failed', instructing, 'passages speak to a model, and are marked'],
    ['knowledge.conflict', 'failed', conflicts, 'contradictions among the passages are shown'],
  ]
  return told.flatMap(([check, outcome, count, words]) =>
    count === 0 ? [] : [{ check, outcome, detail: `${count} ${words}` }],
  )
}
