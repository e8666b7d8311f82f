import assert from 'node:assert/strict'
import { eventShape, type OutputItemShape, type ResponseEvent, type ResponseShape } from './shapes.fixture.ts'

/**
 * Reads the text of a stream as a client would, and checks it against the documented shapes and the legal order: every
 * `added` has its `done`, indexes count up, deltas join to the done text, and the last response holds the items that
 * were done. Returns that response. Throws at the first fault.
 */
export function responseIn(stream: string): ResponseShape {
  const order = new Order()
  for (const event of eventsIn(stream)) order.take(event)
  return order.end()
}

/** The events of a stream, each of the documented shape and named by its `event:` line. */
export function eventsIn(stream: string): ResponseEvent[] {
  assert.ok(stream.endsWith('\n\n'), 'a stream ends with a whole event')
  return stream
    .slice(0, -2)
    .split('\n\n')
    .map((block) => {
      const [, name, data] = /^event: (\S+)\ndata: ([^\n]*)$/.exec(block) ?? []
      assert.ok(data !== undefined, `not an event: ${block.slice(0, 200)}`)
      const event = eventShape.parse(JSON.parse(data))
      assert.equal(event.type, name)
      return event
    })
}

interface OpenPart {
  readonly type: string
  joined: string
  /** Its text has been told whole. */
  told: boolean
}

interface OpenItem {
  readonly added: OutputItemShape
  /** The part that is open. */
  part: OpenPart | undefined
  readonly parts: unknown[]
  joined: string
  told: boolean
}

class Order {
  #sequence = 0
  #id = ''
  #state: 'new' | 'created' | 'running' | 'ended' = 'new'
  #erred = false
  readonly #open = new Map<number, OpenItem>()
  readonly #done: OutputItemShape[] = []
  #count = 0
  #last: ResponseShape | undefined

