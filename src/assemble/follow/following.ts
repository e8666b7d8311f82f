import { randomBytes } from 'node:crypto'
import { isRefusal, type Problem, UpshiftError } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import type { Bundle } from '../../record/audit/bundle.ts'
import { prove } from '../../record/audit/prove.ts'
import { openProjection, type Projection } from '../../record/index/projection.ts'
import { decodeEntry } from '../../record/log/line.ts'
import { Tail } from '../../record/log/tail.ts'
import { loadSnapshot, saveSnapshot } from '../../record/snapshot.ts'
import { openTree, type TreeAppender } from '../../record/tree/appender.ts'
import { signingKey } from '../../record/tree/signer.ts'
import { masterKey } from '../../record/vault/master.ts'
import { openVaultReader, type VaultReader } from '../../record/vault/reader.ts'
import { type Folds, foldsFrom } from '../folds.ts'
import { homePaths } from '../home.ts'
import type { FollowerData, FromFollower, Kind, Questions, ToFollower } from './messages.ts'

/** Entries that are taken between two looks at what else is to be done. */
const SLICE = 2_000
const CHECKPOINT_EVERY_MS = 1_000
const SNAPSHOT_EVERY_MS = 30_000
const SNAPSHOT_EVERY_ENTRIES = 100_000

type Asked = Extract<ToFollower, { type: 'ask' }>

/**
 * DESIGN. Everything that is made from the log alone is made here, behind the writer: the Merkle tree and its
 * signed checkpoints, the projections, and the folds, whose state goes into the snapshot that spares the next start
 * from reading it all. Each of them knows how far it is; the tail begins with the one that is furthest behind, and
 * the others pass over what they have. Only what is on the disk is read, so a checkpoint never covers an entry that a
 * power loss could take.
 */
export class Following {
  readonly #tell: (message: FromFollower) => void
  readonly #paths: ReturnType<typeof homePaths>
  readonly #tree: TreeAppender
  readonly #projection: Projection
  readonly #texts: VaultReader
  readonly #folds: Folds
  readonly #tail: Tail
  /** The next entry that the folds have not seen. */
  #folded: number
  #newestAt = 0
  #target = 0
  #waiting: Asked[] = []
  #pumping = false
  #checkpointAt = 0
  #checkpointTimer: NodeJS.Timeout | undefined
  #snapshot: { readonly seq: number; readonly at: number }

