import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Ask, Handle } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import type { EmbedRequest } from '../contract/embed.ts'
import type { Batch } from '../contract/event.ts'
import type { ModelView } from '../contract/model.ts'
import { Meanings } from './meanings.ts'

const CALLER: Caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } }
const MODEL: ModelView = {
  id: 'e/vectors',
  engine: 'e',
  name: 'vectors',
  tier: 'fast',
  kind: 'embedding',
  offMachine: false,
  allowed: true,
  available: true,
  contextTokens: undefined,
  price: undefined,
  enforcesSchema: false,
}

/** An engine that embeds when it is let; `asked` counts how often. */
function embedder() {
  const gate = { open: Promise.resolve(), asked: 0 }
  const embed: Handle<EmbedRequest> = async () => {
    gate.asked += 1
    const until = gate.open
    const answer: Answer = {
      type: 'answer',
      plan: {
        ...{ mode: 'embed', requested: MODEL.id, tier: 'fast', candidates: [MODEL.id], effort: 'fast' },
        ...{ output: 'scan', maxOutputTokens: 0, capImposed: false, deadlineMs: 1_000 },
        ...{ reasons: [], rejected: [] },
      },
      start: {
        ...{ type: 'answer-start', model: MODEL.id, engine: 'e', tier: 'fast' },
        ...{ replica: 'e', offMachine: false, attempt: 1 },
      },
      events: (async function* (): AsyncGenerator<Batch> {
        await until
        yield [{ type: 'embedding-whole', vectors: [Float32Array.of(1, 0, 0.5)] }]
      })(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
    return answer
  }
  return { gate, embed }
}

function ask(content: string): Ask {
  return {
    id: 'req_1',
    origin: { type: 'wire', credential: undefined },
    request: { model: 'auto', messages: [{ role: 'user', content }] },
    bytes: 100,
    receivedAt: 0,
    signal: new AbortController().signal,
  }
}

test('what was remembered of texts is forgotten, and what is under way is not remembered when it comes', async () => {
  const { gate, embed } = embedder()
  await using meanings = new Meanings(embed)
  const of = (waitMs = 10_000) => meanings.of(ask('Hi.'), CALLER, 'Hi.', { model: MODEL.id, waitMs }, [MODEL])
  assert.ok((await of()).vector !== undefined)
  await of()
  assert.equal(gate.asked, 1, 'the same text is embedded once')
  meanings.forget()
  const { promise, resolve } = Promise.withResolvers<void>()
  gate.open = promise
  const coming = of()
  assert.equal(gate.asked, 2, 'the vector is no longer there')
  meanings.forget()
  resolve()
  assert.equal((await coming).vector, undefined)
  assert.ok((await of()).vector !== undefined)
  assert.equal(gate.asked, 3, 'nothing of what was under way was kept')
})
