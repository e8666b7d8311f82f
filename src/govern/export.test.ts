import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { createExport, type ExportPorts } from './export.ts'
import { freshHome, openTestHome } from './home.fixture.ts'
import type { SubjectRequest } from './ports.ts'

const opened = openTestHome(freshHome())
after(() => {
  opened.close()
  rmSync(opened.home, { recursive: true, force: true })
})
const still = new AbortController().signal

async function documentOf(exported: ReturnType<ReturnType<typeof createExport>>): Promise<string> {
  if (isRefusal(exported)) assert.fail(exported.problem.message)
  return text(exported)
}

test('an export holds a subject’s prompts, answers and feedback as they were, and nobody else’s', async () => {
  const prompt = { messages: [{ role: 'user', content: 'Where is "the" 日本 letter?\nIn the attic.' }] }
  opened.plant('ada@example.org', [
    { prompt: JSON.stringify(prompt), answer: 'It is in the attic.', correction: 'It was in the cellar.' },
    { prompt: 'not JSON', answer: '{ nor this' },
  ])
  opened.plant('grace@example.org', [{ prompt: 'a moth', answer: 'in relay seventy' }])
  const written = await documentOf(createExport(opened.ports)('ada@example.org', still))
  const read = JSON.parse(written)
  assert.equal(read.format, 'upshift-subject-export 1')
  assert.equal(read.subject.name, 'ada@example.org')
  assert.deepEqual(read.learned, [{ of: opened.ports.subjects.find('ada@example.org') }])
  assert.deepEqual([read.key, read.count, read.complete], [null, 2, true])
  assert.deepEqual(read.requests[0].prompt, prompt)
  assert.equal(read.requests[0].answer, 'It is in the attic.')
  assert.deepEqual(read.requests[0].feedback, [{ score: -1, correction: 'It was in the cellar.' }])
  assert.deepEqual([read.requests[1].prompt, read.requests[1].answer], ['not JSON', '{ nor this'])
  assert.doesNotMatch(written, /moth|grace/)
})

test('a key’s facts are in its export, and one without requests is a whole document too', async () => {
  opened.plant('key_01', [{ prompt: 'a', answer: 'b' }])
  const ref = opened.ports.subjects.find('key_01')
  assert.ok(ref)
  await opened.ports.forget(ref)
  const ports: ExportPorts = { ...opened.ports, subjects: { find: () => ref, nameOf: () => 'key_01' } }
  const read = JSON.parse(await documentOf(createExport(ports)('key_01', still)))
  assert.deepEqual(read.key, { id: 'key_01', name: 'test' })
  assert.deepEqual([read.requests, read.count, read.complete], [[], 0, true])
})

test('texts that are gone are told with the reason, and control characters never reach a terminal', async () => {
  const request: SubjectRequest = {
    facts: { id: 'req_1' },
    prompt: { type: 'expired' },
    answer: { type: 'text', text: Buffer.from('\u001b[2J\u009b31m\u202eback') },
    feedback: [],
  }
  const ports: ExportPorts = {
    ...opened.ports,
    subjects: { find: () => 'sub_1', nameOf: () => 'ada' },
    async *requestsOf() {
      yield request
    },
  }
  const written = await documentOf(createExport(ports)('ada', still))
  assert.doesNotMatch(written, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  const { requests } = JSON.parse(written)
  assert.deepEqual(requests[0].prompt, { missing: 'expired' })
  assert.equal(requests[0].answer, '\u001b[2J\u009b31m\u202eback')
})

test('an unknown subject is refused before anything is sent', () => {
  const refused = createExport(opened.ports)('nobody@example.org', still)
  assert.ok(isRefusal(refused))
  assert.equal((refused satisfies Refusal).problem.code, 'not_found')
})

test('the document is made while it is read, and a source that fails breaks it off', async () => {
  let made = 0
  const ports: ExportPorts = {
    ...opened.ports,
    subjects: { find: () => 'sub_1', nameOf: () => 'ada' },
    async *requestsOf() {
      for (; made < 100_000; made++) {
        if (made === 50_000) throw new Error('the projections went away')
        yield { facts: { id: `req_${made}`, filler: 'x'.repeat(1_000) }, feedback: [] }
      }
    },
  }
  const exported = createExport(ports)('ada', still)
  assert.ok(!isRefusal(exported))
  const pieces = exported[Symbol.asyncIterator]()
  await pieces.next()
  await pieces.next()
  assert.ok(made < 200, `${made} requests were read ahead`)
  await assert.rejects(async () => {
    while (!(await pieces.next()).done);
  }, /projections went away/)
})
