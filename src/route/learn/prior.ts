import { Base, crossViews, type Example, type Reading, read, readAll, VIEW_NAMES } from './base.ts'
import { Blend } from './blend.ts'
import { TermReader } from './terms.ts'

const REASONS_MAX = 3

/** What is expected before anything was sent: shares and their difference in [-1, 1]. */
export interface Decision {
  /** P(strong right) - P(weak right), calibrated on the training rows. */
  readonly gain: number
  readonly pWeak: number
  readonly pStrong: number
  /** What speaks loudest for or against the strong model, in words and log odds. */
  readonly reasons: readonly string[]
}

/** A prior from the prompt alone. Keeps buffers between calls: one at a time, as JavaScript has it. */
export class Prior {
  readonly base: Base
  readonly blend: Blend
  readonly #reader = new TermReader()

  constructor(base: Base, blend: Blend) {
    this.base = base
    this.blend = blend
  }

  /** Synchronous, and bounded whatever the length of the text. */
  decide(text: string): Decision {
    const view = this.base.view(read(this.#reader, { text }))
    const gain = this.blend.gain(this.blend.score(view.columns))
    return {
      gain,
      pWeak: view.weak,
      pStrong: view.strong,
      reasons: reasonsOf(this.blend.shares(view.columns)),
    }
  }

  static fit(examples: readonly Example[], readings: readonly Reading[] = readAll(examples)): Prior {
    const views = crossViews(readings, examples)
    const gains = Float64Array.from(examples, ({ weak, strong }) => strong - weak)
    const { blend } = Blend.fit(
      views.map(({ columns }) => columns),
      gains,
    )
    return new Prior(Base.fit(readings, examples), blend)
  }
}

/** The columns that move the score most, the strongest first. */
function reasonsOf(shares: Float64Array): readonly string[] {
  return [...shares.entries()]
    .sort(([, left], [, right]) => Math.abs(right) - Math.abs(left))
    .slice(0, REASONS_MAX)
    .map(([at, share]) => `${VIEW_NAMES[at]} ${share < 0 ? '-' : '+'}${Math.abs(share).toFixed(2)}`)
}
