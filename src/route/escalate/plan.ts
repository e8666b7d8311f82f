import type { Ask } from '../../contract/ask.ts'
import type { Caller } from '../../contract/caller.ts'
import type { Decided, Draw, Escalation, Foreseen } from '../../contract/escalation.ts'
import type { ModelView } from '../../contract/model.ts'
import { mediumIn } from '../../contract/text.ts'
import type { Notes } from '../choice.ts'
import type { RouteConfig } from '../config.ts'
import { deliberate } from '../features.ts'
import { type LikeRequests, pairOf } from '../online/like.ts'
import { usdText } from '../usd.ts'
import { type Asked, askedOf } from './asked.ts'
import { familyOf } from './family.ts'
import { likeWords, type Standing, stepMark, stepWords } from './judge.ts'
import { posteriorGain, type Weights } from './posterior.ts'
import { expectedMicros, lostCacheMicros } from './price.ts'
import { segmentOf } from './segment.ts'
import { type Sessions, sessionOf } from './sessions.ts'

/** What a prompt lets one expect: shares of right answers, and their difference. */
export interface Expected {
  readonly gain: number
  /** What speaks for or against the strong model. */
  readonly reasons: readonly string[]
}

export interface EscalationPorts {
  readonly config: RouteConfig
  readonly sessions: Pick<Sessions, 'modelOf' | 'is' | 'mayMove'>
  /** Undefined where there is no prior: then the points of difficulty decide. */
  expect(text: string): Expected | undefined
  hasPrior(): boolean
  /** What the evidence weighs, as far as it was learned. */
  weights(): Weights
  /** Whether going up has been shown to pay for a kind of traffic. */
  standing(segment: string): Standing
  /** Labelled requests of like meaning; where nobody embeds there are none. */
  readonly like: Pick<LikeRequests, 'drawn' | 'near'>
  /** How much of its budget a caller has left beside the time that is left, 0–1; 1 where there is no budget. */
  thrift(caller: Caller): number
  /** Whether a lot chooses this request, so that what going up is worth can be measured. */
  draw(asked: Drawing): Draw | undefined
}

/**
 * For the plan of a request whose tokens are only counted: it is made as any other, but no lot is drawn for it, and
 * nothing of it is remembered.
 */
export function leavingNoTrace(ports: EscalationPorts): EscalationPorts {
  const { sessions, like } = ports
  return {
    ...ports,
    sessions: {
      modelOf: (session) => sessions.modelOf(session),
      is: () => undefined,
      mayMove: () => undefined,
    },
    like: { near: (...about) => like.near(...about), drawn: () => undefined },
    draw: () => undefined,
  }
}

/** A request that a lot may choose. */
export interface Drawing {
  readonly ask: Ask
  readonly caller: Caller
  readonly segment: string
  readonly low: ModelView
  readonly high: ModelView
  readonly maxOutputTokens: number
  /** Who could say which of two answers is right; absent: nobody whom the caller may use. */
  readonly evaluator: ModelView | undefined
}

/** Models of two tiers that a caller may use for a request, each best first. */
export interface Choices {
  readonly cheap: readonly ModelView[]
  readonly strong: readonly ModelView[]
  /** The evaluator that is configured, where it is up and the caller may use it: it is shown what the caller asked. */
  readonly evaluator?: ModelView | undefined
}

/** Whom to ask first, and whether to look at the answer. */
export interface Shift {
  readonly models: readonly ModelView[]
  readonly escalation?: Escalation
  readonly decided?: Decided
}

/**
 * Before any answer: straight to the cheap model where the expected gain is far from worth its price, straight to the
 * strong one where it is worth it several times over, and in between the cheap one first, looked at before it leaves.
 * Where the strong one cannot answer, a cheap one does: who asked for `auto` has not asked for that model. Undefined
 * where there is no prior to go by.
 */
export function planShift(
  ports: EscalationPorts,
  ask: Ask,
  caller: Caller,
  choices: Choices,
  notes: Notes,
): Shift | undefined {
  const session = sessionOf(ask.request, caller)
  const asked = askedOf(ask)
  const shift = shiftBetween(ports, { ask, asked, caller, session }, choices, notes)
  if (shift === undefined) return undefined
  // In a shadow another model may answer: what the conversation is with is not known here. And what went wrong in one
  // step lifts the next one alone: then the conversation is with its model again.
  if (ports.config.escalation.mode !== 'on' || asked.step?.failed !== undefined) return shift
  const [first] = shift.models
  if (first !== undefined) ports.sessions.is(session, first.id)
  if (shift.escalation !== undefined) ports.sessions.mayMove(shift.escalation, session)
  return shift
}

interface Turn {
  readonly ask: Ask
  readonly asked: Asked
  readonly caller: Caller
  readonly session: string
}

