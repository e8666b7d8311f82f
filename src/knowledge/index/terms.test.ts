import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryTerms, termCounts } from './query.ts'

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
