import type { Store } from '../../../store/open.ts'
import type { Query, ReadText, Reply } from '../query.ts'
import { eventsOf } from './events.ts'
import { listRequests } from './list.ts'
import { feedbackOf, requestOf, subjectOf } from './one.ts'
import { quotingOf } from './quoting.ts'
import { chainOf } from './response.ts'
import { search } from './search.ts'
import { usage } from './usage.ts'

/** What every answer is made from. */
export interface Source {
  readonly store: Store
  readonly readText: ReadText
  /** Milliseconds, monotonic. */
  readonly elapsed: () => number
  /** Entries up to this seq have expired. */
  floor(): number
}

export type Reading = (query: Query) => Reply

export function createReading(source: Source): Reading {
  return (query) => {
    switch (query.type) {
      case 'requests':
        return { type: 'requests', ...listRequests(source, query) }
      case 'request':
        return { type: 'request', request: requestOf(source, query) }
      case 'search':
        return { type: 'search', ...search(source, query) }
      case 'usage':
        return { type: 'usage', ...usage(source, query) }
      case 'subject':
        return { type: 'subject', ...subjectOf(source, query) }
      case 'quoting':
        return { type: 'quoting', ...quotingOf(source, query.prefix, query.after ?? -1) }
      case 'feedback':
        return { type: 'feedback', data: feedbackOf(source, query.request, false) }
      case 'response':
        return { type: 'response', ...chainOf(source, query) }
      case 'events':
        return { type: 'events', ...eventsOf(source, query) }
    }
  }
}
