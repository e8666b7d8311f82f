import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatRequest, WireMessage } from '../../contract/chat.ts'
import type { AnswerEvent, Batch } from '../../contract/event.ts'
import type { Plan } from '../../contract/plan.ts'
import { guardSchema } from '../config.ts'
import { type AnswerCheck, createAnswerChecks } from './answer-check.ts'

const KEY = 'AKIA2E7XQ3LMNOP4RSTU'
const MARK = 'AKIA[secret removed: output.secret.aws_access_key]'
const request: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'hello' }] }
const plan: Plan = {
  mode: 'direct',
  requested: 'auto',
  tier: 'fast',
  candidates: ['a/b'],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 100,
  capImposed: true,
  deadlineMs: 1000,
  reasons: [],
  rejected: [],
}

function check(output: object = {}, asked = request): AnswerCheck {
  const schemas = { checkSchemas: () => assert.fail(), validate: () => assert.fail() }
  return createAnswerChecks({ config: guardSchema.parse({ output }), schemas })(asked, plan, false)
}
function batch(scanned: Awaited<ReturnType<AnswerCheck['scan']>>): Batch {
  assert.ok('length' in scanned)
  return scanned
}
const delta = (message: WireMessage, more: object = {}): AnswerEvent => ({
  type: 'chunk-delta',
  chunk: { choices: [{ index: 0, delta: message, ...more }] },
})
/** The deltas that leave where each of these comes in a batch of its own. */
async function streamed(one: AnswerCheck, ...messages: readonly WireMessage[]): Promise<WireMessage[]> {
  const events: AnswerEvent[] = []
  for (const message of messages) events.push(...batch(await one.scan([delta(message)])))
  events.push(...batch(await one.scan([delta({}, { finish_reason: 'stop' })])), ...batch(one.flush()))
  return events.flatMap((event) => {
    return event.type === 'chunk-delta' ? event.chunk.choices.map((choice) => choice.delta) : []
  })
}
async function whole(one: AnswerCheck, message: WireMessage): Promise<WireMessage> {
  const event: AnswerEvent = { type: 'answer-whole', completion: { choices: [{ index: 0, message }] } }
  const [passed] = batch(await one.scan([event]))
  assert.ok(passed?.type === 'answer-whole')
  return passed.completion.choices[0]?.message ?? assert.fail()
}

const PLACES: readonly [string, (text: string) => WireMessage][] = [
  ['thinking', (text) => ({ thinking: text })],
  ['reasoning details', (text) => ({ reasoning_details: [{ type: 'reasoning.text', index: 0, text }] })],
  ['audio transcripts', (text) => ({ audio: { id: 'a', transcript: text } })],
  ['annotations', (text) => ({ annotations: [{ type: 'url_citation', url_citation: { title: text } }] })],
  ['citations', (text) => ({ citations: [text] })],
  ['parts', (text) => ({ content: [{ type: 'text', text }] }) as unknown as WireMessage], // Mistral sends lists
  ['a legacy call', (text) => ({ function_call: { name: 'f', arguments: `{"a":"${text}"}` } })],
  [
    'a tool call',
    (text) => ({
      tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: `{"a":"${text}"}` } }],
    }),
  ],
]

test('a secret is taken out of every field, streamed or whole, and the rest stays', async () => {
  for (const [where, message] of PLACES) {
    const one = check()
    assert.deepEqual(await whole(one, message(`see ${KEY}, ok`)), message(`see ${MARK}, ok`), where)
    assert.deepEqual(one.verdicts, [
      { check: 'output.secret.aws_access_key', outcome: 'redacted', detail: 'once' },
    ])
    const [first] = await streamed(check(), message(`see ${KEY}, ok`))
    assert.deepEqual(first, message(`see ${MARK}, ok`), where)
    const refused = await check({ secrets: 'refuse' }).scan([delta(message(`see ${KEY}, ok`))])
    assert.ok('code' in refused && refused.code === 'output_refused', where)
  }
})

test('a secret that the user sent passes in a tool call, and a clean call is the same object', async () => {
  const call = delta(PLACES.at(-1)?.[1](KEY) ?? {})
  const asked: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: `use ${KEY} please` }] }
  const [passed] = batch(await check({}, asked).scan([call]))
  assert.equal(passed, call)
})

test('a secret that arrives in pieces of arguments is taken out, and the JSON stays JSON', async () => {
  const args = `{"file":"[default]\\nkey=${KEY}\\n","n":1}`
  const pieces = [...args].map((char) => ({ tool_calls: [{ index: 0, function: { arguments: char } }] }))
  const first = {
    tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }],
  }
  const deltas = await streamed(check(), first, ...pieces)
  const sent = deltas.map((each) => each.tool_calls?.[0]?.function?.arguments ?? '').join('')
  assert.deepEqual(JSON.parse(sent), { file: `[default]\nkey=${MARK}\n`, n: 1 })
  assert.equal(deltas.filter((each) => each.tool_calls?.[0]?.id !== undefined).length, 1)
})

test('what is held back at the end leaves before the finish, each string in its own place', async () => {
  const deltas = await streamed(
    check(),
    { reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'a AKIA2E7' }] },
    { reasoning_details: [{ type: 'reasoning.text', index: 1, text: 'b ghp_abc' }] },
    { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '"sk-ab' } }] },
  )
  assert.deepEqual(deltas, [
    { reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'a AKIA' }] },
    { reasoning_details: [{ type: 'reasoning.text', index: 1, text: 'b ghp_' }] },
    { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '"sk-' } }] },
    { reasoning_details: [{ type: 'reasoning.text', index: 0, text: '2E7' }] },
    { reasoning_details: [{ type: 'reasoning.text', index: 1, text: 'abc' }] },
    { tool_calls: [{ index: 0, function: { arguments: 'ab' } }] },
    {},
  ])
})

test('an image of a message is judged as an image, one by value and one of a trusted host pass', async () => {
  const image = (url: string): WireMessage => ({ images: [{ type: 'image_url', image_url: { url } }] })
  const evil = 'https://evil.io/?d=abc'
  assert.deepEqual(await whole(check(), image(evil)), image('[image removed: output.image.remote]'))
  const kept = image('data:image/png;base64,iVBORw0KGgo=')
  assert.equal(await whole(check(), kept), kept)
  const trusted = image('https://img.corp.io/a.png')
  assert.equal(await whole(check({ trustedHosts: ['img.corp.io'] }), trusted), trusted)
  assert.deepEqual(await whole(check({ links: 'allow' }), image(evil)), image(evil))
})

test('signatures, encrypted reasoning and identifiers pass as they are', async () => {
  const opaque = `${'sK9d-_'.repeat(20)}-sk-aB3dE5fG7hJ9kL1mN2pQ4rS6`
  const message: WireMessage = {
    reasoning_details: [
      { type: 'reasoning.encrypted', id: KEY, data: opaque },
      { type: 'thinking', signature: opaque },
    ],
  }
  assert.equal(await whole(check(), message), message)
})

test('a long whole answer is screened in slices, and comes out as a short one would', async () => {
  const text = `${'word '.repeat(40_000)}![x](https://evil.io/a.png) ${KEY}. `
  const event: AnswerEvent = {
    type: 'answer-whole',
    completion: { choices: [{ index: 0, message: { content: text } }] },
  }
  const scanned = check().scan([event])
  assert.ok(scanned instanceof Promise)
  const [passed] = batch(await scanned)
  assert.ok(passed?.type === 'answer-whole')
  const content = passed.completion.choices[0]?.message.content
  assert.equal(content, `${'word '.repeat(40_000)}![x]([image removed: output.image.remote]) ${MARK}. `)
})
