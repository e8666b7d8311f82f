import { wordsOf } from '../../lib/text/words.ts'
import { COMPARED_CHARS, normaliseAnswer } from '../learn/answer.ts'

/** Longer answers are compared by their ends: what was asked for stands there. */
const END_CHARS = 4_000
/** Answers of so few words are compared word for word, and not by what they share. */
const SHORT_WORDS = 4
/** Prose that shares so much of its words says the same, and prose that shares so little does not; between, who knows. */
const ALIKE = 0.7
const UNLIKE = 0.25

/** With braces of its own one level deep, as a fraction has. */
const BOXED = /\\boxed\{((?:[^{}]|\{[^{}]{0,100}\}){1,200})\}/g
const STATED = /\b(?:final answer|answer|result)\b[^\n:=]{0,40}(?:is|:|=)\s*\**\s*([^\n]{1,200})/gi
const NUMBER = /[-+]?\d[\d,]*(?:\.\d+)?/g

/**
 * Whether two answers to one question say the same: as JSON, by the result that they state, by their only number, or
 * by the words that they share; undefined where that cannot be told. Two wrong answers may agree, and two right ones
 * in other words may differ: it is evidence, no proof.
 */
export function sameAnswer(one: string, other: string): boolean | undefined {
  const [left, right] = [one.slice(-END_CHARS).trim(), other.slice(-END_CHARS).trim()]
  if (left === '' || right === '') return left === right ? undefined : false
  if (left === right || (isShort(left, right) && plain(left) === plain(right))) return true
  const json = [jsonOf(one), jsonOf(other)]
  if (json[0] !== undefined && json[1] !== undefined) return json[0] === json[1]
  const results = [resultOf(left), resultOf(right)]
  if (results[0] !== undefined && results[1] !== undefined) return results[0] === results[1]
  return sameWords(left, right)
}

/** What is cut on its way to the compared form may differ behind the cut. */
function isShort(...texts: readonly string[]): boolean {
  return texts.every(({ length }) => length <= COMPARED_CHARS)
}

function sameWords(left: string, right: string): boolean | undefined {
  const [one, other] = [stemsOf(left), stemsOf(right)]
  if (one.size === 0 || other.size === 0) return undefined
  if (one.size <= SHORT_WORDS && other.size <= SHORT_WORDS) return false
  let shared = 0
  for (const stem of one) if (other.has(stem)) shared += 1
  const share = shared / Math.min(one.size, other.size)
  return share >= ALIKE ? true : share <= UNLIKE ? false : undefined
}

function stemsOf(text: string): ReadonlySet<string> {
  return new Set(wordsOf(text).map(({ stem }) => stem))
}

/** What an answer states as its result: in a box, behind “the answer is”, or as the last number of it. */
function resultOf(text: string): string | undefined {
  const boxed = [...text.matchAll(BOXED)].at(-1)?.[1]
  if (boxed !== undefined) return plain(boxed)
  const stated = [...text.matchAll(STATED)].at(-1)?.[1]
  if (stated !== undefined) return plain(stated.match(NUMBER)?.at(-1) ?? stated)
  const last = text.match(NUMBER)?.at(-1)
  return last === undefined ? undefined : plain(last)
}

/** Without Markdown's marks, in the form in which recorded answers are compared too. */
function plain(text: string): string | undefined {
  return normaliseAnswer(text.replaceAll(/[*_`]+/g, ''))
}

function jsonOf(text: string): string | undefined {
  const trimmed = text.trim()
  if (!/^[[{]/.test(trimmed)) return undefined
  try {
    return canonical(JSON.parse(trimmed))
  } catch {
    return undefined
  }
}

/** The same text for the same value, whatever the order of its fields. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join()}}`
}
