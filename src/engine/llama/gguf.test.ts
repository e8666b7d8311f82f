import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { writeTinyModel } from './gguf.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-gguf-'))
after(() => rmSync(folder, { recursive: true }))

for (const architecture of ['llama', 'qwen3moe', 'grok'] as const) {
  test(`llama.cpp loads and runs a generated ${architecture}`, async () => {
    const path = join(folder, `${architecture}.gguf`)
    writeTinyModel(path, { architecture, endBias: -8 })
    const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
    const model = await llama.loadModel({ modelPath: path })
    const context = await model.createContext({ contextSize: 256 })
    const said: number[] = []
    for await (const token of context.getSequence().evaluate(model.tokenize('hello world'))) {
      said.push(token)
      if (said.length === 20) break
    }
    assert.equal(model.fileInfo.metadata.general.architecture, architecture)
    assert.equal(said.length, 20)
    await llama.dispose()
  })
}

test('equal options give equal bytes, another seed other ones', () => {
  const hashOf = (seed: number): string => {
    const path = join(folder, 'seeded.gguf')
    writeTinyModel(path, { seed })
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  }
  assert.equal(hashOf(7), hashOf(7))
  assert.notEqual(hashOf(7), hashOf(8))
})
