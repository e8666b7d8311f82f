import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal, type Problem } from '../../contract/problem.ts'
import { fetchHistory, type History } from './history.ts'
import type { ResponsesPort, StoredChain, StoredResponse } from './stored.ts'
import type { ResponsesRequest } from './wire.ts'

const REST = '01k3abcdefghjkmnpqrstvwx'
const id = (number: number): string => `${REST}${String(number).padStart(2, '0')}`

function link(number: number, more: Partial<StoredResponse> = {}, outcome = 'answered'): StoredResponse {
  return {
    request: {
      id: `req_${id(number)}`,
      at: 0,
      totalMs: 5,
      outcome,
      code: null,
      model: 'one/small',
      tier: 'fast',
      mode: 'direct',
      turns: 1,
      costMicros: 1,
    },
    verdicts: [],
    sources: [],
    prompt: JSON.stringify({ model: 'auto', input: `question ${number}` }),
    answer: JSON.stringify({ choices: [{ index: 0, content: `answer ${number}`, finish_reason: 'stop' }] }),
    ...more,
  }
}

interface Asked {
  readonly id: string
  readonly key: string
  readonly links: number
}

/** A store that answers every question with this chain, and remembers what it was asked. */
function storeOf(chain: Partial<StoredChain>): ResponsesPort & { readonly asked: Asked[] } {
  const asked: Asked[] = []
  return {
    keepsTexts: true,
    asked,
    chain: async (question) => {
      asked.push(question)
      return { links: [], end: 'whole', at: null, ...chain }
    },
    remove: async () => {},
    now: () => 0,
  }
}

function fetch(port: ResponsesPort, more: Partial<ResponsesRequest> = {}): ReturnType<typeof fetchHistory> {
  const request = { model: 'auto', input: 'Now.', previous_response_id: `resp_${id(2)}`, ...more }
  return fetchHistory(port, request, 'key_a', new AbortController().signal)
}

async function problem(port: ResponsesPort, more: Partial<ResponsesRequest> = {}): Promise<Problem> {
  const refused = await fetch(port, more)
  assert.ok(isRefusal(refused), JSON.stringify(refused))
  return refused.problem
}

async function history(port: ResponsesPort, more: Partial<ResponsesRequest> = {}): Promise<History> {
  const found = await fetch(port, more)
  if (isRefusal(found)) assert.fail(found.problem.message)
  return found
}

test('a chain comes oldest first, each with what it said, and is counted in bytes', async () => {
  const links = [link(2), link(1)]
  const port = storeOf({ links })
  const { items, previous, bytes } = await history(port)
  assert.deepEqual(port.asked, [{ id: `req_${id(2)}`, key: 'key_a', links: 256 }])
  assert.deepEqual(
    items.map(({ item, param }) => [
      item.type === undefined || item.type === 'message' ? item.content : '',
      param,
    ]),
    [
      ['question 1', 'previous_response_id'],
      [[{ type: 'output_text', text: 'answer 1', annotations: [], logprobs: [] }], 'previous_response_id'],
      ['question 2', 'previous_response_id'],
      [[{ type: 'output_text', text: 'answer 2', annotations: [], logprobs: [] }], 'previous_response_id'],
      ['Now.', 'input'],
    ],
  )
  assert.equal(previous, `req_${id(2)}`)
  const texts = links.flatMap(({ prompt, answer }) => [prompt, answer ?? ''])
  assert.equal(bytes, Buffer.byteLength(texts.join('')))
})

test('whom a conversation is about is whom its newest word names', async () => {
  const about = (number: number, more: object) =>
    link(number, { prompt: JSON.stringify({ model: 'auto', input: 'x', ...more }) })
  const person = async (...links: StoredResponse[]) => (await history(storeOf({ links }))).person
  assert.equal(await person(link(2), about(1, { user: 'ada' })), 'ada')
  assert.equal(await person(about(2, { safety_identifier: 'bob' }), about(1, { user: 'ada' })), 'bob')
  assert.equal(await person(link(2), link(1)), undefined)
})

test('a chain that cannot be read to its beginning is refused with the reason', async () => {
  const reasons: readonly (readonly [StoredChain['end'], string, RegExp])[] = [
    ['unknown', 'not_found', /goes on from resp_\w+01, and that one is not there/],
    ['expired', 'not_found', /that one has expired/],
    ['erased', 'not_found', /about somebody who was erased/],
    ['damaged', 'conflict', /audit verify/],
    ['links', 'invalid_request', /too many responses/],
    ['bytes', 'body_too_large', /larger than a request may be/],
  ]
  for (const [end, code, message] of reasons) {
    const found = await problem(storeOf({ links: [link(2)], end, at: `req_${id(1)}` }))
    assert.deepEqual([found.code, found.param], [code, 'previous_response_id'])
    assert.match(found.message, message)
  }
})

test('an id that is none of ours is not looked for', async () => {
  const port = storeOf({})
  assert.equal((await problem(port, { previous_response_id: 'resp_1' })).code, 'not_found')
  assert.equal((await problem(port, { previous_response_id: `req_${id(1)}` })).code, 'not_found')
  assert.equal(port.asked.length, 0)
})

test('nothing goes on from what did not end, was cut, or was stored in another form', async () => {
  const cut = JSON.stringify({ choices: [{ index: 0, content: 'Onc' }], truncated: true })
  for (const [stored, message] of [
    [link(2, {}, 'aborted'), /ended as aborted/],
    [link(2, {}, 'lost'), /ended as lost/],
    [link(2, { answer: cut }), /too long to be stored whole/],
    [link(2, { answer: 'no JSON' }), /cannot read/],
    [link(2, { prompt: '{"messages":[]}' }), /cannot read/],
  ] as const) {
    const found = await problem(storeOf({ links: [stored] }))
    assert.deepEqual([found.code, found.param], ['conflict', 'previous_response_id'])
    assert.match(found.message, message)
  }
})

test('a refusal of the store is passed on as it is', async () => {
  const full = { type: 'refusal', problem: { code: 'queue_full', message: 'Wait.' } } as const
  const port = { ...storeOf({}), chain: async () => full }
  assert.equal((await problem(port)).code, 'queue_full')
})

test('references to items are looked up once for each response, up to a bound', async () => {
  const reference = (number: number) => ({ type: 'item_reference', id: `msg_${id(number)}` }) as const
  const port: ReturnType<typeof storeOf> = {
    ...storeOf({}),
    chain: async (question) => {
      port.asked.push(question)
      const number = Number(question.id.slice(-2))
      return { links: [link(number)], end: 'links', at: null }
    },
  }
  const alone = { previous_response_id: null }
  const { items, bytes } = await history(port, {
    ...alone,
    input: [reference(1), reference(2), reference(1)],
  })
  assert.equal(items.length, 3)
  assert.equal(port.asked.length, 2)
  assert.equal(bytes, Buffer.byteLength(link(1).answer ?? '') * 2)
  const many = Array.from({ length: 65 }, (_, at) => reference(at))
  assert.match((await problem(port, { ...alone, input: many })).message, /more than 64 responses/)
  const other = { type: 'item_reference', id: `rs_${id(1)}` } as const
  const missing = await problem(port, { ...alone, input: [other] })
  assert.deepEqual([missing.code, missing.param], ['not_found', 'input[0].id'])
})
