import type { ChatRequest } from '../contract/chat.ts'
import { lastQuestion, textChars } from '../contract/text.ts'

/**
 * What `auto` looks at: stated features of the request, each worth stated points of difficulty. These are the
 * rules of a first version: cheap, explainable, and no claim that the expert pays, which only measured gains
 * can make.
 */
export interface Feature {
  readonly name: string
  readonly points: number
}

const LONG_CHARS = 6_000
const VERY_LONG_CHARS = 40_000
const SCANNED_CHARS = 20_000
const MANY_TOOLS = 8

const CODE = /```|\b(function|class|def|import|SELECT|stack ?trace|exception|refactor|compile)\b/
const REASONING =
  /\b(prove|proof|derive|theorem|step by step|trade-?offs?|root cause|architect(ure)?|optimi[sz]e|reason through)\b/i
const HIGH_STAKES =
  /\b(contract|legal(ly)?|liabilit(y|ies)|diagnos(is|e)|compliance|regulation|lawsuit|audit)\b/i
const MATHS = /\\(int|sum|frac|lim)\b|\b(integral|eigenvalue|derivative|probability|equation)\b/i
const MULTI_PART =
  /(^|\n)[ \t]{0,8}(\d{1,3}[.)]|[-*])[ \t]+\S[^\n]{0,1000}\n[ \t]{0,8}(\d{1,3}[.)]|[-*])[ \t]+\S/

/** The features that a request shows, in a fixed order. Looks at a bounded part of the text. */
export function featuresOf(request: ChatRequest): readonly Feature[] {
  const text = lastQuestion(request).slice(0, SCANNED_CHARS)
  const features: Feature[] = []
  const add = (when: boolean, name: string, points: number): void => {
    if (when) features.push({ name, points })
  }
  const chars = textChars(request)
  add(chars > VERY_LONG_CHARS, `a very long prompt (${chars} characters)`, 3)
  add(chars > LONG_CHARS && chars <= VERY_LONG_CHARS, `a long prompt (${chars} characters)`, 2)
  add(CODE.test(text), 'code', 2)
  add(MATHS.test(text), 'mathematics', 3)
  add(REASONING.test(text), 'words that ask for reasoning', 3)
  add(HIGH_STAKES.test(text), 'high-stakes words', 2)
  add(MULTI_PART.test(text), 'a task in several parts', 1)
  const tools = request.tools?.length ?? 0
  add(tools > 0, tools > MANY_TOOLS ? `${tools} tools` : 'tools', tools > MANY_TOOLS ? 3 : 1)
  add(request.response_format?.type === 'json_schema', 'an answer in a schema', 1)
  add(hasImage(request), 'an image', 2)
  add(deliberate(request), 'deliberate reasoning asked for', 4)
  return features
}

/** A coarse word for what is asked: code, mathematics, a choice among letters, or prose. */
export function kindOfTask(question: string): 'code' | 'mathematics' | 'choice' | 'prose' {
  const text = question.slice(0, SCANNED_CHARS)
  if (CODE.test(text)) return 'code'
  if (MATHS.test(text) || NUMBERS.test(text)) return 'mathematics'
  return CHOICE.test(text) ? 'choice' : 'prose'
}

const CHOICE = /\n\(?A[).:][^\n]{0,400}\n\(?B[).:]/
/** Three numbers near each other: a sum to do, more often than not. */
const NUMBERS = /\d[^\n]{0,80}[^\d\n.,]\d[^\n]{0,80}[^\d\n.,]\d/

const MUCH_EFFORT: ReadonlySet<unknown> = new Set(['high', 'xhigh', 'max'])

/** `deliberate` where the caller asks for much reasoning effort. */
export function deliberate(request: ChatRequest): boolean {
  return MUCH_EFFORT.has(request.reasoning_effort)
}

function hasImage(request: ChatRequest): boolean {
  return request.messages.some(
    (message) => Array.isArray(message.content) && message.content.some((part) => part.type === 'image_url'),
  )
}
