import type { Called, Said } from '../../contract/task.ts'
import { wordsOf } from '../../lib/text/words.ts'
import { COMPARED_CHARS, normaliseAnswer } from '../learn/answer.ts'

/** Longer answers are compared by their ends: what was asked for stands there. */
const END_CHARS = 4_000
/** Answers of so few words are compared word for word, and not by what they share. */
const SHORT_WORDS = 4
/** A text of one line and so many UTF-16 units ends in its result; in a longer one the last number may be any. */
const LINE_CHARS = 80
/** Longer arguments of a call are compared as they stand. */
const ARGUMENT_CHARS = 20_000
/** Prose that shares so much of its words says the same, and prose that shares so little does not; between, who knows. */
const ALIKE = 0.7
const UNLIKE = 0.25

/** With braces of its own one level deep, as a fraction has. */
const BOXED = /\\boxed\{((?:[^{}]|\{[^{}]{0,100}\}){1,200})\}/g
const STATED = /\b(?:final answer|answer|result)\b[^\n:=]{0,40}(?:is|:|=)\s*\**\s*([^\n]{1,200})/gi
const NUMBER = /[-+]?\d[\d,]*(?:\.\d+)?/g
/** What stands before the last of several things. */
const LISTED = /\d[\s,;]*(?:[,;]|\band\b|\bor\b)\s*$/i

/**
 * Whether two answers to one question say the same: by their calls, as JSON, by the result that they state, by their
 * only number, or by the words that they share; undefined where that cannot be told. Two wrong answers may agree, and
 * two right ones in other words may differ: it is evidence, no proof.
 */
export function sameAnswer(first: Said, second: Said): boolean | undefined {
  if (first.calls.length > 0 || second.calls.length > 0) return sameCalls(first.calls, second.calls)
  const [one, other] = [first.text, second.text]
  const [left, right] = [one.slice(-END_CHARS).trim(), other.slice(-END_CHARS).trim()]
  if (left === '' || right === '') return left === right ? undefined : false
  if (left === right || (isShort(left, right) && plain(left) === plain(right))) return true
  const json = [jsonOf(one), jsonOf(other)]
  if (json[0] !== undefined && json[1] !== undefined) return json[0] === json[1]
  const results = [resultOf(left), resultOf(right)]
  if (results[0] !== undefined && results[1] !== undefined) return results[0] === results[1]
  return sameWords(left, right)
}

/**
 * Whether two answers are equal but for their form: their calls, their JSON, what they box, or the whole of their text.
 * What they seem to share is not enough to say that neither is the better one.
 */
export function equalAnswer(first: Said, second: Said): boolean {
  if (first.calls.length > 0 || second.calls.length > 0) return sameCalls(first.calls, second.calls)
  const [one, other] = [first.text.trim(), second.text.trim()]
  if (one === '' || other === '') return false
  if (one === other || (isShort(one, other) && plain(one) === plain(other))) return true
  const forms = [jsonOf, boxedOf].map((form) => [form(one), form(other)])
  return forms.some(([left, right]) => left !== undefined && left === right)
}

/** Calls are told apart by their names and arguments, in whatever order their fields stand, and never by a number. */
function sameCalls(one: readonly Called[], other: readonly Called[]): boolean {
  const [left, right] = [one.map(callText), other.map(callText)]
  return left.length === right.length && left.every((call, at) => call === right[at])
}

function callText({ name, arguments: json }: Called): string {
  const form = json.trim() === '' ? '{}' : json.length > ARGUMENT_CHARS ? json : (jsonOf(json) ?? json)
  return `${name} ${form}`
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

/** What an answer states as its result: in a box, behind “the answer is”, or as the number that it comes to. */
function resultOf(text: string): string | undefined {
  const boxed = boxedOf(text)
  if (boxed !== undefined) return boxed
  const stated = [...text.matchAll(STATED)].at(-1)?.[1]
  if (stated !== undefined) return plain(stated.match(NUMBER)?.at(-1) ?? stated)
  return numberOf(text)
}

function boxedOf(text: string): string | undefined {
  const boxed = [...text.slice(-END_CHARS).matchAll(BOXED)].at(-1)?.[1]
  return boxed === undefined ? undefined : plain(boxed)
}

/** The only number of a text, or the last one of a short line that is no list. */
function numberOf(text: string): string | undefined {
  const numbers = [...text.matchAll(NUMBER)]
  const last = numbers.at(-1)
  if (last === undefined) return undefined
  const short = text.length <= LINE_CHARS && !text.includes('\n')
  if (numbers.length > 1 && (!short || LISTED.test(text.slice(0, last.index)))) return undefined
  return plain(last[0])
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
