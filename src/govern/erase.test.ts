import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ErasureBegun, ErasureDone } from '../contract/entry.ts'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { createErasure } from './erase.ts'
import {
  DOCUMENTS_FILE,
  type Exchange,
  freshHome,
  HANDBOOK,
  openTestHome,
  type Step,
  type TestHome,
} from './home.fixture.ts'
import { scanInChild } from './scan/run.ts'
import { type Receipt, receiptSchema } from './wire.ts'

const open: TestHome[] = []
after(() => {
  for (const one of open) {
    one.close()
    rmSync(one.home, { recursive: true, force: true })
  }
})

function opened(at?: (step: Step) => void, home = freshHome()): TestHome {
  const made = openTestHome(home, at)
  open.push(made)
  return made
}

function exchange(secret: string): Exchange {
  const messages = [
    { role: 'user', content: `${secret} is what I never told anybody, "not even" my 日本 friends` },
  ]
  return {
    prompt: JSON.stringify({ model: 'auto', user: 'nobody', messages }),
    answer: `Thank you for telling me about ${secret}; it stays between us, whatever happens.`,
    correction: `It was not quite ${secret} but something much like it, long ago.`,
  }
}

function receiptOf(reply: Receipt | Refusal): Receipt {
  if (isRefusal(reply)) assert.fail(reply.problem.message)
  return receiptSchema.parse(reply)
}

