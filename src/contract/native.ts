/** A dialect beside Chat Completions, in which a caller may ask and an engine may answer. */
export type ForeignDialect = 'messages'

/**
 * A request as its caller said it, where that was not in Chat Completions. It rides beside the translation, so that
 * an engine of the same dialect gets the caller's own words and no translation of a translation. The guards look at
 * it as at the translation, and no other engine ever sees it.
 */
export interface NativeRequest {
  readonly dialect: ForeignDialect
  /** The caller's own body; what a guard took out of the translation is taken out here too. */
  readonly body: Readonly<Record<string, unknown>>
  /** How many of the request's messages say what the body says; those after them were added on the way. */
  readonly messages: number
  /** The values of the caller's `anthropic-beta` headers. */
  readonly betas: readonly string[]
  /** What the translation cannot say: an engine of another dialect does without, and the verdicts name it. */
  readonly lost: readonly string[]
  /** What no other engine can do without: it is refused there, with this reason. */
  readonly needs?: { readonly param: string; readonly what: string }
  /** Its last message brings results of tools: what its user says there goes with them, and is no new question. */
  readonly bringsResults?: true
  /** The dearest prompt cache that it marks; absent where it marks none. */
  readonly cache?: CacheLife
}

/** How long a marked prompt is kept by the engine that read it: what writing it costs depends on that. */
export type CacheLife = '5m' | '1h'
