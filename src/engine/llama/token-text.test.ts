import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp'
import { tinyToken, writeTinyModel } from './gguf.fixture.ts'
import { logprobsOf } from './logprobs.ts'
import { TokenBytes, TokenText } from './token-text.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-tokens-'))
const path = join(folder, 'tiny.gguf')
writeTinyModel(path)
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.error })
const model = await llama.loadModel({ modelPath: path })
const bytes = new TokenBytes(model)
after(async () => {
  await llama.dispose()
  rmSync(folder, { recursive: true })
})

/** The fixture brands no token; the library does. */
const tokenOf = (said: string | Buffer): Token => tinyToken(said) as Token

function streamed(tokens: readonly Token[]): readonly string[] {
  const text = new TokenText(model, bytes)
  return [...tokens.map((token) => text.push(token)), text.rest()]
}

test('text comes whole however its bytes lie in tokens, and broken bytes alone are replaced', () => {
  const byte = fc.integer({ min: 0, max: 255 }).map((value) => tokenOf(Buffer.from([value])))
  const word = fc.constantFrom(' hello', ' world', 'the', ' use', 'tion').map(tokenOf)
  const characters = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 3 })
    .map((text) => model.tokenize(text))
  const said = fc.array(
    fc.oneof(
      byte.map((one) => [one]),
      word.map((one) => [one]),
      characters,
    ),
    {
      maxLength: 30,
    },
  )
  fc.assert(
    fc.property(said, (parts) => {
      const tokens = parts.flat()
      const whole = Buffer.concat(tokens.map((token) => bytes.of(token).bytes))
      const pieces = streamed(tokens)
      assert.equal(pieces.join(''), whole.toString('utf8'))
      assert.ok(pieces.every((piece) => piece.isWellFormed()))
    }),
  )
})

test('a long run of broken bytes does not tear the character behind it', () => {
  const euro = [...Buffer.from('€')].map((one) => tokenOf(Buffer.from([one])))
  for (let broken = 0; broken < 12; broken++) {
    const junk = Array.from({ length: broken }, () => tokenOf(Buffer.from([0xff])))
    assert.equal(streamed([...junk, ...euro]).join(''), `${'\uFFFD'.repeat(broken)}€`)
  }
})

test('control tokens are no text, and their bytes are what they are called', () => {
  const end = tokenOf('<|im_start|>')
  assert.equal(streamed([tokenOf('the'), end, tokenOf(' hello')]).join(''), 'the hello')
  assert.equal(bytes.of(end).bytes.toString(), '<|im_start|>')
})

test('log probabilities are told as the model thought before the temperature', () => {
  const [a, b, c] = [tokenOf('a'), tokenOf('b'), tokenOf('c')]
  const thought = new Map([
    [a, 0.7],
    [b, 0.2],
    [c, 0.1],
  ])
  for (const temperature of [0.25, 1, 1.9]) {
    const drawn = new Map([...thought].map(([token, share]) => [token, share ** (1 / temperature)]))
    const sum = [...drawn.values()].reduce((total, share) => total + share, 0)
    for (const [token, share] of drawn) drawn.set(token, share / sum)
    const told = logprobsOf(b, drawn, 3, temperature, bytes)
    assert.deepEqual(told.bytes, [...Buffer.from('b')])
    for (const [index, { logprob }] of told.top.entries()) {
      assert.ok(Math.abs(Math.exp(logprob) - ([...thought.values()][index] ?? 0)) < 1e-9)
    }
  }
  assert.deepEqual(logprobsOf(c, new Map([[a, 1]]), 1, 0, bytes), {
    bytes: [...Buffer.from('c')],
    logprob: -9_999,
    top: [{ bytes: [...Buffer.from('a')], logprob: 0 }],
  })
})
