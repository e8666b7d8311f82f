import assert from 'node:assert/strict'
import * as z from 'zod'

/**
 * What Anthropic's public API reference says of answers of POST /v1/messages, written down here independently of the
 * server's own code. Objects are strict, so that a field that nobody documents is seen; `upshift` is ours.
 */
const tokens = z.number().int().min(0)
const stopReason = z.enum([
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
])

const usage = z.strictObject({
  input_tokens: tokens,
  output_tokens: tokens,
  cache_creation_input_tokens: tokens.nullable().optional(),
  cache_read_input_tokens: tokens.nullable().optional(),
  cache_creation: z
    .strictObject({ ephemeral_5m_input_tokens: tokens, ephemeral_1h_input_tokens: tokens })
    .nullable()
    .optional(),
})

const upshift = z.looseObject({
  request_id: z.string().startsWith('req_'),
  tier: z.string(),
  model: z.string(),
  reason: z.string(),
  cost_micros: z.number().nullable(),
  verdicts: z.array(z.looseObject({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
})

const text = z.strictObject({ type: z.literal('text'), text: z.string() })
const thinking = z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() })
const redacted = z.strictObject({ type: z.literal('redacted_thinking'), data: z.string() })
const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.record(z.string(), z.unknown()),
})
const block = z.discriminatedUnion('type', [text, thinking, redacted, toolUse])

const stop = { stop_reason: stopReason, stop_sequence: z.string().nullable() }
const head = {
  id: z.string().startsWith('msg_'),
  type: z.literal('message'),
  role: z.literal('assistant'),
  model: z.string().min(1),
}

/** A whole answer. */
export const messageShape = z.strictObject({ ...head, content: z.array(block), ...stop, usage, upshift })

export const errorShape = z.strictObject({
  type: z.literal('error'),
  error: z.strictObject({
    type: z.enum([
      'invalid_request_error',
      'authentication_error',
      'permission_error',
      'not_found_error',
      'request_too_large',
      'rate_limit_error',
      'timeout_error',
      'api_error',
      'overloaded_error',
    ]),
    message: z.string().min(10),
    // Ours, beside the reference.
    code: z.string().min(1),
    param: z.string().optional(),
    rule: z.string().optional(),
  }),
  request_id: z.string().startsWith('req_'),
})

const index = z.number().int().min(0)
const delta = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text_delta'), text: z.string() }),
  z.strictObject({ type: z.literal('input_json_delta'), partial_json: z.string() }),
  z.strictObject({ type: z.literal('thinking_delta'), thinking: z.string() }),
  z.strictObject({ type: z.literal('signature_delta'), signature: z.string() }),
])

const event = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('message_start'),
    message: z.strictObject({
      ...head,
      content: z.tuple([]),
      stop_reason: z.null(),
      stop_sequence: z.null(),
      usage,
    }),
  }),
  z.strictObject({ type: z.literal('content_block_start'), index, content_block: block }),
  z.strictObject({ type: z.literal('content_block_delta'), index, delta }),
  z.strictObject({ type: z.literal('content_block_stop'), index }),
  z.strictObject({ type: z.literal('ping') }),
  z.strictObject({
    type: z.literal('message_delta'),
    delta: z.strictObject(stop),
    usage: usage.partial({ input_tokens: true }),
    upshift,
  }),
  z.strictObject({ type: z.literal('message_stop') }),
  errorShape,
])

type Event = z.infer<typeof event>
export type Block = z.infer<typeof block>
type Delta = z.infer<typeof delta>

export interface Streamed {
  readonly events: readonly Event[]
  /** The blocks as their deltas add up; the input of a tool is parsed. */
  readonly blocks: readonly Block[]
  readonly end: Extract<Event, { type: 'message_delta' }> | undefined
  readonly error: z.infer<typeof errorShape> | undefined
}

/** Reads a stream of events: each in its shape, all in a legal order. Fails with the place where it is not. */
export function readStream(body: string): Streamed {
  const events = body.split('\n\n').filter((one) => one !== '')
  const machine = new Machine()
  for (const [at, one] of events.entries()) {
    const match = /^event: ([a-z_]+)\ndata: (.*)$/.exec(one)
    assert.ok(match, `event ${at} is no name and one line of data: ${one}`)
    const parsed = event.safeParse(JSON.parse(match[2] ?? ''))
    assert.ok(parsed.success, `event ${at} has not its shape: ${one}\n${parsed.error?.message}`)
    assert.equal(match[1], parsed.data.type, `event ${at} is called by its type`)
    machine.take(parsed.data)
  }
  return machine.ended()
}

/** message_start, then blocks one after the other, then message_delta and message_stop; or an error anywhere. */
class Machine {
  private readonly events: Event[] = []
  private readonly blocks: Block[] = []
  private open: { index: number; block: Block; json: string } | undefined
  private end: Streamed['end']
  private error: Streamed['error']
  private stopped = false

  take(next: Event): void {
    const where = `after ${this.events.map(({ type }) => type).join(', ')}`
    assert.ok(!this.stopped && this.error === undefined, `${next.type} follows the end, ${where}`)
    if (next.type === 'message_start') assert.equal(this.events.length, 0, `a second start ${where}`)
    else if (next.type !== 'error') assert.ok(this.events.length > 0, `${next.type} comes before the start`)
    this.events.push(next)
    switch (next.type) {
      case 'content_block_start':
        assert.equal(this.open, undefined, `a block begins inside another ${where}`)
        assert.equal(this.end, undefined, `a block begins after message_delta ${where}`)
        assert.equal(next.index, this.blocks.length, `the index of a block is its place ${where}`)
        this.open = { index: next.index, block: next.content_block, json: '' }
        break
      case 'content_block_delta':
        assert.equal(next.index, this.open?.index, `a delta belongs to the open block ${where}`)
        this.grow(next.delta)
        break
      case 'content_block_stop':
        assert.equal(next.index, this.open?.index, `what ends is the open block ${where}`)
        this.close()
        break
      case 'message_delta':
        assert.equal(this.open, undefined, `message_delta comes in a block ${where}`)
        this.end = next
        break
      case 'message_stop':
        assert.ok(this.end, `message_stop comes before message_delta ${where}`)
        this.stopped = true
        break
      case 'error':
        this.error = next
        break
    }
  }

  ended(): Streamed {
    assert.ok(this.stopped || this.error !== undefined, 'the stream ends with message_stop or an error')
    return { events: this.events, blocks: this.blocks, end: this.end, error: this.error }
  }

  private grow(delta: Delta): void {
    const open = this.open
    assert.ok(open)
    const { block } = open
    if (delta.type === 'text_delta' && block.type === 'text') {
      open.block = { ...block, text: block.text + delta.text }
    } else if (delta.type === 'thinking_delta' && block.type === 'thinking') {
      open.block = { ...block, thinking: block.thinking + delta.thinking }
    } else if (delta.type === 'signature_delta' && block.type === 'thinking') {
      assert.equal(block.signature, '', 'a thought is signed once')
      open.block = { ...block, signature: delta.signature }
    } else if (delta.type === 'input_json_delta' && block.type === 'tool_use') {
      open.json += delta.partial_json
    } else assert.fail(`a ${delta.type} in a block of type ${block.type}`)
  }

  private close(): void {
    const open = this.open
    assert.ok(open)
    this.open = undefined
    const { block, json } = open
    if (block.type !== 'tool_use') {
      this.blocks.push(block)
      return
    }
    assert.deepEqual(block.input, {}, 'a call begins with no input')
    this.blocks.push(toolUse.parse({ ...block, input: json === '' ? {} : JSON.parse(json) }))
  }
}
