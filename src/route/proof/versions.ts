import * as z from 'zod'

/** Versions that are kept; the oldest that is neither live nor was live last goes first. */
export const VERSIONS_MAX = 20
const FIGURES_MAX = 50
const TEXT_CHARS_MAX = 300

const replayedSchema = z
  .strictObject({
    /** The version that was live then: a comparison with another one says nothing. */
    against: z.string(),
    verdict: z.enum(['not-worse', 'worse', 'undecided']),
    reason: z.string().max(TEXT_CHARS_MAX * 2),
  })
  .readonly()

const versionSchema = z
  .strictObject({
    id: z.string().min(1).max(TEXT_CHARS_MAX),
    madeAt: z.number().min(0),
    note: z.string().max(TEXT_CHARS_MAX),
    /** Whatever was measured of it, by name. */
    figures: z
      .record(z.string().max(TEXT_CHARS_MAX), z.number())
      .refine((all) => Object.keys(all).length <= FIGURES_MAX),
    replayed: replayedSchema.nullable(),
  })
  .readonly()

export const versionListStateSchema = z
  .strictObject({
    versions: z.array(versionSchema).max(VERSIONS_MAX).readonly(),
    live: z.string(),
    /** Versions that were live before, the last at the end. */
    before: z.array(z.string()).max(VERSIONS_MAX).readonly(),
  })
  .readonly()

export type Version = z.infer<typeof versionSchema>
export type VersionListState = z.infer<typeof versionListStateSchema>

export interface Declined {
  readonly type: 'declined'
  readonly why: string
}

export interface FigureChange {
  readonly name: string
  /** Undefined where the version has no such figure. */
  readonly one: number | undefined
  readonly other: number | undefined
}

/**
 * The versions of what routes, as plain data: each change gives a new list. A version goes live only where a replay
 * against the version that is live now found it not worse; going back needs no replay, because it must work at once.
 */
export class VersionList {
  readonly #state: VersionListState

  constructor(state: VersionListState) {
    this.#state = state
  }

  /** A list whose first version is live. */
  static of(first: Version): VersionList {
    return new VersionList({ versions: [first], live: first.id, before: [] })
  }

  get live(): string {
    return this.#state.live
  }

  /** Newest first. */
  list(): readonly (Version & { readonly live: boolean })[] {
    const { versions, live } = this.#state
    return versions.map((version) => ({ ...version, live: version.id === live })).reverse()
  }

  add(version: Version): VersionList | Declined {
    const { versions, live, before } = this.#state
    if (this.#find(version.id) !== undefined) return declined(`there is a version ${version.id} already`)
    const all = [...versions, version]
    if (all.length <= VERSIONS_MAX) return new VersionList({ ...this.#state, versions: all })
    const dropped = all.find(({ id }) => id !== live && id !== before.at(-1))?.id
    return new VersionList({
      versions: all.filter(({ id }) => id !== dropped),
      live,
      before: before.filter((id) => id !== dropped),
    })
  }

  /** Notes what a replay found. */
  replayed(id: string, replayed: Version['replayed']): VersionList | Declined {
    if (this.#find(id) === undefined) return this.#unknown(id)
    const versions = this.#state.versions.map((one) => (one.id === id ? { ...one, replayed } : one))
    return new VersionList({ ...this.#state, versions })
  }

  promote(id: string): VersionList | Declined {
    const version = this.#find(id)
    const { live, before } = this.#state
    if (version === undefined) return this.#unknown(id)
    if (id === live) return declined(`${id} is live already`)
    const { replayed } = version
    if (replayed === null) return declined(`${id} has not been replayed against ${live}: replay it first`)
    if (replayed.against !== live)
      return declined(`${id} was replayed against ${replayed.against}, but ${live} is live: replay it again`)
    if (replayed.verdict !== 'not-worse') return declined(`${id} does not go live: ${replayed.reason}`)
    return new VersionList({ ...this.#state, live: id, before: [...before, live].slice(-VERSIONS_MAX) })
  }

  /** Back to the version that was live before. */
  rollBack(): VersionList | Declined {
    const { before } = this.#state
    const last = before.at(-1)
    if (last === undefined) return declined('no version was live before this one')
    return new VersionList({ ...this.#state, live: last, before: before.slice(0, -1) })
  }

  /** Every figure of either, by name. */
  compare(one: string, other: string): readonly FigureChange[] | Declined {
    const [left, right] = [this.#find(one), this.#find(other)]
    if (left === undefined) return this.#unknown(one)
    if (right === undefined) return this.#unknown(other)
    const names = new Set([...Object.keys(left.figures), ...Object.keys(right.figures)])
    return [...names].sort().map((name) => ({ name, one: left.figures[name], other: right.figures[name] }))
  }

  state(): VersionListState {
    return this.#state
  }

  #find(id: string): Version | undefined {
    return this.#state.versions.find((version) => version.id === id)
  }

  #unknown(id: string): Declined {
    const known = this.#state.versions.map((version) => version.id).join(', ')
    return declined(`there is no version ${id}; there are ${known}`)
  }
}

function declined(why: string): Declined {
  return { type: 'declined', why }
}
