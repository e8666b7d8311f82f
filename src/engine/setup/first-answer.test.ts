import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeTinyModel } from '../llama/gguf.fixture.ts'
import { refusedAs } from '../pull/puller.fixture.ts'
import { firstAnswerInChild } from './first-answer.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-first-answer-'))
after(() => rmSync(folder, { recursive: true }))
const patient = new AbortController().signal

test('a model that speaks is heard, and its pace is measured', async () => {
  const path = join(folder, 'speaks.gguf')
  writeTinyModel(path, { endBias: -8 })
  const { text, tokensPerSecond } = await firstAnswerInChild(path, patient)
  assert.ok(text.length > 0)
  assert.ok(tokensPerSecond > 0 && Number.isFinite(tokensPerSecond))
})

test('a model that ends at once, and a file that is none, are told as what they are', async () => {
  const silent = join(folder, 'silent.gguf')
  writeTinyModel(silent, { endBias: 8 })
  await assert.rejects(
    firstAnswerInChild(silent, patient),
    refusedAs('upstream_failed', /before the first word/),
  )
  const broken = join(folder, 'broken.gguf')
  writeFileSync(broken, 'GGUF and nothing else')
  await assert.rejects(firstAnswerInChild(broken, patient), refusedAs('invalid_request', /no GGUF file/))
})

test('an interruption ends the process that tries it', async () => {
  const path = join(folder, 'interrupted.gguf')
  writeTinyModel(path, { endBias: -8 })
  const controller = new AbortController()
  const trying = firstAnswerInChild(path, controller.signal)
  controller.abort()
  await assert.rejects(trying, { name: 'AbortError' })
})
