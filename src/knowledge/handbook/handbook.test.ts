import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { isRefusal, PROBLEM_CODES, problemRow, type Refusal } from '../../contract/problem.ts'
import { type Handbook, openHandbook } from './handbook.ts'
import type { OpenedCitation } from './open-citation.ts'

const CAPS =
  '# Money\n\n## The daily cap\n\nThe daily cap limits what an engine may spend. It starts afresh at midnight.\n'
const KEYS = '# Keys\n\n## Revoke a key\n\nA revoked key stops working at the next request.\n'
const FILLER = '# Other\n\nOrdinary words about requests, models, answers, stages and folders stand here.\n'

let folder: string
let path: string
let handbook: Handbook

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'upshift-handbook-'))
  path = join(folder, 'knowledge.db')
  page('caps.md', CAPS)
  page('keys.md', KEYS)
  page('other.md', FILLER)
  handbook = openHandbook({ path, docs: folder })
})

afterEach(() => {
  handbook.close()
  rmSync(folder, { recursive: true })
})

function page(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

function opened(id: string): OpenedCitation {
  const found: OpenedCitation | Refusal = handbook.open(id)
  assert.ok(!isRefusal(found), isRefusal(found) ? found.problem.message : '')
  return found
}

test('a question finds the passage that answers it, as an exact slice of its page', () => {
  const [passage] = handbook.find('When does the daily cap start again?', 5)
  assert.ok(passage)
  assert.equal(passage.document, 'caps.md')
  assert.deepEqual(passage.headings, ['Money', 'The daily cap'])
  assert.equal(CAPS.slice(passage.start, passage.end), passage.text)
  assert.ok(passage.support >= 0.5)
  assert.ok(passage.focus && passage.focus.start >= passage.start && passage.focus.end <= passage.end)
})

test('a question about something that no page names has little support', () => {
  assert.ok(handbook.probe('How do I set the Redis password?') < 0.5)
  assert.ok(
    handbook.probe('What is the daily cap in Kubernetes clusters?') <
      handbook.probe('What is the daily cap?'),
  )
  assert.equal(handbook.probe('how do you do'), 0)
})

test('only changed pages are indexed again, and removed pages are gone', () => {
  assert.deepEqual(handbook.refresh(), { indexed: [], removed: [], unchanged: 3 })
  page('caps.md', CAPS.replace('midnight', 'noon'))
  rmSync(join(folder, 'keys.md'))
  assert.deepEqual(handbook.refresh(), { indexed: ['caps.md'], removed: ['keys.md'], unchanged: 1 })
  assert.match(handbook.find('daily cap', 1)[0]?.text ?? '', /noon/)
  assert.ok(handbook.find('revoked key', 5).every((passage) => passage.document !== 'keys.md'))
})

test('a second start reads the index that is there', () => {
  handbook.close()
  handbook = openHandbook({ path, docs: folder })
  assert.deepEqual(handbook.refresh(), { indexed: [], removed: [], unchanged: 3 })
  assert.equal(handbook.find('daily cap', 1)[0]?.document, 'caps.md')
})

test('the index can be read by its owner only, also where an older one lay open', () => {
  const modeOf = (): number => statSync(path).mode & 0o777
  assert.equal(modeOf(), 0o600)
  assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600)
  handbook.close()
  chmodSync(path, 0o644)
  handbook = openHandbook({ path, docs: folder })
  assert.equal(modeOf(), 0o600)
})

test('an index of another version, or a damaged one, is rebuilt', () => {
  handbook.close()
  const database = new DatabaseSync(path)
  database.exec('DROP TABLE passage; PRAGMA user_version = 999')
  database.close()
  handbook = openHandbook({ path, docs: folder })
  assert.equal(handbook.find('daily cap', 1)[0]?.document, 'caps.md')
  handbook.close()
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
  writeFileSync(path, 'this is no database at all, whatever its name says'.repeat(200))
  handbook = openHandbook({ path, docs: folder })
  assert.equal(handbook.find('daily cap', 1)[0]?.document, 'caps.md')
})

test('nothing in a question can act as full-text syntax or raise an error', () => {
  for (const question of [
    '"',
    "'",
    'cap"',
    'NEAR(a b)',
    'headings:cap',
    'cap*',
    'a AND OR NOT b',
    '(',
    '^cap',
    '\u0000',
    '{}',
    '-',
  ]) {
    handbook.find(question, 5)
  }
  const pieces = fc.constantFrom(
    '"',
    '*',
    'NEAR',
    '(',
    ')',
    'AND',
    ':',
    '^',
    '-',
    '+',
    'cap',
    '\u0000',
    ' ',
    "'",
    ';',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(pieces).map((all) => all.join(' ')),
      ),
      (question) => {
        for (const passage of handbook.find(question, 3))
          assert.ok(passage.support >= 0 && passage.support <= 1)
      },
    ),
    { numRuns: 300 },
  )
})

