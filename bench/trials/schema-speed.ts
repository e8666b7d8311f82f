import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getLlama, type LlamaGrammar, LlamaLogLevel } from 'node-llama-cpp'
import { writeTinyModel } from '../../src/engine/llama/gguf.fixture.ts'
import { compileSchema } from '../../src/engine/llama/grammar/compile.ts'
import { RandomModel } from '../../src/engine/llama/grammar/random-model.fixture.ts'
import { compileReply } from '../../src/engine/llama/grammar/reply.ts'

/**
 * What a grammar costs: `node bench/trials/schema-speed.ts`. Time to compile a schema, time for llama.cpp to read the
 * grammar, and tokens a second with and without it, for a small vocabulary and one of a usual size.
 *
 * A model of random weights is the worst case: most of what it would say is refused, and for each such token llama.cpp
 * holds its whole vocabulary against the grammar. What a trained model says is mostly taken at once.
 */
const TOKENS = 600
const MAX_TOKENS = 300
const MOST_ANSWERS = 200
/** The usual one: without it, sorting a large vocabulary outweighs everything else. */
const TOP_K = 40
const VOCABULARIES = [0, 30_000, 150_000]

const examples: readonly { readonly name: string; readonly schema: object }[] = JSON.parse(
  readFileSync(new URL('../../src/engine/llama/grammar/schemas.fixture.json', import.meta.url), 'utf8'),
)
const properties = Object.fromEntries(
  Array.from({ length: 100 }, (_, at) => [`name${at * 7}`, { type: 'boolean' }]),
)
const branches = Array.from({ length: 50 }, (_, at) => ({
  type: 'object',
  properties: { kind: { const: `kind${at}` }, value: { type: 'string', maxLength: 20 } },
  required: ['kind', 'value'],
}))
const schemas: Readonly<Record<string, object>> = {
  'any string': { type: 'string' },
  'any JSON': {},
  'an invoice': exampleOf('an invoice'),
  'a support ticket': exampleOf('a support ticket'),
  'mail addresses': { type: 'array', items: { type: 'string', format: 'email' }, minItems: 5 },
  '100 optional properties': { type: 'object', properties },
  '50 shapes': { type: 'array', items: { oneOf: branches }, minItems: 5 },
}

function exampleOf(name: string): object {
  const found = examples.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no example ${name}`)
  return found.schema
}

const grammars = Object.entries(schemas).map(([name, schema]) => {
  compileSchema(schema)
  const begun = performance.now()
  const compiled = compileSchema(schema)
  if (compiled.type === 'refused') throw new Error(`${name} is refused: ${compiled.why}`)
  return { name, gbnf: compiled.gbnf, compileMs: performance.now() - begun }
})
const free = compileReply({ tools: [{ type: 'function', function: { name: 'f', parameters: {} } }] })
if (free?.type !== 'compiled') throw new Error('free text beside a tool is refused')
grammars.push({ name: 'text or a call', gbnf: free.gbnf, compileMs: 0 })

const folder = mkdtempSync(join(tmpdir(), 'upshift-speed-'))
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
try {
  for (const padding of VOCABULARIES) {
    const path = join(folder, `${padding}.gguf`)
    writeTinyModel(path, { seed: 9, endBias: -8, padding })
    await using model = await RandomModel.load(llama, path)
    process.stdout.write(
      `vocabulary of ${414 + padding}: ${await speedOf(model, undefined)} tokens/s without\n`,
    )
    for (const { name, gbnf, compileMs } of grammars) {
      const begun = performance.now()
      const grammar = model.grammar(gbnf)
      const readMs = performance.now() - begun
      process.stdout.write(
        `  ${name}: ${await speedOf(model, grammar)} tokens/s, ${gbnf.split('\n').length - 1} rules, compiled in ` +
          `${compileMs.toFixed(1)} ms, read in ${readMs.toFixed(1)} ms\n`,
      )
    }
  }
} finally {
  await llama.dispose()
  rmSync(folder, { recursive: true })
}

async function speedOf(model: RandomModel, grammar: LlamaGrammar | undefined): Promise<string> {
  let tokens = 0
  const begun = performance.now()
  for (let seed = 1; tokens < TOKENS && seed <= MOST_ANSWERS; seed++) {
    tokens += (await model.say(grammar, seed, MAX_TOKENS, TOP_K)).tokens
  }
  return ((1_000 * tokens) / (performance.now() - begun)).toFixed(0)
}
