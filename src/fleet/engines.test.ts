import assert from 'node:assert/strict'
import { test } from 'node:test'
import { section } from './config.ts'
import { dollars, type EngineSources, engineSpecs, foundSpecs, micros } from './engines.ts'
import { environmentEngines } from './environment.ts'

function sources(
  config: unknown,
  env: Record<string, string> = {},
  found: EngineSources['found'] = [],
): EngineSources {
  return {
    config: section.schema.parse(config),
    found,
    environment: environmentEngines(env).engines,
    resolveSecret: (reference) => ('env' in reference ? `secret of ${reference.env}` : 'from a file'),
  }
}

test('a cloud engine by its key alone is off the machine, even where its address was moved to a loopback port', () => {
  const specs = engineSpecs(sources({}, { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' }))
  assert.deepEqual(
    specs.map(({ name, source, offMachine, capMicros, baseUrls }) => ({
      name,
      source,
      offMachine,
      capMicros,
      baseUrls,
    })),
    [
      {
        name: 'openai',
        source: 'environment',
        offMachine: true,
        capMicros: 5_000_000,
        baseUrls: ['http://127.0.0.1:9/v1'],
      },
    ],
  )
})

test('a configured engine named as its vendor takes key and address from the environment', () => {
  const models = [{ name: 'gpt-9', price: { input: 1.25, output: 10 } }]
  const [spec] = engineSpecs(sources({ engines: { openai: { models } } }, { OPENAI_API_KEY: 'k' }))
  assert.equal(spec?.key?.(), 'k')
  assert.deepEqual(spec?.baseUrls, ['https://api.openai.com/v1'])
  assert.deepEqual(spec?.models, [
    { name: 'gpt-9', price: { inputPerMillion: 1_250_000, outputPerMillion: 10_000_000 } },
  ])
})

test('a key of the environment never goes to an address that the file names', () => {
  const [spec] = engineSpecs(
    sources({ engines: { openai: { url: 'http://127.0.0.1:1/v1' } } }, { OPENAI_API_KEY: 'k' }),
  )
  assert.equal(spec?.key, undefined)
  assert.equal(spec?.offMachine, false)
})

test('the address decides what is off the machine, unless the engine is trusted', () => {
  const engines = {
    near: { url: 'http://127.0.0.1:1/v1' },
    lan: { url: 'http://10.0.0.8:8000/v1' },
    mine: { url: 'http://10.0.0.9:8000/v1', trusted: true },
    mixed: { urls: ['http://127.0.0.1:2/v1', 'http://10.0.0.8:8000/v1'] },
  }
  const off = engineSpecs(sources({ engines })).map(({ name, offMachine }) => [name, offMachine])
  assert.deepEqual(Object.fromEntries(off), { near: false, lan: true, mine: false, mixed: true })
})

test('an engine without an address is refused with the line to add, and a key in an address too', () => {
  assert.throws(() => engineSpecs(sources({ engines: { mine: {} } })), /url: http:\/\/127\.0\.0\.1:8000\/v1/)
  assert.throws(
    () => section.schema.parse({ engines: { mine: { url: 'https://u:p@host/v1' } } }),
    /key: \{ env: NAME \}/,
  )
})

test('what is found and already configured is not there twice; a name that is taken gets its port', () => {
  const config = { engines: { ollama: { url: 'http://localhost:11434/v1' } } }
  const specs = engineSpecs(
    sources(config, {}, [
      { kind: 'ollama', baseUrl: 'http://127.0.0.1:11434/v1' },
      { kind: 'ollama', baseUrl: 'http://127.0.0.1:11435/v1' },
    ]),
  )
  assert.deepEqual(
    specs.map(({ name }) => name),
    ['ollama', 'ollama-11435'],
  )
  const again = foundSpecs(
    section.schema.parse({}),
    [{ kind: 'ollama', baseUrl: 'http://127.0.0.1:11435/v1' }],
    specs,
  )
  assert.equal(again.length, specs.length)
})

test('watts and a price of power make an hourly price', () => {
  const engines = { box: { url: 'http://127.0.0.1:1/v1', watts: 500, kwhPriceUsd: 0.3 } }
  assert.equal(engineSpecs(sources({ engines }))[0]?.hourlyUsd, 0.15)
})

test('dollars become whole micro-dollars, never fewer', () => {
  assert.equal(micros(0.075), 75_000)
  assert.equal(micros(0.0000001), 1)
  assert.equal(micros(2.5), 2_500_000)
  assert.equal(dollars(4_880_000), '$4.88')
  assert.equal(dollars(1_234), '$0.0012')
})