function shiftBetween(ports: EscalationPorts, turn: Turn, choices: Choices, notes: Notes): Shift | undefined {
  const { ask, asked } = turn
  const { cheap, strong } = choices
  const [low] = cheap
  const [high] = strong
  const up = [...strong, ...cheap]
  if (low === undefined || high === undefined) return { models: low === undefined ? strong : cheap }
  if (deliberate(ask.request)) {
    notes.reason(`deliberate reasoning was asked for: the ${high.tier} tier`)
    return { models: up }
  }
  const expected = ports.expect(asked.text)
  if (expected === undefined) {
    notes.reason('there is no prior that says what a stronger model would gain')
    return undefined
  }
  const escalation = escalationOf(ports, turn, { low, high, ...choices }, expected)
  const { extraMicros, worthMicros, order, foreseen = {} } = escalation
  const gain = posteriorGain(escalation.gain, foreseen, ports.weights())
  if (ask.meaning?.missing !== undefined)
    notes.reason(`decided without requests of like meaning: ${ask.meaning.missing}`)
  const seen = [...stepWords(foreseen.step), ...likeWords(foreseen.neighbours)]
  const why = [...expected.reasons, ...seen].join(', ')
  notes.reason(
    `${stepMark(asked.step)}the ${high.tier} tier is expected to gain ${gain.toFixed(2)} (${why}), worth ${usdText(gain * worthMicros)} for ${usdText(extraMicros)} more`,
  )
  if (escalation.drawn !== undefined) {
    const { arm, drawn } = escalation.drawn
    notes.reason(`a lot of ${(100 * drawn).toFixed(1)} % chose this request to learn from: ${ARMS[arm]}`)
    return { models: arm === 'strong' ? up : cheap, escalation }
  }
  if (order === 'shadow') return { models: cheap, escalation }
  const decided = (to: Decided['to']): Decided => ({
    segment: escalation.segment,
    to,
    gain,
    extraMicros,
    worthMicros,
  })
  const shown = ports.standing(escalation.segment)
  if (shown.state === 'does-not-pay') {
    notes.reason(shown.reason)
    return { models: cheap, decided: decided('cheap') }
  }
  const { sure } = ports.config.escalation
  if (gain * worthMicros * sure < extraMicros || gain <= 0)
    return { models: cheap, decided: decided('cheap') }
  const straight = gain * worthMicros > extraMicros * sure
  return straight ? { models: up, decided: decided('strong') } : { models: cheap, escalation }
}

const ARMS = { cheap: 'the cheap model', strong: 'the strong model', both: 'both models' } as const

interface Pair extends Choices {
  readonly low: ModelView
  readonly high: ModelView
}

function escalationOf(
  ports: EscalationPorts,
  { ask, asked, caller, session }: Turn,
  { low, high, cheap, strong, evaluator: configured }: Pair,
  expected: Expected,
): Escalation {
  const { escalation: policy, tiers } = ports.config
  const { request } = ask
  const slo = tiers[high.tier]
  const maxOutputTokens = request.max_completion_tokens ?? request.max_tokens ?? slo.maxOutputTokens
  const more = expectedMicros(high, request, maxOutputTokens) - expectedMicros(low, request, maxOutputTokens)
  const worthMicros = Math.round(policy.worthUsd * 1_000_000 * ports.thrift(caller))
  const price = more + stay(ports.sessions.modelOf(session), low, high, ask)
  const extraMicros = Math.round(Math.max(policy.leastGain * worthMicros, price))
  const segment = segmentOf(ask, asked, low.tier, high.tier)
  // Two ways to go on with a task may both be right, and what they lead to is not seen: feedback knows. And an evaluator
  // is shown texts.
  const shows = asked.step === undefined && request.messages.every((one) => mediumIn(one) === undefined)
  const evaluator = shows ? configured : undefined
  // Nobody can rate what was asked over passages by itself: its caller knows the request above it.
  const rated = ask.origin.type === 'wire' || evaluator !== undefined
  const drawn =
    policy.mode === 'on' && rated
      ? ports.draw({ ask, caller, segment, low, high, maxOutputTokens, evaluator })
      : undefined
  if (drawn !== undefined && policy.embeddings.model !== undefined)
    ports.like.drawn(ask.id, pairOf(low, high), ask.meaning)
  const foreseen = foreseenOf(ports, pairOf(low, high), ask, asked)
  const second = policy.second ? secondOf(cheap, low) : []
  return {
    strong: strong.map(({ id }) => id),
    tier: high.tier,
    maxOutputTokens,
    deadlineMs: slo.deadlineMs,
    second: policy.mode === 'on' ? second.map(({ id }) => id) : [],
    ...(policy.mode === 'on' && cheap.every(({ tellsLogprobs }) => tellsLogprobs === true)
      ? { margins: true as const }
      : {}),
    gain: expected.gain,
    ...(foreseen === undefined ? {} : { foreseen }),
    extraMicros,
    worthMicros,
    segment,
    // What a lot has given one model is answered by it alone, as it comes.
    order:
      policy.mode === 'shadow' || (drawn !== undefined && drawn.arm !== 'both') ? 'shadow' : policy.order,
    ...(evaluator === undefined ? {} : { evaluator: [evaluator.id] }),
    ...(drawn === undefined ? {} : { drawn }),
  }
}

function foreseenOf(
  { like }: EscalationPorts,
  models: string,
  { meaning }: Ask,
  { step }: Asked,
): Foreseen | undefined {
  const neighbours = meaning === undefined ? undefined : like.near(models, meaning)
  if (step === undefined && neighbours === undefined) return undefined
  return { ...(step === undefined ? {} : { step }), ...(neighbours === undefined ? {} : { neighbours }) }
}

/** What a conversation saves by staying where it is makes going up dearer, or cheaper where it is up already. */
function stay(model: string | undefined, low: ModelView, high: ModelView, { request }: Ask): number {
  if (model === low.id) return lostCacheMicros(low, request)
  return model === high.id ? -lostCacheMicros(high, request) : 0
}

/** A cheap model of another maker, whose mistakes are its own. */
function secondOf(cheap: readonly ModelView[], low: ModelView): readonly ModelView[] {
  return cheap.filter((model) => model.available && familyOf(model) !== familyOf(low)).slice(0, 1)
}
