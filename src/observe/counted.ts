import type { Histogram, Registry } from 'prom-client'
import { declareCounter, type Labels } from './gauges.ts'

/*
 * DESIGN. The library finds a time series anew at every count: it checks the labels' names and makes a key of their
 * values, which costs ten times the count. So what is counted on the path of every request is kept here, by whoever
 * counts it, and the library is told the sums when they are read.
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
  readonly #series = new Series(() => new Sum())

  constructor(registry: Registry, name: string, help: string, labelNames: readonly string[]) {
    declareCounter(registry, name, help, labelNames, () =>
      Array.from(this.#series.all(), ([labels, { value }]) => [labels, value] as const),
    )
  }

  of(labels: Labels): Sum {
    return this.#series.of(labels)
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

/** A histogram with labels and these upper bounds, ascending. */
export class Spreads {
  readonly #name: string
  readonly #bounds: readonly number[]
  readonly #series: Series<Spread>

  constructor(registry: Registry, name: string, help: string, bounds: readonly number[]) {
    this.#name = name
    this.#bounds = bounds
    this.#series = new Series(() => new Spread(bounds))
    const read = async () => ({ name, help, type: 'histogram', values: [...this.#rows()] })
    // A registry asks what is in it for its name and its values, and for nothing else until it is told to reset.
    registry.registerMetric({ name, get: read } as unknown as Histogram)
  }

  of(labels: Labels): Spread {
    return this.#series.of(labels)
  }

  *#rows(): Generator<{ metricName: string; labels: Labels; value: number }> {
    const name = this.#name
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
