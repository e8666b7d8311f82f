import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { upshift } from '../bench/process/command.ts'
import { startLlamaServer } from './process/llama.ts'

/** Vectors of a collection made by llama.cpp itself; what the tiny model's random weights find is of no matter. */

const folder = mkdtempSync(join(tmpdir(), 'upshift-retrieval-llama-'))
const server = await startLlamaServer({ 'tiny-embed': { contextTokens: 256 } })
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('a model of this machine makes a vector of every passage, of those that it cannot read whole too', async () => {
  for (let at = 0; at < 8; at++) {
    // A token for a few letters: the long ones are twice what the model reads.
    const text = `Words number ${at} go on. `.repeat(at % 4 === 0 ? 50 : 2)
    writeFileSync(join(folder, `${at}.md`), `# Part ${at}\n\n${text}\n`)
  }
  const added = await upshift(server.home, [
    'knowledge',
    'add',
    '--embeddings',
    'tiny-embed',
    folder,
    '--json',
  ])
  assert.equal(added.code, 0, added.err)
  const { vectors, chunks } = JSON.parse(added.out)
  assert.deepEqual([vectors.model, vectors.made, vectors.left], ['llama/tiny-embed', chunks, 0])
  const found = await upshift(server.home, ['knowledge', 'search', '--json', 'Words number 5'])
  const { verdicts, hits } = JSON.parse(found.out)
  assert.deepEqual(verdicts[0], {
    check: 'retrieval.dense',
    outcome: 'passed',
    detail: 'vectors of llama/tiny-embed',
  })
  assert.ok(hits.length > 0)
})
