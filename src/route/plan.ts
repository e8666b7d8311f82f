import type { Ask } from '../contract/ask.ts'
import { type Caller, mayUse } from '../contract/caller.ts'
import type { Escalation } from '../contract/escalation.ts'
import type { ModelView } from '../contract/model.ts'
import type { ChatMode, Plan } from '../contract/plan.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import { lastQuestion } from '../contract/text.ts'
import { isTier, TIERS, type Tier } from '../contract/tier.ts'
import { kept } from '../lib/kept.ts'
import {
  allowedTo,
  embedsOnly,
  Notes,
  nearestTiers,
  noModel,
  outOfScope,
  rank,
  resolveAlias,
  tierOutOfScope,
  unknownModel,
} from './choice.ts'
import type { RouteConfig } from './config.ts'
import { askedOf } from './escalate/asked.ts'
import { type Choices, type EscalationPorts, planShift, type Shift } from './escalate/plan.ts'
import { deliberate, featuresOf } from './features.ts'

const ABOUT_UPSHIFT = /\bupshift\b/i

/** What the planner needs from outside. */
export interface PlanPorts {
  readonly config: RouteConfig
  models(): readonly ModelView[]
  /** 0–1: how well the handbook supports an answer; 0.5 and above is worth quoting. */
  support(ask: Ask): number
  /** Between two tiers, whom to ask first and whether to look at the answer; absent: by points alone. */
  readonly escalation?: EscalationPorts
  /** How the answer must be checked: as it streams, or whole. */
  outputMode(ask: Ask, candidates: readonly ModelView[]): 'scan' | 'hold'
}

/** Who answers, and whether their answer may be followed by another's. */
interface Chosen extends Shift {
  readonly upward?: true
}

/**
 * Decides mode, tier, models, effort, output mode and the cap on output, and says why. Never fails for want of
 * a good reason: it falls to the tier that the policy names, and refuses only what cannot or may not be served.
 */
export function createPlan(ports: PlanPorts): (ask: Ask, caller: Caller) => Plan<ChatMode> | Refusal {
  return (ask, caller) => {
    const notes = new Notes()
    const requested = ask.request.model
    const named = resolveAlias(ports.config, requested, notes)
    const mode = chooseMode(ports, ask, named, notes)
    const chosen =
      mode === 'retrieve'
        ? overPassages(ports, ask, caller, named, notes)
        : chooseModels(ports, ask, caller, named, notes)
    if (isRefusal(chosen)) return chosen
    const {
      models: choice,
      escalation,
      decided,
      upward,
    }: Chosen = 'models' in chosen ? chosen : { models: chosen }
    const [first] = choice
    if (first === undefined) return noModel(ports.models(), requested)
    const slo = ports.config.tiers[first.tier]
    const asked = ask.request.max_completion_tokens ?? ask.request.max_tokens
    if (asked == null)
      notes.reason(
        `no limit on output was given: ${slo.maxOutputTokens} tokens, the ${first.tier} tier's cap`,
      )
    return {
      mode,
      requested,
      tier: first.tier,
      candidates: choice.map((model) => model.id),
      effort: deliberate(ask.request) ? 'deliberate' : 'fast',
      output: outputOf(ports, ask, choice, escalation),
      maxOutputTokens: asked ?? slo.maxOutputTokens,
      ...(escalation === undefined ? {} : { escalation }),
      ...(decided === undefined ? {} : { decided }),
      ...(upward === undefined ? {} : { upward }),
      capImposed: asked == null,
      deadlineMs: slo.deadlineMs,
      reasons: notes.reasons,
      rejected: notes.rejected,
    }
  }
}

/** Whoever may answer counts: also those above, whose answer may leave in place of the cheap one. */
function outputOf(
  ports: PlanPorts,
  ask: Ask,
  choice: readonly ModelView[],
  escalation: Escalation | undefined,
): Plan['output'] {
  if (ask.request.upshift?.collection !== undefined) return 'hold'
  const strong = escalation === undefined || escalation.order === 'shadow' ? [] : escalation.strong
  if (strong.length === 0) return ports.outputMode(ask, choice)
  const above = ports.models().filter(({ id }) => strong.includes(id))
  return ports.outputMode(ask, [...choice, ...above])
}