  constructor({ home, masterKey: configured }: FollowerData, tell: (message: FromFollower) => void) {
    this.#tell = tell
    this.#paths = homePaths(home)
    this.#tree = openTree({ folder: this.#paths.tree, signer: signingKey(home) })
    this.#texts = openVaultReader({
      folder: this.#paths.vault,
      database: this.#paths.vaultState,
      master: masterKey({ home, configured, randomBytes }),
    })
    this.#projection = openProjection({
      path: this.#paths.index,
      readText: (subject, ref) => this.#texts.read(subject, ref),
      elapsed: systemClock.elapsed,
    })
    if (this.#projection.rebuilt !== undefined) {
      const words = `${this.#paths.index} was damaged and has been deleted: it is made anew from the log, and until then questions wait`
      tell({ type: 'remark', words })
    }
    const { snapshot, folds } = foldsFrom(loadSnapshot(this.#paths.snapshot))
    this.#folds = folds
    this.#folded = snapshot?.position.seq ?? 0
    this.#newestAt = snapshot?.newestAt ?? 0
    this.#snapshot = { seq: this.#folded, at: systemClock.elapsed() }
    const behind = Math.min(this.#folded, this.#projection.position, this.#tree.size)
    this.#tail = new Tail(this.#paths.log, behind, snapshot?.position)
  }

  /** Entries before `seq` may be read. */
  reach(seq: number): void {
    this.#target = Math.max(this.#target, seq)
    this.#pump()
  }

  ask(asked: Asked): void {
    this.#waiting.push(asked)
    this.reach(asked.seq)
  }

  stop(seq: number): void {
    this.#target = Math.max(this.#target, seq)
    clearTimeout(this.#checkpointTimer)
    while (this.#take() > 0);
    this.#answer()
    this.#checkpoint()
    this.#save()
    this.#projection.close()
    this.#tree.close()
    this.#texts.close()
    this.#tell({ type: 'stopped' })
  }

  /** Reads on in slices, so that a question does not wait for all of a long log. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      const taken = this.#take()
      this.#answer()
      this.#upkeep()
      if (taken > 0) this.#pump()
    })
  }

  #take(): number {
    const taken = this.#tail.read(this.#target, SLICE, this.#visit)
    if (taken === 0) return 0
    this.#tree.flush()
    this.#projection.commit()
    return taken
  }

  readonly #visit = (seq: number, leaf: Buffer): void => {
    if (seq === this.#tree.size) this.#tree.append(leaf)
    else if (seq > this.#tree.size) throw leavesGone(this.#paths.tree, this.#tree.size, seq)
    const entry = decodeEntry(leaf)
    this.#newestAt = Math.max(this.#newestAt, entry.at)
    this.#projection.visit(entry)
    if (seq < this.#folded) return
    this.#folds.visit(entry)
    this.#folded = seq + 1
  }

  #answer(): void {
    const { seq } = this.#tail.position
    const [now, later] = [
      this.#waiting.filter((one) => one.seq <= seq),
      this.#waiting.filter((one) => one.seq > seq),
    ]
    this.#waiting = later
    for (const asked of now) void this.#reply(asked)
  }

  async #reply({ id, kind, ask }: Asked): Promise<void> {
    try {
      this.#tell({ type: 'reply', id, reply: await this.#answerTo(kind, ask) })
    } catch (error) {
      // The asker is told; what is broken here for good shows with the next entry.
      this.#tell({ type: 'refused', id, problem: problemOf(error) })
    }
  }

  #answerTo(kind: Kind, ask: unknown): Questions[Kind]['reply'] | Promise<Questions[Kind]['reply']> {
    switch (kind) {
      // What each kind asks is declared in Questions, and follower.ts sends nothing else.
      case 'index':
        return this.#projection.query(ask as Questions['index']['ask'])
      case 'caught-up':
        return null
      case 'text': {
        const { subject, ref } = ask as Questions['text']['ask']
        return this.#texts.read(subject, ref)
      }
      case 'forget':
        this.#projection.forget(ask as Questions['forget']['ask'])
        return null
      case 'checkpoint':
        return { note: this.#checkpoint(), size: this.#tree.size }
      case 'prove':
        this.#checkpoint()
        return this.#prove(ask as Questions['prove']['ask'])
      case 'snapshot':
        this.#save()
        return this.#tail.position
    }
  }

  async #prove(what: string): Promise<Bundle> {
    const proven = await prove({ home: this.#paths.home, what, signal: new AbortController().signal })
    if (isRefusal(proven)) throw new UpshiftError(proven.problem)
    return proven.bundle
  }

  /** Signs and saves what is due. */
  #upkeep(): void {
    const now = systemClock.elapsed()
    const { seq } = this.#tail.position
    const due = CHECKPOINT_EVERY_MS - (now - this.#checkpointAt)
    if (due <= 0) this.#checkpoint()
    else this.#checkpointTimer ??= setTimeout(() => this.#checkpoint(), due)
    const entries = seq - this.#snapshot.seq
    const old = now - this.#snapshot.at >= SNAPSHOT_EVERY_MS
    if (entries >= SNAPSHOT_EVERY_ENTRIES || (entries > 0 && old)) this.#save()
  }

  #checkpoint(): string {
    clearTimeout(this.#checkpointTimer)
    this.#checkpointTimer = undefined
    this.#checkpointAt = systemClock.elapsed()
    const note = this.#tree.checkpoint()
    this.#tell({ type: 'reached', seq: this.#tail.position.seq, note })
    return note
  }

  #save(): void {
    const { position } = this.#tail
    // Folds that are ahead of the tail are those of the snapshot that is there.
    if (position.seq < this.#folded || position.segment === '') return
    saveSnapshot(this.#paths.snapshot, {
      version: 1,
      position,
      newestAt: this.#newestAt,
      folds: this.#folds.state(),
    })
    this.#snapshot = { seq: position.seq, at: systemClock.elapsed() }
  }
}

function leavesGone(tree: string, size: number, seq: number): UpshiftError {
  const message = `The tree in ${tree} ends at entry ${size}, and the log begins at entry ${seq}: the hashes of what has expired are lost. Restore the tree from a backup.`
  return new UpshiftError({ code: 'record_unavailable', message })
}

function problemOf(error: unknown): Problem {
  if (error instanceof UpshiftError) return error.problem
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) }
}
