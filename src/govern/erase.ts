import type { ErasureBegun, ErasureDone } from '../contract/entry.ts'
import { type Refusal, refuse, UpshiftError } from '../contract/problem.ts'
import { Turns } from '../lib/turns.ts'
import type { ErasurePorts } from './ports.ts'
import { collectProbes, type Probes } from './probe/collect.ts'
import { receiptOf } from './receipt.ts'
import { type Scanned, search } from './search.ts'
import type { Receipt } from './wire.ts'

/**
 * DESIGN. An erasure is: read what to look for; write `erasure-begun`; destroy the key; forget the projections;
 * look for the subject in every byte of the home; write `erasure-done`; prove it. Every step may be repeated, so
 * a crash anywhere is mended by doing the rest again: an `erasure-begun` without its `erasure-done` is handed to
 * `resume` at the next start. What to look for lives in memory only, since writing it down would be the very copy
 * that must not remain: where a crash came after the key had gone, the scan cannot be repeated, and the entry and
 * the receipt say so.
 */
export interface Erasure {
  /**
   * Erases whoever has this name (or pseudonym, `sub_…`). Refuses an unknown one with `not_found`, after a scan of
   * the home for the name. Throws where a step fails; the same call, or the next start, does the rest.
   */
  erase(name: string, by: string): Promise<Receipt | Refusal>
  /** Ends what a crash interrupted. */
  resume(begun: readonly ErasureBegun[]): Promise<readonly Receipt[]>
  /** Erases again who came back with a backup: the pseudonyms that the vault knows, the others are passed over. */
  repeat(refs: readonly string[], by: string): Promise<readonly Receipt[]>
}

export function createErasure(ports: ErasurePorts): Erasure {
  return new Eraser(ports)
}

const WAITING_MAX = 16
const RETRY_AFTER_MS = 60_000
/** Erasures that failed in this process and keep their probes for the next call. */
const UNFINISHED_MAX = 64

interface Begun {
  readonly entry: ErasureBegun
  readonly at: number
  /** Undefined where a crash came after the key had gone. */
  readonly probes: Probes | undefined
}

class Eraser implements Erasure {
  readonly #ports: ErasurePorts
  readonly #turns = new Turns(WAITING_MAX)
  /** By name: what failed after its key may have gone, so that the same call finds it again. */
  readonly #unfinished = new Map<string, Begun>()

  constructor(ports: ErasurePorts) {
    this.#ports = ports
  }

  async erase(name: string, by: string): Promise<Receipt | Refusal> {
    if (this.#turns.full) {
      const message = `${WAITING_MAX} erasures wait already, and nothing was erased for this call: try again in a minute.`
      return refuse('queue_full', message, { retryAfterMs: RETRY_AFTER_MS })
    }
    return this.#turns.run(() => this.#erase(name, by))
  }

