import type { WireMessage } from '../../contract/chat.ts'
import { isRecord } from '../upstream.ts'

/** What an event says in Chat Completions: nothing where undefined; a text says what is wrong with it. */
export type Said = WireMessage | undefined | string

/** Blocks that one message may have. */
const BLOCKS_MAX = 4_096

interface Open {
  readonly kind: 'text' | 'thinking' | 'tool' | 'other'
  /** A tool call's place among the calls. */
  readonly call: number
  /** Arguments have come. */
  argued: boolean
}

/** The blocks of one streamed message: which are open, and what their pieces say in Chat Completions. */
export class Blocks {
  readonly #open = new Map<number, Open>()
  #begun = 0
  #calls = 0

  /** A thought is being thought, perhaps without a word. */
  get thinking(): boolean {
    for (const { kind } of this.#open.values()) if (kind === 'thinking') return true
    return false
  }

  start(index: unknown, block: unknown): Said {
    if (typeof index !== 'number' || !isRecord(block)) return 'a content_block_start has no index or no block'
    if (this.#open.has(index) || ++this.#begun > BLOCKS_MAX) {
      return `its content blocks are not in order, or more than ${BLOCKS_MAX}`
    }
    switch (block['type']) {
      case 'text':
        this.#open.set(index, { kind: 'text', call: 0, argued: false })
        return said('content', block['text'])
      case 'thinking':
        this.#open.set(index, { kind: 'thinking', call: 0, argued: false })
        return said('reasoning_content', block['thinking'])
      case 'tool_use':
        return this.#call(index, block)
      case 'redacted_thinking':
        this.#open.set(index, { kind: 'other', call: 0, argued: false })
        return { thinking_blocks: [block] }
      default:
        this.#open.set(index, { kind: 'other', call: 0, argued: false })
        return undefined
    }
  }

  delta(index: unknown, delta: unknown): Said {
    const open = typeof index === 'number' ? this.#open.get(index) : undefined
    if (open === undefined || !isRecord(delta)) return 'a content_block_delta belongs to no block'
    switch (delta['type']) {
      case 'text_delta':
        return said('content', delta['text'])
      case 'thinking_delta':
        return said('reasoning_content', delta['thinking'])
      case 'signature_delta':
        return { thinking_blocks: [{ type: 'thinking', signature: delta['signature'] }] }
      case 'input_json_delta':
        return open.kind === 'tool' ? argued(open, delta['partial_json']) : undefined
      default:
        return undefined
    }
  }

  stop(index: unknown): Said {
    const open = typeof index === 'number' ? this.#open.get(index) : undefined
    if (open === undefined) return 'a content_block_stop belongs to no block'
    this.#open.delete(Number(index))
    // A call without arguments is one with an empty object, which Chat Completions spells out.
    return open.kind === 'tool' && !open.argued ? argued(open, '{}') : undefined
  }

  #call(index: number, block: Record<string, unknown>): Said {
    const { id, name, input } = block
    if (typeof id !== 'string' || typeof name !== 'string') return 'a tool call has no id or no name'
    const call = this.#calls++
    const whole = isRecord(input) && Object.keys(input).length > 0
    this.#open.set(index, { kind: 'tool', call, argued: whole })
    const called = { name, arguments: whole ? JSON.stringify(input) : '' }
    return { tool_calls: [{ index: call, id, type: 'function', function: called }] }
  }
}

function said(field: 'content' | 'reasoning_content', text: unknown): Said {
  if (text === undefined || text === '') return undefined
  return typeof text === 'string' ? { [field]: text } : `the ${field} of a block is no text`
}

function argued(open: Open, piece: unknown): Said {
  if (typeof piece !== 'string') return 'a piece of tool input is no text'
  if (piece === '') return undefined
  open.argued = true
  return { tool_calls: [{ index: open.call, function: { arguments: piece } }] }
}