  take(event: ResponseEvent): void {
    assert.equal(event.sequence_number, this.#sequence++, 'sequence numbers rise by one')
    assert.notEqual(this.#state, 'ended', 'nothing comes after the end')
    if (this.#erred)
      assert.equal(event.type, 'response.failed', 'an error is followed by the failed response')
    switch (event.type) {
      case 'response.created':
        assert.equal(this.#state, 'new')
        this.#state = 'created'
        this.#id = event.response.id
        assertBegun(event.response)
        return
      case 'response.in_progress':
        assert.equal(this.#state, 'created')
        this.#state = 'running'
        assert.equal(event.response.id, this.#id)
        assertBegun(event.response)
        return
      case 'error':
        assert.equal(this.#open.size, 0)
        this.#erred = true
        return
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.#finish(event)
        return
      case 'response.output_item.added':
        this.#added(event)
        return
      default:
        assert.equal(this.#state, 'running')
        this.#inside(event)
    }
  }

  end(): ResponseShape {
    assert.ok(this.#last, 'a stream ends with the whole response')
    return this.#last
  }

  #added({
    output_index: index,
    item,
  }: Extract<ResponseEvent, { type: 'response.output_item.added' }>): void {
    assert.equal(this.#state, 'running')
    assert.equal(index, this.#count++, 'items are added in the order of their indexes')
    assert.equal(item.status, 'in_progress')
    if (item.type === 'message') assert.deepEqual(item.content, [])
    if (item.type === 'reasoning') assert.deepEqual(item.summary, [])
    if (item.type === 'function_call') assert.equal(item.arguments, '')
    this.#open.set(index, { added: item, part: undefined, parts: [], joined: '', told: false })
  }

  #inside(event: Exclude<ResponseEvent, { response: unknown } | { type: 'error' }>): void {
    const open = this.#open.get(event.output_index)
    assert.ok(open, `${event.type} for an item that is not open`)
    if (event.type === 'response.output_item.done') {
      this.#open.delete(event.output_index)
      assertItem(open, event.item)
      this.#done[event.output_index] = event.item
      return
    }
    if ('item_id' in event) assert.equal(event.item_id, open.added.id)
    if ('content_index' in event) assert.equal(event.content_index, open.parts.length)
    if ('summary_index' in event) assert.equal(event.summary_index, open.parts.length)
    if (event.type === 'response.function_call_arguments.delta') {
      assert.ok(open.added.type === 'function_call' && !open.told)
      open.joined += event.delta
    } else if (event.type === 'response.function_call_arguments.done') {
      assert.ok(open.added.type === 'function_call' && !open.told)
      assert.equal(event.arguments, open.joined)
      open.told = true
    } else this.#part(open, event)
  }

  #part(open: OpenItem, event: ResponseEvent): void {
    switch (event.type) {
      case 'response.content_part.added':
      case 'response.reasoning_summary_part.added':
        assert.equal(open.part, undefined, 'one part is open at a time')
        assert.equal(wordsOf(event.part), '')
        assert.equal(event.part.type === 'summary_text', open.added.type === 'reasoning')
        open.part = { type: event.part.type, joined: '', told: false }
        return
      case 'response.output_text.delta':
      case 'response.refusal.delta':
      case 'response.reasoning_summary_text.delta':
        assert.equal(open.part?.type, PART_OF[event.type])
        assert.equal(open.part?.told, false)
        if (open.part) open.part.joined += event.delta
        return
      case 'response.output_text.done':
      case 'response.reasoning_summary_text.done':
      case 'response.refusal.done':
        assert.equal(open.part?.type, PART_OF[event.type])
        assert.equal(open.part?.told, false)
        assert.equal('refusal' in event ? event.refusal : event.text, open.part?.joined)
        if (open.part) open.part.told = true
        return
      case 'response.content_part.done':
      case 'response.reasoning_summary_part.done':
        assert.equal(open.part?.told, true)
        assert.equal(event.part.type, open.part?.type)
        assert.equal(wordsOf(event.part), open.part?.joined)
        open.parts.push(event.part)
        open.part = undefined
        return
      default:
        assert.fail(`${event.type} has no place in an item`)
    }
  }

  #finish(event: Extract<ResponseEvent, { response: unknown }>): void {
    const { response, type } = event
    assert.equal(this.#state, 'running')
    this.#state = 'ended'
    assert.equal(this.#open.size, 0, 'every item that was added is done')
    assert.equal(response.id, this.#id)
    assert.equal(type, `response.${response.status}`)
    assert.deepEqual(response.output, this.#done, 'the response holds the items that were done')
    assert.equal(response.error !== null, type === 'response.failed')
    assert.equal(this.#erred, type === 'response.failed')
    assert.equal(response.incomplete_details !== null, type === 'response.incomplete')
    assert.equal(response.completed_at !== undefined, type === 'response.completed')
    if (type === 'response.completed') assert.ok(response.output.every((one) => one.status === 'completed'))
    this.#last = response
  }
}

const PART_OF = {
  'response.output_text.delta': 'output_text',
  'response.output_text.done': 'output_text',
  'response.refusal.delta': 'refusal',
  'response.refusal.done': 'refusal',
  'response.reasoning_summary_text.delta': 'summary_text',
  'response.reasoning_summary_text.done': 'summary_text',
} as const

function assertBegun(response: ResponseShape): void {
  assert.equal(response.status, 'in_progress')
  assert.deepEqual([response.output, response.usage, response.error], [[], null, null])
}

function assertItem(open: OpenItem, item: OutputItemShape): void {
  assert.equal(open.part, undefined, 'a part is left open')
  assert.notEqual(item.status, 'in_progress')
  assert.deepEqual([item.id, item.type], [open.added.id, open.added.type])
  if (item.type === 'message') assert.deepEqual(item.content, open.parts)
  if (item.type === 'reasoning') assert.deepEqual(item.summary, open.parts)
  if (item.type !== 'function_call') return
  assert.equal(open.told, true)
  assert.equal(item.arguments, open.joined)
  assert.ok(open.added.type === 'function_call')
  assert.deepEqual([item.call_id, item.name], [open.added.call_id, open.added.name])
}

function wordsOf(part: { readonly text: string } | { readonly refusal: string }): string {
  return 'refusal' in part ? part.refusal : part.text
}
