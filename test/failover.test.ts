import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, before, describe, test } from 'node:test'
import * as z from 'zod'
import { entriesOf } from './process/log.ts'
import { chat, eventsOf, type Reply, textOf } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import {
  event,
  type Received,
  respond,
  STREAM_END,
  startUpstream,
  streamHead,
  type Upstream,
} from './process/upstream.ts'

/** An engine that dies in the middle of its answer, after each of its chunks. */

/** Sixty chunks, among them some that the guard keeps back because a link or a number may be forming. */
const PIECES = Array.from({ length: 60 }, (_, index) => {
  if (index % 10 === 4) return ' [page'
  if (index % 10 === 5) return `](https://example.org/${index})`
  if (index % 10 === 8) return ' 10'
  return index % 3 === 0 ? ` wörd${index}` : `, ${index} 漢`
})
const WHOLE = PIECES.join('')
const FINISH = event({}, 'stop')

const held = new AsyncDisposableStack()
let first: Upstream
let second: Upstream
let server: RunningServer

before(async () => {
  first = held.use(await startUpstream())
  second = held.use(await startUpstream())
  const urls = [first.url, second.url]
  const config = configOf({
    pair: { ...engineAt(urls), continues: 'continue_final_message' },
    prefixed: { ...engineAt(urls), continues: 'prefix' },
    mute: engineAt(urls),
    alone: { ...engineAt([first.url]), continues: 'last_message' },
  })
  server = held.use(await startServer({ config }))
})

after(() => held.disposeAsync())

/** What the messages say that the assistant has said already; undefined where it begins. */
function begun({ body }: Received): string | undefined {
  const message = z
    .array(z.looseObject({ role: z.string(), content: z.unknown() }))
    .parse(body['messages'])
    .at(-1)
  return message?.role === 'assistant' ? z.string().parse(message.content) : undefined
}

