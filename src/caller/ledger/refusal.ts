import { type Refusal, refuse } from '../../contract/problem.ts'
import { dayEndsAt, minuteText, monthBeginsAt, monthOf } from '../../lib/utc.ts'
import { usd } from '../money.ts'
import type { Figures } from './account.ts'

// DESIGN. The words of a refusal: what happened, what is left, when it resets, and what to do. `retryAfterMs`
// stands only where waiting helps: a worst case above the whole limit never fits.

/** What is reserved or open may be free again at any moment; asking more often than this would not help. */
const OPEN_RETRY_MS = 1_000

/** A budget as it stands at one moment. */
export interface Budget {
  readonly key: string
  readonly period: 'day' | 'month'
  readonly limitMicros: number
  readonly figures: Figures
  readonly heldMicros: number
  /** The day since the epoch that the account has reached. */
  readonly day: number
  readonly nowMs: number
}

/** Nothing is left of it, whatever the request is. */
export function budgetSpent(budget: Budget): Refusal {
  const { key, period, limitMicros, figures, nowMs } = budget
  const resetsAt = resetOf(budget)
  const message =
    `The API key ${key} has spent its budget of ${usd(limitMicros)} a ${period} (UTC): ${spentWords(figures)}. ` +
    `It starts afresh at ${minuteText(resetsAt)}. Wait until then, or let the owner raise it with ${raise(key, period)}.`
  return refuse('budget_exceeded', message, { retryAfterMs: resetsAt - nowMs })
}

/** What is left does not cover the worst case of one attempt. */
export function budgetTooSmall(budget: Budget, worstMicros: number): Refusal {
  const { key, period, limitMicros, figures, heldMicros, nowMs } = budget
  const needs = `This request may cost up to ${usd(worstMicros)}`
  const smaller = `Ask for less with a smaller max_tokens or a shorter prompt`
  if (worstMicros > limitMicros) {
    const message =
      `${needs}, more than the whole budget of ${usd(limitMicros)} a ${period} of the API key ${key}. ` +
      `${smaller}, or let the owner raise it with ${raise(key, period)}.`
    return refuse('budget_exceeded', message)
  }
  const resetsAt = resetOf(budget)
  const left = Math.max(0, limitMicros - figures.spentMicros - heldMicros)
  const message =
    `${needs}, and the API key ${key} has ${usd(left)} left of its budget of ${usd(limitMicros)} a ${period} (UTC): ` +
    `${spentWords(figures)}, and ${usd(heldMicros)} reserved for requests under way. It starts afresh at ` +
    `${minuteText(resetsAt)}. ${smaller}, wait, or let the owner raise it with ${raise(key, period)}.`
  const onlyHeld = figures.spentMicros + worstMicros <= limitMicros
  return refuse('budget_exceeded', message, { retryAfterMs: onlyHeld ? OPEN_RETRY_MS : resetsAt - nowMs })
}

export function tooManyOpen(key: string, limit: number): Refusal {
  const message =
    `The API key ${key} has ${limit} requests under way, as many as it may have at once. Wait until one ends, or ` +
    `let the owner raise the limit with \`upshift keys limit ${key} --concurrent NUMBER\`.`
  return refuse('rate_limited', message, { retryAfterMs: OPEN_RETRY_MS })
}

/** @param waitSeconds - until the oldest request of the minute has slid out */
export function tooManyRequests(key: string, limit: number, waitSeconds: number): Refusal {
  const message =
    `The API key ${key} has made ${limit} requests within a minute, as many as it may. The next one is free in ` +
    `${waitSeconds} s. Wait, or let the owner raise the limit with \`upshift keys limit ${key} --rpm NUMBER\`.`
  return refuse('rate_limited', message, { retryAfterMs: waitSeconds * 1_000 })
}

/** A minute's tokens as they stand at one moment. */
export interface TokenMinute {
  readonly key: string
  readonly limit: number
  readonly used: number
  readonly held: number
  /** Until enough has slid out; undefined where that depends on requests under way. */
  readonly waitSeconds: number | undefined
}

export function tooManyTokens(minute: TokenMinute, worstTokens: number): Refusal {
  const { key, limit, used, held, waitSeconds } = minute
  const needs = `This request may use up to ${worstTokens} tokens`
  const smaller = 'Ask for less with a smaller max_tokens or a shorter prompt'
  const higher = `let the owner raise the limit with \`upshift keys limit ${key} --tpm NUMBER\``
  if (worstTokens > limit) {
    const message = `${needs}, more than the ${limit} a minute of the API key ${key}. ${smaller}, or ${higher}.`
    return refuse('rate_limited', message)
  }
  const left = Math.max(0, limit - used - held)
  const free =
    waitSeconds === undefined ? 'as soon as one of those requests ends' : `in ${waitSeconds} s at the latest`
  const message =
    `${needs}, and the API key ${key} has ${left} left of its ${limit} a minute: ${used} used, and ${held} reserved ` +
    `for requests under way. There is room ${free}. Wait, ${lower(smaller)}, or ${higher}.`
  const retryAfterMs = waitSeconds === undefined ? OPEN_RETRY_MS : waitSeconds * 1_000
  return refuse('rate_limited', message, { retryAfterMs })
}

function spentWords({ spentMicros, unknownMicros }: Figures): string {
  const unknown = unknownMicros === 0 ? '' : ` (${usd(unknownMicros)} of it worst cases of unknown cost)`
  return `${usd(spentMicros)} spent${unknown}`
}

function resetOf({ period, day }: Budget): number {
  return period === 'day' ? dayEndsAt(day) : monthBeginsAt(monthOf(day) + 1)
}

function raise(key: string, period: 'day' | 'month'): string {
  return `\`upshift keys limit ${key} --${period}-usd AMOUNT\``
}

function lower(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1)
}
