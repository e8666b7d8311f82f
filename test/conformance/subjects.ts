import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelProcesses } from '../../bench/process/model.ts'
import type { Passage } from '../../src/contract/passage.ts'
import { createConnections } from '../../src/engine/connections.ts'
import { createExtractiveEngine } from '../../src/engine/extractive/engine.ts'
import { startTinyEngine } from '../../src/engine/llama/engine.fixture.ts'
import { type TinyModel, writeTinyModel } from '../../src/engine/llama/gguf.fixture.ts'
import { engineOver, targetAt } from '../../src/engine/upstream.fixture.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { makeKey } from '../process/admin.ts'
import { send } from '../process/send.ts'
import { startServer } from '../process/server.ts'
import { until } from '../process/until.ts'
import {
  type Capability,
  CONTEXT_TOKENS,
  type Engine,
  type ModelName,
  PARALLEL,
  type Subject,
} from './subject.ts'

const LLAMA = { contextTokens: CONTEXT_TOKENS, parallel: PARALLEL, spareSlots: 1, threads: 1 }

const MODELS: Readonly<Record<ModelName, TinyModel>> = {
  endless: { endBias: -8 },
  brief: { endBias: 8 },
  slow: { endBias: -8, embedding: 256, feedForward: 8_192 },
}

/** By its name it makes vectors. */
const EMBEDDER = 'tiny-embed'
const FILES: Readonly<Record<string, TinyModel>> = { ...MODELS, [EMBEDDER]: {} }
const ALL: ReadonlySet<Capability> = new Set([
  'answer',
  'model',
  'form',
  'goes-on',
  'process',
  'vectors',
  'line',
])

/** All of them, and what each is asked. */
export const ENGINES: readonly Engine[] = [
  { name: 'extractive', can: new Set(['answer']), start: startExtractive },
  { name: 'llama', can: ALL, start: startLlama },
  {
    name: 'openai-compatible, over HTTP to a server with llama',
    can: ALL,
    start: startServed,
  },
]

/** The llama engine itself, in this process. */
async function startLlama(): Promise<Subject> {
  const held = await startTinyEngine(FILES, { config: LLAMA })
  const { engine } = held
  const working = () =>
    engine.states().reduce((sum, { gauges }) => sum + (gauges?.running ?? 0) + (gauges?.waiting ?? 0), 0)
  return {
    codes: { invalid: 'invalid_request', lateInLine: 'queue_timeout' },
    generate: (model, call) => engine.generate(model, call),
    embed: (call) => engine.embed(EMBEDDER, call),
    kill: (model) => killed(engine.states().find(({ name }) => name === model)?.pid),
    holding: (count) => until(`${count} requests are worked on`, () => working() >= count),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}

/** The OpenAI-compatible engine over HTTP, and behind it a whole server of ours with the same models. */
async function startServed(): Promise<Subject> {
  await using starting = new AsyncDisposableStack()
  const home = starting.adopt(mkdtempSync(join(tmpdir(), 'upshift-conformance-')), removed)
  writeModels(home)
  const config = { fleet: { discover: false }, llama: LLAMA }
  const server = starting.use(await startServer({ home, config }))
  const { headers } = await makeKey(server, 'conformance')
  const apiKey = (headers['authorization'] ?? '').replace('Bearer ', '')
  const connections = starting.adopt(createConnections(), (one) => one.close())
  const engine = engineOver(connections)
  const held = starting.move()
  const inFlight = async (): Promise<number> => {
    const { text } = await send(server, { method: 'GET', path: '/metrics' })
    // The question is in flight itself.
    return Number(/^upshift_requests_in_flight (\d+)/m.exec(text)?.[1] ?? 0) - 1
  }
  const target = (model: string) =>
    targetAt(`${server.address}/v1`, { name: `llama/${model}`, apiKey, continues: 'continue_final_message' })
  return {
    codes: { invalid: 'upstream_rejected', lateInLine: 'deadline_exceeded' },
    generate: (model, call) => engine.generate(target(model), call),
    embed: (call) => engine.embed(target(EMBEDDER), call),
    // Of all models: they look alike from outside.
    kill: () => modelProcesses(server.pid).forEach(killed),
    holding: async (count) => {
      for (let seen = await inFlight(); seen < count; seen = await inFlight());
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** The engine without weights, with passages that answer the cases' question. */
async function startExtractive(): Promise<Subject> {
  const engine = createExtractiveEngine({ clock: systemClock })
  return {
    codes: { invalid: 'invalid_request', lateInLine: 'deadline_exceeded' },
    generate: (_model, call) => {
      const messages = [{ role: 'user' as const, content: 'When is the daily cap reset?' }]
      const request = { ...call.request, messages }
      return engine.generate({ ...call, request, maxOutputTokens: 1_024, passages: [PASSAGE] })
    },
    embed: () => Promise.reject(new Error('it makes no vectors')),
    kill: () => undefined,
    holding: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

const TEXT = 'The daily cap is reset at midnight UTC. Nothing is carried over to the next day.'
const PASSAGE: Passage = {
  id: `page.md@aaaaaaaaaaaa:0-${TEXT.length}`,
  document: 'page.md',
  headings: ['Caps'],
  version: 'a'.repeat(64),
  start: 0,
  end: TEXT.length,
  text: TEXT,
  support: 0.9,
}

function writeModels(home: string): void {
  const folder = join(home, 'models')
  mkdirSync(folder, { recursive: true })
  for (const [name, model] of Object.entries(FILES)) writeTinyModel(join(folder, `${name}.gguf`), model)
}

function killed(pid: number | undefined): void {
  if (pid === undefined) throw new Error('the model has no process')
  process.kill(pid, 'SIGKILL')
}

function removed(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
