import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chatRequest } from '../bench/process/chat.ts'
import { Connection } from '../bench/process/connection.ts'
import { isAlive, modelProcesses } from '../bench/process/model.ts'
import { startLlamaServer } from './process/llama.ts'
import { entriesOf } from './process/log.ts'
import { chat, errorOf, type Reply } from './process/send.ts'
import type { RunningServer } from './process/server.ts'
import { until } from './process/until.ts'

/** Models in processes of their own, and what becomes of everybody where such a process, or the server, dies. */

const ENDLESS = { endBias: -8 }
/** Seconds for a context full. */
const SLOW = { ...ENDLESS, embedding: 256, feedForward: 8_192 }
/** Counts for ever where a message says so. */
const LOOPING = [
  "{% if messages[0]['content'] == 'loop' %}",
  '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x',
  '{% endfor %}{% endfor %}{% endfor %}{% endif %}hello',
].join('')
const ONE = { contextTokens: 2_048, parallel: 1, spareSlots: 0 }
const LIMIT = { timeout: 90_000 }

function body(model: string, more: object = {}): object {
  const messages = [{ role: 'user', content: 'hello' }]
  return { model: `llama/${model}`, messages, temperature: 0, max_tokens: 4, ...more }
}

/** Bytes that are no text could not be handed on as one. */
const LETTERS = Object.fromEntries(Array.from({ length: 26 }, (_, nth) => [65 + nth, 40]))
const IN_LETTERS = { logit_bias: LETTERS, stream_options: { include_usage: true } }

/** The text of a stream. */
function said(text: string): string {
  return [...text.matchAll(/"content":"([A-Z]*)"/g)].map(([, piece]) => piece).join('')
}

interface Streaming {
  readonly id: string
  /** All that came, once the server has ended the response. */
  readonly end: Promise<string>
}

/** A long stream that has begun to come. */
async function streaming(
  server: RunningServer,
  model: string,
  tokens = 2_048,
  more: object = {},
): Promise<Streaming> {
  const connection = await Connection.open(Number(new URL(server.address).port))
  const request = chatRequest(server.key, body(model, { stream: true, max_tokens: tokens, ...more }))
  const reply = connection.send(request)
  await until('a stream begins', () => connection.partial.includes('"delta"'))
  const id = /"id":"chatcmpl-([^"]+)"/.exec(connection.partial)?.[1]
  assert.ok(id !== undefined)
  return { id, end: reply.then(({ body: text }) => text) }
}

async function theProcess(server: RunningServer): Promise<number> {
  await until('a model has a process', () => modelProcesses(server.pid).length > 0)
  const [pid] = modelProcesses(server.pid)
  assert.ok(pid !== undefined)
  return pid
}

async function answered(asked: Promise<Reply>): Promise<void> {
  const reply = await asked
  assert.equal(reply.status, 200, reply.text)
  const { choices } = JSON.parse(reply.text)
  assert.notEqual(choices[0].message.content, '')
}

