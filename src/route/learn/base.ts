import { textHash } from './chance.ts'
import { DENSE_NAMES, DenseNeighbours } from './dense.ts'
import { Neighbours } from './neighbours.ts'
import { SURFACE_NAMES, surfaceOf } from './surface.ts'
import { chanceOf, TermOdds } from './term-odds.ts'
import { TermReader, type Terms } from './terms.ts'
import { Vocabulary } from './vocabulary.ts'

/** A prompt and how two models did on it: shares of right answers in [0, 1]. */
export interface Example {
  readonly text: string
  readonly weak: number
  readonly strong: number
  /** What an embedding model made of it, projected (dense.ts); of all examples of one fit, or of none. */
  readonly meaning?: Float32Array | undefined
}

/** A prompt as it was read once: what the models below look at. */
export interface Reading {
  readonly terms: Terms
  readonly surface: Float64Array
  readonly meaning?: Float32Array | undefined
}

/** What is seen of a prompt before any answer, one figure per column of VIEW_NAMES. */
export interface View {
  readonly weak: number
  readonly strong: number
  readonly columns: Float64Array
}

export const VIEW_NAMES = [
  'what its words say of the small model',
  'what its words say of the strong model',
  'its words',
  'how the small model did on like prompts',
  'how the strong model did on like prompts',
  'like prompts',
  'how near like prompts are',
  ...SURFACE_NAMES,
] as const

/** Parts of the rows for views that have not seen the row's own answers. */
const CROSS_PARTS = 3
const CROSS_SEED = 7

export function read(reader: TermReader, { text, meaning }: Pick<Example, 'text' | 'meaning'>): Reading {
  return { terms: reader.read(text), surface: surfaceOf(text), meaning }
}

/** Reads prompts, letting others have their turn never: training has the process to itself. */
export function readAll(examples: readonly Example[]): readonly Reading[] {
  const reader = new TermReader()
  return examples.map((example) => read(reader, example))
}

/** What is learned from prompts and outcomes below the blend: rarity, two logistic regressions, neighbours. */
export class Base {
  readonly vocabulary: Vocabulary
  readonly weak: TermOdds
  readonly strong: TermOdds
  readonly neighbours: Neighbours
  /** Absent where the prompts have no embeddings, as in every prior that is stored. */
  readonly dense: DenseNeighbours | undefined

  constructor(
    vocabulary: Vocabulary,
    weak: TermOdds,
    strong: TermOdds,
    neighbours: Neighbours,
    dense?: DenseNeighbours,
  ) {
    this.vocabulary = vocabulary
    this.weak = weak
    this.strong = strong
    this.neighbours = neighbours
    this.dense = dense
  }

  static fit(readings: readonly Reading[], examples: readonly Example[]): Base {
    const vocabulary = Vocabulary.of(readings.map(({ terms }) => terms))
    const vectors = readings.map(({ terms }) => vocabulary.vector(terms))
    const weak = Float64Array.from(examples, (example) => example.weak)
    const strong = Float64Array.from(examples, (example) => example.strong)
    return new Base(
      vocabulary,
      TermOdds.fit(vectors, weak),
      TermOdds.fit(vectors, strong),
      Neighbours.of(vectors, weak, strong),
      denseOf(readings, weak, strong),
    )
  }

  view({ terms, surface, meaning }: Reading): View {
    const vector = this.vocabulary.vector(terms)
    const weakOdds = this.weak.odds(vector)
    const strongOdds = this.strong.odds(vector)
    const weak = chanceOf(weakOdds)
    const strong = chanceOf(strongOdds)
    const near = this.neighbours.near(vector)
    const { dense } = this
    const columns = new Float64Array(VIEW_NAMES.length + (dense === undefined ? 0 : DENSE_NAMES.length))
    columns.set([weakOdds, strongOdds, strong - weak, near.weak, near.strong, near.strong - near.weak])
    columns[6] = Math.log1p(near.nearness)
    columns.set(surface, 7)
    if (dense !== undefined && meaning !== undefined) {
      const like = dense.near(meaning)
      columns.set(
        [like.weak, like.strong, like.strong - like.weak, Math.log1p(like.nearness)],
        VIEW_NAMES.length,
      )
    }
    return { weak, strong, columns }
  }
}

/** Neighbours by meaning where every prompt has one. */
function denseOf(
  readings: readonly Reading[],
  weak: Float64Array,
  strong: Float64Array,
): DenseNeighbours | undefined {
  const meanings = readings.flatMap(({ meaning }) => meaning ?? [])
  const all = meanings.length === readings.length && meanings.length > 0
  return all ? new DenseNeighbours(meanings, weak, strong) : undefined
}

/** Views of rows by bases that were fitted without them; equal prompts are in one part. */
export function crossViews(readings: readonly Reading[], examples: readonly Example[]): readonly View[] {
  const parts = examples.map(({ text }) => textHash(text, CROSS_SEED) % CROSS_PARTS)
  const views: View[] = []
  for (let part = 0; part < CROSS_PARTS; part++) {
    const others = (_: unknown, at: number): boolean => parts[at] !== part
    const base = Base.fit(readings.filter(others), examples.filter(others))
    for (const [at, reading] of readings.entries()) if (parts[at] === part) views[at] = base.view(reading)
  }
  return views
}
