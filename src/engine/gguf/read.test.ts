import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { UpshiftError } from '../../contract/problem.ts'
import { writeTinyModel } from '../llama/gguf.fixture.ts'
import { type MadeHeader, type MadeTensor, madeFile, rawArray, rawValue, u32, u64 } from './header.fixture.ts'
import { type GgufFacts, readGguf } from './read.ts'
import { TENSOR_TYPES } from './types.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-header-'))
after(() => rmSync(folder, { recursive: true }))
let files = 0

function written(bytes: Buffer): string {
  files += 1
  const path = join(folder, `${files}.gguf`)
  writeFileSync(path, bytes)
  return path
}

const made = (header: MadeHeader): Promise<GgufFacts> => readGguf(written(madeFile(header)))
const LLAMA = ['general.architecture', 'llama'] as const
const tensor = (more: Partial<MadeTensor> = {}): MadeTensor => ({
  name: 'token_embd.weight',
  shape: [256, 4],
  type: 0,
  offset: 0,
  ...more,
})

function refusedAs(pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof UpshiftError, String(error))
    assert.equal(error.problem.code, 'invalid_request')
    assert.match(error.message, pattern)
    return true
  }
}

test('a model that llama.cpp loads is described as llama.cpp describes it', async () => {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
  for (const architecture of ['llama', 'qwen3moe', 'grok'] as const) {
    const path = join(folder, `${architecture}.gguf`)
    writeTinyModel(path, { architecture, layers: 3, embedding: 64, heads: 4, kvHeads: 2, contextTokens: 512 })
    const facts = await readGguf(path)
    const model = await llama.loadModel({ modelPath: path })
    const { fileInfo } = model
    assert.equal(facts.architecture, architecture)
    assert.equal(facts.name, fileInfo.metadata.general.name)
    assert.equal(facts.contextTokens, model.trainContextSize)
    assert.equal(facts.layers, fileInfo.architectureMetadata.block_count)
    assert.equal(facts.embedding, model.embeddingVectorSize)
    assert.deepEqual([facts.heads, facts.kvHeads, facts.keyLength, facts.valueLength], [4, 2, 16, 16])
    assert.equal(facts.vocabulary, fileInfo.metadata.tokenizer.ggml.tokens.length)
    assert.equal(facts.experts, fileInfo.architectureMetadata.expert_count ?? null)
    assert.equal(facts.fileBytes, statSync(path).size)
    const elements = (fileInfo.fullTensorInfo ?? []).map(({ dimensions }) =>
      dimensions.reduce<number>((product, side) => product * Number(side), 1),
    )
    assert.ok(elements.length > 10)
    assert.equal(
      facts.parameters,
      elements.reduce((sum, one) => sum + one, 0),
    )
    assert.deepEqual([facts.quantisation, facts.tokenizer, facts.chatTemplate], ['F32', 'gpt2', true])
    assert.deepEqual([facts.type, facts.part, facts.licence], ['model', null, null])
    await model.dispose()
  }
  await llama.dispose()
})

test('the sizes of tensor types are those of llama.cpp', async () => {
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
  const bindings: unknown = Reflect.get(llama, '_bindings')
  assert.ok(typeof bindings === 'object' && bindings !== null)
  const ask = (name: string, type: number): unknown => Reflect.get(bindings, name).call(bindings, type)
  for (const [number, { name, elements, bytes }] of TENSOR_TYPES) {
    const known = [ask('getBlockSizeForGgmlType', number), ask('getTypeSizeForGgmlType', number)]
    assert.deepEqual([elements, bytes], known, name)
  }
  await llama.dispose()
})

test('a model without a template, a name or a licence says so', async () => {
  const path = join(folder, 'bare.gguf')
  writeTinyModel(path, { chatTemplate: null })
  assert.equal((await readGguf(path)).chatTemplate, false)
  const bare = await made({ values: [LLAMA] })
  assert.deepEqual([bare.name, bare.licence, bare.layers, bare.kvHeads], [null, null, null, null])
})

test('heads that differ from layer to layer, a licence, a quantisation and a part are read', async () => {
  const facts = await made({
    values: [
      LLAMA,
      ['general.license', 'apache-2.0'],
      ['general.file_type', 15],
      ['llama.attention.head_count_kv', rawArray(5, 3n, Buffer.concat([u32(8), u32(4), u32(1)]))],
      ['split.no', rawValue(2, Buffer.from([1, 0]))],
      ['split.count', rawValue(2, Buffer.from([3, 0]))],
      ['tokenizer.chat_template', 'x'.repeat(100_000)],
    ],
  })
  assert.deepEqual(facts.kvHeads, [8, 4, 1])
  assert.deepEqual([facts.licence, facts.quantisation, facts.chatTemplate], ['apache-2.0', 'Q4_K_M', true])
  assert.deepEqual(facts.part, { number: 2, of: 3 })
})

test('a vocabulary that is many windows long is counted and passed over', async () => {
  const tokens = Array.from({ length: 150_000 }, (_, index) => `token number ${index}`)
  const facts = await made({ values: [LLAMA, ['tokenizer.ggml.tokens', tokens], ['llama.block_count', 7]] })
  assert.deepEqual([facts.vocabulary, facts.layers], [150_000, 7])
})

