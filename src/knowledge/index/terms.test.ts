import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pairsByCharacter } from './pairs.ts'
import { queryTerms, termCounts, widenedTerms } from './query.ts'
import { SegmentBuilder } from './segment.ts'

const terms = (text: string): string[] => [...termCounts(text).keys()]

test('an identifier is found by its parts and by the whole, however it is written', () => {
  for (const written of ['DiffExecutor', 'diff_executor', 'diffExecutor', 'DIFF_EXECUTOR']) {
    const found = terms(written)
    assert.ok(found.includes('diff') && found.includes('executor'), `${written}: ${found}`)
    assert.ok(found.includes('diffexecutor'), `${written}: ${found}`)
  }
  assert.deepEqual(terms('parseHTTPHead2'), ['pars', 'http', 'head2', 'parsehttphead2'])
})

test('words meet by their stems, without case and accents', () => {
  assert.deepEqual(terms('Reservations reserving'), ['reserv'])
  assert.deepEqual(terms('Café CAFÉ cafe'), ['cafe'])
  assert.deepEqual(terms('MDSCs'), terms('MDSC'))
})

test('scripts without spaces are found by pairs of characters', () => {
  assert.deepEqual(terms('東京都'), ['東京', '京都'])
})

test('words that only shape a question are left out, unless there are no others', () => {
  assert.deepEqual([...queryTerms('How do you create a DiffExecutor?').keys()].includes('how'), false)
  assert.deepEqual([...queryTerms('who is it').keys()], ['who', 'is', 'it'])
})

test('of a question in another language its own function words are left out', () => {
  assert.deepEqual([...queryTerms('Wann wird das Getriebe geprüft?').keys()], ['getrieb', 'gepruft'])
  assert.deepEqual([...queryTerms('The die in the press').keys()], ['die', 'press'])
})

test('a lone character is asked for by the indexed pairs that hold it, the commonest first and only so many', () => {
  const builder = new SegmentBuilder()
  const chunk = (body: string): void => {
    builder.add({ document: builder.size, head: '', body })
  }
  for (const body of ['油交換', '潤滑油', '油交', 'oil 水']) chunk(body)
  for (let unit = 0x4e00; unit < 0x4e00 + 300; unit++) chunk(`車${String.fromCharCode(unit)}`)
  const pairs = pairsByCharacter([builder.finish()])
  const pairsWith = (character: string): readonly string[] => pairs.get(character) ?? []
  assert.deepEqual(pairsWith('油'), ['油交', '滑油'])
  assert.equal(pairsWith('車').length, 256)
  assert.deepEqual([...widenedTerms('油 oil', pairsWith).keys()], ['油', 'oil', '油交', '滑油'])
  assert.deepEqual([...widenedTerms('サーバー', pairsWith)], [...queryTerms('サーバー')])
  assert.deepEqual([...widenedTerms('oil change', () => assert.fail('asked'))], [...queryTerms('oil change')])
})