test('a question of any length is bounded', () => {
  handbook.find('daily cap '.repeat(200_000), 5)
  handbook.find(Array.from({ length: 5_000 }, (_, index) => `word${index}`).join(' '), 5)
})

test('a citation opens at its lines, verified and current', () => {
  const [passage] = handbook.find('daily cap', 1)
  assert.ok(passage)
  const citation = opened(passage.id)
  assert.equal(citation.quote, passage.text)
  assert.equal(citation.line, 5)
  assert.equal(citation.before, '\n## The daily cap\n\n')
  assert.equal(citation.verified, true)
  assert.equal(citation.state, 'current')
  assert.deepEqual(citation.headings, ['Money', 'The daily cap'])
})

test('a citation stays openable after its page has changed, and says where the words stand now', () => {
  const id = handbook.find('daily cap', 1)[0]?.id ?? ''
  page('caps.md', `# Money\n\nA new first paragraph.\n\n${CAPS.slice(CAPS.indexOf('## The'))}`)
  handbook.refresh()
  const moved = opened(id)
  assert.equal(moved.state, 'changed')
  assert.equal(moved.verified, true)
  assert.equal(moved.line_now, 7)
  page('caps.md', '# Money\n\nNothing of it is left.\n')
  handbook.refresh()
  assert.equal(opened(id).line_now, undefined)
  assert.match(opened(id).quote, /midnight/)
  rmSync(join(folder, 'caps.md'))
  handbook.refresh()
  assert.equal(opened(id).state, 'removed')
})

test('a stored version that was tampered with is not verified', () => {
  const id = handbook.find('daily cap', 1)[0]?.id ?? ''
  const database = new DatabaseSync(path)
  database.exec("UPDATE version SET text = replace(text, 'midnight', 'mid-week') WHERE document = 'caps.md'")
  database.close()
  assert.equal(opened(id).verified, false)
})

test('an id that is none, of a foreign version, or beyond the page is refused with what to do', () => {
  for (const id of [
    '',
    'x',
    '../../etc/passwd',
    'caps.md@zz:1-2',
    'caps.md@0123456789ab:5-5',
    'caps.md@0123456789ab:0-9',
  ]) {
    const found = handbook.open(id)
    assert.ok(isRefusal(found) && found.problem.code === 'not_found', id)
  }
  const real = handbook.find('daily cap', 1)[0]?.id ?? ''
  assert.ok(isRefusal(handbook.open(real.replace(/\d+-\d+$/, '0-99999'))))
})

test('a page with a name that no citation can carry, or that is not UTF-8, is named in the error', () => {
  page('bad name.md', '# x')
  assert.throws(() => handbook.refresh(), /bad name\.md.*Rename it/)
  rmSync(join(folder, 'bad name.md'))
  writeFileSync(join(folder, 'latin.md'), Buffer.from([0x23, 0x20, 0xff, 0xfe]))
  assert.throws(() => handbook.refresh(), /latin\.md is not valid UTF-8/)
  rmSync(join(folder, 'latin.md'))
  assert.throws(() => openHandbook({ path: ':memory:', docs: join(folder, 'missing') }), /cannot be read/)
})

test('the page of errors names every code with its status, and invents none', () => {
  const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
  const entries = [...text.matchAll(/^- ((?:`[a-z_]+`(?: and )?)+) \((\d{3})\)/gm)]
  const named = entries.flatMap(([, codes = '', status]) =>
    [...codes.matchAll(/`([a-z_]+)`/g)].map(([, code]) => `${code} ${status}`),
  )
  const known = PROBLEM_CODES.map((code) => `${code} ${problemRow(code).status}`)
  assert.deepEqual(named.toSorted(), known.toSorted())
})

test('every passage of the real handbook is an exact slice of its page', () => {
  const docs = new URL('../../../docs', import.meta.url).pathname
  const real = openHandbook({ path: ':memory:', docs })
  const seen = ['tier', 'key', 'engine', 'cap', 'log', 'guard', 'error'].flatMap((word) =>
    real.find(word, 20),
  )
  real.close()
  assert.ok(seen.length > 50)
  for (const passage of seen) {
    const text = readFileSync(join(docs, passage.document), 'utf8')
    assert.equal(text.slice(passage.start, passage.end), passage.text)
  }
})
