import type { Token } from 'node-llama-cpp'
import type { TokenLogprob } from './protocol.ts'
import type { TokenBytes } from './token-text.ts'

/** Of every token that could be chosen, the likeliest first, as they were drawn from: after the temperature. */
export type Probabilities = ReadonlyMap<Token, number>

/** A logarithm of nothing has no JSON. OpenAI's API says the same number for what is hardly likely. */
const LOGPROB_MIN = -9_999

/**
 * The chosen token and the likeliest `top` ones with the logarithms of what the model itself gave them. What the
 * temperature did is undone: p₁ ∝ p^T. At a temperature of 0 llama.cpp tells them as they are. Below 0.2 tokens of
 * hardly any likelihood are lost in single precision, and the others seem a little likelier.
 */
export function logprobsOf(
  token: Token,
  drawn: Probabilities | undefined,
  top: number,
  temperature: number,
  bytes: TokenBytes,
): TokenLogprob {
  const known = drawn ?? new Map<Token, number>()
  const power = temperature === 0 ? 1 : temperature
  const scale = power === 1 ? 0 : Math.log(sum(known, power))
  const one = (id: Token, probability: number) => ({
    bytes: [...bytes.of(id).bytes],
    logprob: probability > 0 ? Math.max(LOGPROB_MIN, power * Math.log(probability) - scale) : LOGPROB_MIN,
  })
  const best: [Token, number][] = []
  for (const entry of known) {
    if (best.length === top) break
    best.push(entry)
  }
  return {
    ...one(token, known.get(token) ?? 0),
    top: best.map(([id, probability]) => one(id, probability)),
  }
}

function sum(probabilities: Probabilities, power: number): number {
  let total = 0
  for (const probability of probabilities.values()) total += probability ** power
  return total
}
