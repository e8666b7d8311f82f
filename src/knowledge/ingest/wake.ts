import { type FSWatcher, watch } from 'node:fs'

/** Folders that are watched by the system; what lies beyond is seen by looking. */
const MAX_FOLDERS = 4_096
/** Nothing may have happened for so long, or at most so long since the first, before a change is told. */
const QUIET_MS = 300
const IMPATIENT_MS = 3_000
/** Besides, one looks so often: where the system watches all folders, and where it does not (network file systems, bounds). */
const LOOK_MS = 60_000
const LOOK_UNWATCHED_MS = 5_000

/**
 * DESIGN. What the system tells of folders is only a reason to look: events are lost, come twice, and name temporary files of
 * editors. So no event is believed; after any, once it is quiet, and from time to time without any, whoever waits
 * here compares all files with what it knows.
 */
export class Wake implements Disposable {
  readonly #watchers = new Map<string, FSWatcher>()
  #unwatched = false
  #first: number | undefined
  #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined
  #woken = false
  readonly #elapsed: () => number

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed
  }

  /** From now on these folders, and no others; true where there are new ones, in which something may have happened before. */
  follow(folders: readonly string[]): boolean {
    const before = new Set(this.#watchers.keys())
    const wanted = new Set(folders.slice(0, MAX_FOLDERS))
    this.#unwatched = folders.length > MAX_FOLDERS
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of wanted) if (!this.#watchers.has(folder)) this.#add(folder)
    return [...this.#watchers.keys()].some((folder) => !before.has(folder))
  }

  /** True where some folder is only looked at from time to time. */
  get unwatched(): boolean {
    return this.#unwatched
  }

  /** Resolves when something may have changed, or at the abort. */
  async wait(signal: AbortSignal): Promise<void> {
    const every = this.#unwatched ? LOOK_UNWATCHED_MS : LOOK_MS
    const look = setTimeout(() => this.#tell(), every)
    const ended = (): void => this.#tell()
    signal.addEventListener('abort', ended, { once: true })
    await new Promise<void>((resolve) => {
      if (this.#woken || signal.aborted) resolve()
      else this.#wake = resolve
    })
    clearTimeout(look)
    signal.removeEventListener('abort', ended)
    this.#woken = false
    this.#wake = undefined
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, () => this.#heard())
      watcher.on('error', () => this.#lose(folder))
      this.#watchers.set(folder, watcher)
    } catch {
      // The system watches no more of them, or not this one: it is looked at instead.
      this.#unwatched = true
    }
  }

  #lose(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
    this.#heard()
  }

  #heard(): void {
    const now = this.#elapsed()
    this.#first ??= now
    clearTimeout(this.#timer)
    const wait = Math.max(0, Math.min(QUIET_MS, this.#first + IMPATIENT_MS - now))
    this.#timer = setTimeout(() => this.#tell(), wait)
  }

  #tell(): void {
    clearTimeout(this.#timer)
    this.#first = undefined
    this.#woken = true
    this.#wake?.()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }
}
