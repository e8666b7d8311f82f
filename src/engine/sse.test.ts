import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_EVENT_BYTES, type SseField, SseParser } from './sse.ts'

interface Parsed {
  readonly events: string[]
  readonly fields: SseField[]
  readonly oneLine: boolean[]
  readonly rest: string | undefined
  readonly tooLarge: number
}

function parse(reads: readonly (Buffer | string)[], stopAt?: string): Parsed {
  const events: string[] = []
  const fields: SseField[] = []
  const oneLine: boolean[] = []
  let tooLarge = 0
  const parser = new SseParser({
    event(data, isOneLine, field) {
      events.push(data)
      fields.push(field)
      oneLine.push(isOneLine)
      return data !== stopAt
    },
    tooLarge() {
      tooLarge++
    },
  })
  for (const read of reads) parser.push(typeof read === 'string' ? Buffer.from(read) : read)
  return { events, fields, oneLine, rest: parser.end(), tooLarge }
}

const MIXED =
  '\uFEFF: hello\r\ndata: {"a":"é世界👍"}\r\n\r\nevent: x\nid: 7\nretry: 10\ndata:{"b":1}\n\n' +
  'data: {"c":\rdata: 2}\r\r: keep-alive\n\ndatabase: no\ndata: [DONE]\n\n'
const MIXED_EVENTS = ['{"a":"é世界👍"}', '{"b":1}', '{"c":\n2}', '[DONE]']

test('an event is the text behind data, with or without a space', () => {
  assert.deepEqual(parse(['data: one\n\ndata:two\n\ndata:  three\n\n']).events, ['one', 'two', ' three'])
})

test('line feed, carriage return and both end a line', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    assert.deepEqual(
      parse([`data: one${end}${end}data: two${end}${end}`]).events,
      ['one', 'two'],
      JSON.stringify(end),
    )
  }
})

test('several data lines are one event joined by line feeds, and are told from one line', () => {
  const parsed = parse(['data: a\ndata: b\n\ndata: c\n\n'])
  assert.deepEqual(parsed.events, ['a\nb', 'c'])
  assert.deepEqual(parsed.oneLine, [false, true])
})

test('comments, other fields, longer field names and empty events are passed over', () => {
  assert.deepEqual(
    parse([
      ': c\nevent: e\nid: 1\nretry: 2\ndatabase: x\n\ndata:\n\ndata: \n\ndata: \u00a0\n\ndata\n\ndata: y\n\n',
    ]).events,
    ['y'],
  )
})

test('a byte order mark at the start is no part of the first field, also when it comes in pieces', () => {
  const bytes = Buffer.from('\uFEFFdata: x\n\n')
  assert.deepEqual(parse([bytes]).events, ['x'])
  assert.deepEqual(parse([bytes.subarray(0, 1), bytes.subarray(1, 2), bytes.subarray(2)]).events, ['x'])
})

test('the field error is told from data', () => {
  assert.deepEqual(parse(['error: {"message":"m"}\n\ndata: x\n\n']).fields, ['error', 'data'])
})

test('one split at any byte changes nothing', () => {
  const bytes = Buffer.from(MIXED)
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(
      parse([bytes.subarray(0, at), bytes.subarray(at)]).events,
      MIXED_EVENTS,
      `split at ${at}`,
    )
  }
})

test('byte by byte gives the same events', () => {
  const bytes = Buffer.from(MIXED)
  assert.deepEqual(parse([...bytes].map((byte) => Buffer.from([byte]))).events, MIXED_EVENTS)
})

test('any text in any split with any line ends gives the events of the unsplit text', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, ''))
  const end = fc.constantFrom('\n', '\r', '\r\n')
  const event = fc.record({
    lines: fc.array(line, { minLength: 1, maxLength: 3 }),
    ends: fc.array(end, { minLength: 4, maxLength: 4 }),
  })
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 5 }),
      fc.array(fc.nat(200), { maxLength: 12 }),
      (events, cuts) => {
        let text = ''
        const expected: string[] = []
        for (const { lines, ends } of events) {
          lines.forEach((content, place) => {
            text += `data: ${content}${ends[place]}`
          })
          // A lone CR before an LF would be one line end: the blank line repeats the last one used.
          text += ends[lines.length - 1]
          if (lines.join('\n').trim() !== '') expected.push(lines.join('\n'))
        }
        const bytes = Buffer.from(text)
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]
        const reads = places.slice(1).map((place, index) => bytes.subarray(places[index], place))
        assert.deepEqual(parse([bytes]).events, expected)
        assert.deepEqual(parse(reads).events, expected)
      },
    ),
    { numRuns: 500 },
  )
})

test('nothing is read after the receiver has said stop', () => {
  assert.deepEqual(parse(['data: a\n\ndata: [DONE]\n\ndata: b\n\n', 'data: c\n\n'], '[DONE]').events, [
    'a',
    '[DONE]',
  ])
})

test('an event without its blank line is handed out at the end', () => {
  assert.equal(parse(['data: a\n\ndata: [DONE]\n']).rest, '[DONE]')
  assert.equal(parse(['data: a\n\ndata: [DO', 'NE]']).rest, '[DONE]')
  assert.equal(parse(['data: a\n\n']).rest, undefined)
})

test('an event of 2 MB in reads of 64 KB passes', () => {
  const content = 'é'.repeat(1024 * 1024)
  const bytes = Buffer.from(`data: ${content}\n\n`)
  const reads: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 65_536) reads.push(bytes.subarray(at, at + 65_536))
  const parsed = parse(reads)
  assert.equal(parsed.events[0], content)
  assert.equal(parsed.tooLarge, 0)
})

test('an event above the bound ends the parsing once, whether in one line, in many, or a comment', () => {
  const block = Buffer.alloc(64 * 1024, 'x')
  const blocks = Array.from({ length: MAX_EVENT_BYTES / block.length + 1 }, () => block)
  assert.equal(parse(['data: ', ...blocks, 'data: y\n\n']).tooLarge, 1)
  assert.equal(parse([': ', ...blocks]).tooLarge, 1)
  const lines = blocks.map((bytes) => Buffer.concat([Buffer.from('data: '), bytes, Buffer.from('\n')]))
  assert.equal(parse(lines).tooLarge, 1)
  assert.equal(parse([Buffer.concat(lines)]).tooLarge, 1)
})
