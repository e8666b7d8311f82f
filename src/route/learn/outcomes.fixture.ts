import type { Example } from './base.ts'
import { Chance } from './chance.ts'

const HARD = ['integral', 'theorem', 'proof', 'eigenvalue', 'lemma']
const EASY = ['greeting', 'weather', 'capital', 'colour', 'holiday']
const FILLER = ['what', 'is', 'the', 'of', 'a', 'please', 'tell', 'about', 'and', 'one', 'more', 'thing']

/**
 * Prompts with hard or easy words among others. The strong model is right on nine of ten; the weak one too where the
 * prompt is easy, and on two of ten where it is hard: the true gains are 0 and 0.7.
 */
export function outcomes(rows: number, seed: number): readonly (Example & { readonly hard: boolean })[] {
  const chance = new Chance(seed)
  const pick = (words: readonly string[]): string => words[chance.below(words.length)] ?? ''
  return Array.from({ length: rows }, (_, at) => {
    const hard = chance.next() < 0.5
    const words = Array.from({ length: 12 }, () => pick(FILLER))
    words[chance.below(12)] = pick(hard ? HARD : EASY)
    words[chance.below(6)] = pick(hard ? HARD : EASY)
    return {
      hard,
      text: `${words.join(' ')} ${at}?`,
      weak: chance.next() < (hard ? 0.2 : 0.9) ? 1 : 0,
      strong: chance.next() < 0.9 ? 1 : 0,
    }
  })
}
