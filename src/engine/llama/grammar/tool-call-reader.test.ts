import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type AnswerPiece, ToolCallReader } from './tool-call-reader.ts'

interface Answer {
  content: string
  readonly calls: { id: string; name: string; arguments: string; whole: boolean }[]
}

function reader(): ToolCallReader {
  let made = 0
  return new ToolCallReader(() => `call_${made++}`)
}

/** Reads a text in pieces that end at these places, and puts together what comes of it. */
function read(text: string, cuts: readonly number[] = []): Answer & { readonly cut: boolean } {
  const one = reader()
  const ends = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((left, right) => left - right)
  const pieces: AnswerPiece[] = []
  let from = 0
  for (const end of [...ends, text.length]) {
    pieces.push(...one.read(text.slice(from, end)))
    from = end
  }
  const last = one.end()
  return { ...gather([...pieces, ...last.pieces]), cut: last.cut }
}

function gather(pieces: readonly AnswerPiece[]): Answer {
  const answer: Answer = { content: '', calls: [] }
  for (const piece of pieces) {
    if (piece.type === 'content') answer.content += piece.text
    else if (piece.type === 'call') {
      assert.equal(piece.index, answer.calls.length)
      answer.calls.push({ id: piece.id, name: piece.name, arguments: '', whole: false })
    } else {
      const call = answer.calls[piece.index] ?? assert.fail('a call begins before it goes on')
      assert.ok(!call.whole, 'nothing follows the end of a call')
      if (piece.type === 'call-end') call.whole = true
      else call.arguments += piece.text
    }
  }
  return answer
}

const WEATHER =
  '<tool_call>\n{"name": "weather", "arguments": {"city": "</tool_call> } \\" {"}}\n</tool_call>'
const PING = '<tool_call>\n{"name": "ping", "arguments": {}}\n</tool_call>'

describe('an answer that a grammar holds', () => {
  test('text is given on as it is, and calls with their arguments as they stand', () => {
    const answer = read(`I look it up.\n${WEATHER}\n${PING}`)
    assert.equal(answer.content, 'I look it up.\n')
    assert.deepEqual(answer.calls, [
      { id: 'call_0', name: 'weather', arguments: '{"city": "</tool_call> } \\" {"}', whole: true },
      { id: 'call_1', name: 'ping', arguments: '{}', whole: true },
    ])
    assert.equal(answer.cut, false)
  })

  test('it does not matter where the pieces end', () => {
    const text = `a <tool and <tool_cal b\n${WEATHER}\n${PING}`
    const whole = read(text)
    const property = fc.property(fc.array(fc.nat(), { maxLength: 20 }), (cuts) =>
      assert.deepEqual(read(text, cuts), whole),
    )
    fc.assert(property, { numRuns: 500, seed: 1 })
    assert.equal(whole.content, 'a <tool and <tool_cal b\n')
  })

  test('text waits only while it may be the beginning of a call, and arguments do not wait for their end', () => {
    const one = reader()
    assert.deepEqual(one.read('Hello <too'), [{ type: 'content', text: 'Hello ' }])
    assert.deepEqual(one.read('th'), [{ type: 'content', text: '<tooth' }])
    assert.deepEqual(one.read('<tool_call>\n{"name": "f", "argu'), [])
    assert.deepEqual(one.read('ments": {"a"'), [
      { type: 'call', index: 0, id: 'call_0', name: 'f' },
      { type: 'arguments', index: 0, text: '{"a"' },
    ])
    assert.deepEqual(one.read(': 1'), [{ type: 'arguments', index: 0, text: ': 1' }])
    assert.deepEqual(one.read('}}\n</tool_call>'), [
      { type: 'arguments', index: 0, text: '}' },
      { type: 'call-end', index: 0 },
    ])
    assert.equal(one.calls, 1)
  })
})

describe('an answer that no grammar holds', () => {
  test('other spaces and another order are read too', () => {
    const odd = '<tool_call>{"arguments":{"a":[1,2]},"name":"f\\u00e9"}</tool_call>'
    assert.deepEqual(read(odd).calls, [{ id: 'call_0', name: 'fé', arguments: '{"a":[1,2]}', whole: true }])
    const text = '<tool_call>\n\n { "name" :"g" , "arguments":  "{}" }</tool_call>'
    assert.deepEqual(read(text).calls, [{ id: 'call_0', name: 'g', arguments: '{}', whole: true }])
  })

  test('what is no call stays the text that it is', () => {
    for (const text of [
      '<tool_call>nothing</tool_call> more',
      'see <tool_call> there',
      '<tool_call>{"a":1}</tool_call>',
      '<',
    ]) {
      assert.deepEqual({ ...read(text), cut: false }, { content: text, calls: [], cut: false })
    }
  })

  test('a call without its closing word is whole, and one that breaks off is cut', () => {
    const open = read(PING.replace('</tool_call>', ''))
    assert.ok(open.calls[0]?.whole === true && !open.cut)
    const broken = read('<tool_call>\n{"name": "f", "arguments": {"a": "b')
    assert.deepEqual(broken.calls, [{ id: 'call_0', name: 'f', arguments: '{"a": "b', whole: false }])
    assert.ok(broken.cut)
  })

  test('a call that never ends is held no longer than the bound', () => {
    const text = `<tool_call>${'x'.repeat(70_000)}`
    const one = reader()
    assert.equal(gather(one.read(text)).content.length, text.length)
  })
})
