import { cpuSeconds } from '../gateway/measured.ts'
import { median } from '../process/load.ts'
import { firstToken, type Server, type Way } from './ways.ts'

/** Both ways with so many sequences at once. */
export interface Row {
  readonly sequences: number
  /** Tokens a second, all sequences together, at the median. */
  readonly ours: number
  readonly bare: number
  /** Ours by bare: the median of the rounds, the lowest and the highest. */
  readonly ratio: number
  readonly ratioLow: number
  readonly ratioHigh: number
  /** CPU time of the process that has the model, microseconds for each token, at the median. */
  readonly oursCpuUs: number
  readonly bareCpuUs: number
}

/** A conversation's first two turns, at the median. */
export interface Turns {
  readonly firstMs: number
  readonly secondMs: number
  readonly ratio: number
  /** Tokens of the second turn's prompt that the sequence held. */
  readonly sharedTokens: number
}

export interface Pace {
  readonly rounds: number
  readonly tokens: number
}

interface Seen {
  readonly perSecond: number
  readonly cpuUs: number
}

/** Questions so far. */
let asked = 0

/** Each begins in another way, so that nobody finds it in a cache. */
export function prompts(count: number): readonly string[] {
  return Array.from({ length: count }, () => `${asked++} hello world`)
}

/** The ways take turns, each round beginning with the other one. */
export async function speed(ours: Way, bare: Way, sequences: number, pace: Pace): Promise<Row> {
  const seen = { ours: [] as Seen[], bare: [] as Seen[] }
  for (let round = 0; round < pace.rounds; round++) {
    for (const way of round % 2 === 0 ? [ours, bare] : [bare, ours]) {
      seen[way.name].push(await once(way, sequences, pace.tokens, round))
    }
  }
  const ratios = seen.ours.map(
    ({ perSecond }, round) => perSecond / (seen.bare[round]?.perSecond ?? Number.NaN),
  )
  return {
    sequences,
    ours: median(seen.ours.map(({ perSecond }) => perSecond)),
    bare: median(seen.bare.map(({ perSecond }) => perSecond)),
    ratio: median(ratios),
    ratioLow: Math.min(...ratios),
    ratioHigh: Math.max(...ratios),
    oursCpuUs: median(seen.ours.map(({ cpuUs }) => cpuUs)),
    bareCpuUs: median(seen.bare.map(({ cpuUs }) => cpuUs)),
  }
}

async function once(way: Way, sequences: number, tokens: number, seed: number): Promise<Seen> {
  const before = cpuSeconds(way.pid)
  const seconds = await way.run(prompts(sequences), tokens, seed)
  const said = sequences * tokens
  return { perSecond: said / seconds, cpuUs: ((cpuSeconds(way.pid) - before) * 1e6) / said }
}

/** So many conversations: a system prompt of `words` times five tokens, a question, its answer, and another question. */
export async function conversations(
  server: Server,
  model: string,
  count: number,
  words: number,
): Promise<Turns> {
  const firstMs: number[] = []
  const secondMs: number[] = []
  const shared: number[] = []
  for (let turn = 0; turn < count; turn++) {
    const system = { role: 'system', content: `${asked++} ${'the city '.repeat(words)}` }
    const question = { role: 'user', content: 'hello world' }
    const first = await firstToken(server, model, [system, question])
    const answer = { role: 'assistant', content: first.text }
    const second = await firstToken(server, model, [
      system,
      question,
      answer,
      { role: 'user', content: 'and?' },
    ])
    firstMs.push(first.ms)
    secondMs.push(second.ms)
    shared.push(second.cachedTokens)
  }
  const ratios = secondMs.map((one, turn) => one / (firstMs[turn] ?? Number.NaN))
  return {
    firstMs: median(firstMs),
    secondMs: median(secondMs),
    ratio: median(ratios),
    sharedTokens: median(shared),
  }
}
