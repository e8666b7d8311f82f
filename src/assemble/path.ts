import type { Config } from '../config/sections.ts'
import type { Count, Handle } from '../contract/ask.ts'
import type { ChatRequest } from '../contract/chat.ts'
import type { EmbedRequest } from '../contract/embed.ts'
import type { ModelView } from '../contract/model.ts'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { lastQuestion } from '../contract/text.ts'
import { isCovered } from '../engine/llama/grammar/covers.ts'
import type { LeaseGrant } from '../fleet/lease.ts'
import { createInputGuard } from '../guard/input.ts'
import { createAnswerChecks } from '../guard/output/answer-check.ts'
import { needsHold } from '../guard/output/needs.ts'
import { createSchemaChecks, SCHEMA_WORKER } from '../guard/schema/checks.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { createWorkerPool, type WorkerPool } from '../lib/worker-pool.ts'
import type { Logs } from '../observe/logs.ts'
import { createCount } from '../request/count.ts'
import { createDirect } from '../request/direct.ts'
import { createEmbed } from '../request/embed/way.ts'
import { createHandle } from '../request/handle.ts'
import type { HandlePorts, LoopPorts, PathPorts } from '../request/ports.ts'
import { createRetrieve } from '../request/retrieve.ts'
import { createEmbedPlan } from '../route/embedding.ts'
import { leavingNoTrace } from '../route/escalate/plan.ts'
import type { UsedPrior } from '../route/escalate/used-prior.ts'
import type { LikeRequests } from '../route/online/like.ts'
import { createPlan, meaningWanted, type PlanPorts } from '../route/plan.ts'
import { BoundLease } from './engines.ts'
import { Escalating } from './escalation.ts'
import { Meanings } from './meanings.ts'
import type { Parts } from './parts.ts'
import { retrievalEngines } from './retrieval.ts'

export interface Path extends AsyncDisposable {
  readonly handle: Handle
  readonly embed: Handle<EmbedRequest>
  readonly count: Count
  /** Puts another configuration in force for the requests that come; those under way go on by their own. */
  apply(config: Config): void
  /** Reads what the first decisions would wait for. */
  warm(): void
  readonly prior: UsedPrior
  /** Lets go of what is remembered of texts. */
  forget(): void
}

/** The request path, and what outlives its configuration. */
export function createPath(config: Config, parts: Parts, logs: Logs): Path {
  const { checks } = config.guard
  const pool = createWorkerPool({
    module: SCHEMA_WORKER,
    size: checks.workers,
    queueLimit: checks.queueLimit,
    taskTimeoutMs: checks.timeoutMs,
  })
  const escalating = new Escalating(parts, logs)
  const meanings = new Meanings((ask) => current.embed(ask))
  let inForce = config
  const join = (next: Config): Joined => {
    inForce = next
    escalating.prior.use(next.route.escalation.prior)
    return joined(next, parts, pool, escalating, meanings)
  }
  let current = join(config)
  return {
    handle: (ask, body) => current.handle(ask, body),
    embed: (ask, body) => current.embed(ask, body),
    count: (ask, body) => current.count(ask, body),
    apply: (next) => {
      current = join(next)
    },
    warm: () => escalating.warm(inForce),
    prior: escalating.prior,
    forget: () => meanings.forget(),
    [Symbol.asyncDispose]: async () => {
      await meanings[Symbol.asyncDispose]()
      await closePool(pool)
    },
  }
}

interface Joined {
  readonly handle: Handle
  readonly embed: Handle<EmbedRequest>
  readonly count: Count
}

/** What answering and counting have in common. */
type Stages = Omit<HandlePorts, 'ways' | 'plan'>

