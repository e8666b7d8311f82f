import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, test } from 'node:test'
import { Agent } from 'undici'
import { createLookout, discover } from './discover.ts'
import { environmentEngines } from './environment.ts'
import { LLAMA_CPP, LM_STUDIO, OLLAMA, openAiList, scripted, VLLM } from './scripted.fixture.ts'

const agent = new Agent()
after(() => agent.destroy())

const settings = { dispatcherFor: () => agent, ownPort: undefined, signal: new AbortController().signal }

test('what an engine is, its endpoints say, whatever port it is on', async () => {
  await using ollama = await scripted(OLLAMA)
  await using studio = await scripted(LM_STUDIO)
  await using cpp = await scripted(LLAMA_CPP)
  await using vllm = await scripted(VLLM)
  await using other = await scripted(openAiList('m'))
  const all = [ollama, studio, cpp, vllm, other]
  const { found } = await discover({ ...settings, ports: all.map(({ port }) => port) })
  assert.deepEqual(
    found,
    ['ollama', 'lmstudio', 'llama.cpp', 'vllm', 'openai-compatible'].map((kind, index) => ({
      kind,
      baseUrl: all[index]?.url,
    })),
  )
  assert.ok(all.every(({ keys }) => keys.every((key) => key === undefined)))
})

test('the own port is not asked, and another Upshift is not used', async () => {
  await using own = await scripted(OLLAMA)
  await using twin = await scripted({ 'GET /v1/models': { data: [{ id: 'auto', owned_by: 'upshift' }] } })
  const { found, seen } = await discover({ ...settings, ownPort: own.port, ports: [own.port, twin.port] })
  assert.deepEqual(found, [])
  assert.equal(own.connections, 0)
  assert.match(seen[0]?.what ?? '', /another Upshift/)
})

test('closed ports, web servers, servers that want a key and silent ones are told apart', async () => {
  await using web = await scripted({ 'GET /v1/models': '<html>' })
  await using locked = await scripted({ 'GET /v1/models': 401 })
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  const silentPort = typeof address === 'object' && address ? address.port : 0
  const gone = await scripted({})
  await gone[Symbol.asyncDispose]()
  const ports = [gone.port, web.port, locked.port, silentPort]
  const { found, seen } = await discover({ ...settings, ports })
  assert.deepEqual(found, [])
  assert.match(seen[0]?.what ?? '', /nothing listens/)
  assert.match(seen[1]?.what ?? '', /not an engine/)
  assert.match(seen[2]?.what ?? '', /wants a key/)
  assert.match(seen[3]?.what ?? '', /did not answer/)
  silent.close()
})

test('a lookout finds what is started later, and leaves a stranger in peace', async () => {
  await using web = await scripted({})
  const reserved = await scripted({})
  await reserved[Symbol.asyncDispose]()
  const look = createLookout({ ...settings, ports: [web.port, reserved.port] })
  assert.deepEqual((await look()).found, [])
  const asked = web.asked.length
  await using late = await scripted(OLLAMA, reserved.port)
  assert.deepEqual((await look()).found, [{ kind: 'ollama', baseUrl: late.url }])
  assert.equal(web.asked.length, asked)
})

test('cloud engines are known by their keys alone; an address may be moved; empty keys do not count', () => {
  const { engines, ignored } = environmentEngines({
    OPENAI_API_KEY: 'sk-1',
    OPENAI_BASE_URL: 'http://127.0.0.1:9/',
    GOOGLE_API_KEY: ' g ',
    XAI_API_KEY: ' ',
    MISTRAL_API_KEY: 'm',
    MISTRAL_BASE_URL: 'http://user:secret@host/v1',
  })
  assert.deepEqual(
    engines.map(({ kind, baseUrl, keyName, urlName, key }) => [kind, baseUrl, keyName, urlName, key()]),
    [
      ['openai', 'http://127.0.0.1:9/v1', 'OPENAI_API_KEY', 'OPENAI_BASE_URL', 'sk-1'],
      ['gemini', 'https://generativelanguage.googleapis.com/v1beta/openai', 'GOOGLE_API_KEY', undefined, 'g'],
    ],
  )
  assert.equal(ignored.length, 1)
  assert.doesNotMatch(ignored.join(), /secret/)
})