function chooseMode(ports: PlanPorts, ask: Ask, named: string, notes: Notes): ChatMode {
  const { mode: wanted, collection } = ask.request.upshift ?? {}
  if (ask.passages !== undefined || wanted === 'direct') return 'direct'
  if (collection !== undefined) {
    notes.reason(`the collection ${collection} was asked`)
    return 'retrieve'
  }
  if (wanted === 'retrieve') {
    notes.reason('retrieval was asked for')
    return 'retrieve'
  }
  if (named !== 'auto' || wantsModel(ask)) return 'direct'
  const anyModel = ports.models().some((model) => model.kind === 'chat' && model.allowed)
  if (anyModel && wanted !== 'auto') return 'direct'
  // Words of the handbook are everybody's words: where a model can answer, only a question that names Upshift is
  // taken for one about it.
  if (anyModel && !ABOUT_UPSHIFT.test(lastQuestion(ask.request))) {
    notes.reject('retrieve', 'the question does not name Upshift, and a model is connected')
    return 'direct'
  }
  const support = ports.support(ask)
  const stated = `the handbook's support for the question is ${support.toFixed(2)}`
  if (support >= 0.5) {
    notes.reason(stated)
    if (!anyModel) notes.reject('direct', 'no model is connected')
    return 'retrieve'
  }
  // Who says `auto` in so many words, as `upshift ask` does, is content with what the handbook says or declines.
  if (!anyModel && wanted === 'auto') {
    notes.reason(`no model is connected, so the handbook is asked; ${stated}`)
    notes.reject('direct', 'no model is connected')
    return 'retrieve'
  }
  notes.reject('retrieve', `${stated}, below 0.50`)
  return 'direct'
}

/** Tools and schemas need a model: quotations cannot have a shape. */
function wantsModel(ask: Ask): boolean {
  const format = ask.request.response_format?.type
  return (ask.request.tools?.length ?? 0) > 0 || format === 'json_schema' || format === 'json_object'
}

/**
 * Who answers from passages: the handbook's are quoted; those of a collection go to the model that would answer
 * without them, and are quoted where there is none or where the quoting engine was named.
 */
function overPassages(
  ports: PlanPorts,
  ask: Ask,
  caller: Caller,
  named: string,
  notes: Notes,
): readonly ModelView[] | Chosen | Refusal {
  const quoting = extractive(ports.models(), caller)
  if (ask.request.upshift?.collection === undefined) return quoting
  if (!isRefusal(quoting) && quoting.some(({ id, name }) => id === named || name === named)) return quoting
  const { escalation: _, ...direct } = ports
  const chosen = chooseModels(direct, ask, caller, named, notes)
  if (!isRefusal(chosen)) {
    const models = 'models' in chosen ? chosen.models : chosen
    const between = ports.config.escalation.mode === 'on' && named === 'auto'
    return between && choicesOf(ports, ask, caller) !== undefined ? { models, upward: true } : models
  }
  if (named !== 'auto' || isRefusal(quoting)) return chosen
  notes.reason('no model can be used: the passages are quoted')
  return quoting
}

function extractive(models: readonly ModelView[], caller: Caller): readonly ModelView[] | Refusal {
  const found = models.filter((model) => model.kind === 'extractive')
  const usable = found.filter((model) => mayUse(caller.scope, model) === true)
  return usable.length > 0 || found.length === 0 ? usable : outOfScope(caller, found)
}

/**
 * What an embedding would be of that helps to decide between two tiers; undefined where there is no such decision, or
 * where it falls without: for deliberate reasoning, where the handbook answers, and where there is no prior to weigh
 * like requests against.
 */
export function meaningWanted(ports: PlanPorts, ask: Ask, caller: Caller): string | undefined {
  const named = resolveAlias(ports.config, ask.request.model, new Notes())
  if (named !== 'auto' || deliberate(ask.request)) return undefined
  if (choicesOf(ports, ask, caller) === undefined || ports.escalation?.hasPrior() !== true) return undefined
  return chooseMode(ports, ask, named, new Notes()) === 'retrieve' ? undefined : askedOf(ask).text
}

function chooseModels(
  ports: PlanPorts,
  ask: Ask,
  caller: Caller,
  named: string,
  notes: Notes,
): readonly ModelView[] | Shift | Refusal {
  const all = ports.models()
  const shift = named === 'auto' ? shiftOf(ports, ask, caller, notes) : undefined
  if (shift !== undefined && ports.config.escalation.mode === 'on') return shift
  if (named === 'auto' || isTier(named)) {
    const tier = named === 'auto' ? autoTier(ports.config, ask, notes) : named
    // `auto` makes do with the tiers that a key has; a tier that was asked for by name is not replaced unseen.
    if (named !== 'auto' && caller.scope.tiers?.includes(tier) === false) return tierOutOfScope(caller, tier)
    if (named !== 'auto') notes.reason(`the ${tier} tier was asked for`)
    const models = ofTier(ports.config, all, ask, caller, tier, notes)
    return shift === undefined || isRefusal(models) ? models : shadowed(shift, models)
  }
  // An id is one model. Only a name that is no id may mean what several engines call so.
  const byId = all.find((model) => model.id === named)
  const exact = byId === undefined ? all.filter((model) => model.name === named) : [byId]
  if (exact.length === 0) return unknownModel(all, named, ask.request.model)
  if (exact.every((model) => model.kind === 'extractive') && ask.passages === undefined) {
    return refuse(
      'no_model',
      `${named} has no weights: it answers only from passages. Ask with "upshift": {"mode": "retrieve"}.`,
      {
        param: 'model',
      },
    )
  }
  const chat = kept(exact, (model) => model.kind !== 'embedding')
  if (chat.length === 0) return embedsOnly(named)
  notes.reason(`the exact model ${named} was asked for`)
  return permitted(chat, ask, caller, notes)
}

