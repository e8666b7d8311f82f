import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GRAMMARS } from './function-words.ts'
import { isForeignTo, languageOf } from './language.ts'

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

test('a text is foreign to another only where both are plainly in a language, and nowhere in a common one', () => {
  const english = 'The pump is oiled when it draws air, and the motor is cooled by the water.'
  const german = 'Die Pumpe wird geölt, wenn sie Luft zieht, und der Motor wird gekühlt.'
  const french = "La pompe est huilée quand elle prend de l'air, et le moteur est refroidi par l'eau."
  const texts = [english, german, french]
  for (const [at, one] of texts.entries()) {
    for (const [beside, other] of texts.entries()) assert.equal(isForeignTo(one, other), at !== beside, other)
  }
  for (const unknown of ['{"hours": 500, "grade": 46}', '500 | 46 | open', '']) {
    assert.equal(isForeignTo(german, unknown), false, unknown)
    assert.equal(isForeignTo(unknown, german), false, unknown)
  }
  const long = `${english} `.repeat(20)
  assert.equal(isForeignTo(german, long), true)
  assert.equal(isForeignTo(german, `${long}${`${german} `.repeat(8)}`), false)
})
