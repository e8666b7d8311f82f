import type { Tier } from './tier.ts'

/**
 * What a plan says of shifting up. `plan.candidates` are the cheap models: they answer first, and their answer is
 * looked at before anything of it leaves.
 */
export interface Escalation {
  /** Exact models of the tier above, the preferred first; never empty. */
  readonly strong: readonly string[]
  readonly tier: Tier
  /** The bounds of that tier, as `Plan` has them for the cheap one. */
  readonly maxOutputTokens: number
  readonly deadlineMs: number
  /** Cheap models of another maker, whose agreement is evidence; empty where none is asked. */
  readonly second: readonly string[]
  /** The cheap model is asked how sure it is of each token. */
  readonly margins?: true
  /** P(strong right) − P(cheap right) as the prior expects it, from what was asked alone. */
  readonly gain: number
  /** Evidence that is there before any answer. */
  readonly foreseen?: Foreseen
  /** The strong model's answer costs so much more, micro-dollars, as far as prices say; at least what a small gain is worth. */
  readonly extraMicros: number
  /** What one more right answer is worth, micro-dollars. */
  readonly worthMicros: number
  /** The kind of traffic that it is counted under, such as `fast>expert code`. */
  readonly segment: string
  /**
   * `after`: the strong model waits for the judgement. `race`: it begins with the cheap one and is broken off where it
   * is not needed. `shadow`: the cheap answer leaves as it comes, and what would have been done is written down.
   */
  readonly order: 'after' | 'race' | 'shadow'
  /** Who says which of two answers is right, where they differ: exact models, the preferred first. */
  readonly evaluator?: readonly string[]
  /** Set where chance decides instead of the judgement, so that what going up is worth can be measured. */
  readonly drawn?: Draw
}

/** A request between two tiers that was decided before any answer: nobody looks at the answer. */
export interface Decided extends Pick<Escalation, 'segment' | 'extraMicros' | 'worthMicros'> {
  /** Which of the two answers. */
  readonly to: 'cheap' | 'strong'
  /** P(strong right) − P(cheap right), as far as it was expected. */
  readonly gain: number
}

/** A request that a lot has chosen to learn from. */
export interface Draw {
  /** `both`: both models answer, they are compared, and the judgement says which one the caller gets. */
  readonly arm: 'cheap' | 'strong' | 'both'
  /** The chance of being drawn, and then of this arm; 0 < x ≤ 1. */
  readonly drawn: number
  readonly propensity: number
  /** Held against the day's money for trials, micro-dollars. */
  readonly heldMicros?: number
  /** What is compared: outcomes of other models, prices or worths do not count together. */
  readonly terms: {
    /** The two models and their prices. */
    readonly models: string
    /** What one more right answer is worth, micro-dollars. */
    readonly priceMicros: number
    /** The most that a request may cost in each arm, micro-dollars. */
    readonly cheapMaxMicros: number
    readonly strongMaxMicros: number
  }
}

/** What an evaluator is shown of a conversation, its last question and each answer, and what it may say. */
export const EVALUATOR_BOUNDS = {
  /** UTF-16 units of each of the four texts. */
  shownChars: 8_000,
  /** Bytes of what is said around them. */
  frameBytes: 2_048,
  verdictTokens: 1_024,
} as const

/** Two answers to one request, each from 0 (wrong) to 1 (right), with what they cost. */
export interface Compared {
  readonly cheap: number
  readonly strong: number
  readonly cheapMicros: number
  readonly strongMicros: number
  /** `agreement`: they said the same, so that neither is the better. */
  readonly by: 'agreement' | 'evaluator'
}

/** A step of an agent: an answer to what tools have said. */
export interface Step {
  /** From 2: the first one, which no tool's result precedes, is a request like any other. */
  readonly number: number
  /**
   * The step before it failed: a tool said that it did (`error`), the call named no tool that there is or had no
   * arguments (`invalid`), or it was made word for word before (`repeat`).
   */
  readonly failed?: 'error' | 'invalid' | 'repeat'
}

/** What is known before any answer, beside what was asked. */
export interface Foreseen {
  readonly step?: Step
  /** What going up was worth on labelled requests of like meaning. */
  readonly neighbours?: Neighbourhood
}

export interface Neighbourhood {
  /** Right of the strong model less right of the cheap one, −1 to 1. */
  readonly gain: number
  /** 0–1: how much that counts beside the prior, by how many neighbours there are and how near. */
  readonly weight: number
}

/** What was seen of the cheap answer. Numbers and marks alone, so that they may stand in the record. */
export interface Evidence extends Foreseen {
  /** Whether the second model said the same; absent where none was asked, or none answered. */
  readonly agrees?: boolean
  /**
   * How sure the cheap model was: the mean over its tokens of how much likelier the chosen one was than the next, 0–1;
   * absent where it does not tell.
   */
  readonly margin?: number
  /**
   * The share of its sentences that stand in what it was made from, 0–1: in passages that were found, or in the
   * caller's own context. Absent where it was made from neither, or has no sentence of its own.
   */
  readonly grounding?: number
  /** It calls a tool word for word as an earlier step of the same task did. */
  readonly repeats?: true
  /** UTF-16 units of the cheap answer. */
  readonly chars: number
  /** False where the answer broke the shape that was asked for, or was cut off at its limit. */
  readonly whole: boolean
}

/** What was made of the evidence. It stands in the closed entry, and routing learns from it. */
export interface Judgement {
  readonly segment: string
  /** Before any answer, and with the evidence. */
  readonly prior: number
  readonly gain: number
  /** What one more right answer was worth, and what going up was expected to cost more, micro-dollars. */
  readonly worthMicros: number
  readonly extraMicros: number
  readonly action: 'accept' | 'escalate' | 'abstain'
  /** What was done: another thing than `action` where chance decided, in a shadow, or where the strong model failed. */
  readonly done: 'accept' | 'escalate' | 'abstain'
  readonly reason: string
  readonly evidence?: Evidence
  readonly drawn?: Draw
  /** Both models have answered, and which of the answers is right is known. */
  readonly compared?: Compared
}