async function write(response: ServerResponse, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    response.write(text)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Dies after so many chunks, whichever of the two is asked; what is asked to go on goes on to the end. */
function dying(after: number): void {
  const script = async (response: ServerResponse, received: Received): Promise<void> => {
    const prefix = begun(received)
    streamHead(response)
    if (prefix === undefined) {
      await write(
        response,
        PIECES.slice(0, after).map((content) => event({ role: 'assistant', content })),
      )
      response.destroy()
      return
    }
    assert.ok(WHOLE.startsWith(prefix), 'it is given what has been said, and nothing else')
    const rest = WHOLE.slice(prefix.length).match(/.{1,7}/gsu) ?? []
    await write(response, [
      event({ role: 'assistant', content: '' }),
      ...rest.map((content) => event({ content })),
    ])
    response.end(FINISH + STREAM_END)
  }
  first.answer(script)
  second.answer(script)
}

const stream = (model: string, more: Record<string, unknown> = {}): Promise<Reply> =>
  chat(server, { model, messages: [{ role: 'user', content: 'Say something.' }], stream: true, ...more })

const choiceSchema = z.looseObject({
  id: z.string().optional(),
  choices: z.array(
    z.looseObject({
      finish_reason: z.string().nullish(),
      delta: z.looseObject({ role: z.string().nullish() }),
    }),
  ),
})

/** The finish reasons of all chunks, and the ids that they bore. */
function endsOf(reply: Reply) {
  const chunks = eventsOf(reply).flatMap((one) => choiceSchema.safeParse(one).data ?? [])
  const choices = chunks.flatMap((chunk) => chunk.choices)
  return {
    finished: choices.flatMap(({ finish_reason: reason }) => reason ?? []),
    ids: new Set(chunks.map(({ id }) => id)),
  }
}

const errors = (reply: Reply) =>
  eventsOf(reply).filter((one) => typeof one === 'object' && one !== null && 'error' in one)

describe('an engine that dies after any of its sixty chunks', () => {
  test('is continued by another replica: the text is the same to the byte, with one finish', async () => {
    for (let after = 1; after <= PIECES.length; after++) {
      dying(after)
      const reply = await stream('pair/small')
      assert.equal(textOf(reply), WHOLE, `killed after ${after}`)
      assert.deepEqual(endsOf(reply).finished, ['stop'], `killed after ${after}`)
      assert.equal(endsOf(reply).ids.size, 1)
      assert.deepEqual(errors(reply), [])
      assert.equal(eventsOf(reply).at(-1), '[DONE]')
    }
  })

  test('without another replica ends in one error each time, and never in silence', async () => {
    for (let after = 1; after <= PIECES.length; after += 1) {
      dying(after)
      const reply = await stream('mute/small')
      assert.ok(WHOLE.startsWith(textOf(reply)))
      assert.equal(errors(reply).length, 1, `killed after ${after}`)
      assert.deepEqual(endsOf(reply).finished, [])
      assert.notEqual(eventsOf(reply).at(-1), '[DONE]')
    }
  })
})

test('each engine is told in its own words to go on, and has less left to say', async () => {
  for (const [model, told] of [
    ['pair/small', { continue_final_message: true, add_generation_prompt: false }],
    ['prefixed/small', { prefix: true }],
  ] as const) {
    dying(20)
    const reply = await stream(model, { max_tokens: 500 })
    assert.equal(textOf(reply), WHOLE)
    const asked = [...first.received, ...second.received].filter((one) => begun(one) !== undefined)
    assert.equal(asked.length, 1)
    const last = z.array(z.looseObject({})).parse(asked[0]?.body['messages']).at(-1)
    const said = { ...asked[0]?.body, ...last }
    for (const [field, value] of Object.entries(told)) assert.equal(said[field as keyof typeof said], value)
    assert.equal(said['max_tokens' as keyof typeof said], 480)
  }
})

test('both attempts stand in the record, and the answer as it was read', async () => {
  dying(30)
  const reply = await stream('pair/small', { stream_options: { include_usage: true } })
  const { request_id: id } = z
    .looseObject({ upshift: z.looseObject({ request_id: z.string(), attempts: z.number() }) })
    .parse(eventsOf(reply).at(-2)).upshift
  const attempts = entriesOf(server.home, 'attempt', id)
  assert.deepEqual(
    attempts.map(({ cause }) => cause),
    ['first', 'continue'],
  )
  assert.notEqual(attempts[0]?.replica, attempts[1]?.replica)
  const [closed] = entriesOf(server.home, 'closed', id)
  assert.equal(closed?.outcome, 'answered')
  const settled = [...(attempts[1]?.settled ?? []), ...(closed?.settled ?? [])]
  assert.deepEqual(
    settled.map(({ turn, outcome }) => [turn, outcome === 'ok']),
    [
      [1, false],
      [2, true],
    ],
  )
  // The second one read 7 tokens and wrote 3, and of those that it read the first had written up to 7.
  assert.deepEqual(closed?.usage, { promptTokens: 0, completionTokens: 10 })
})

test('a replica that is alone goes on itself where it is back in time', async () => {
  dying(25)
  const reply = await stream('alone/small')
  assert.equal(textOf(reply), WHOLE)
  assert.deepEqual(endsOf(reply).finished, ['stop'])
})

test('what cannot be handed on is not: several choices, tool calls begun, thoughts', async () => {
  const broken = async (deltas: readonly unknown[], more: Record<string, unknown>) => {
    const script = async (response: ServerResponse, received: Received): Promise<void> => {
      assert.equal(begun(received), undefined)
      if (received.body['stream'] !== true) return respond(response, received, ['never'])
      streamHead(response)
      await write(
        response,
        deltas.map((delta) => event(delta)),
      )
      response.destroy()
    }
    first.answer(script)
    second.answer(script)
    return stream('pair/small', more)
  }
  const several = await broken([{ content: 'one ' }, { content: 'two ' }], { n: 2 })
  const thoughts = await broken([{ reasoning_content: 'hm' }, { content: 'one two' }], {})
  for (const reply of [several, thoughts]) assert.equal(errors(reply).length, 1)
})
