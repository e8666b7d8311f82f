import type { ModelShape } from './memory.ts'

/** A model file on this machine. */
export interface LocalModel {
  /** What it is called behind `llama/`. */
  readonly name: string
  readonly path: string
  /** Another one where the file has changed. */
  readonly version: string
  readonly shape: ModelShape
  readonly parameters: number
  /** It makes vectors and no text. */
  readonly embeds: boolean
}
