import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../contract/chat.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { guardSchema } from './config.ts'
import { createInputGuard, type InputAdmitted } from './input.ts'

const KEY = 'AKIA2E7XQ3LMNOP4RSTU'
const CARD = '4111 1111 1111 1111'
type Setting = Parameters<typeof guardSchema.parse>[0]

function guard(setting: Setting = {}) {
  return createInputGuard(guardSchema.parse(setting))
}
function chat(...messages: ChatRequest['messages']): ChatRequest {
  return { model: 'auto', messages }
}
const user = (content: string): ChatRequest => chat({ role: 'user', content })
function admitted(result: InputAdmitted | { type: 'refusal' }): InputAdmitted {
  assert.equal(result.type, 'admitted')
  return result as InputAdmitted // as just seen
}
function problem(result: unknown): Problem {
  assert.ok(isRefusal(result))
  return result.problem
}

test('the defaults are whole: an empty configuration parses', () => {
  const config = guardSchema.parse({})
  assert.equal(config.bounds.maxMessages, 2000)
  assert.equal(config.input.secrets, 'refuse')
  assert.equal(config.input.pii.card.action, 'redact')
  assert.equal(config.output.links, 'redact')
})

test('a clean request is admitted as the very same object', () => {
  const request = user('What is the capital of France?')
  assert.equal(admitted(guard().admit(request, 100)).request, request)
  assert.equal(admitted(guard().outbound(request)).request, request)
})

test('too many messages, bytes or characters are refused with the bound', () => {
  const small = guard({ bounds: { maxMessages: 2, maxTextChars: 1024, maxBodyBytes: 4096 } })
  const many = chat(...Array.from({ length: 3 }, () => ({ role: 'user', content: 'a' }) as const))
  assert.equal(problem(small.admit(many, 100)).code, 'too_many_messages')
  assert.equal(problem(small.admit(user('a'), 5000)).code, 'body_too_large')
  assert.equal(problem(small.admit(user('a'.repeat(2000)), 2100)).code, 'body_too_large')
  const image = {
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${'A'.repeat(2000)}` },
  } as const
  assert.equal(small.admit(chat({ role: 'user', content: [image] }), 2100).type, 'admitted')
})

test('a secret is refused on its way off the machine, by rule and place, without being shown', () => {
  const request = chat({ role: 'system', content: 'x' }, { role: 'user', content: `use ${KEY}` })
  assert.equal(guard().admit(request, 100).type, 'admitted')
  const found = problem(guard().outbound(request))
  assert.equal(found.code, 'guard_refused')
  assert.equal(found.rule, 'input.secret.aws_access_key')
  assert.equal(found.param, 'messages[1].content')
  assert.ok(!JSON.stringify(found).includes('2E7XQ'))
})

test('a secret is found wherever it would leave: parts, tool calls, tools, unknown fields, names of fields', () => {
  const places: readonly [string, ChatRequest][] = [
    [
      'messages[0].content[1].text',
      chat({
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: KEY },
        ],
      }),
    ],
    ['messages[0].content', chat({ role: 'tool', tool_call_id: 'a', content: KEY })],
    ['messages[0].reasoning_content', chat({ role: 'assistant', content: 'a', reasoning_content: KEY })],
    [
      'messages[0].tool_calls[0].function.arguments',
      chat({
        role: 'assistant',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: `{"k":"${KEY}"}` } }],
      }),
    ],
    [
      'tools[0].function.description',
      { ...user('a'), tools: [{ type: 'function', function: { name: 'f', description: `key ${KEY}` } }] },
    ],
    [
      'tools[0].function.parameters.properties.k.default',
      {
        ...user('a'),
        tools: [
          { type: 'function', function: { name: 'f', parameters: { properties: { k: { default: KEY } } } } },
        ],
      },
    ],
    [
      'messages[0].content[0].image_url.url',
      chat({ role: 'user', content: [{ type: 'image_url', image_url: { url: `https://a.io/?k=${KEY}` } }] }),
    ],
    ['extra.deep[0]', { ...user('a'), extra: { deep: [KEY] } }],
    ['metadata', { ...user('a'), metadata: { [KEY]: 'x' } }],
  ]
  for (const [param, request] of places) assert.equal(problem(guard().outbound(request)).param, param)
})

test('an image by value is not scanned', () => {
  const url = `data:image/png;base64,${'A'.repeat(64)}4111111111111111${KEY}`
  const request = chat({ role: 'user', content: [{ type: 'image_url', image_url: { url } }] })
  assert.equal(admitted(guard().outbound(request)).request, request)
})

