import type { Config } from '../config/sections.ts'
import type { Answer, Ask, Handle } from '../contract/ask.ts'
import { mayUse } from '../contract/caller.ts'
import type { EmbedRequest, Vector } from '../contract/embed.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import type { SecretRef } from '../contract/section.ts'
import type { Reranker, RerankTarget } from '../engine/rerank/rerank.ts'
import type { Asking, RerankerPort, RetrievalEngines } from '../knowledge/answer/ports.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'

export interface RetrievalParts {
  readonly embed: Handle<EmbedRequest>
  readonly reranker: Reranker
  readonly secretOf: (reference: SecretRef) => string
}

/** Joins what retrieval asks of engines to the request path and the reranker, as configured. */
export function retrievalEngines({ knowledge }: Config, parts: RetrievalParts): RetrievalEngines {
  const { questionTimeoutMs } = knowledge.embeddings
  const reranker = rerankerOf(knowledge.rerank, parts)
  return {
    embed: async (model, question, asking) => {
      const signal = AbortSignal.any([asking.signal, AbortSignal.timeout(questionTimeoutMs)])
      const made = await embedTexts(parts.embed, model, [question], { ...asking, signal })
      const [vector] = isRefusal(made) ? [] : made.vectors
      if (isRefusal(made)) return made
      return { type: 'question-vector', model: made.model, vector: Float32Array.from(vector ?? []) }
    },
    ...(reranker && { reranker }),
  }
}

interface EmbeddedTexts {
  readonly type: 'embedded-texts'
  /** The exact model. */
  readonly model: string
  readonly vectors: readonly Vector[]
}

/**
 * Vectors by the very path of POST /v1/embeddings: scope, guard, caps, budget and record, as a part of the request that
 * wants them where there is one. The texts are not kept: they are documents, or the question of a request that is kept.
 */
export async function embedTexts(
  embed: Handle<EmbedRequest>,
  model: string,
  texts: readonly string[],
  { caller, signal, parent }: Asking,
): Promise<EmbeddedTexts | Refusal> {
  const request: EmbedRequest = { model, input: [...texts] }
  const ask: Ask<EmbedRequest> = {
    id: newId('req', systemClock.now()),
    origin:
      parent === undefined
        ? { type: 'wire', credential: undefined, caller }
        : { type: 'child', parent: parent.id, caller, depth: parent.depth + 1, purse: parent.purse },
    request,
    bytes: Buffer.byteLength(JSON.stringify(request)),
    receivedAt: systemClock.now(),
    signal,
  }
  const answer = await embed(ask)
  return isRefusal(answer) ? answer : read(answer)
}

async function read(answer: Answer): Promise<EmbeddedTexts | Refusal> {
  await using held = answer
  let vectors: readonly Vector[] = []
  for await (const batch of held.events) {
    for (const event of batch) {
      if (event.type === 'embedding-whole') vectors = event.vectors
      else if (event.type === 'answer-error') return { type: 'refusal', problem: event.problem }
    }
  }
  return { type: 'embedded-texts', model: held.start.model, vectors }
}

/** Undefined where none is configured. */
function rerankerOf(
  configured: Config['knowledge']['rerank'],
  { reranker, secretOf }: RetrievalParts,
): RerankerPort | undefined {
  if (configured === undefined) return undefined
  const { url, model, key, timeoutMs, depth } = configured
  const target: RerankTarget = {
    url,
    model,
    key: key && (() => secretOf(key)),
    timeoutMs,
  }
  const id = `${ENGINE}/${model}`
  // What is configured is on this machine or trusted as if it were, so it counts as near, as a trusted engine does.
  const view = { id, engine: ENGINE, tier: 'fast', offMachine: false } as const
  return {
    model: id,
    depth,
    rerank: async (question, passages, { caller, signal, parent }) => {
      const may = mayUse(caller.scope, view)
      if (may !== true) return refuse('out_of_scope', may)
      const call = {
        id: parent?.id ?? newId('req', systemClock.now()),
        question,
        documents: passages,
        signal,
      }
      const answer = await reranker.rerank(target, call)
      return isRefusal(answer) ? answer : { type: 'reranked', order: answer.order }
    },
  }
}

/** What a reranker's model is called by: `rerank/model`, for the scopes of keys and for records. */
const ENGINE = 'rerank'
