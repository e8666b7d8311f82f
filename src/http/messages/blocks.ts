/** One server-sent event as Messages has it: its type is its name. */
export function eventText(type: string, fields: Readonly<Record<string, unknown>>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

interface Open {
  readonly index: number
  readonly kind: 'text' | 'thinking' | 'tool_use' | 'other'
  /** A call's place among the calls. */
  readonly call: number
}

/**
 * Writes the blocks of one streamed message, one after the other: each is begun, filled and ended before the next, and
 * their indexes are 0, 1, 2 … It can take over in the middle of a message that went out in the engine's own words, as
 * long as it has followed those.
 */
export class BlockWriter {
  begun = false
  #open: Open | undefined
  #next = 0
  #calls = 0
  #pinged = false

  /** The place among the calls of the one whose block is open. */
  get openCall(): number | undefined {
    return this.#open?.kind === 'tool_use' ? this.#open.call : undefined
  }

  /** Takes note of an event that goes out in the engine's own words. */
  follow(wire: string): void {
    const value: unknown = JSON.parse(wire.slice(wire.indexOf('\n') + 1 + 'data: '.length))
    if (typeof value !== 'object' || value === null) return
    const type = Reflect.get(value, 'type')
    const index: unknown = Reflect.get(value, 'index')
    this.begun = true
    this.#pinged = true
    if (type === 'content_block_stop') this.#open = undefined
    if (type !== 'content_block_start' || typeof index !== 'number') return
    const block: unknown = Reflect.get(value, 'content_block')
    const kind = kindOf(typeof block === 'object' && block !== null ? Reflect.get(block, 'type') : undefined)
    this.#open = { index, kind, call: kind === 'tool_use' ? this.#calls++ : 0 }
    this.#next = index + 1
  }

  /** The start of the message, where it has not begun. */
  begin(message: Readonly<Record<string, unknown>>): string {
    this.begun = true
    return eventText('message_start', { message })
  }

  text(text: string): string {
    return this.#in('text', { type: 'text', text: '' }) + this.#delta({ type: 'text_delta', text })
  }

  thought(thinking: string): string {
    return this.#inThought() + this.#delta({ type: 'thinking_delta', thinking })
  }

  /** A signature ends the thought that is open; a redacted thought is a block of its own. */
  signed(block: object): string {
    if (Reflect.get(block, 'type') === 'redacted_thinking') {
      const text = this.close() + this.#start('other', block)
      return text + this.close()
    }
    const signature: unknown = Reflect.get(block, 'signature')
    if (typeof signature !== 'string') return ''
    const text = this.#inThought()
    const sealed = signature === '' ? '' : this.#delta({ type: 'signature_delta', signature })
    return text + sealed + this.close()
  }

  /** A whole call, as a block of its own. */
  call(id: string, name: string, json: string): string {
    const text = this.close() + this.#start('tool_use', { type: 'tool_use', id, name, input: {} })
    return text + this.#delta({ type: 'input_json_delta', partial_json: json }) + this.close()
  }

  /** The rest of the call that is open. */
  rest(json: string): string {
    const text = json === '' ? '' : this.#delta({ type: 'input_json_delta', partial_json: json })
    return text + this.close()
  }

  /** Ends the block that is open. */
  close(): string {
    if (this.#open === undefined) return ''
    const { index } = this.#open
    this.#open = undefined
    return eventText('content_block_stop', { index })
  }

  end(): string {
    return this.close() + eventText('message_stop', {})
  }

  #inThought(): string {
    return this.#in('thinking', { type: 'thinking', thinking: '', signature: '' })
  }

  #in(kind: 'text' | 'thinking', empty: object): string {
    return this.#open?.kind === kind ? '' : this.close() + this.#start(kind, empty)
  }

  #start(kind: Open['kind'], block: object): string {
    const index = this.#next++
    this.#open = { index, kind, call: kind === 'tool_use' ? this.#calls++ : 0 }
    const text = eventText('content_block_start', { index, content_block: block })
    if (this.#pinged) return text
    // As the API does: a sign that the stream lives, once, where its first block has begun.
    this.#pinged = true
    return text + eventText('ping', {})
  }

  #delta(delta: object): string {
    // Nearly every event of a stream is one of these: written without an object around it.
    const fields = `"index":${this.#open?.index ?? 0},"delta":${JSON.stringify(delta)}`
    return `event: content_block_delta\ndata: {"type":"content_block_delta",${fields}}\n\n`
  }
}

function kindOf(type: unknown): Open['kind'] {
  return type === 'text' || type === 'thinking' || type === 'tool_use' ? type : 'other'
}