test('what only begins like media by value is scanned', () => {
  for (const value of [
    `data:,${KEY}`,
    `data:text/plain,${KEY}`,
    `data:text/plain;base64,AAAA ${KEY}`,
    `${'A'.repeat(256)} ${KEY}`,
  ]) {
    const image = chat({ role: 'user', content: [{ type: 'image_url', image_url: { url: value } }] })
    const file = chat({ role: 'user', content: [{ type: 'file', file: { file_data: value } }] })
    for (const request of [image, file, { ...user('a'), metadata: { url: value } }]) {
      assert.equal(problem(guard().outbound(request)).rule, 'input.secret.aws_access_key', value.slice(0, 30))
    }
  }
})

test('what lies across text parts side by side is found, refused or taken out of both', () => {
  const text = (value: string) => ({ type: 'text', text: value }) as const
  const image = { type: 'image_url', image_url: { url: 'https://a.example/b.png' } } as const
  const split = chat({ role: 'user', content: [image, text(`use ${KEY.slice(0, 9)}`), text(KEY.slice(9))] })
  assert.equal(problem(guard().outbound(split)).param, 'messages[0].content[1].text')
  const three = ['card 4111 1111', ' 1111 ', '1111, thanks'].map(text)
  const { request, verdicts } = admitted(guard().outbound(chat({ role: 'user', content: three })))
  assert.deepEqual(request.messages[0]?.content, [text('card [card]'), text(''), text(', thanks')])
  assert.deepEqual(verdicts, [{ check: 'input.pii.card', outcome: 'redacted', detail: 'once' }])
  const apart = chat({ role: 'user', content: [text(KEY.slice(0, 9)), image, text(KEY.slice(9))] })
  assert.equal(admitted(guard().outbound(apart)).request, apart)
})

test('unseen characters, full-width letters and escapes do not hide a secret or a card', () => {
  const wide = [...KEY].map((char) => String.fromCodePoint(char.charCodeAt(0) + 0xfee0)).join('')
  for (const text of [
    wide,
    `${KEY.slice(0, 7)}\u200b${KEY.slice(7)}`,
    `\\u0041${KEY.slice(1)}`,
    `k%3D%41${KEY.slice(1)}`,
  ]) {
    assert.equal(problem(guard().outbound(user(text))).rule, 'input.secret.aws_access_key', text)
  }
  for (const text of [
    '4111\u00a01111\u00a01111\u00a01111',
    '4111\u200b111111111111',
    '%204111111111111111',
  ]) {
    const [message] = admitted(guard().outbound(user(`a\u00adb: ${text}!`))).request.messages
    assert.match(String(message?.content), /^a\u00adb: (?:%20)?\[card\]!$/)
  }
})

test('personal data is redacted on its way out, in every text, and the original stays as it was', () => {
  const request = chat(
    { role: 'user', content: `pay with ${CARD} and ${CARD}` },
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: 'a',
          type: 'function',
          function: { name: 'pay', arguments: '{"note":"4111111111111111","card":4111111111111111}' },
        },
      ],
    },
    {
      role: 'tool',
      tool_call_id: 'a',
      content: [{ type: 'text', text: 'IBAN DE89 3704 0044 0532 0130 00.' }],
    },
    { role: 'user', content: 'thanks' },
  )
  const before = structuredClone(request)
  const { request: sent, verdicts } = admitted(guard().outbound(request))
  assert.deepEqual(request, before)
  assert.equal(sent.messages[0]?.content, 'pay with [card] and [card]')
  const [, call, result, last] = sent.messages
  assert.ok(call?.role === 'assistant')
  assert.deepEqual(JSON.parse(call.tool_calls?.[0]?.function.arguments ?? ''), {
    note: '[card]',
    card: '[card]',
  })
  assert.deepEqual(result?.content, [{ type: 'text', text: 'IBAN [iban].' }])
  assert.equal(last, request.messages[3])
  assert.deepEqual(verdicts, [
    { check: 'input.pii.card', outcome: 'redacted', detail: '4 times' },
    { check: 'input.pii.iban', outcome: 'redacted', detail: 'once' },
  ])
})

test('each kind follows its own action and place', () => {
  const mixed = guard({
    input: {
      secrets: 'redact',
      pii: {
        email: { action: 'refuse', applies: 'everywhere' },
        phone: { action: 'redact' },
        card: { action: 'allow' },
      },
    },
  })
  assert.equal(problem(mixed.admit(user('write to jane@corp.io'), 10)).rule, 'input.pii.email')
  assert.equal(
    admitted(mixed.outbound(user(`${CARD} ${KEY} 463-612-6138`))).request.messages[0]?.content,
    `${CARD} [secret] [phone]`,
  )
  assert.equal(mixed.admit(user('463-612-6138'), 10).type, 'admitted')
})

