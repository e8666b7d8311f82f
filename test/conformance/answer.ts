import assert from 'node:assert/strict'
import type { Call } from '../../src/contract/call.ts'
import type { ChatChunk, ChatCompletion, ChatMessage, ChatRequest } from '../../src/contract/chat.ts'
import {
  type AnswerError,
  type AnswerEvent,
  type AnswerFinish,
  isTerminal,
} from '../../src/contract/event.ts'
import type { Problem } from '../../src/contract/problem.ts'
import type { Usage } from '../../src/contract/usage.ts'
import { systemClock } from '../../src/lib/clock.ts'
import type { ModelName, Subject } from './subject.ts'

export interface Asked {
  readonly model?: ModelName
  readonly request?: Partial<ChatRequest>
  readonly maxOutputTokens?: number
  /** The last message is the beginning of the answer. */
  readonly continues?: boolean
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
  readonly caller?: string
  /** Called with each event as it comes. */
  readonly seen?: (event: AnswerEvent) => void
}

/** All that came of one call. */
export interface Answer {
  readonly events: readonly AnswerEvent[]
  readonly chunks: readonly ChatChunk[]
  readonly whole: ChatCompletion | undefined
  readonly terminal: AnswerFinish | AnswerError
}

const DEADLINE_MS = 60_000
let calls = 0

export function user(content: string): ChatMessage {
  return { role: 'user', content }
}

function callOf(asked: Asked): Call {
  calls += 1
  return {
    id: `req_conformance_${calls}`,
    caller: asked.caller ?? 'key_conformance',
    request: { model: 'auto', messages: [user('hello world')], ...asked.request },
    maxOutputTokens: asked.maxOutputTokens ?? 16,
    ...(asked.continues === true ? { continues: true } : {}),
    passages: [],
    deadline: systemClock.elapsed() + (asked.deadlineMs ?? DEADLINE_MS),
    signal: asked.signal ?? new AbortController().signal,
  }
}

/** One call to its end, which must be exactly one terminal event, and the last. */
export async function ask(subject: Subject, asked: Asked = {}): Promise<Answer> {
  const events: AnswerEvent[] = []
  for await (const batch of subject.generate(asked.model ?? 'endless', callOf(asked))) {
    assert.ok(batch.length > 0, 'a batch is never empty')
    for (const event of batch) {
      assert.equal(events.some(isTerminal), false, 'nothing comes after the terminal event')
      events.push(event)
      asked.seen?.(event)
    }
  }
  const terminal = events.at(-1)
  assert.ok(isTerminal(terminal), 'an answer ends with a terminal event')
  return {
    events,
    chunks: events.flatMap((event) => (event.type === 'chunk-delta' ? [event.chunk] : [])),
    whole: events.find((event) => event.type === 'answer-whole')?.completion,
    terminal,
  }
}

/** The finish of an answer that came to a good end. */
export function finishOf({ terminal }: Answer): AnswerFinish {
  assert.ok(terminal.type === 'answer-finish', JSON.stringify(terminal))
  return terminal
}

/** Why it did not; what says so is worth reading. */
export function problemOf({ terminal }: Answer): Problem {
  assert.ok(terminal.type === 'answer-error', 'it was answered')
  const { message } = terminal.problem
  assert.ok(message.length > 20 && /[.!]$/.test(message), `what happened, why, and what to do: ${message}`)
  return terminal.problem
}

export function usageOf(answer: Answer): Usage {
  const { usage } = finishOf(answer)
  assert.ok(usage)
  return usage
}

/** The text of one choice, streamed or whole. */
export function textOf({ chunks, whole }: Answer, index = 0): string {
  if (whole !== undefined) {
    return whole.choices.find((choice) => choice.index === index)?.message.content ?? ''
  }
  return choicesOf(chunks, index)
    .map(({ delta }) => delta.content ?? '')
    .join('')
}

export function finishReasonOf({ chunks, whole }: Answer, index = 0): string | null | undefined {
  if (whole !== undefined) return whole.choices.find((choice) => choice.index === index)?.finish_reason
  return choicesOf(chunks, index).find(({ finish_reason: reason }) => reason != null)?.finish_reason
}

/** The pieces of one choice, in order. */
export function choicesOf(chunks: readonly ChatChunk[], index: number) {
  return chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
}
