import type { Writable } from 'node:stream'
import { UpshiftError } from '../../contract/problem.ts'
import type { ServerPort } from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import type { Collections } from '../collection/collections.ts'
import { IngestProgress } from '../ingest/progress.ts'
import { tuningDue } from '../tune/tune-collection.ts'
import { tuneVectors } from '../tune/tune-vectors.ts'
import { serverEmbedder } from './embedder.ts'
import { type MakeReport, makeVectors } from './make.ts'

/** What a round over a collection's vectors came to. */
export interface VectorRound extends MakeReport {
  /** The exact model; as it was named, where it has made none yet. */
  readonly model: string
  /** What the vectors weigh in a search; absent where they have not been tuned. */
  readonly weight?: number
}

export interface VectorRoundOptions {
  server(): Promise<ServerPort>
  readonly signal: AbortSignal
  /** Where progress is shown; absent: nowhere. */
  readonly err?: Writable
}

/**
 * Makes the vectors that a collection lacks, and tunes their weight where that is due. Undefined where no model is named
 * for it, or nothing is to be done: then no server is asked for.
 */
export async function vectorRound(
  collections: Collections,
  name: string,
  { server, signal, err }: VectorRoundOptions,
): Promise<VectorRound | undefined> {
  const before = collections.vectors.state(name)
  if (before === undefined || before.passages === 0) return undefined
  const missing = before.passages - before.embedded
  if (missing === 0 && !isTuningDue(collections, name)) return undefined
  const embedder = serverEmbedder(server, before.wanted)
  const progress = err && new IngestProgress(err, systemClock, missing, 'passages embedded')
  const show = progress && { progress: (left: number) => progress.show(Math.max(0, missing - left)) }
  const made = await makeVectors(collections, name, embedder, { signal, ...show })
  progress?.end()
  const stopped = made.stopped ?? (await tuned(collections, name, { embedder, signal }))
  const after = collections.vectors.state(name)
  return {
    ...made,
    ...(stopped === undefined ? {} : { stopped }),
    model: after?.made?.model ?? before.wanted,
    ...(after?.tuning && { weight: after.tuning.weight }),
  }
}

/** The weight is tuned on what has no label, and there may be nothing without. */
function isTuningDue({ vectors }: Collections, name: string): boolean {
  const passages = vectors.state(name, [])?.passages ?? 0
  const state = vectors.state(name)
  return state !== undefined && state.embedded > 0 && tuningDue(passages, state.tuning?.chunks)
}

/** Tunes where that is due; returns what kept it from its end. */
async function tuned(
  collections: Collections,
  name: string,
  { embedder, signal }: { embedder: ReturnType<typeof serverEmbedder>; signal: AbortSignal },
): Promise<string | undefined> {
  if (signal.aborted || !isTuningDue(collections, name)) return undefined
  try {
    await tuneVectors(collections, name, embedder, signal)
    return undefined
  } catch (error) {
    if (signal.aborted) return undefined
    if (error instanceof UpshiftError) return `The vectors could not be tuned: ${error.message}`
    throw error
  }
}

/** What came of a round, in a line. */
export function vectorText(
  name: string,
  { model, made, left, weight, refused, stopped }: VectorRound,
): string {
  const weighed = weight === undefined ? 'not tuned yet' : `weight ${weight}`
  const lines = [`${name}: ${made} vectors made by ${model}, ${left} passages left without one; ${weighed}.`]
  if (refused !== undefined)
    lines.push(`${refused.passages} passages were refused and get no vector: ${refused.why}`)
  if (stopped !== undefined) lines.push(`${stopped} The next \`knowledge add\` goes on from there.`)
  return lines.map((line) => `${line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')}\n`).join('')
}
