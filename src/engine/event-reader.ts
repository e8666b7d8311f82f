import type { Problem } from '../contract/problem.ts'
import { garbled, type Reader, type Sink, UnstreamedReader } from './reader.ts'
import { MAX_EVENT_BYTES, type SseField, SseParser, type SseReceiver } from './sse.ts'
import type { Target } from './target.ts'

const BRACE = 0x7b
const BRACKET = 0x5b
const ANGLE = 0x3c

/**
 * Reads a stream of server-sent events, in whatever protocol. What the content type claims is not believed: a body
 * that begins with `{`, `[` or `<` is no event stream, and an error perhaps.
 */
export abstract class EventReader implements Reader, SseReceiver {
  protected readonly target: Target
  protected readonly sink: Sink
  readonly #parser = new SseParser(this)
  #unstreamed: UnstreamedReader | undefined
  #sniffed = false

  constructor(target: Target, sink: Sink) {
    this.target = target
    this.sink = sink
  }

  read(bytes: Buffer): void {
    if (!this.#sniffed) this.#sniff(bytes)
    if (this.#unstreamed !== undefined) this.#unstreamed.read(bytes)
    else this.#parser.push(bytes)
  }

  close(): void {
    if (this.#unstreamed !== undefined) this.#unstreamed.close()
    else this.closed(this.#parser.end()?.trim() ?? '')
  }

  tooLarge(): void {
    const bound = `an event of its stream is larger than ${MAX_EVENT_BYTES / 1024 / 1024} MiB`
    this.fail(garbled(this.target, bound))
  }

  abstract settle(): boolean
  abstract event(data: string, oneLine: boolean, field: SseField): boolean
  /** @param rest - an event without the blank line that should have ended it; empty where there is none */
  protected abstract closed(rest: string): void
  /** Ends the answer, once. */
  protected abstract fail(problem: Problem): false

  protected cutOff(how: string): Problem {
    return {
      code: 'upstream_garbled',
      message: `The answer of engine ${this.target.engine} was cut off: its stream ended ${how}. What came is incomplete; ask again, and look at the engine’s own log.`,
    }
  }

  #sniff(bytes: Buffer): void {
    for (const byte of bytes) {
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue
      this.#sniffed = true
      if (byte === BRACE || byte === BRACKET || byte === ANGLE)
        this.#unstreamed = new UnstreamedReader(this.target, this.sink)
      return
    }
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
