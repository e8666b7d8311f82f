import type { Verdict } from './event.ts'

/** A piece of a document that can be cited: `text` is exactly `document.slice(start, end)` of that version. */
export interface Passage {
  /** Names the span for ever: document, version and position. `upshift cite ID` opens it. */
  readonly id: string
  readonly document: string
  /** Headings from the top of the document down to the passage. */
  readonly headings: readonly string[]
  /** SHA-256 of the document's bytes, hex. */
  readonly version: string
  /** UTF-16 offsets into the document. */
  readonly start: number
  readonly end: number
  readonly text: string
  /** 0–1: how far the passage supports the question, calibrated so that 0.5 and above is worth quoting. */
  readonly support: number
  /** Where in the document that support was found: what a quotation should hold. Absent where unknown. */
  readonly focus?: { readonly start: number; readonly end: number }
  /** Of a collection's document: which one, the page where there are any, and when it was read, milliseconds since the epoch. */
  readonly collection?: string
  readonly page?: number
  readonly readAt?: number
  /** The text speaks to a model and tells it what to do. It is data all the same. */
  readonly instructs?: true
}

/** One quotation: `quote` is verbatim `document.slice(start, end)`, and code has checked that it is there. */
export interface Citation {
  readonly id: string
  readonly document: string
  readonly headings: readonly string[]
  readonly version: string
  readonly start: number
  readonly end: number
  readonly quote: string
  readonly collection?: string
  readonly page?: number
  readonly readAt?: number
}

/** Two quotations of different documents that cannot both be right, as far as code can see. */
export interface Conflict {
  readonly one: Citation
  readonly other: Citation
  /** What they differ in. */
  readonly by: 'figures' | 'negation'
}

/** What a collection holds for a question. */
export interface Found {
  readonly type: 'found'
  /** The best first. */
  readonly passages: readonly Passage[]
  readonly conflicts: readonly Conflict[]
  /** What was screened out, and stages that did not run. */
  readonly verdicts: readonly Verdict[]
}
