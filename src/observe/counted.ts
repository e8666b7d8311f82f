import type { Labels, Rows } from './gauges.ts'

/*
 * DESIGN. The library finds a time series anew at every count: it checks the labels' names and makes a key of their
 * values, which costs ten times the count. So what is counted on the path of every request is kept here, by whoever
 * counts it, and the library is told the sums when they are read: exposition.ts.
 */

/** One time series of a counter. */
export class Sum {
  value = 0

  add(by: number): void {
    this.value += by
  }
}

/** A counter with labels. */
export class Sums {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
  readonly #series = new Series(() => new Sum())

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name
    this.help = help
    this.labelNames = labelNames
  }

  of(labels: Labels): Sum {
    return this.#series.of(labels)
  }

  rows(): Rows {
    return Array.from(this.#series.all(), ([labels, { value }]) => [labels, value] as const)
  }
}

/** One time series of a histogram. */
export class Spread {
  /** Values above the bound before and up to this one; the last are above all bounds. */
  readonly counts: number[]
  readonly #bounds: readonly number[]
  count = 0
  sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let at = 0
    while (at < bounds.length && value > (bounds[at] ?? 0)) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.count += 1
    this.sum += value
  }
}

/** One value of a histogram, under the name that it has in the text of a scrape. */
export interface SpreadRow {
  readonly metricName: string
  readonly labels: Labels
  readonly value: number
}

/** A histogram with labels and these upper bounds, ascending. */
export class Spreads {
  readonly name: string
  readonly help: string
  readonly #bounds: readonly number[]
  readonly #series: Series<Spread>

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#bounds = bounds
    this.#series = new Series(() => new Spread(bounds))
  }

  of(labels: Labels): Spread {
    return this.#series.of(labels)
  }

  *rows(): Generator<SpreadRow> {
    const { name } = this
    for (const [labels, { counts, count, sum }] of this.#series.all()) {
      let upTo = 0
      for (const [at, le] of this.#bounds.entries()) {
        upTo += counts[at] ?? 0
        yield { metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo }
      }
      yield { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count }
      yield { metricName: `${name}_sum`, labels, value: sum }
      yield { metricName: `${name}_count`, labels, value: count }
    }
  }
}

/** What stands under each set of labels. There is as much of it as there are time series. */
class Series<T> {
  readonly #make: () => T
  readonly #kept = new Map<string, readonly [Labels, T]>()

  constructor(make: () => T) {
    this.#make = make
  }

  of(labels: Labels): T {
    const key = JSON.stringify(labels)
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept[1]
    const made = this.#make()
    this.#kept.set(key, [labels, made])
    return made
  }

  all(): Iterable<readonly [Labels, T]> {
    return this.#kept.values()
  }
}
