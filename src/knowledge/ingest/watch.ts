import { dirname } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { type SourceFile, type Sources, sourcesOf } from './sources.ts'
import { Wake } from './wake.ts'

export interface WatchOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Reads files that are new or have changed, and what has vanished; called one round at a time, only where there is either. */
  round(changed: readonly SourceFile[], sources: Sources): Promise<void>
  /** Called with what kept a round from its end; it is tried again. */
  failed(error: unknown): void
  /** Called once, when all is watched; `looking` where some folders are only looked at every few seconds. */
  ready(looking: boolean): void
}

/**
 * Keeps watch over paths, which may come and go, until the abort. `first` is what has been read already: a file that has
 * changed since is read again. What is half written is read, and once more when the rest has come.
 */
export async function watchSources(
  paths: readonly string[],
  first: Sources,
  options: WatchOptions,
): Promise<void> {
  const { signal, clock } = options
  using wake = new Wake(() => clock.elapsed())
  let known = stampsOf(first)
  let again = wake.follow(first.folders.concat(parentsOf(first)))
  options.ready(wake.unwatched)
  while (!signal.aborted) {
    if (!again) await wake.wait(signal)
    again = false
    if (signal.aborted) return
    try {
      const sources = present(paths)
      again = wake.follow(sources.folders.concat(parentsOf(sources)))
      const changed = sources.files.filter(({ path, stamp }) => known.get(path) !== stamp)
      const stamps = stampsOf(sources)
      const fewer = [...known.keys()].some((path) => !stamps.has(path))
      if (changed.length > 0 || fewer) await options.round(changed, sources)
      known = stamps
    } catch (error) {
      again = false
      options.failed(error)
    }
  }
}

/** What is there of the paths now. */
function present(paths: readonly string[]): Sources {
  const parts = paths.flatMap((path) => {
    try {
      return [sourcesOf([path])]
    } catch (error) {
      // It may come back: an editor replaces a file, a disk is mounted again.
      if (error instanceof UpshiftError && error.problem.code === 'not_found') return []
      throw error
    }
  })
  const files = new Map(parts.flatMap((part) => part.files.map((file) => [file.path, file] as const)))
  return {
    files: [...files.values()],
    unreadable: parts.flatMap(({ unreadable }) => unreadable),
    passedOver: parts.reduce((sum, part) => sum + part.passedOver, 0),
    named: parts.flatMap(({ named }) => named),
    folders: parts.flatMap(({ folders }) => folders),
  }
}

/** A file that was named itself is seen in its folder, where an editor puts another one in its place. */
function parentsOf({ files, folders }: Sources): string[] {
  const inside = new Set(folders)
  return [...new Set(files.map(({ path }) => dirname(path)))].filter((folder) => !inside.has(folder))
}

function stampsOf({ files }: Sources): Map<string, string> {
  return new Map(files.map(({ path, stamp }) => [path, stamp]))
}
