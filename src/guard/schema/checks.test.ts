import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { ChatRequest } from '../../contract/chat.ts'
import { createWorkerPool } from '../../lib/worker-pool.ts'
import { guardSchema } from '../config.ts'
import { createSchemaChecks, SCHEMA_WORKER, type SchemaChecks } from './checks.ts'

/** Sixty thousand characters that take Ajv most of a second and its worker tens of megabytes. */
const intricate = (seed: string): object => ({
  patternProperties: Object.fromEntries(
    Array.from({ length: 2_600 }, (_, at) => [`${seed}${at}`, { minimum: 1 }]),
  ),
})
function tooled(...schemas: readonly object[]): ChatRequest {
  const tools = schemas.map((schema, at) => {
    return { type: 'function', function: { name: `f${at}`, parameters: { ...schema } } } as const
  })
  return { model: 'auto', messages: [{ role: 'user', content: 'x' }], tools }
}
function checks(limits: { bounds?: object; timeoutMs?: number; heapMb?: number }): SchemaChecks {
  const timeoutMs = limits.timeoutMs ?? 10_000
  const config = guardSchema.parse({ bounds: limits.bounds ?? {}, checks: { timeoutMs } })
  const heap = limits.heapMb === undefined ? {} : { heapMb: limits.heapMb }
  const pool = createWorkerPool({
    module: SCHEMA_WORKER,
    size: 1,
    queueLimit: 8,
    taskTimeoutMs: timeoutMs,
    ...heap,
  })
  after(() => pool.close())
  return createSchemaChecks({ config, pool })
}

test('the schemas of a request are bounded together, before any of them costs anything', async () => {
  const small = checks({ bounds: { maxSchemaChars: 1_000, maxSchemasChars: 2_000 } })
  const schema = (name: string): object => ({ title: name.padEnd(800, 'x'), type: 'object' })
  assert.equal(await small.checkSchemas(tooled(schema('a'), schema('b'))), undefined)
  const refusal = await small.checkSchemas(tooled(schema('a'), schema('b'), schema('c')))
  assert.equal(refusal?.problem.code, 'invalid_request')
  assert.equal(refusal?.problem.param, 'tools[2].function.parameters')
  assert.match(refusal?.problem.message ?? '', /guard\.bounds\.maxSchemasChars/)
})

test('a compilation that takes too long is not called the fault of the schema', async () => {
  const refusal = await checks({ timeoutMs: 10 }).checkSchemas(tooled(intricate('p')))
  assert.equal(refusal?.problem.code, 'check_unavailable')
  assert.match(refusal?.problem.message ?? '', /more than 10 ms .*try again later/)
  assert.doesNotMatch(refusal?.problem.message ?? '', /Correct the schema/)
})

test('a worker that runs out of memory is our fault, and the next check works', async () => {
  const narrow = checks({ heapMb: 16 })
  const refusal = await narrow.checkSchemas(tooled(intricate('p')))
  assert.equal(refusal?.problem.code, 'check_unavailable')
  assert.match(refusal?.problem.message ?? '', /fault on this side/)
  assert.equal(await narrow.checkSchemas(tooled({ type: 'object' })), undefined)
})

test('a worker outlives any number of intricate schemas, because it forgets the oldest', async () => {
  const wide = checks({ heapMb: 96, bounds: { maxSchemasChars: 1_000_000 } })
  for (const seed of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const part = Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`${seed}${at}`, { minimum: 1 }]))
    assert.equal(await wide.checkSchemas(tooled({ patternProperties: part })), undefined)
  }
})
