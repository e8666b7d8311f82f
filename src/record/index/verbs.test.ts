import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { UsageError } from '../../contract/verb.ts'
import { doors } from './doors.fixture.ts'
import { answered, attempt, feed, opened, ref, START, stamped } from './log.fixture.ts'

const NOW = START + 3_600_000
const hostile = '{"messages":[{"role":"user","content":"red \\u001b[31m alert \\u202e and \\u0007 bell"}]}'

const place = doors({
  entries: stamped([
    { type: 'started', version: '1.0.0' },
    ...answered('req_1', { prompt: ref(0) }),
    opened('req_2'),
    attempt('req_2', 1, { model: 'openai/big', heldMicros: 1_500 }),
    {
      type: 'closed',
      id: 'req_2',
      outcome: 'failed',
      code: 'upstream_timeout',
      totalMs: 12_345,
      settled: [
        {
          turn: 1,
          engine: 'openai',
          model: 'openai/big',
          tier: 'expert',
          outcome: 'upstream_timeout',
          totalMs: 12_000,
        },
      ],
    },
  ]),
  texts: new Map([[0, hostile]]),
  now: NOW,
})
const empty = doors({ entries: [], now: NOW })
after(() => {
  place.close()
  empty.close()
})

test('logs tail lists the newest request last, with its key, tokens and cost, and bounds a cost that nobody stated', async () => {
  const { out } = await place.run('logs tail')
  const [head, first, second] = out.split('\n')
  assert.match(head ?? '', /^TIME +ID +MODE +MODEL +TIER +OUTCOME +TOKENS +COST +MS +KEY$/)
  assert.match(first ?? '', /req_1 +direct +ollama\/small +fast +answered +120 +\$0\.000050 +900 +key_a$/)
  assert.match(
    second ?? '',
    /req_2 +direct +openai\/big +expert +failed upstream_timeout +- +≤\$0\.001500 +12,345 +key_a$/,
  )
})

test('logs tail --follow prints what ends later, once, until it is interrupted', async () => {
  const following = doors({ entries: stamped(answered('req_1')), now: NOW })
  const controller = new AbortController()
  let printed = ''
  const { out, code } = await following.run(
    'logs tail',
    [],
    { follow: true },
    {
      json: true,
      signal: controller.signal,
      onOut: (text) => {
        printed += text
        if (printed.includes('req_1"') && !printed.includes('req_2"')) {
          feed(following.projection, stamped(answered('req_2'), 3))
        } else controller.abort()
      },
    },
  )
  assert.equal(code, 0)
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
    ['req_1', 'req_2'],
  )
  following.close()
})

test('logs show tells the attempts, and a text never reaches the terminal with its control characters', async () => {
  const { out } = await place.run('logs show', ['req_1'], { text: true })
  assert.match(out, /served by +ollama\/small \(fast\) on r1/)
  assert.match(out, /user: red \?\[31m alert \? and \? bell/)
  assert.ok(!/[\u001b\u0007\u202e]/.test(out))
  const failed = await place.run('logs show', ['req_2'])
  assert.match(failed.out, /1 +first +openai\/big +r1 +upstream_timeout +- +- +\$0\.001500 +12,000/)
  await assert.rejects(place.run('logs show', ['req_none']), /There is no record of that request/)
})

test('logs search prints a safe snippet, and says what to do where nothing is found', async () => {
  const { out } = await place.run('logs search', ['ALERT', 'bell'])
  assert.match(out, /req_1 +prompt\n {2}user: red \?\[31m alert/)
  const none = await place.run('logs search', ['nowhere'])
  assert.match(none.err, /0 found in the texts of 1 requests\. All words must stand in the same text/)
  const document = JSON.parse((await place.run('logs search', ['alert'], {}, { json: true })).out)
  assert.equal(document.data.length, 1)
})

test('usage sums by what is asked for, and shows the share of tokens by tier', async () => {
  const { out, err } = await place.run('usage', [], { by: 'model,tier', since: '2026-11-01' })
  assert.match(out, /^MODEL +TIER +REQUESTS +FAILED +TOKENS +SHARE +COST +CHARGED +UNKNOWN\n/)
  assert.match(out, /openai\/big +expert +1 +1 +0 +0\.0% +\$0\.00 +\$0\.00 +\$0\.001500/)
  assert.match(out, /Tokens by tier\n {2}fast {2}█{24} 100\.0% {2}120\n/)
  assert.match(err, /UNKNOWN: .*worst case: 1\./)
  const document = JSON.parse((await place.run('usage', [], { since: '2026-11-01' }, { json: true })).out)
  assert.equal(document.totals.requests, 2)
})

test('an empty record says what to do next, on stderr', async () => {
  for (const [name, args] of [
    ['logs tail', []],
    ['logs search', ['x']],
    ['usage', []],
    ['logs events', []],
  ] as const) {
    const { out, err, code } = await empty.run(name, args)
    assert.deepEqual([out, code], ['', 0], name)
    assert.match(err, /upshift|option|Look|Nothing/, name)
  }
  assert.match((await place.run('logs tail', [], { model: 'no/such' })).err, /No request fits/)
  const { err } = await empty.run('logs tail', [], { follow: true }, { running: false })
  assert.match(err, /No server runs/)
})

test('wrong words are told before anything is asked', async () => {
  for (const [name, flags] of [
    ['logs tail', { since: 'soon' }],
    ['logs tail', { lines: '0' }],
    ['logs tail', { outcome: 'fine' }],
    ['usage', { by: 'colour' }],
    ['usage', { until: 'x' }],
    ['logs tail', { key: 'laptop' }],
    ['logs tail', { subject: 'anna' }],
    ['usage', { key: 'laptop' }],
  ] as const) {
    await assert.rejects(place.run(name, [], flags), UsageError)
  }
})

test('events are listed with what they say', async () => {
  assert.match((await place.run('logs events')).out, /started +version=1\.0\.0/)
})