test('a text of the header reaches nobody with its control characters', async () => {
  const facts = await made({ values: [LLAMA, ['general.name', 'a\u001b[2Jb\u0000c\u009dd']] })
  assert.equal(facts.name, 'a?[2Jb?c?d')
})

test('a file that is cut off in its tensors is refused with both sizes, one byte more is not', async () => {
  const whole = madeFile({ tensors: [tensor()], dataBytes: 4_096 })
  const path = written(whole)
  assert.equal((await readGguf(path)).parameters, 1_024)
  truncateSync(path, whole.length - 1)
  await assert.rejects(
    readGguf(path),
    refusedAs(new RegExp(`cut off: it has ${whole.length - 1} bytes.*end at ${whole.length}`)),
  )
})

const HUGE = 0xffff_ffff_ffff_ffffn
const NULLS = Buffer.alloc(64)

for (const [what, header, pattern] of [
  ['a page instead of a model', { magic: '<!DO' }, /does not begin with `GGUF`/],
  ['a version of the future', { version: 4 }, /version 4/],
  ['a big-endian file', { version: 0x0300_0000 }, /big-endian/],
  ['more tensors than there can be', { claimedTensors: HUGE }, /beyond any file/],
  ['a million tensors', { claimedTensors: 1_000_000n }, /claims 1000000 tensors/],
  ['a million values', { claimedValues: 1_000_000n }, /claims 1000000 values/],
  ['one value more than there is', { claimedValues: 2n }, /ends in the middle/],
  ['a key of a gigabyte', { values: [LLAMA, ['k'.repeat(2_000), 1]] }, /a key .* longer than 1024/],
  ['a text of all the world', { values: [LLAMA, ['a', rawValue(8, u64(HUGE))]] }, /beyond any file/],
  ['a text of a terabyte', { values: [LLAMA, ['a', rawValue(8, u64(1n << 40n))]] }, /ends in the middle/],
  [
    'an array of a billion texts',
    { values: [LLAMA, ['a', rawArray(8, 1n << 30n, NULLS)]] },
    /claims 1073741824 texts/,
  ],
  ['an array of a billion numbers', { values: [LLAMA, ['a', rawArray(4, 1n << 30n)]] }, /ends in the middle/],
  ['an array of arrays', { values: [LLAMA, ['a', rawArray(9, 1n, NULLS)]] }, /array of arrays/],
  ['a value of an unknown type', { values: [LLAMA, ['a', rawValue(77, NULLS)]] }, /unknown type 77/],
  ['the same key twice', { values: [LLAMA, LLAMA] }, /stands twice/],
  ['an alignment of three', { values: [LLAMA, ['general.alignment', 3]] }, /no power of two/],
  ['an alignment of nothing', { values: [LLAMA, ['general.alignment', 0]] }, /no power of two/],
  ['no architecture', { values: [['general.name', 'x']] }, /names no architecture/],
  ['a tensor of a thousand dimensions', { tensors: [tensor({ shape: Array(1_000).fill(1) })] }, /1000 dimen/],
  [
    'a tensor of more elements than bytes exist',
    { tensors: [tensor({ shape: [2 ** 40, 2 ** 40] })] },
    /larger than any file/,
  ],
  ['a tensor far behind the end', { tensors: [tensor({ offset: 2 ** 50 })] }, /cut off: it has \d+ bytes/],
] as const satisfies readonly (readonly [string, MadeHeader, RegExp])[]) {
  test(`${what} is refused`, async () => {
    await assert.rejects(made(header), refusedAs(pattern))
  })
}

test('a header longer than 32 MiB is refused before it is read', async () => {
  const path = written(madeFile({ values: [LLAMA, ['a', rawValue(8, u64(1n << 26n))]] }))
  truncateSync(path, 1 << 27)
  await assert.rejects(readGguf(path), refusedAs(/header is longer than 33554432 bytes/))
})

test('a folder, a file that is not there and an empty one are refused by name', async () => {
  await assert.rejects(readGguf(folder), refusedAs(/cannot be read|not a file/))
  await assert.rejects(readGguf(join(folder, 'none.gguf')), refusedAs(/none\.gguf cannot be read: ENOENT/))
  await assert.rejects(readGguf(written(Buffer.alloc(0))), refusedAs(/shorter than any/))
})

test('whatever bytes are in the head, it is described or refused, and nothing else happens', async () => {
  const whole = madeFile({
    values: [LLAMA, ['llama.block_count', 2], ['tokenizer.ggml.tokens', ['a', 'b', 'c']]],
    tensors: [tensor()],
    dataBytes: 4_096,
  })
  const flips = fc.array(fc.tuple(fc.nat(whole.length - 4_097), fc.nat(255)), { minLength: 1, maxLength: 6 })
  const cut = fc.nat(whole.length)
  await fc.assert(
    fc.asyncProperty(flips, cut, async (changes, length) => {
      const bytes = Buffer.from(whole.subarray(0, length))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      const path = join(folder, 'changed.gguf')
      writeFileSync(path, bytes)
      try {
        const facts = await readGguf(path)
        assert.equal(facts.fileBytes, length)
      } catch (error) {
        assert.ok(error instanceof UpshiftError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})
