import type { ChatMessage, ChatRequest } from './chat.ts'
import { textsOf } from './text.ts'

/** A call of a tool as a model made it. */
export interface Called {
  readonly name: string
  /** JSON, or what the model took for it. */
  readonly arguments: string
}

/** A whole answer as it is compared with another one. */
export interface Said {
  /** Its text, and its calls as text. */
  readonly text: string
  readonly calls: readonly Called[]
}

/** What an agent is at: a question, the steps that were made for it, and what the last one brought. */
export interface Task {
  /** What its user asked before the first step; empty where nobody did. */
  readonly question: string
  /** The calls of each step so far, the oldest first; never empty. */
  readonly steps: readonly (readonly Called[])[]
  /** Where in the messages its first step stands. */
  readonly begin: number
  /** What the tools of the last step said. */
  readonly results: readonly string[]
}

/** Steps that are looked back on: a longer task is counted from there. */
const STEPS_MAX = 256
/** Calls of one step that are looked at: its first ones. */
const CALLS_MAX = 64
/** A longer call, name and arguments, is not compared. */
const CALL_CHARS = 16_000

/**
 * The task of a request that is a step of an agent: its last answer called tools, their results are here, and its user
 * has asked nothing since. Undefined for every other request. A task begins behind the last answer that called none.
 */
export function taskOf({ messages, native }: ChatRequest): Task | undefined {
  const last = messages.findLastIndex(({ role }) => role === 'assistant')
  if (last < 0 || callsIn(messages[last]).length === 0) return undefined
  const since = messages.slice(last + 1)
  const results = since.flatMap((one) => (one.role === 'tool' ? [textsOf(one).join('\n')] : []))
  if (results.length === 0) return undefined
  const words = wordsAfter(since)
  if (words !== '' && native?.bringsResults !== true) return undefined
  const steps: (readonly Called[])[] = []
  let first = last
  for (let at = last; at >= 0 && steps.length < STEPS_MAX; at--) {
    const message = messages[at]
    if (message?.role !== 'assistant') continue
    const calls = callsIn(message)
    if (calls.length === 0) break
    steps.unshift(calls)
    first = at
  }
  const asked = messages.slice(0, first).findLast(({ role }) => role === 'user')
  const question = asked === undefined ? '' : textsOf(asked).join('\n')
  return { question: words === '' ? question : `${question}\n\n${words}`, steps, begin: first, results }
}

/** What a user says behind the last result: a picture alone is what a tool has shown. */
function wordsAfter(messages: readonly ChatMessage[]): string {
  const after = messages.slice(messages.findLastIndex(({ role }) => role === 'tool') + 1)
  const texts = after.flatMap((one) => (one.role === 'user' ? textsOf(one) : []))
  return texts.join('\n').trim()
}

/**
 * Whether one of these calls was made word for word before. Of calls that are longer than 16,000 UTF-16 units it is not
 * said: to keep looking into what a request may hold of them would hold up everybody else.
 */
export function isRepeated(calls: readonly Called[], before: Task['steps']): boolean {
  const made = new Set(before.flat().flatMap(keyOf))
  return calls.flatMap(keyOf).some((key) => made.has(key))
}

function keyOf({ name, arguments: json }: Called): readonly string[] {
  return name.length + json.length > CALL_CHARS ? [] : [`${name}\n${json}`]
}

function callsIn(message: ChatMessage | undefined): readonly Called[] {
  if (message?.role !== 'assistant') return []
  return (message.tool_calls ?? []).slice(0, CALLS_MAX).map((call) => call.function)
}