/** Where a caller has models of two tiers: which of them, by what a stronger one is expected to gain. */
function shiftOf(ports: PlanPorts, ask: Ask, caller: Caller, notes: Notes): Shift | undefined {
  const choices = choicesOf(ports, ask, caller)
  if (ports.escalation === undefined || choices === undefined) return undefined
  // In a shadow the points decide, and theirs are the reasons that the caller is given.
  const said = ports.config.escalation.mode === 'shadow' ? new Notes() : notes
  return planShift(ports.escalation, ask, caller, choices, said)
}

/** The models of two tiers that a caller may use, one of each up. */
function choicesOf(ports: PlanPorts, ask: Ask, caller: Caller): Choices | undefined {
  if (ports.escalation === undefined || ports.config.escalation.mode === 'off') return undefined
  const usable = ports
    .models()
    .filter((model) => model.kind === 'chat' && model.allowed && mayUse(caller.scope, model) === true)
  const low = TIERS.find((tier) => usable.some((model) => model.tier === tier))
  const high = TIERS.findLast((tier) => usable.some((model) => model.tier === tier))
  if (low === undefined || high === undefined || low === high) return undefined
  const [cheap, strong] = [low, high].map((tier) => fitting(usable, tier, ask))
  if (!cheap?.some(({ available }) => available) || !strong?.some(({ available }) => available))
    return undefined
  const judging = ports.config.escalation.evaluator
  const evaluator = usable.find(({ id, available }) => id === judging && available)
  return { cheap, strong, evaluator }
}

/** The points have decided; what would have been done is written down where they chose one of the same two tiers. */
function shadowed({ escalation, models: [cheap] }: Shift, models: readonly ModelView[]): Shift {
  const tier = models[0]?.tier
  const known = escalation !== undefined && (tier === escalation.tier || tier === cheap?.tier)
  return known ? { models, escalation } : { models }
}

function fitting(models: readonly ModelView[], tier: Tier, ask: Ask): readonly ModelView[] {
  const ranked = rank(
    models.filter((model) => model.tier === tier),
    ask,
    new Notes(),
  )
  return isRefusal(ranked) ? [] : ranked
}

function autoTier(config: RouteConfig, ask: Ask, notes: Notes): Tier {
  const features = featuresOf(ask.request)
  const points = features.reduce((sum, feature) => sum + feature.points, 0)
  const tier = points >= config.autoExpert ? 'expert' : points >= config.autoMid ? 'mid' : 'fast'
  const seen = features.map((feature) => `${feature.name} +${feature.points}`).join(', ')
  notes.reason(`auto: ${points} points of difficulty${seen === '' ? '' : ` (${seen})`}, so the ${tier} tier`)
  const limits = { fast: 0, mid: config.autoMid, expert: config.autoExpert }
  for (const other of TIERS) {
    if (other === tier) continue
    notes.reject(
      other,
      limits[other] > points
        ? `needs ${limits[other]} points`
        : 'a cheaper tier will do less well on such requests',
    )
  }
  return tier
}

/** The tier's models that may serve, or the nearest tier's, as the policy says. */
function ofTier(
  config: RouteConfig,
  all: readonly ModelView[],
  ask: Ask,
  caller: Caller,
  tier: Tier,
  notes: Notes,
): readonly ModelView[] | Refusal {
  const chat = all.filter((model) => model.kind === 'chat')
  const tiers = config.whenTierMissing === 'nearest' ? [tier, ...nearestTiers(tier)] : [tier]
  let refusal: Refusal | undefined
  for (const candidate of tiers) {
    const found = chat.filter((model) => model.tier === candidate)
    if (found.length === 0) continue
    const before = notes.reasons.length
    if (candidate !== tier) {
      notes.reason(`no model of the ${tier} tier can be used: the nearest, ${candidate}, is taken`)
    }
    const usable = permitted(found, ask, caller, notes)
    if (!isRefusal(usable)) return usable
    notes.reasons.length = before
    refusal ??= usable
  }
  return refusal ?? noModel(all, ask.request.model)
}

/** The models that this caller may use for this request, best first; a refusal that names why where none is left. */
function permitted(
  models: readonly ModelView[],
  ask: Ask,
  caller: Caller,
  notes: Notes,
): readonly ModelView[] | Refusal {
  const usable = allowedTo(caller, models, notes)
  return isRefusal(usable) ? usable : rank(usable, ask, notes)
}
