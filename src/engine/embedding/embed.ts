import type { EmbedCall, EmbedEnd, Vector } from '../../contract/embed.ts'
import type { AnswerError, AnswerFinish } from '../../contract/event.ts'
import { assert } from '../../lib/assert.ts'
import { checkInputs } from '../context.ts'
import { type Addresses, bearerOf, dispatchOptions, lateProblem } from '../dispatch.ts'
import { Exchange } from '../exchange.ts'
import type { OpenAiEngineParts } from '../openai.ts'
import { NOTHING_SENT, type Reader, type Sink } from '../reader.ts'
import type { OpenAiTarget } from '../target.ts'
import { embedPayload } from './payload.ts'
import { EmbeddingReader } from './reader.ts'

/** One call of POST {baseUrl}/embeddings. Resolves at once when the signal aborts; throws only for bugs. */
export async function embed(
  parts: OpenAiEngineParts,
  addresses: Addresses,
  target: OpenAiTarget,
  call: EmbedCall,
): Promise<EmbedEnd> {
  const fit = checkInputs(target, call.inputs)
  const problem = fit.type === 'exceeds' ? fit.problem : lateProblem(target, call, parts.clock)
  if (problem !== undefined) return { type: 'failed', problem, usage: NOTHING_SENT }
  const payload = embedPayload(target, call)
  const { body, verdicts, count } = payload
  const read = (sink: Sink): Reader => new EmbeddingReader({ target, sink, verdicts }, count)
  using exchange = new Exchange({ target, call, stream: false, read, clock: parts.clock })
  const address = addresses.of(target.baseUrl)
  const sending = { body, stream: false, headers: bearerOf(target) }
  parts.dispatcherFor(address.url).dispatch(dispatchOptions(address, call.id, sending), exchange)
  let vectors: readonly Vector[] | undefined
  for await (const batch of exchange) {
    for (const event of batch) {
      if (event.type === 'embedding-whole') vectors = event.vectors
      else if (event.type === 'answer-error') return failed(event)
      else if (event.type === 'answer-finish') {
        assert(vectors !== undefined, 'an answer of vectors comes whole')
        return embedded(vectors, event, fit.type === 'fits' ? fit.verdicts : [])
      }
    }
  }
  assert(false, 'an exchange ends with a terminal event')
}

function embedded(
  vectors: readonly Vector[],
  { usage, verdicts }: AnswerFinish,
  more: AnswerFinish['verdicts'],
): EmbedEnd {
  const told = usage === undefined ? {} : { usage }
  return { type: 'embedded', vectors, ...told, verdicts: [...verdicts, ...more] }
}

function failed({ problem, usage }: AnswerError): EmbedEnd {
  // The reader of failures knows chat: what is too long here is an input.
  const named = problem.code === 'context_length_exceeded' ? { ...problem, param: 'input' } : problem
  return { type: 'failed', problem: named, ...(usage === undefined ? {} : { usage }) }
}
