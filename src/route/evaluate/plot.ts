import { assert } from '../../lib/assert.ts'
import type { Evaluated } from './evaluate.ts'
import { type Point, pointsOf, strongAlone } from './money.ts'

const [WIDTH, HEIGHT] = [760, 470]
const BOX = { left: 64, right: 24, top: 64, bottom: 56 }
/** Points that a line keeps: more than the width has pixels for shows nothing more. */
const LINE_POINTS = 240
const TICKS = 5
const STEPS: readonly number[] = [1, 2, 5, 10]

const STYLE = `
  svg { color-scheme: light dark; font: 13px system-ui, sans-serif; --ground: #fff; --ink: #1d2430; --quiet: #667085; --grid: #e4e7ec; --router: #0b66c3; --length: #b54708; --oracle: #12805c; --coin: #98a2b3 }
  @media (prefers-color-scheme: dark) { svg { --ground: #14181f; --ink: #e6e9ef; --quiet: #98a2b3; --grid: #2a313c; --router: #58a6ff; --length: #f0a35e; --oracle: #4cc38a; --coin: #667085 } }
  .ground { fill: var(--ground) } text { fill: var(--ink) } .quiet { fill: var(--quiet) } .title { font-size: 16px; font-weight: 600 }
  .grid { stroke: var(--grid) } .line { fill: none; stroke-width: 2 } .wide { stroke-width: 3 } .dashed { stroke-dasharray: 5 5 }`

interface Line {
  readonly name: string
  readonly points: readonly Point[]
  readonly look: string
  readonly colour: string
}

/** Where a point stands: cost and quality to pixels. */
interface Scale {
  x(cost: number): number
  y(quality: number): number
  readonly costs: { readonly low: number; readonly high: number }
  readonly qualities: { readonly low: number; readonly high: number }
}

/**
 * The cost-quality curve with its baselines as one SVG that looks right on a light and on a dark page. The x axis is
 * the cost over that of the strong model alone, or the share of its calls where a price is not known.
 */
