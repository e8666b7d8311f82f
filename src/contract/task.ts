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
  /** What the tools of the last step said. */
  readonly results: readonly string[]
}

/** Steps that are looked back on: a longer task is counted from there. */
const STEPS_MAX = 256

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
  return { question: words === '' ? question : `${question}\n\n${words}`, steps, results }
}

/** What a user says behind the last result: a picture alone is what a tool has shown. */
function wordsAfter(messages: readonly ChatMessage[]): string {
  const after = messages.slice(messages.findLastIndex(({ role }) => role === 'tool') + 1)
  const texts = after.flatMap((one) => (one.role === 'user' ? textsOf(one) : []))
  return texts.join('\n').trim()
}

/** Whether one of these calls was made word for word before. Texts of unlike length are told apart at a glance. */
export function isRepeated(calls: readonly Called[], before: Task['steps']): boolean {
  return calls.some(({ name, arguments: json }) =>
    before.some((step) => step.some((one) => one.name === name && one.arguments === json)),
  )
}

function callsIn(message: ChatMessage | undefined): readonly Called[] {
  if (message?.role !== 'assistant') return []
  return (message.tool_calls ?? []).map((call) => call.function)
}