test('an erasure destroys the key, finds nothing left, and its receipt holds neither name nor text', async () => {
  const { home, plant, ports, entries } = opened()
  const name = 'ada@example.org'
  const ref = plant(name, [exchange('the treasure under the old oak'), exchange('a letter in the attic')])
  const other = plant('grace@example.org', [exchange('a moth in relay seventy')])
  const receipt = receiptOf(await createErasure({ ...ports, scan: scanInChild }).erase(name, 'key_owner'))
  assert.equal(receipt.result, 'erased')
  assert.deepEqual([receipt.subject, receipt.by, receipt.verifierKey], [ref, 'key_owner', 'test+key'])
  assert.deepEqual(receipt.destroyed.texts, { prompts: 2, answers: 2, corrections: 2, damaged: 0 })
  assert.ok(receipt.scan !== null && receipt.scan.found === 0 && receipt.scan.name === 'whole')
  assert.ok(receipt.scan.probes >= 12 && receipt.scan.textsProbed === 6 && receipt.scan.files >= 3)
  assert.doesNotMatch(JSON.stringify(receipt), /ada@|treasure|attic/)
  const [begun, done] = entries()
  assert.deepEqual([begun?.type, done?.type], ['erasure-begun', 'erasure-done'])
  const { files, bytes, probes } = receipt.scan
  assert.deepEqual(done, {
    type: 'erasure-done',
    id: receipt.id,
    subject: ref,
    scan: { files, bytes, probes, found: 0 },
  })
  assert.equal(ports.subjects.nameOf(ref), undefined)
  for await (const { prompt } of ports.requestsOf(other)) assert.equal(prompt?.type, 'text', 'others stay')
  // What the receipt claims, looked at by other means.
  for (const file of readdirSync(home, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue
    const held = readFileSync(join(file.parentPath, file.name)).toString('latin1')
    assert.doesNotMatch(held, /treasure under|letter in the attic|ada@example/, file.name)
  }
})

test('a copy of a text in any form makes the erasure incomplete, and the receipt names file and offset', async () => {
  const secret = 'the combination of the safe is 31-7-12'
  const { prompt, answer, correction } = exchange(secret)
  const forms = {
    'prompt.txt': JSON.parse(prompt).messages[0].content,
    'prompt.json': prompt,
    'ascii.json': JSON.stringify(JSON.parse(prompt)).replace(
      /[^ -~]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16)}`,
    ),
    'answer.txt': answer,
    'correction.log': `2026-01-01 correction="${correction}"`,
    'beginning.txt': answer.slice(0, 40),
    'end.txt': answer.slice(-40),
    'name.log': 'served ada@example.org at noon',
  }
  for (const [file, held] of Object.entries(forms)) {
    const { home, plant, ports } = opened()
    plant('ada@example.org', [{ prompt, answer, ...(correction && { correction }) }])
    mkdirSync(join(home, 'stray'))
    writeFileSync(join(home, 'stray', file), `some bytes before ${held} and some behind`)
    const receipt = receiptOf(await createErasure(ports).erase('ada@example.org', 'key_owner'))
    assert.equal(receipt.result, 'incomplete', file)
    assert.ok(receipt.scan)
    assert.ok(receipt.scan.findings.length > 0 && receipt.scan.found >= receipt.scan.findings.length)
    for (const finding of receipt.scan.findings) {
      assert.equal(finding.file, `stray/${file}`)
      assert.ok(finding.offset >= 18)
    }
  }
})

test('a document’s words that a prompt quotes are no finding where the document stands, and are one anywhere else', async () => {
  const text = 'The relief valve of the north boiler opens at nine bar and closes at seven.'
  const standing = { collection: 'manuals', source: '/docs/boiler.md', title: 'Boiler', text }
  const said = { prompt: `Is this right?\n${text}`, answer: text }
  const erased = async (more: (home: TestHome) => void) => {
    const made = opened()
    made.plant('ada@example.org', [said])
    writeFileSync(join(made.home, DOCUMENTS_FILE), `page ${text} page`)
    writeFileSync(join(made.home, `${DOCUMENTS_FILE}-wal`), `frame ${text}`)
    made.standing.push(standing)
    more(made)
    const { result, scan } = receiptOf(await createErasure(made.ports).erase('ada@example.org', 'key_owner'))
    assert.ok(scan)
    return { result, scan, files: [...new Set(scan.findings.map(({ file }) => file))] }
  }
  const quoted = await erased(() => undefined)
  assert.deepEqual([quoted.result, quoted.scan.found], ['erased', 0])
  assert.ok(quoted.scan.inDocuments > 0)
  const copied = await erased(({ home }) => writeFileSync(join(home, 'stray.log'), `a copy: ${text}`))
  assert.deepEqual([copied.result, copied.files], ['incomplete', ['stray.log']])
  const gone = await erased((made) => made.standing.pop())
  assert.deepEqual(
    [gone.result, gone.files.sort()],
    ['incomplete', [DOCUMENTS_FILE, `${DOCUMENTS_FILE}-wal`]],
  )
  const named = await erased((made) => {
    made.standing.push({ ...standing, source: '/docs/list.md', text: 'Ask ada@example.org for the key.' })
    appendFileSync(join(made.home, DOCUMENTS_FILE), 'Ask ada@example.org for the key.')
  })
  assert.deepEqual([named.result, named.files, named.scan.found], ['incomplete', [DOCUMENTS_FILE], 1])
})

test('the handbook’s own words, zeros and short phrases are no finding', async () => {
  const { home, plant, ports } = opened()
  const messages = [
    { role: 'user', content: 'Yes, please.' },
    { role: 'user', content: ' '.repeat(500) },
    { role: 'user', content: HANDBOOK.toString() },
  ]
  plant('ada@example.org', [{ prompt: JSON.stringify({ messages }), answer: HANDBOOK.toString() }])
  writeFileSync(
    join(home, 'knowledge.db'),
    Buffer.concat([HANDBOOK, Buffer.alloc(4096, 32), Buffer.from('Yes, please.')]),
  )
  const receipt = receiptOf(await createErasure(ports).erase('ada@example.org', 'key_owner'))
  assert.equal(receipt.result, 'erased')
})

test('a short name only counts in quotes, and the id of a key is not looked for', async () => {
  const { home, plant, ports } = opened()
  plant('bob', [exchange('a boat named after a lighthouse')])
  plant('key_01', [exchange('a lighthouse named after a boat')])
  writeFileSync(join(home, 'words.txt'), 'a bobbin for key_01')
  const erasure = createErasure(ports)
  const bob = receiptOf(await erasure.erase('bob', 'key_owner'))
  assert.deepEqual([bob.result, bob.scan?.name], ['erased', 'quoted'])
  assert.match(bob.notCovered.join(' '), /outside quotes/)
  const key = receiptOf(await erasure.erase('key_01', 'key_owner'))
  assert.deepEqual([key.result, key.scan?.name], ['erased', 'none'])
  appendFileSync(join(home, 'words.txt'), ', {"user":"bob"}')
  plant('bob', [exchange('a boat named after a lighthouse')])
  assert.equal(receiptOf(await erasure.erase('bob', 'key_owner')).result, 'incomplete')
})

test('an unknown subject is refused, and the home is scanned for its name all the same', async () => {
  const { home, ports, entries } = opened()
  const erasure = createErasure(ports)
  const clean = await erasure.erase('ada@example.org', 'key_owner')
  assert.ok(isRefusal(clean) && clean.problem.code === 'not_found')
  assert.match(clean.problem.message, /scanned for the name: it is nowhere/)
  writeFileSync(join(home, 'stray.txt'), 'ada@example.org')
  const found = await erasure.erase('ada@example.org', 'key_owner')
  assert.ok(isRefusal(found))
  assert.match(found.problem.message, /it stands 1 times, in stray\.txt/)
  const short = await erasure.erase('a', 'key_owner')
  assert.ok(isRefusal(short))
  assert.match(short.problem.message, /left out/)
  assert.deepEqual(entries(), [])
})

test('a pseudonym from the log is accepted in the place of the name', async () => {
  const { plant, ports } = opened()
  const ref = plant('ada@example.org', [exchange('the treasure under the old oak')])
  assert.equal(receiptOf(await createErasure(ports).erase(ref, 'key_owner')).subject, ref)
})

test('a failed step is done again by the same call, which still knows what to look for', async () => {
  let failures = 1
  const { plant, ports, entries } = opened((step) => {
    if (step === 'key-gone' && failures-- > 0) throw new Error('a reader held on to the bytes')
  })
  const ref = plant('ada@example.org', [exchange('the treasure under the old oak')])
  const erasure = createErasure(ports)
  await assert.rejects(erasure.erase('ada@example.org', 'key_owner'), /held on/)
  assert.equal(ports.subjects.find('ada@example.org'), undefined)
  const receipt = receiptOf(await erasure.erase('ada@example.org', 'key_owner'))
  assert.equal(receipt.subject, ref)
  assert.ok((receipt.scan?.textsProbed ?? 0) > 0)
  assert.deepEqual(
    entries().map(({ type }) => type),
    ['erasure-begun', 'erasure-done'],
  )
})

const KILLED = fileURLToPath(new URL('./erase-killed.fixture.ts', import.meta.url))
const STEPS: readonly Step[] = ['begun', 'key-gone', 'erased', 'forgotten', 'scanned', 'done', 'proven']

for (const step of STEPS) {
  test(`an erasure that is killed at "${step}" is ended by the next start, and leaves nothing readable`, async () => {
    const home = freshHome()
    const before = openTestHome(home)
    const ref = before.plant('ada@example.org', [exchange('the treasure under the old oak')])
    before.close()
    const killed = spawnSync(process.execPath, [KILLED, home, 'ada@example.org', step], { encoding: 'utf8' })
    assert.equal(killed.signal, 'SIGKILL', killed.stderr)
    const { ports, entries } = opened(undefined, home)
    const ended = new Set(entries().flatMap((entry) => (entry.type === 'erasure-done' ? [entry.id] : [])))
    const begun = entries().filter(
      (entry): entry is ErasureBegun => entry.type === 'erasure-begun' && !ended.has(entry.id),
    )
    const receipts = await createErasure(ports).resume(begun)
    assert.equal(receipts.length, ['done', 'proven'].includes(step) ? 0 : 1)
    const done = entries().filter((entry): entry is ErasureDone => entry.type === 'erasure-done')
    assert.deepEqual(
      done.map(({ subject }) => subject),
      [ref],
    )
    // Only where the texts were still readable is there something to look for.
    if (receipts.length > 0) assert.equal(done[0]?.scan !== undefined, step === 'begun')
    assert.equal(ports.subjects.nameOf(ref), undefined)
    const again = await createErasure(ports).erase('ada@example.org', 'key_owner')
    assert.ok(isRefusal(again))
    assert.match(again.problem.message, /it is nowhere/)
  })
}

test('erasures run one at a time, and who came back with a backup is erased again', async () => {
  const { plant, ports, entries } = opened()
  const refs = ['one@example.org', 'two@example.org'].map((name) =>
    plant(name, [exchange(`${name} was here, long ago`)]),
  )
  const erasure = createErasure(ports)
  const receipts = await erasure.repeat([...refs, 'sub_nobody'], 'key_owner')
  assert.deepEqual(
    receipts.map(({ subject }) => subject),
    refs,
  )
  assert.deepEqual(
    entries().map(({ type }) => type),
    ['erasure-begun', 'erasure-done', 'erasure-begun', 'erasure-done'],
  )
  const names = Array.from({ length: 18 }, (_, at) => `nobody-number-${at}`)
  const replies = await Promise.all(names.map((name) => erasure.erase(name, 'key_owner')))
  const codes = replies.map((reply) => (isRefusal(reply) ? reply.problem.code : 'receipt'))
  assert.deepEqual(codes, [...Array<string>(17).fill('not_found'), 'queue_full'])
})
