import type { Path } from './shape.ts'

/** The levels, the strongest first. */
export type Level = 'flag' | 'env' | 'project' | 'user'

/** What one source says, and where in it each value stands. */
export interface Layer {
  readonly level: Level
  /** Plain objects, arrays and scalars; secrets only by reference; paths absolute. */
  readonly tree: Readonly<Record<string, unknown>>
  /** For `config explain`: `env PORT`, `project /srv/upshift.yaml:3`. */
  sourceOf(path: Path): string
  /** For messages: `PORT`, `/srv/upshift.yaml:3:9`. `key` asks for the key's own place, not its value's. */
  placeOf(path: Path, what: 'key' | 'value'): string
}

/** Something wrong with the configuration, and where. */
export interface Complaint {
  /** `/srv/upshift.yaml:3:9`, `PORT`, `--port`. */
  readonly where: string
  /** The value's path, `server.port`; empty where the file as a whole is meant. */
  readonly path: string
  /** What is wrong and what to do, as a sentence. */
  readonly message: string
}