  resume(begun: readonly ErasureBegun[]): Promise<readonly Receipt[]> {
    return this.#turns.run(async () => {
      const ends = begun.map((entry) => () => this.#resume(entry))
      return inOrder(ends)
    })
  }

  repeat(refs: readonly string[], by: string): Promise<readonly Receipt[]> {
    return this.#turns.run(async () => {
      const { subjects } = this.#ports
      const known = refs.flatMap((ref) => {
        const name = subjects.nameOf(ref)
        return name === undefined ? [] : [() => this.#begin(ref, name, by)]
      })
      return inOrder(known)
    })
  }

  async #resume(entry: ErasureBegun): Promise<Receipt> {
    const name = this.#ports.subjects.nameOf(entry.subject)
    const probes = name === undefined ? undefined : await this.#collect(entry.subject, name)
    return this.#finish({ entry, at: this.#ports.clock.now(), probes })
  }

  async #erase(given: string, by: string): Promise<Receipt | Refusal> {
    const { subjects } = this.#ports
    const unfinished = this.#unfinished.get(given)
    if (unfinished !== undefined) return this.#finish(unfinished, given)
    const byName = subjects.find(given)
    if (byName !== undefined) return this.#begin(byName, given, by)
    const name = subjects.nameOf(given)
    return name === undefined ? this.#unknown(given) : this.#begin(given, name, by)
  }

  async #begin(ref: string, name: string, by: string): Promise<Receipt> {
    const { clock, newId, record } = this.#ports
    const probes = await this.#collect(ref, name)
    const at = clock.now()
    const entry: ErasureBegun = { type: 'erasure-begun', id: newId('era'), subject: ref, by }
    await record(entry)
    return this.#finish({ entry, at, probes }, name)
  }

  /** Everything from the destroyed key on. */
  async #finish(begun: Begun, name?: string): Promise<Receipt> {
    const { subjects, forget, record, prove, clock } = this.#ports
    const { id, subject } = begun.entry
    if (name !== undefined && this.#unfinished.size < UNFINISHED_MAX) this.#unfinished.set(name, begun)
    await subjects.erase(subject)
    await forget(subject)
    const scan = begun.probes === undefined ? undefined : await this.#scan(begun.probes)
    const done: ErasureDone = {
      type: 'erasure-done',
      id,
      subject,
      ...(scan === undefined
        ? {}
        : { scan: { files: scan.files, bytes: scan.bytes, probes: scan.probes, found: scan.found } }),
    }
    await record(done)
    if (name !== undefined) this.#unfinished.delete(name)
    const proof = await prove(id).catch((cause: unknown) => {
      throw unproven(id, cause)
    })
    return receiptOf({
      begun: begun.entry,
      begunAt: begun.at,
      doneAt: clock.now(),
      probes: begun.probes,
      scan,
      proof,
    })
  }

  #collect(ref: string, name: string): Promise<Probes> {
    const { requestsOf, keyFacts, random } = this.#ports
    // A key's id is the pseudonym by which the log and the key's own row name it: it stays.
    const searched = keyFacts(name) === undefined ? name : undefined
    return collectProbes(requestsOf(ref), searched, random)
  }

  /** A document's words are not the person's who has quoted them; the person's name counts there too. */
  #scan(probes: Probes): Promise<Scanned> {
    return search(this.#ports, probes, { names: false, isOther: () => true })
  }

  /** Nobody of that name is known: perhaps erased before. The scan for the name says whether that held. */
  async #unknown(name: string): Promise<Refusal> {
    const { keyFacts, random } = this.#ports
    const nobody = 'No subject of that name is known, so there was no key to destroy.'
    const probes = await collectProbes(none(), keyFacts(name) === undefined ? name : undefined, random)
    if (probes.probes.length === 0) {
      const why = 'A scan of the home for it was left out: the name is too short, or it is the id of a key.'
      return refuse('not_found', `${nobody} ${why}`, { param: 'id' })
    }
    const scan = await this.#scan(probes)
    const looked = `${scan.files} files (${scan.bytes} bytes) of the home were scanned for the name${probes.name === 'quoted' ? ' in quotes' : ''}`
    return refuse('not_found', `${nobody} ${looked}: ${outcomeOf(scan)}`, { param: 'id' })
  }
}

/** One that fails does not keep the others from their end; what failed is thrown when all have been tried. */
async function inOrder(erasures: readonly (() => Promise<Receipt>)[]): Promise<readonly Receipt[]> {
  const receipts: Receipt[] = []
  const faults: unknown[] = []
  for (const erasure of erasures) {
    try {
      receipts.push(await erasure())
    } catch (fault) {
      faults.push(fault)
    }
  }
  if (faults.length === 0) return receipts
  const first = faults[0] instanceof Error ? faults[0].message : String(faults[0])
  const message = `${faults.length} of ${erasures.length} erasures could not be ended: ${first} They are tried again at the next start.`
  throw new UpshiftError({ code: 'internal', message }, new AggregateError(faults))
}

function outcomeOf(scan: Scanned): string {
  const unread = scan.unread.length === 0 ? '' : ` Not every file could be read: ${scan.unread[0]?.file}.`
  if (scan.found === 0) return `it is nowhere.${unread}`
  const files = [...new Set(scan.findings.map(({ file }) => file))].join(', ')
  return `it stands ${scan.found} times, in ${files}. Look at what writes there.${unread}`
}

async function* none(): AsyncGenerator<never> {}

function unproven(id: string, cause: unknown): UpshiftError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `The erasure ${id} is done and recorded, but it could not be proven: ${why}. Try \`upshift audit prove ${id}\`.`
  return new UpshiftError({ code: 'internal', message }, cause)
}
