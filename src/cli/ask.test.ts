import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { run, type ScriptedReply } from './scripted.fixture.ts'

const CITATION = {
  id: 'tiers.md@3f9a1c0b7d2e:10-20',
  document: 'tiers.md',
  version: '3f',
  headings: ['Tiers', 'Expert'],
  start: 10,
  end: 20,
  quote: 'The expert',
}
const SUMMARY = {
  request_id: 'req_1',
  model: 'ollama/small',
  tier: 'fast',
  mode: 'direct',
  reason: 'short question',
  cost_micros: 1250,
  declined: false,
  citations: [CITATION],
  verdicts: [],
}
const USAGE = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 }

const whole = (summary: object = SUMMARY): ScriptedReply => ({
  body: [
    JSON.stringify({ choices: [{ message: { content: 'Grüße, 世界' } }], usage: USAGE, upshift: summary }),
  ],
})
const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`
const streamed = (...pieces: readonly (string | Buffer)[]): ScriptedReply => ({ body: pieces })
const delta = (content: string): string => event({ choices: [{ index: 0, delta: { content } }] })
const LAST = event({ choices: [], usage: USAGE, upshift: SUMMARY })

const CHAT = 'POST /v1/chat/completions'

test('the answer and its sources go to stdout, everything about it to stderr', async () => {
  const replies = {
    [CHAT]: streamed(delta('Hel'), delta('lo'), LAST, 'data: [DONE]\n\n'),
  }
  const { code, out, err } = await run({ argv: ['ask', 'What', 'is', 'it?'], replies })
  assert.equal(code, 0)
  assert.equal(
    out,
    'Hello\n\nSources\n  tiers.md › Tiers › Expert\n    upshift cite tiers.md@3f9a1c0b7d2e:10-20\n',
  )
  assert.equal(err, '\n[fast · ollama/small · $0.001250 · short question · req_1]\n')
})

test('the command that opens a source is written as the program was started', async () => {
  const replies = { [CHAT]: streamed(delta('Hello'), LAST, 'data: [DONE]\n\n') }
  const { out } = await run({ argv: ['ask', 'x'], program: 'npx upshift', replies })
  assert.match(out, /\n {4}npx upshift cite tiers\.md@/)
})

test('characters that are split between reads arrive whole', async () => {
  const bytes = Buffer.from(`${delta('Grüße, 世界 😀')}${LAST}data: [DONE]\n\n`)
  const pieces = [...bytes].map((byte) => Buffer.from([byte]))
  const { out } = await run({
    argv: ['ask', 'x'],
    replies: { [CHAT]: streamed(...pieces) },
  })
  assert.match(out, /^Grüße, 世界 😀\n/)
})

test('sources that the answer names itself are not repeated', async () => {
  const text = `Quoted. upshift cite ${CITATION.id}\n`
  const replies = { [CHAT]: streamed(delta(text), LAST, 'data: [DONE]\n\n') }
  assert.equal((await run({ argv: ['ask', 'x'], replies })).out, text)
})

test('the question, the system message and the limits reach the server', async () => {
  const argv = [
    'ask',
    '--model',
    'fast',
    '--mode',
    'direct',
    '--max-tokens',
    '9',
    '--system',
    'Be brief.',
    '--no-stream',
    'Why?',
  ]
  const { calls, out } = await run({ argv, replies: { [CHAT]: whole() } })
  assert.match(out, /^Grüße, 世界\n/)
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Why?' },
  ]
  const body = { model: 'fast', messages, max_completion_tokens: 9, upshift: { mode: 'direct' } }
  assert.deepEqual(calls, [{ method: 'POST', path: '/v1/chat/completions', body }])
})

for (const argv of [['ask'], ['ask', '-']]) {
  test(`\`upshift ${argv.join(' ')}\` reads the question from stdin`, async () => {
    const replies = { [CHAT]: whole() }
    const { calls } = await run({ argv: [...argv, '--no-stream'], stdin: 'From a pipe\n', replies })
    assert.match(JSON.stringify(calls[0]?.body), /"content":"From a pipe\\n"/)
  })
}

test('with --json there is one document and nothing else', async () => {
  const replies = { [CHAT]: whole() }
  const { code, out, err } = await run({ argv: ['ask', '--json', 'x'], replies })
  assert.equal(code, 0)
  assert.equal(err, '')
  assert.deepEqual(JSON.parse(out), {
    id: 'req_1',
    answer: 'Grüße, 世界',
    declined: false,
    citations: [CITATION],
    model: 'ollama/small',
    tier: 'fast',
    mode: 'direct',
    reason: 'short question',
    usage: { promptTokens: 5, completionTokens: 7 },
    costMicros: 1250,
  })
})

test('who names a model gets that model and no mode in its stead, whatever is connected', async () => {
  for (const model of ['fast', 'ollama/small', 'gpt-4o']) {
    const { calls } = await run({
      argv: ['ask', '--json', '--model', model, 'x'],
      replies: { [CHAT]: whole() },
    })
    const body = { model, messages: [{ role: 'user', content: 'x' }] }
    assert.deepEqual(calls, [{ method: 'POST', path: '/v1/chat/completions', body }])
  }
  const auto = await run({
    argv: ['ask', '--json', '--model', 'auto', 'x'],
    replies: { [CHAT]: whole() },
  })
  assert.match(JSON.stringify(auto.calls[0]?.body), /"upshift":{"mode":"auto"}/)
})