export function plotOf(evaluated: Evaluated): string {
  const { evaluation, cases, paying, rankings } = evaluated
  const known = pointsOf(cases, rankings.router, paying) !== undefined
  const alone = known ? strongAlone(cases) : undefined
  const lines = linesOf(evaluated, alone)
  const scale = scaleOf(lines)
  const { weak, strong, second } = evaluation.pair
  const title = `${weak} → ${strong}${second === null ? '' : ` (second: ${second})`}`
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(`Cost and quality: ${title}`)}">`,
    `<style>${STYLE}</style><rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    words(BOX.left, 28, title, 'title'),
    words(
      BOX.left,
      48,
      `${evaluation.n} rows, APGR ${evaluation.apgr?.toFixed(3)}, from the ${evaluation.evidence}`,
      'quiet',
    ),
    ...axes(
      scale,
      alone === undefined ? 'share of calls to the strong model' : "cost as a share of the strong model's",
    ),
    ...lines.map((line) => pathOf(line, scale)),
    ...legend(lines),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

function linesOf({ cases, paying, rankings }: Evaluated, alone: number | undefined): readonly Line[] {
  const drawn = (
    name: string,
    ranking: Evaluated['rankings']['router'],
    look: string,
    cascade: boolean,
  ): Line => {
    const points = alone === undefined ? undefined : pointsOf(cases, ranking, cascade ? paying : 'before')
    const scaled =
      points?.map((point) => ({ ...point, cost: point.cost / (alone ?? 1) })) ?? sharesOf(cases, ranking)
    return { name, points: thinned(scaled), look: name === 'router' ? 'line wide' : 'line', colour: look }
  }
  const router = drawn('router', rankings.router, 'router', true)
  const length = drawn('length of the prompt', rankings.length, 'length', false)
  const oracle = drawn('oracle', rankings.oracle, 'oracle', false)
  const ends = [length.points.at(0), length.points.at(-1)].filter((point) => point !== undefined)
  return [{ name: 'coin', points: ends, look: 'line dashed', colour: 'coin' }, oracle, length, router]
}

/** The curve where nothing is known of costs: they are undefined, and the share of calls stands for them. */
function sharesOf(cases: Evaluated['cases'], ranking: Evaluated['rankings']['router']): readonly Point[] {
  const free = cases.map((one) => ({ ...one, weakUsd: 0, secondUsd: 0, strongUsd: 1 }))
  const points = pointsOf(free, ranking, 'before')
  assert(points !== undefined, 'a curve of calls has a cost everywhere')
  return points
}

function thinned(points: readonly Point[]): readonly Point[] {
  const step = Math.max(1, points.length / LINE_POINTS)
  const kept = points.filter((_, at) => Math.floor(at / step) !== Math.floor((at - 1) / step))
  const last = points.at(-1)
  return last === undefined || kept.at(-1) === last ? kept : [...kept, last]
}

function scaleOf(lines: readonly Line[]): Scale {
  const all = lines.flatMap(({ points }) => points)
  const costs = { low: 0, high: Math.max(...all.map(({ cost }) => cost)) }
  const [least, most] = [
    Math.min(...all.map((one) => one.quality)),
    Math.max(...all.map((one) => one.quality)),
  ]
  const air = 0.05 * Math.max(1e-6, most - least)
  const qualities = { low: least - air, high: most + air }
  const across = (WIDTH - BOX.left - BOX.right) / (costs.high - costs.low)
  const up = (HEIGHT - BOX.top - BOX.bottom) / (qualities.high - qualities.low)
  return {
    costs,
    qualities,
    x: (cost) => BOX.left + (cost - costs.low) * across,
    y: (quality) => HEIGHT - BOX.bottom - (quality - qualities.low) * up,
  }
}

function axes({ x, y, costs, qualities }: Scale, name: string): readonly string[] {
  const parts: string[] = []
  for (const quality of ticks(qualities.low, qualities.high)) {
    const up = y(quality)
    const ends = `x1="${BOX.left}" x2="${WIDTH - BOX.right}" y1="${up.toFixed(1)}" y2="${up.toFixed(1)}"`
    parts.push(`<line class="grid" ${ends}/>`, words(BOX.left - 8, up + 4, percent(quality), 'quiet', 'end'))
  }
  for (const cost of ticks(costs.low, costs.high))
    parts.push(words(x(cost), HEIGHT - BOX.bottom + 20, percent(cost), 'quiet', 'middle'))
  const middle = (BOX.left + WIDTH - BOX.right) / 2
  return [...parts, words(middle, HEIGHT - 12, `right answers by ${name}`, 'quiet', 'middle')]
}

/** Round values within a range, some TICKS of them: steps of 1, 2 or 5 at some power of ten. */
function ticks(low: number, high: number): readonly number[] {
  const rough = Math.max(1e-9, (high - low) / TICKS)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * (STEPS.find((one) => one * power >= rough) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step)
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`
}

function pathOf({ points, look, colour }: Line, { x, y }: Scale): string {
  const path = points.map(
    ({ cost, quality }, at) => `${at === 0 ? 'M' : 'L'}${x(cost).toFixed(1)} ${y(quality).toFixed(1)}`,
  )
  return `<path class="${look}" style="stroke: var(--${colour})" d="${path.join('')}"/>`
}

function legend(lines: readonly Line[]): readonly string[] {
  const left = WIDTH - BOX.right - 190
  return [...lines].reverse().flatMap(({ name, look, colour }, at) => {
    const y = HEIGHT - BOX.bottom - 84 + 20 * at
    return [
      `<path class="${look}" style="stroke: var(--${colour})" d="M${left} ${y - 4}h28"/>`,
      words(left + 36, y, name, ''),
    ]
  })
}

function words(x: number, y: number, text: string, look: string, anchor = 'start'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" class="${look}" text-anchor="${anchor}">${escaped(text)}</text>`
}

function escaped(text: string): string {
  return text
    .replace(/[\u0000-\u001f]/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
