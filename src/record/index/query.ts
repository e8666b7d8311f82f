import type { TextRef } from '../../contract/entry.ts'
import type { Verdict } from '../../contract/event.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Usage } from '../../contract/usage.ts'
import type {
  Dimension,
  EventList,
  FeedbackView,
  Outcome,
  RequestDetail,
  RequestList,
  RequestView,
  SearchList,
  UsageReply,
} from './wire.ts'

// DESIGN. Questions to the projections and what they are answered with. Both sides are plain data, since the
// question crosses to the follower's thread. Routes parse what users say; in here nothing is checked twice.

/** Which requests. All fields that are given must hold. */
export interface Filter {
  readonly key?: string
  readonly subject?: string
  readonly model?: string
  /** The tier that served. */
  readonly tier?: string
  readonly outcome?: Outcome
  readonly code?: string
  /** When it was opened, milliseconds since the epoch: from (included), to (excluded). */
  readonly since?: number
  readonly until?: number
  /** How the id begins. */
  readonly id?: string
  /** Only those that have ended. */
  readonly finished?: boolean
}

/** A place in the order of opening, to go on below it; or in the order of ending, to go on after it. */
export type Cursor =
  | { readonly type: 'older'; readonly seq: number }
  | { readonly type: 'newer'; readonly doneSeq: number; readonly seq: number }

export type Query =
  | {
      readonly type: 'requests'
      readonly filter: Filter
      readonly limit: number
      readonly cursor?: Cursor
      /** Also the requests that others made for themselves. */
      readonly children?: boolean
    }
  | { readonly type: 'request'; readonly id: string; readonly key?: string; readonly text: boolean }
  | {
      readonly type: 'search'
      /** All of them must occur in the prompt, or all in the answer; case does not matter. */
      readonly words: readonly string[]
      readonly filter: Filter
      readonly limit: number
      readonly cursor?: Cursor
    }
  | {
      readonly type: 'usage'
      readonly by: readonly Dimension[]
      readonly since?: number
      readonly until?: number
      readonly key?: string
    }
  | { readonly type: 'subject'; readonly subject: string; readonly limit: number; readonly after?: number }
  /** Who quotes a document, by how the ids of its spans begin. */
  | { readonly type: 'quoting'; readonly prefix: string; readonly after?: number }
  | { readonly type: 'feedback'; readonly request: string }
  | ({ readonly type: 'response' } & ResponseQuery)
  | { readonly type: 'events'; readonly limit: number; readonly cursor?: Cursor }

/** A response of this key, and those that it goes on from. */
export interface ResponseQuery {
  /** The request's id. */
  readonly id: string
  readonly key: string
  /** What is still there for the key: so many of its newest, with so many bytes together, since this moment. */
  readonly kept: { readonly count: number; readonly bytes: number; readonly since: number }
  /** Links of the chain that are read at most, and their bytes. */
  readonly links: number
  readonly bytes: number
}

/** One response as its record and its texts tell it. */
export interface ResponseLink {
  readonly request: RequestView
  /** Absent where it was never planned. */
  readonly plan?: Pick<Plan, 'maxOutputTokens' | 'reasons'>
  readonly verdicts: readonly Verdict[]
  readonly sources: readonly string[]
  /** Of the turn that was delivered; absent where the engine stated none. */
  readonly usage?: Usage
  /** The request that it goes on from. */
  readonly previous: string | null
  /** The body as it arrived. */
  readonly prompt: string
  /** What was said, as the path keeps it; null where nothing was. */
  readonly answer: string | null
}

/**
 * The links from the one that was asked for back to the first, as far as they can be read. `end`: `whole` where the
 * last one is where it began; else why there are no more, and `at` the request that could not be read.
 */
export interface ResponseChain {
  readonly links: readonly ResponseLink[]
  readonly end: 'whole' | ChainGap
  readonly at: string | null
}

/** `links` and `bytes`: the bound of the question. `unknown`: never there, taken back, or another key's. */
export type ChainGap = 'links' | 'bytes' | 'unknown' | 'expired' | 'erased' | 'damaged'

/** Everything that the log knows about one subject, a page at a time, in the order of the log. */
export interface SubjectPage {
  readonly requests: readonly (RequestDetail & {
    readonly refs: { readonly prompt?: TextRef; readonly answer?: TextRef }
  })[]
  readonly feedback: readonly (FeedbackView & { readonly ref?: TextRef })[]
  /** `after` for the next page; null at the end. */
  readonly next: number | null
}

export interface QuotingPage {
  readonly requests: readonly { readonly id: string; readonly seq: number; readonly answer: TextRef }[]
  /** `after` for the next page; null at the end. */
  readonly next: number | null
}

export type Reply =
  | ({ readonly type: 'requests' } & RequestList)
  | { readonly type: 'request'; readonly request: RequestDetail | null }
  | ({ readonly type: 'search' } & SearchList)
  | ({ readonly type: 'usage' } & UsageReply)
  | ({ readonly type: 'subject' } & SubjectPage)
  | ({ readonly type: 'quoting' } & QuotingPage)
  | { readonly type: 'feedback'; readonly data: readonly FeedbackView[] }
  | ({ readonly type: 'response' } & ResponseChain)
  | ({ readonly type: 'events' } & EventList)

export type ReplyTo<Type extends Query['type']> = Extract<Reply, { type: Type }>

/** A kept text, or why it cannot be read. Its subject's key is looked up each time: an erasure holds at once. */
export type KeptText =
  | { readonly type: 'text'; readonly text: Uint8Array }
  | { readonly type: 'erased' }
  | { readonly type: 'expired' }
  | { readonly type: 'damaged' }

/** Reads a text from the vault. Synchronous: it runs in the follower's thread. */
export type ReadText = (subject: string, ref: TextRef) => KeptText

/** Opaque to callers: base64url, so that nobody builds one. */
export function encodeCursor(cursor: Cursor): string {
  const plain = cursor.type === 'older' ? `o.${cursor.seq}` : `n.${cursor.doneSeq}.${cursor.seq}`
  return Buffer.from(plain).toString('base64url')
}

/** Undefined where the text is no cursor of ours. */
export function decodeCursor(text: string): Cursor | undefined {
  const parts = /^(o|n)\.(-?\d{1,16})(?:\.(-?\d{1,16}))?$/.exec(
    Buffer.from(text, 'base64url').toString('latin1'),
  )
  if (parts === null) return undefined
  const [, kind, first, second] = parts
  if (kind === 'o') return second === undefined ? { type: 'older', seq: Number(first) } : undefined
  return second === undefined ? undefined : { type: 'newer', doneSeq: Number(first), seq: Number(second) }
}
