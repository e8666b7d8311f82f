import type { Answer, Ask, Batches, Way } from '../contract/ask.ts'
import { type Batch, isTerminal } from '../contract/event.ts'
import type { Passage } from '../contract/passage.ts'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { lastQuestion } from '../contract/text.ts'
import { assert } from '../lib/assert.ts'
import { answerCited, type CollectionPorts } from './cited/way.ts'

/** Finds passages that bear on a question, best first. */
export type FindPassages = (question: string) => readonly Passage[] | Promise<readonly Passage[]>

/**
 * The way `retrieve`: passages from knowledge, then a direct answer over them, as a child request with a
 * record of its own. It carries no cost itself: the child does. A collection's are answered from in a way of their own.
 */
export function createRetrieve(find: FindPassages, childId: () => string, collections: CollectionPorts): Way {
  return async function* retrieve(work) {
    const { ask, caller, plan, purse, complete } = work
    const collection = ask.request.upshift?.collection
    if (collection !== undefined) return yield* answerCited(collections, work, collection, childId())
    const [model] = plan.candidates
    const child: Ask = {
      id: childId(),
      origin: { type: 'child', parent: ask.id, caller, depth: depthOf(ask) + 1, purse },
      request: { ...ask.request, model: model ?? plan.requested, upshift: { mode: 'direct' } },
      bytes: ask.bytes,
      receivedAt: ask.receivedAt,
      signal: ask.signal,
      passages: await find(lastQuestion(ask.request)),
    }
    return yield* relay(await complete(child), child.id)
  }
}

async function* relay(answer: Answer | Refusal, child: string): Batches {
  if (isRefusal(answer)) return [{ type: 'answer-error', problem: answer.problem }]
  await using held = answer
  yield [held.start]
  for await (const batch of held.events) {
    const told = batch.map((event) => charged(event, child))
    if (isTerminal(told.at(-1))) return told
    yield told
  }
  assert(false, 'an answer ends with a terminal event')
}

/** The child has been charged; the caller is told the cost, and the record of the parent leaves it out. */
function charged(event: Batch[number], child: string): Batch[number] {
  return isTerminal(event) ? { chargedTo: child, ...event } : event
}

function depthOf(ask: Ask): number {
  return ask.origin.type === 'child' ? ask.origin.depth : 0
}
