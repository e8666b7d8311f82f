import { setImmediate as turn } from 'node:timers/promises'
import type { ForgetBegun, ForgetDone, TextRef } from '../../contract/entry.ts'
import { type Refusal, refuse, UpshiftError } from '../../contract/problem.ts'
import { Turns } from '../../lib/turns.ts'
import type { Standing, SubjectRequest } from '../ports.ts'
import { collectProbes, type Probes } from '../probe/collect.ts'
import { type Scanned, search } from '../search.ts'
import type { DocumentRef, DocumentTexts, ForgettingPorts } from './ports.ts'
import { forgetReceiptOf } from './receipt.ts'
import type { ForgetReceipt } from './wire.ts'

/**
 * DESIGN. Forgetting a document is: read what to look for; write `forget-begun`; take it out of the collection;
 * overwrite the kept answers that quote it, after an entry that names their requests; drop the caches; ask the
 * collection for it, and look for it in every byte of the home; write `forget-done`; prove it. An answer under way
 * looks at the collection in the very step in which it is recorded (request/cited/way.ts), so after the removal and one
 * turn of the event loop none can be recorded that quotes it. Every step may be repeated: a `forget-begun` without
 * its `forget-done` is handed to `resume` at the next start. What to look for lives in memory only.
 */
export interface Forgetting {
  /** Refuses what is not there with `not_found`. Throws where a step fails; the next start does the rest. */
  forget(collection: string, source: string, by: string): Promise<ForgetReceipt | Refusal>
  /** Ends what a crash interrupted. */
  resume(begun: readonly ForgetBegun[]): Promise<void>
}

const WAITING_MAX = 16
const RETRY_AFTER_MS = 60_000
/** Requests that one entry names. */
const NAMED_MAX = 1_000
/** Passages that the collection is asked for afterwards, and the words of each that are asked. */
const ASKED_MAX = 16
const ASKED_CHARS = 300

/** What is known of one forgetting. */
export interface Forgot {
  readonly begun: ForgetBegun
  readonly begunAt: number
  readonly texts: DocumentTexts | undefined
  readonly answers: number
  readonly asked: number
  readonly foundAgain: number
  /** Other collections that hold a document of its source. */
  readonly alsoIn: readonly string[]
  readonly scan: Scanned | undefined
}

export function createForgetting(ports: ForgettingPorts): Forgetting {
  return new Forgetter(ports)
}

class Forgetter implements Forgetting {
  readonly #ports: ForgettingPorts
  readonly #turns = new Turns(WAITING_MAX)

  constructor(ports: ForgettingPorts) {
    this.#ports = ports
  }

  async forget(collection: string, source: string, by: string): Promise<ForgetReceipt | Refusal> {
    if (this.#turns.full) {
      const message = `${WAITING_MAX} documents wait to be forgotten already: try again in a minute.`
      return refuse('queue_full', message, { retryAfterMs: RETRY_AFTER_MS })
    }
    return this.#turns.run(async () => {
      const { documents, clock, newId, record, random } = this.#ports
      const document = documents.find(collection, source)
      if (document === undefined) return unknown(collection, source, documents.collections())
      const texts = documents.texts(document)
      const probes = texts && (await collectProbes(asRequests(texts), texts.source, random))
      const begun: ForgetBegun = { type: 'forget-begun', id: newId('fgt'), ...document, by }
      const begunAt = clock.now()
      await record(begun)
      const forgot = await this.#finish(begun, begunAt, texts, probes)
      const proof = await this.#ports.prove(begun.id).catch((cause: unknown) => {
        throw unproven(begun.id, cause)
      })
      return forgetReceiptOf(forgot, clock.now(), proof)
    })
  }

  resume(begun: readonly ForgetBegun[]): Promise<void> {
    return this.#turns.run(async () => {
      const { documents, clock, random } = this.#ports
      for (const entry of begun) {
        const texts = documents.texts(entry)
        const probes = texts && (await collectProbes(asRequests(texts), texts.source, random))
        await this.#finish(entry, clock.now(), texts, probes)
      }
    })
  }

  /** Everything from the removal on. */
  async #finish(
    begun: ForgetBegun,
    begunAt: number,
    texts: DocumentTexts | undefined,
    probes: Probes | undefined,
  ): Promise<Forgot> {
    const { documents, record, forgetCaches } = this.#ports
    await documents.remove(begun)
    await turn()
    const answers = await this.#wipeAnswers(begun)
    await forgetCaches()
    const asked = (texts?.passages ?? []).slice(0, ASKED_MAX)
    let foundAgain = 0
    for (const words of asked) if (await documents.finds(begun, words.slice(0, ASKED_CHARS))) foundAgain += 1
    const scan = probes && texts && (await this.#scan(probes, begun, texts.source))
    const alsoIn = texts === undefined ? [] : documents.holding(texts.source)
    const { id, collection, origin } = begun
    const done: ForgetDone = {
      type: 'forget-done',
      id,
      collection,
      origin,
      ...(scan === undefined
        ? {}
        : { scan: { files: scan.files, bytes: scan.bytes, probes: scan.probes, found: scan.found } }),
    }
    await record(done)
    return { begun, begunAt, texts, answers, asked: asked.length, foundAgain, alsoIn, scan }
  }

  /** The entry first, then the zeros: what was overwritten is always explained. */
  async #wipeAnswers(begun: DocumentRef & { readonly id: string }): Promise<number> {
    const { quoting, record, wipe } = this.#ports
    let wiped = 0
    let batch: { readonly id: string; readonly answer: TextRef }[] = []
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return
      await record({ type: 'texts-wiped', id: begun.id, requests: batch.map(({ id }) => id) })
      for (const { answer } of batch) if (wipe(answer)) wiped += 1
      batch = []
    }
    for await (const one of quoting(begun)) {
      batch.push(one)
      if (batch.length === NAMED_MAX) await flush()
    }
    await flush()
    return wiped
  }

  /** What other documents hold too, a name as well as words, says nothing of this one. */
  #scan(probes: Probes, { collection }: DocumentRef, source: string): Promise<Scanned> {
    const isOther = (one: Standing): boolean => one.collection !== collection || one.source !== source
    return search(this.#ports, probes, { names: true, isOther })
  }
}

/** Its passages in the form in which an erasure reads texts: each is looked for by pieces of its own. */
async function* asRequests({ passages }: DocumentTexts): AsyncGenerator<SubjectRequest> {
  for (const text of passages) yield { facts: {}, prompt: { type: 'text', text }, feedback: [] }
}

function unknown(collection: string, source: string, collections: readonly string[]): Refusal {
  const named = JSON.stringify(collection)
  if (!collections.includes(collection)) {
    const absent = `There is no collection ${named}. \`upshift knowledge list\` names those that there are.`
    return refuse('not_found', absent, { param: 'collection' })
  }
  const message = `The collection ${named} holds no document ${JSON.stringify(source)}. \`upshift knowledge list --collection ${collection}\` names those that it holds.`
  return refuse('not_found', message, { param: 'source' })
}

function unproven(id: string, cause: unknown): UpshiftError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `The document is forgotten and ${id} is recorded, but it could not be proven: ${why}. Try \`upshift audit prove ${id}\`.`
  return new UpshiftError({ code: 'internal', message }, cause)
}