test('a model that is killed in mid-stream goes on where it was, without a seam', LIMIT, async (t) => {
  await using server = await startLlamaServer({ slow: SLOW }, ONE)
  const undisturbed = said(await (await streaming(server, 'slow', 300, IN_LETTERS)).end)
  const { id, end } = await streaming(server, 'slow', 300, IN_LETTERS)
  const pid = await theProcess(server)
  process.kill(pid, 'SIGKILL')
  const killedAt = performance.now()
  const text = await end
  t.diagnostic(`whole after ${((performance.now() - killedAt) / 1_000).toFixed(2)} s`)
  assert.equal(said(text), undisturbed)
  assert.equal(undisturbed.length, 300)
  assert.equal(new Set(text.match(/"id":"[^"]+"/g)).size, 1)
  assert.equal(text.match(/"finish_reason":"length"/g)?.length, 1)
  assert.match(text, /"usage":\{"prompt_tokens":11,"completion_tokens":300,/)
  assert.doesNotMatch(text, /"error":/)
  assert.notEqual(await theProcess(server), pid)
  const causes = entriesOf(server.home, 'attempt', id).map(({ cause }) => cause)
  assert.deepEqual(causes, ['first', 'continue'])
  assert.equal(entriesOf(server.home, 'closed', id)[0]?.outcome, 'answered')
})

test(
  'of a model that is killed, a stream that cannot go on ends with one error, and the next is soon answered',
  LIMIT,
  async (t) => {
    await using server = await startLlamaServer({ slow: SLOW }, ONE)
    const { id, end } = await streaming(server, 'slow', 900, { n: 2 })
    const waiting = chat(server, body('slow'))
    const pid = await theProcess(server)
    process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    const text = await end
    assert.equal(text.match(/"error":/g)?.length, 1)
    assert.match(
      text,
      /data: \{"error":\{"message":"The answer was lost: .*SIGKILL.*"code":"upstream_failed".*\n\n$/,
    )
    assert.doesNotMatch(text, /\[DONE\]|"finish_reason":"/)
    await answered(waiting)
    t.diagnostic(`back after ${((performance.now() - killedAt) / 1_000).toFixed(2)} s, first answer included`)
    assert.notEqual(await theProcess(server), pid)
    const [closed, ...more] = entriesOf(server.home, 'closed', id)
    assert.deepEqual([closed?.outcome, closed?.code, more.length], ['failed', 'upstream_failed', 0])
  },
)

test('a model that is killed while it loads keeps nobody from an answer', LIMIT, async () => {
  await using server = await startLlamaServer({ tiny: ENDLESS }, ONE)
  const asked = chat(server, body('tiny'))
  process.kill(await theProcess(server), 'SIGKILL')
  await answered(asked)
})

test('files that are no models are named with their fault, and the others are served', LIMIT, async () => {
  const names = ['good', 'cut', 'other']
  const spoil = (folder: string): void => {
    truncateSync(join(folder, 'cut.gguf'), 300_000)
    writeFileSync(join(folder, 'empty.gguf'), '')
    writeFileSync(join(folder, 'text.gguf'), 'Not a model at all.\n'.repeat(100))
    // Whole as a file, of an architecture that nobody has.
    const other = join(folder, 'other.gguf')
    writeFileSync(other, readFileSync(other, 'latin1').replaceAll('llama', 'klama'), 'latin1')
  }
  const models = Object.fromEntries(names.map((name) => [name, ENDLESS]))
  await using server = await startLlamaServer(models, ONE, spoil)
  for (const [name, fault] of [
    ['cut', /cut\.gguf is no GGUF file that can be used: it is cut off/],
    ['empty', /empty\.gguf is no GGUF file that can be used/],
    ['text', /text\.gguf is no GGUF file that can be used/],
  ] as const) {
    assert.match(server.output(), fault)
    assert.equal(errorOf(await chat(server, body(name))).code, 'unknown_model')
  }
  const reply = await chat(server, body('other'))
  assert.deepEqual([reply.status, errorOf(reply).code], [503, 'no_model'])
  assert.match(errorOf(reply).message, /does not take the model "other": /)
  await answered(chat(server, body('good')))
})

test(
  'a model that is too large for its memory is refused with the figures, and not loaded',
  LIMIT,
  async () => {
    await using server = await startLlamaServer({ slow: SLOW }, { ...ONE, memoryBytes: 96 * 1_048_576 })
    const reply = await chat(server, body('slow'))
    assert.deepEqual([reply.status, errorOf(reply).code], [503, 'no_model'])
    assert.match(errorOf(reply).message, /needs at least 1\d\d MiB \(weights 5\d MiB\), and 96 MiB are free/)
    assert.deepEqual(modelProcesses(server.pid), [])
  },
)

test('SIGTERM lets a stream come to its end and leaves no process of a model', LIMIT, async () => {
  await using server = await startLlamaServer({ slow: SLOW }, ONE)
  const { end } = await streaming(server, 'slow', 300)
  const pid = await theProcess(server)
  const code = server.stop()
  assert.match(await end, /"finish_reason":"length".*\n\n.*data: \[DONE\]\n\n$/s)
  assert.equal(await code, 0, server.output())
  assert.equal(isAlive(pid), false)
})

test(
  'kill -9 of the server leaves no process of a model, at work or hanging in its template',
  LIMIT,
  async () => {
    await using server = await startLlamaServer(
      { slow: SLOW, looping: { ...ENDLESS, chatTemplate: LOOPING } },
      { ...ONE, memoryBytes: 1_073_741_824 },
    )
    await answered(chat(server, body('looping')))
    const lost = chat(server, body('looping', { messages: [{ role: 'user', content: 'loop' }] })).catch(
      () => 'lost',
    )
    const { end } = await streaming(server, 'slow')
    const cut = end.catch(() => 'lost')
    const pids = modelProcesses(server.pid)
    assert.equal(pids.length, 2)
    await server.kill()
    assert.deepEqual(await Promise.all([lost, cut]), ['lost', 'lost'])
    await until('every process of a model has ended', () => !pids.some(isAlive))
  },
)
