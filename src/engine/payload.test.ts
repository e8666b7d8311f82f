import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkContext } from './context.ts'
import { buildPayload } from './payload.ts'
import { ENGINE_KINDS, type EngineKind, isEngineKind, quirksFor } from './quirks.ts'
import { callOf, targetAt } from './upstream.fixture.ts'

function bodyFor(kind: EngineKind, request: Parameters<typeof callOf>[0]): Record<string, unknown> {
  return JSON.parse(buildPayload(targetAt('http://127.0.0.1:1/v1', { kind }), callOf(request)).body)
}

test('every kind sends exactly one output limit, our model and no null of OpenAI’s', () => {
  for (const kind of ENGINE_KINDS) {
    const body = bodyFor(kind, {
      max_tokens: 9,
      max_completion_tokens: 9,
      temperature: null,
      reasoning_effort: null,
    })
    const limits = ['max_tokens', 'max_completion_tokens'].filter((field) => field in body)
    assert.deepEqual(limits, [quirksFor(kind).outputLimit], kind)
    assert.equal(body[quirksFor(kind).outputLimit], 64)
    assert.equal(body['model'], 'upstream-model')
    assert.equal(Object.values(body).includes(null), false)
    assert.equal('stream_options' in body, quirksFor(kind).includeUsage)
  }
})

test('an unknown field goes on as it came, null too', () => {
  const body = bodyFor('generic', { mystery: null, guided_regex: 'a+' })
  assert.equal(body['mystery'], null)
  assert.equal(body['guided_regex'], 'a+')
})

test('Mistral gets the seed under its own name and no stream_options', () => {
  const body = bodyFor('mistral', { seed: 7, stream_options: { include_usage: true } })
  assert.equal(body['random_seed'], 7)
  assert.equal('seed' in body, false)
  assert.equal('stream_options' in body, false)
})

test('a value that asks for nothing is left out where it would be refused, any other is sent', () => {
  assert.equal('presence_penalty' in bodyFor('xai', { presence_penalty: 0 }), false)
  assert.equal(bodyFor('xai', { presence_penalty: 1 })['presence_penalty'], 1)
  assert.equal('logprobs' in bodyFor('groq', { logprobs: false, logit_bias: {} }), false)
  assert.equal(bodyFor('openai', { presence_penalty: 0 })['presence_penalty'], 0)
})

test('a field left out although it asked for something is named in a verdict', () => {
  const target = targetAt('http://127.0.0.1:1/v1', { kind: 'gemini' })
  assert.equal(buildPayload(target, callOf({ parallel_tool_calls: true })).verdicts.length, 0)
  const { verdicts } = buildPayload(target, callOf({ parallel_tool_calls: false }))
  assert.match(verdicts[0]?.detail ?? '', /parallel_tool_calls was left out/)
})

test('a field that is called like something every object has reaches the engine as it came', () => {
  const body = bodyFor('mistral', { constructor: { a: 1 }, toString: 'x' })
  assert.deepEqual(Object.getOwnPropertyDescriptor(body, 'constructor')?.value, { a: 1 })
  assert.equal(Object.getOwnPropertyDescriptor(body, 'toString')?.value, 'x')
})

test('kinds are known by name', () => {
  assert.equal(isEngineKind('llama.cpp'), true)
  assert.equal(isEngineKind('constructor'), false)
})

const prompt = (content: string): Parameters<typeof callOf>[0] => ({ messages: [{ role: 'user', content }] })
const ollama = targetAt('http://127.0.0.1:1/v1', { kind: 'ollama', contextTokens: 100 })

test('a prompt that Ollama would certainly cut is refused, and the message says how that is known', () => {
  const fit = checkContext(ollama, callOf(prompt('word '.repeat(200))).request)
  assert.equal(fit.type, 'exceeds')
  assert.equal(fit.problem.code, 'context_length_exceeded')
  assert.match(fit.problem.message, /at least 166 tokens \(one for every 6 bytes/)
})

test('a prompt that may have been cut is sent and the verdict says that nobody checked', () => {
  const fit = checkContext(ollama, callOf(prompt('word '.repeat(100))).request)
  assert.equal(fit.type === 'fits' && fit.verdicts[0]?.outcome, 'skipped')
})

test('a prompt that surely fits has no verdict, and images and white space weigh nothing', () => {
  const url = `data:image/png;base64,${'A'.repeat(100_000)}`
  const image = callOf({
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url } },
          { type: 'text', text: 'What?' },
        ],
      },
    ],
  })
  assert.deepEqual(checkContext(ollama, image.request), { type: 'fits', verdicts: [] })
  assert.equal(checkContext(ollama, callOf(prompt(`a${' '.repeat(5_000)}b`)).request).type, 'fits')
})

test('an engine that refuses by itself, or does not tell its context, is not second-guessed', () => {
  const { request } = callOf(prompt('word '.repeat(1_000)))
  const vllm = targetAt('http://127.0.0.1:1/v1', { kind: 'vllm', contextTokens: 100 })
  assert.deepEqual(checkContext(vllm, request), { type: 'fits', verdicts: [] })
  const silent = targetAt('http://127.0.0.1:1/v1', { kind: 'ollama' })
  assert.deepEqual(checkContext(silent, request), { type: 'fits', verdicts: [] })
})

test('reasoning of an earlier turn goes to a kind that takes it, and is named where it is left out', () => {
  const items = [
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Short.' }], content: [] },
    {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'S' }],
      content: [{ type: 'reasoning_text', text: 'Long.' }],
    },
  ]
  const said = { role: 'assistant', content: 'Yes.' } as const
  const messages = [
    { role: 'user', content: 'Hi' } as const,
    { ...said, extensions: { reasoning_items: items } },
  ]
  const target = (kind: EngineKind) => targetAt('http://127.0.0.1:1/v1', { kind })
  const built = buildPayload(target('vllm'), callOf({ messages }))
  assert.deepEqual(JSON.parse(built.body).messages[1], { ...said, reasoning_content: 'Short.\n\nLong.' })
  assert.deepEqual(built.verdicts, [])
  const without = buildPayload(target('openai'), callOf({ messages }))
  assert.deepEqual(JSON.parse(without.body).messages[1], said)
  assert.match(without.verdicts[0]?.detail ?? '', /reasoning of an earlier turn was left out: .*kind openai/)
  const sealed = { reasoning_items: [{ type: 'reasoning', summary: [], encrypted_content: 'x' }], other: 1 }
  const unread = buildPayload(target('vllm'), callOf({ messages: [{ ...said, extensions: sealed }] }))
  assert.deepEqual(JSON.parse(unread.body).messages, [said])
  assert.match(unread.verdicts.map(({ detail }) => detail).join(), /not known here.*encrypted/)
})
