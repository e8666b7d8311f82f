import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { stem } from './stem.ts'

const ENDINGS =
  'ational tional enci anci izer logi bli alli entli eli ousli ization ation ator alism iveness fulness ousness aliti iviti biliti icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize ed ing ies sses s y eed'.split(
    ' ',
  )

test('words of one family meet in one stem', () => {
  for (const family of [
    ['decide', 'decided', 'decides', 'deciding'],
    ['relate', 'relates', 'relating'],
    ['cap', 'caps', 'capped'],
    ['retry', 'retries'],
    ['connect', 'connection', 'connections', 'connected'],
  ]) {
    assert.equal(new Set(family.map(stem)).size, 1, family.join(' '))
  }
})

test('stems agree with the porter tokenizer of SQLite, so that support judges what search found', () => {
  const database = new DatabaseSync(':memory:')
  database.exec(
    "CREATE VIRTUAL TABLE w USING fts5 (t, tokenize = 'porter ascii'); CREATE VIRTUAL TABLE v USING fts5vocab (w, 'row')",
  )
  const insert = database.prepare('INSERT INTO w (t) VALUES (?)')
  const word = fc
    .tuple(
      fc.stringMatching(/^[bcdglmnprst]?[aeiou][bcdlmnrst]{1,2}[aeiou]?[lnrst]?$/),
      fc.constantFrom(...ENDINGS),
    )
    .map(([base, ending]) => base + ending)
  const words = [...new Set(fc.sample(word, { numRuns: 400, seed: 7 }))].filter((one) => one.length >= 3)
  const differing = words.filter((one) => {
    database.exec('DELETE FROM w')
    insert.run(one)
    return database.prepare('SELECT term FROM v').get()?.['term'] !== stem(one)
  })
  database.close()
  assert.deepEqual(differing.slice(0, 20), [])
})

test('short words, numbers and other scripts stay as they are', () => {
  for (const word of ['is', 'a', '4000', 'größe', 'キー']) assert.equal(stem(word), word)
})
