import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetOver, openAiList, scripted } from './scripted.fixture.ts'

test('a model is for what its name says; the configuration overrules it, and lets in what no name would', async () => {
  await using server = await scripted(
    openAiList('chatty', 'bge-m3', 'plain-vectors', 'photo-image-vectors', 'whisper-1', 'embedding-chat'),
  )
  const models = [
    { name: 'plain-vectors', kind: 'embedding' },
    { name: 'photo-image-vectors', kind: 'embedding' },
    { name: 'embedding-chat', kind: 'chat', tier: 'mid' },
    { name: 'not-listed-embed' },
  ]
  const config = { engines: { box: { url: server.url, models } } }
  await using over = fleetOver({ config })
  await over.fleet.refresh()
  const kinds = over.fleet.models().map(({ name, kind, tier, available }) => [name, kind, tier, available])
  assert.deepEqual(kinds.toSorted(), [
    ['bge-m3', 'embedding', 'fast', true],
    ['chatty', 'chat', 'fast', true],
    ['embedding-chat', 'chat', 'mid', true],
    ['not-listed-embed', 'embedding', 'fast', false],
    ['photo-image-vectors', 'embedding', 'fast', true],
    ['plain-vectors', 'embedding', 'fast', true],
  ])
})

test('what is known of a vendor before it may be asked tells embedding models too, with their price', async () => {
  const environment = [
    {
      kind: 'openai',
      baseUrl: 'http://127.0.0.1:1/v1',
      keyName: 'OPENAI_API_KEY',
      key: () => 'sk-planted',
      urlName: undefined,
    },
  ] as const
  await using over = fleetOver({ environment })
  const large = over.fleet.models().find(({ name }) => name === 'text-embedding-3-large')
  assert.deepEqual(
    [large?.kind, large?.tier, large?.allowed, large?.price?.inputPerMillion],
    ['embedding', 'fast', false, 130_000],
  )
})