test('a server that goes away in mid-answer is told as that, and not as a bug', async () => {
  for (const breaks of [
    Object.assign(new Error('aborted'), { code: 'ECONNRESET' }),
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }),
  ]) {
    const replies = { [CHAT]: { body: [delta('Half')], breaks } }
    const { code, out, err } = await run({ argv: ['ask', 'x'], replies })
    assert.deepEqual([code, out], [1, 'Half'])
    assert.match(err, /^upshift: the server went away; the answer above is incomplete\. .*\n$/)
  }
})

test('a server that goes away before it answers is told as that, also to programs', async () => {
  const breaks = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  const streaming = await run({
    argv: ['ask', 'x'],
    replies: { [CHAT]: { body: [], breaks } },
  })
  assert.match(streaming.err, /^upshift: the server went away before it had answered\. .*\n$/)
  const json = await run({ argv: ['ask', 'x', '--json'], replies: { [CHAT]: { body: [], breaks } } })
  assert.equal(json.code, 1)
  assert.equal(JSON.parse(json.out).error.code, 'server_gone')
  assert.match(json.err, /^upshift: the server went away before it had answered\. .*\n$/)
})

test('an answer that was cut off on a terminal ends its line before anything is said of it', async () => {
  const breaks = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  const replies = { [CHAT]: { body: [delta('Half')], breaks } }
  const terminal = Object.assign(new PassThrough(), { isTTY: true })
  assert.equal((await run({ argv: ['ask', 'x'], replies, stdout: terminal })).out, 'Half\n')
})

test('without a mode the server is asked to choose, and a declined question is no error', async () => {
  const declined = { ...SUMMARY, declined: true, citations: [], cost_micros: null }
  const { code, out, calls } = await run({
    argv: ['ask', '--json', 'x'],
    replies: { [CHAT]: whole(declined) },
  })
  assert.match(JSON.stringify(calls[0]?.body), /"upshift":{"mode":"auto"}/)
  assert.deepEqual([code, JSON.parse(out).declined, JSON.parse(out).costMicros], [0, true, null])
})

const refusal = JSON.stringify({
  error: { message: 'No model is connected. Start one.', type: 'x', code: 'no_model', param: null },
})
test('a refusal is told in the server’s words', async () => {
  for (const more of [[], ['--json'], ['--no-stream']]) {
    const replies = { [CHAT]: { status: 503, body: [refusal] } }
    const { code, out, err } = await run({ argv: ['ask', 'x', ...more], replies })
    const message = 'No model is connected. Start one.'
    const document = `${JSON.stringify({ error: { code: 'no_model', message } })}\n`
    assert.deepEqual([code, out, err], [1, more.includes('--json') ? document : '', `upshift: ${message}\n`])
  }
})

test('an error in mid-stream says that what stands above is incomplete', async () => {
  const replies = { [CHAT]: streamed(delta('Half'), `data: ${refusal}\n\n`) }
  const { code, out, err } = await run({ argv: ['ask', 'x'], replies })
  assert.deepEqual([code, out], [1, 'Half'])
  assert.match(err, /The answer above is incomplete\. No model is connected/)
})

test('a stream that stops without its last event is no answer', async () => {
  for (const pieces of [[delta('Half')], [delta('Half'), LAST], [delta('Half'), 'data: [DONE]\n\n']]) {
    const { code, err } = await run({
      argv: ['ask', 'x'],
      replies: { [CHAT]: streamed(...pieces) },
    })
    assert.equal(code, 1)
    assert.match(err, /closed the stream before its last event/)
  }
})

test('garbage from the server is an error that says so', async () => {
  const { code, err } = await run({
    argv: ['ask', 'x'],
    replies: { [CHAT]: streamed('data: {oops\n\n') },
  })
  assert.equal(code, 1)
  assert.match(err, /an event that this version does not know/)
})

test('Ctrl-C ends a stream that is still open', async () => {
  const controller = new AbortController()
  const stdout = new PassThrough()
  stdout.on('data', () => controller.abort())
  const replies = { [CHAT]: { body: [delta('Hel')], hangs: true } }
  const { code, err } = await run({ argv: ['ask', 'x'], replies, signal: controller.signal, stdout })
  assert.deepEqual([code, err], [130, 'upshift: interrupted.\n'])
})

test('a terminal gets no control characters from a model, a pipe gets every byte', async () => {
  const replies = {
    [CHAT]: streamed(delta('a\u001b[31mb\tc\n'), LAST, 'data: [DONE]\n\n'),
  }
  const terminal = Object.assign(new PassThrough(), { isTTY: true })
  assert.match((await run({ argv: ['ask', 'x'], replies, stdout: terminal })).out, /^a\?\[31mb\tc\n/)
  assert.match((await run({ argv: ['ask', 'x'], replies })).out, /^a\u001b\[31mb\tc\n/)
})

const wrong: readonly (readonly [argv: readonly string[], says: RegExp])[] = [
  [['ask', '--mode', 'fast', 'x'], /--mode is one of auto, direct, retrieve, not "fast"/],
  [['ask', '--max-tokens', '0', 'x'], /--max-tokens is a whole number of tokens from 1 to 9999999, not "0"/],
  [['ask', '--max-tokens', '10000000', 'x'], /from 1 to 9999999/],
  [['ask'], /there is no question/],
]
for (const [argv, says] of wrong) {
  test(`\`upshift ${argv.join(' ')}\` is refused before anything is opened`, async () => {
    const { code, err, opened } = await run({ argv })
    assert.deepEqual([code, opened.length], [2, 0])
    assert.match(err, says)
  })
}

test('a question longer than 1 MiB is refused', async () => {
  const { code, err } = await run({ argv: ['ask', '-'], stdin: 'x'.repeat(1024 * 1024 + 1) })
  assert.equal(code, 1)
  assert.match(err, /longer than 1048576 bytes/)
})
