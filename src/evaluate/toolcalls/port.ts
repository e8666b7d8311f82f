/** A tool as a request offers it. */
export interface OfferedTool {
  readonly name: string
  /** Its JSON Schema. */
  readonly parameters?: object | undefined
}

/** A call with its arguments as the text of one JSON object. */
export interface ReadCall {
  readonly name: string
  readonly arguments: string
}

/**
 * What is evaluated: the calls that a printed text turns out to be, held against the tools; undefined where none.
 */
export type ReadPrintedCalls = (
  text: string,
  tools: readonly OfferedTool[],
) => readonly ReadCall[] | undefined
