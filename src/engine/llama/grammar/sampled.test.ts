import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { getLlama, LlamaLogLevel } from 'node-llama-cpp'
import { writeTinyModel } from '../gguf.fixture.ts'
import { compileSchema } from './compile.ts'
import { RandomModel } from './random-model.fixture.ts'
import { compileReply } from './reply.ts'
import { ToolCallReader } from './tool-call-reader.ts'
import { validatorOf } from './validator.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-sampled-'))
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
const models: Readonly<Record<string, RandomModel>> = {
  'random weights': await load({ seed: 3 }),
  'a model that never ends by itself': await load({ seed: 4, endBias: -8 }),
}
after(async () => {
  for (const model of Object.values(models)) await model[Symbol.asyncDispose]()
  await llama.dispose()
  rmSync(folder, { recursive: true })
})

async function load(options: { seed: number; endBias?: number }): Promise<RandomModel> {
  const path = join(folder, `${options.seed}.gguf`)
  writeTinyModel(path, options)
  return await RandomModel.load(llama, path)
}

const SCHEMAS: readonly object[] = [
  { type: 'integer', minimum: -20, maximum: 1_000, multipleOf: 5 },
  { type: 'string', minLength: 2, maxLength: 12 },
  { type: 'string', pattern: '^[^a-z]{1,8}$' },
  { type: 'array', items: { type: 'string', format: 'date' }, minItems: 1, maxItems: 3 },
  {
    type: 'object',
    properties: {
      kind: { enum: ['a', 'b'] },
      note: { type: 'string', maxLength: 20 },
      tree: { $ref: '#/$defs/tree' },
    },
    required: ['kind', 'tree'],
    additionalProperties: { type: 'null' },
    $defs: { tree: { anyOf: [{ type: 'boolean' }, { type: 'array', items: { $ref: '#/$defs/tree' } }] } },
  },
]
const BOUNDS = { stringChars: 40, items: 4, recursion: 2, recursiveItems: 2, extraKeys: 2, keyChars: 6 }
const MAX_TOKENS = 1_000

for (const [name, model] of Object.entries(models)) {
  test(`${name}: every answer ends and is valid`, async () => {
    for (const schema of SCHEMAS) {
      const compiled = compileSchema(schema, BOUNDS)
      assert.ok(compiled.type === 'compiled' && compiled.checked.length === 0)
      const grammar = model.grammar(compiled.gbnf)
      const validate = validatorOf(schema)
      for (let seed = 1; seed <= 6; seed++) {
        const { text, ended } = await model.say(grammar, seed, MAX_TOKENS)
        assert.ok(ended, text)
        assert.ok(!text.includes('\ufffd') && validate(JSON.parse(text)), text)
        assert.ok([...text].length <= compiled.longest)
      }
    }
  })
}

test('required calls are said, ended and read back', async () => {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 8 } },
    required: ['city'],
  }
  const compiled = compileReply(
    { tools: [{ type: 'function', function: { name: 'weather', parameters } }], tool_choice: 'required' },
    { calls: 2 },
  )
  assert.ok(compiled?.type === 'compiled')
  for (const model of Object.values(models)) {
    const { text, ended } = await model.say(model.grammar(compiled.gbnf), 7, MAX_TOKENS)
    assert.ok(ended)
    const reader = new ToolCallReader(() => 'id')
    const types = reader.read(text).map(({ type }) => type)
    assert.ok(types.includes('call-end') && !types.includes('content'), text)
    assert.equal(reader.end().cut, false)
  }
})