test('personal data in the form of a request is left alone, secrets are not', () => {
  const tools: ChatRequest['tools'] = [
    { type: 'function', function: { name: 'pay', description: `e.g. ${CARD}` } },
  ]
  const request = { ...user('a'), tools }
  assert.equal(admitted(guard().outbound(request)).request, request)
})

test('a field named __proto__ stays a field', () => {
  const request = { ...user('a'), extra: JSON.parse(`{"__proto__":{"n":"${CARD}"}}`) }
  const sent = admitted(guard().outbound(request)).request
  assert.equal(JSON.stringify(sent['extra']), '{"__proto__":{"n":"[card]"}}')
})

test('a request that nests without end is refused, not recursed into', () => {
  let deep: object = {}
  let list: unknown[] = []
  for (let level = 0; level < 10_000; level++) {
    deep = { deep }
    list = [list]
  }
  assert.equal(problem(guard().outbound({ ...user('a'), deep })).code, 'too_deep')
  assert.equal(problem(guard().outbound({ ...user('a'), list })).code, 'too_deep')
})

test('no secret that stands by itself survives redaction', () => {
  const all = guard({
    input: {
      secrets: 'redact',
      pii: Object.fromEntries(
        ['card', 'iban', 'ssn', 'email', 'phone', 'ip'].map((kind) => [kind, { action: 'redact' }]),
      ),
    },
  })
  const piece = fc.constantFrom(
    KEY,
    CARD,
    '078-05-1120',
    ' ',
    'a',
    '1',
    '@',
    'a@b.io',
    '463-612-6138',
    '8.8.4.4',
    '-',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 20 }), (pieces) => {
      const once = admitted(all.outbound(user(pieces.join('')))).request
      const kept = once.messages[0]?.content
      assert.ok(!String(kept).includes(KEY) || /[A-Za-z0-9]AKIA|AKIA[A-Z0-9]{17}/.test(pieces.join('')))
    }),
  )
})

/** A request that came in Messages: its own body beside the translation, whose texts are the same ones. */
function native(text: string, more: Readonly<Record<string, unknown>> = {}): ChatRequest {
  const body = { model: 'auto', system: 'Hi.', messages: [{ role: 'user', content: text }], ...more }
  const messages: ChatRequest['messages'] = [
    { role: 'system', content: 'Hi.' },
    { role: 'user', content: text },
  ]
  return { model: 'auto', messages, native: { dialect: 'messages', body, messages: 2, betas: [], lost: [] } }
}

test('a request in a foreign dialect is redacted in its own words and in the translation, and counted once', () => {
  const { request, verdicts } = admitted(guard().outbound(native(`pay ${CARD}, then ${CARD}`)))
  const expected = 'pay [card], then [card]'
  assert.equal(request.messages[1]?.content, expected)
  assert.deepEqual(request.native?.body['messages'], [{ role: 'user', content: expected }])
  assert.deepEqual(verdicts, [{ check: 'input.pii.card', outcome: 'redacted', detail: '2 times' }])
  const clean = native('Hello there, friend.')
  assert.equal(admitted(guard().outbound(clean)).request, clean)
})

test('what stands in its own words alone is found too, and named where the caller put it', () => {
  const thought = { type: 'thinking', thinking: `use ${KEY}`, signature: 'E' }
  const messages = [{ role: 'assistant', content: [thought] }]
  const found = problem(guard().outbound(native('Hello.', { messages })))
  assert.deepEqual(
    [found.rule, found.param],
    ['input.secret.aws_access_key', 'messages[0].content[0].thinking'],
  )
})

test('personal data in a tool’s form stays in both, and a text that is form and message is redacted as a message', () => {
  const text = `A card such as ${CARD}.`
  const tools = [{ name: 'pay', description: text, input_schema: {} }]
  const asked = native(text, { tools })
  const form: ChatRequest['tools'] = [{ type: 'function', function: { name: 'pay', description: text } }]
  const { request } = admitted(guard().outbound({ ...asked, tools: form }))
  assert.deepEqual([request.tools, request.native?.body['tools']], [form, tools])
  assert.equal(request.messages[1]?.content, 'A card such as [card].')
})

test('what an engine has signed is not scanned: chance would find secrets in it', () => {
  const signature = `${'a'.repeat(300)}AKIA2E7XQ3LMNOP4RSTU`
  const messages = [{ role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.', signature }] }]
  const asked = native('Hello.', { messages })
  assert.equal(admitted(guard().outbound(asked)).request, asked)
})