/** Joins the rooms to the request path: here, and only here, the compiler proves that their ports fit. */
function joined(
  config: Config,
  parts: Parts,
  pool: WorkerPool,
  escalating: Escalating,
  meanings: Meanings,
): Joined {
  const { guard } = config
  const schemas = createSchemaChecks({ config: guard, pool })
  const input = createInputGuard(guard)
  const common = pathPorts(parts)
  const loop = loopPorts(config, parts)
  const attempts = { ...loop, outbound: input.outbound }
  const check = createAnswerChecks({ config: guard, schemas })
  const direct = createDirect({ ...attempts, check }, escalating.judge(config))
  const find = (question: string) => parts.handbook.find(question, config.knowledge.passages)
  const models = () => parts.fleet.models()
  const escalation = escalating.ports(config)
  const planPorts: PlanPorts = {
    config: config.route,
    models,
    escalation,
    support: (ask) => parts.handbook.probe(lastQuestion(ask.request)),
    outputMode: ({ request }, candidates) => needsHold(request, mayStream(request, candidates)),
  }
  const hiding = (plan: HandlePorts['plan']) => hidingCollections(parts, plan)
  const stages: Stages = {
    ...common,
    admit: (request, bytes) => {
      const admitted = input.admit(request, bytes)
      if (isRefusal(admitted)) return admitted
      // A promise is the exception: most requests bring no schema.
      const checking = schemas.checkSchemas(admitted.request)
      return checking === undefined ? admitted : checking.then((refusal) => refusal ?? admitted)
    },
  }
  const retrieve = createRetrieve(find, () => newId('req', systemClock.now()), {
    find: (collection, question, { id, origin, request, signal }, caller, purse) => {
      const parent = { id, depth: origin.type === 'child' ? origin.depth : 0, purse }
      const filter = request.upshift?.filter
      const sought = { collection, question, limit: config.knowledge.passages, filter }
      return parts.library.find(sought, caller.scope, signal, { caller, signal, parent })
    },
    stands: (citation, { scope }) => parts.library.stands(citation, scope),
    quotes: (model) => parts.fleet.entry(model)?.view.kind === 'extractive',
  })
  const embed = createHandle({
    ...common,
    admit: input.embedding.admit,
    plan: createEmbedPlan({ config: config.route, models }),
    ways: { embed: createEmbed({ ...loop, outbound: input.embedding.outbound }) },
  })
  parts.library.stages.use(retrievalEngines(config, { ...parts, embed }))
  const counting = { ...planPorts, escalation: leavingNoTrace(escalation) }
  const counts = (model: string) => parts.fleet.entry(model)?.view.dialect === 'messages'
  return {
    handle: createHandle({
      ...stages,
      plan: withMeaning(planPorts, hiding(createPlan(planPorts)), meanings, parts.like),
      ways: { direct, retrieve },
    }),
    embed,
    count: createCount({ ...stages, plan: hiding(createPlan(counting)), ...attempts, counts }),
  }
}

/** Refuses what the caller may not know of before anything is planned. */
function hidingCollections({ library }: Parts, plan: HandlePorts['plan']): HandlePorts['plan'] {
  return (ask, caller) => {
    const collection = ask.request.upshift?.collection
    const hidden = collection === undefined ? undefined : library.refusal(collection, caller.scope)
    return hidden ?? plan(ask, caller)
  }
}

/**
 * Plans with the request's embedding where that helps to decide and a model for it is configured. As long as no like
 * requests are known there is nothing to compare with: then only a request that a lot has chosen is embedded, to be the
 * first of them.
 */
function withMeaning(
  ports: PlanPorts,
  plan: HandlePorts['plan'],
  meanings: Meanings,
  like: Pick<LikeRequests, 'meant' | 'size'>,
): HandlePorts['plan'] {
  const { model, waitMs } = ports.config.escalation.embeddings
  if (model === undefined) return plan
  return async (ask, caller) => {
    const text = meaningWanted(ports, ask, caller)
    if (text === undefined) return plan(ask, caller)
    const embedded = () => meanings.of(ask, caller, text, { model, waitMs }, ports.models())
    if (like.size > 0) return plan({ ...ask, meaning: await embedded() }, caller)
    const planned = await plan(ask, caller)
    if (!isRefusal(planned) && planned.escalation?.drawn !== undefined) like.meant(ask.id, await embedded())
    return planned
  }
}

/** True where whichever candidate answers, what it says has the form that was asked for. */
function mayStream(request: ChatRequest, candidates: readonly ModelView[]): boolean {
  const covered = candidates.some(({ writesByGrammar }) => writesByGrammar === true) && isCovered(request)
  return candidates.every((model) => model.enforcesSchema || (covered && model.writesByGrammar === true))
}

/** What every kind of request has in common. */
function pathPorts(parts: Parts): PathPorts {
  return {
    authenticate: ({ credential, caller }) =>
      caller === undefined ? parts.keys.authenticate(credential) : parts.keys.again(caller),
    enter: (caller) => parts.record.disk.refusal() ?? parts.ledger.enter(caller.key),
    record: parts.record.recorder,
    elapsed: systemClock.elapsed,
  }
}

function loopPorts(config: Config, parts: Parts): Omit<LoopPorts<never>, 'outbound'> {
  const { fleet, engines, record } = parts
  const { attempts } = config.fleet
  return {
    acquire: (need) => {
      const bound = (grant: LeaseGrant | Refusal) =>
        isRefusal(grant) ? grant : new BoundLease(grant, engines)
      const granted = fleet.acquire(need)
      return granted instanceof Promise ? granted.then(bound) : bound(granted)
    },
    hasOther: (candidates, failed) => {
      const now = systemClock.elapsed()
      return candidates.some((id) => {
        const entry = fleet.entry(id)
        if (entry?.view.allowed !== true || !entry.view.available) return false
        return entry.places.some(({ replica }) => !failed.has(replica.id) && replica.usable(now))
      })
    },
    record: record.recorder,
    elapsed: systemClock.elapsed,
    random: Math.random,
    bounds: { ...attempts, heldBytes: config.guard.bounds.maxHeldBytes },
  }
}

async function closePool(pool: WorkerPool): Promise<void> {
  await pool.close()
}
