import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import type { Purse } from '../contract/budget.ts'
import type { PolicyChanged } from '../contract/entry.ts'
import type { Need } from '../contract/need.ts'
import { isRefusal } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import type { Allowance, AllowancePort } from './allow.ts'
import { type FleetConfig, section } from './config.ts'
import { engineSpecs } from './engines.ts'
import type { EnvironmentEngine } from './environment.ts'
import { Fleet, type FleetParts } from './fleet.ts'
import type { LeaseGrant } from './lease.ts'

/* What the fleet's tests share: scripted engines on real sockets, and a fleet over them. It holds no test. */

export type Script = Readonly<Record<string, unknown>>

export interface Scripted extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** `GET /v1/models`, in order of arrival. */
  readonly asked: string[]
  /** The `authorization` header of each request. */
  readonly keys: (string | undefined)[]
  /** Connections that were opened, whether anything was sent or not. */
  connections: number
  script: Script
}

/** A server that answers each `METHOD /path` with the JSON (or the status) that the script says, else 404. */
export async function scripted(script: Script, port = 0): Promise<Scripted> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const line = `${request.method} ${request.url}`
    state.asked.push(line)
    state.keys.push(request.headers.authorization)
    const answer = state.script[line]
    request.resume()
    const status = typeof answer === 'number' ? answer : answer === undefined ? 404 : 200
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? { error: 'no such path' }))
  })
  server.on('connection', () => {
    state.connections++
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo // A TCP server's address is never a string.
  const state: Scripted = {
    url: `http://127.0.0.1:${address.port}/v1`,
    port: address.port,
    asked: [],
    keys: [],
    connections: 0,
    script,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return state
}

export function openAiList(...names: string[]): Script {
  return { 'GET /v1/models': { object: 'list', data: names.map((id) => ({ id, object: 'model' })) } }
}

export const OLLAMA: Script = {
  'GET /api/tags': {
    models: [
      { name: 'llama3.1:8b', digest: 'd1', details: { parameter_size: '8.0B' } },
      { name: 'qwen3:32b', digest: 'd2', details: { parameter_size: '32.8B' } },
      { name: 'nomic-embed-text:latest', digest: 'd3', details: { parameter_size: '137M' } },
      { name: 'bge-like:latest', digest: 'd4', details: { parameter_size: '300M' } },
      { name: 'gpt-oss:120b-cloud', digest: 'd5', remote_host: 'https://ollama.com' },
    ],
  },
  'GET /api/ps': { models: [{ name: 'qwen3:32b', context_length: 16_384 }] },
  'POST /api/show': {
    capabilities: ['completion', 'tools'],
    model_info: { 'general.architecture': 'llama', 'llama.context_length': 131_072 },
  },
  'GET /v1/models': { data: [{ id: 'llama3.1:8b', owned_by: 'library' }] },
}

export const LLAMA_CPP: Script = {
  'GET /props': { default_generation_settings: { n_ctx: 8_192 }, total_slots: 2 },
  'GET /v1/models': {
    data: [
      {
        id: '../models/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf',
        owned_by: 'llamacpp',
        meta: { n_ctx_train: 131_072, n_params: 8_030_261_312 },
      },
    ],
  },
}

export const VLLM: Script = {
  'GET /v1/models': { data: [{ id: 'Qwen/Qwen3-235B-A22B', owned_by: 'vllm', max_model_len: 40_960 }] },
}

export const LM_STUDIO: Script = {
  'GET /api/v0/models': {
    data: [
      { id: 'gemma-3-27b-it', type: 'vlm', max_context_length: 131_072, loaded_context_length: 4_096 },
      { id: 'text-embedding-nomic', type: 'embeddings', max_context_length: 2_048 },
    ],
  },
  'GET /v1/models': { data: [{ id: 'gemma-3-27b-it' }, { id: 'text-embedding-nomic' }] },
}

/** A clock that stands still until it is moved. */
export function standingClock(startMs = Date.UTC(2026, 10, 21, 12)): Clock & { move(ms: number): void } {
  let ms = 0
  return {
    now: () => startMs + ms,
    elapsed: () => ms,
    move: (by) => {
      ms += by
    },
  }
}

export function keptInMemory(start: readonly Allowance[] = []): AllowancePort {
  const kept = new Map(start.map((allowance) => [allowance.engine, allowance]))
  return {
    load: () => [...kept.values()],
    save: (allowance) => void kept.set(allowance.engine, allowance),
    remove: (engine) => void kept.delete(engine),
  }
}

export interface Setup {
  readonly config?: unknown
  readonly environment?: readonly EnvironmentEngine[]
  readonly parts?: Partial<FleetParts>
}

/** A fleet over the given configuration, with a dispatcher of its own; disposing closes both. */
export function fleetOver(setup: Setup): { fleet: Fleet; log: PolicyChanged[] } & AsyncDisposable {
  const config: FleetConfig = section.schema.parse(setup.config ?? {})
  const agent = new Agent()
  const log: PolicyChanged[] = []
  const fleet = new Fleet({
    config,
    engines: engineSpecs({
      config,
      found: [],
      environment: setup.environment ?? [],
      resolveSecret: (reference) => ('env' in reference ? reference.env : reference.file),
    }),
    allowances: keptInMemory(),
    changed: async (entry) => void log.push(entry),
    dispatcherFor: () => agent,
    clock: standingClock(),
    random: () => 0,
    ...setup.parts,
  })
  const close = async (): Promise<void> => {
    await fleet.close()
    await agent.destroy()
  }
  return { fleet, log, [Symbol.asyncDispose]: close }
}

/** A purse that holds whatever is asked of it. */
const FULL_PURSE: Purse = { reserve: () => ({ settle: () => undefined }) }

export function need(candidates: readonly string[], more: Partial<Need> = {}): Need {
  return {
    id: 'req_1',
    candidates,
    failed: new Set(),
    promptTokensBound: 1_000,
    maxOutputTokens: 1_000,
    choices: 1,
    deadline: Number.POSITIVE_INFINITY,
    purse: FULL_PURSE,
    signal: new AbortController().signal,
    ...more,
  }
}

/** The lease that the test expects, or a failure that names the refusal. */
export async function leased(fleet: Fleet, asked: Need): Promise<LeaseGrant> {
  const granted = await fleet.acquire(asked)
  if (isRefusal(granted)) throw new Error(`refused: ${granted.problem.code}: ${granted.problem.message}`)
  return granted
}
