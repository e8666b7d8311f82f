import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GRAMMARS } from './function-words.ts'
import { languageOf } from './language.ts'

const telling = (text: string): string[] => {
  const { isEmpty } = languageOf(text)
  return (text.match(/[\p{L}\p{M}]+/gu) ?? []).filter((word) => !isEmpty(word))
}

test('what a word is depends on the language that the rest of the question is in', () => {
  assert.deepEqual(telling('Wann wird die Pumpe geprüft?'), ['Pumpe', 'geprüft'])
  assert.deepEqual(telling('When does the die press stop?'), ['die', 'press', 'stop'])
  assert.deepEqual(telling('¿Cuándo para la bomba?'), ['bomba'])
  assert.deepEqual(telling('Où est la main courante ?'), ['main', 'courante'])
})

test('who writes without accents is understood, and an accent that is written counts', () => {
  assert.deepEqual(telling('Ou est le filtre et a quelle heure ?'), ['filtre', 'heure'])
  assert.deepEqual(telling('Cuando y donde se reune el equipo?'), ['reune', 'equipo'])
  assert.deepEqual(telling('Quand est-ce que le frein est sûr ?'), ['frein', 'sûr'])
})

test('a few words that may be English are taken for it', () => {
  for (const text of [
    'MIT license',
    'die casting',
    'les paul',
    'word_list = []',
    'DES',
    '',
    '12.5',
    'Lease?',
  ]) {
    assert.equal(languageOf(text).english, true, text)
  }
})

test('a question is English where it has as many English function words as others', () => {
  assert.equal(languageOf('Was the pump in Bremen an old one?').english, true)
  assert.equal(languageOf('What does 油は mean here?').english, true)
})

test('the words of every language are of one form, and each pattern is one', () => {
  for (const { code, empty, faint } of GRAMMARS) {
    for (const word of `${empty} ${faint}`.split(' ')) {
      assert.match(word, /^[\p{Ll}\p{Lo}\p{Lm}\p{M}]+$/u, `${code}: "${word}"`)
      assert.equal(word, word.normalize('NFC'), code)
    }
  }
})
