import { createCipheriv, randomBytes } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Entry } from '../contract/entry.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { openStore, type Store } from '../store/open.ts'
import type { ErasurePorts, KeptText, Standing, SubjectRequest } from './ports.ts'
import { scanHome } from './scan/scan.ts'

export interface Exchange {
  readonly prompt: string
  readonly answer: string
  readonly correction?: string
}

/** The places in an erasure at which a test may break in. */
export type Step = 'begun' | 'key-gone' | 'erased' | 'forgotten' | 'scanned' | 'done' | 'proven'

export function freshHome(): string {
  return mkdtempSync(join(tmpdir(), 'upshift-govern-'))
}

export function openTestHome(home: string, at: (step: Step) => void = () => undefined): TestHome {
  return new TestHome(home, at)
}

/** A small home on real files, as the ports of this room see one: encrypted texts, projections, a log. */
export class TestHome {
  readonly home: string
  readonly ports: ErasurePorts
  /** The documents of the home's collections; a test writes their bytes to `DOCUMENTS_FILE` itself. */
  readonly standing: Standing[] = []
  readonly #at: (step: Step) => void
  readonly #store: Store

  constructor(home: string, at: (step: Step) => void) {
    this.home = home
    this.#at = at
    mkdirSync(join(home, 'keys'), { recursive: true })
    const sql =
      'CREATE TABLE row (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, texts TEXT NOT NULL) STRICT'
    this.#store = openStore(join(home, 'index.db'), [{ feature: 'test', version: 1, sql }])
    this.ports = this.#ports()
  }

  /** A subject with these exchanges; returns its pseudonym. */
  readonly plant = (name: string, exchanges: readonly Exchange[]): string => {
    const ref = newId('sub', systemClock.now())
    const key = randomBytes(48)
    writeFileSync(this.#keyFile(ref), Buffer.concat([key, crypt(key, Buffer.from(name))]))
    const seal = (text: string | undefined): string | undefined =>
      text === undefined ? undefined : crypt(key, Buffer.from(text)).toString('base64')
    const insert = this.#store.prepare('INSERT INTO row (subject, texts) VALUES (?, ?)')
    for (const { prompt, answer, correction } of exchanges) {
      const id = newId('req', systemClock.now())
      const texts = { id, prompt: seal(prompt), answer: seal(answer), correction: seal(correction) }
      insert.run(ref, JSON.stringify(texts))
    }
    return ref
  }

  readonly entries = (): Entry[] => {
    const path = join(this.home, 'log')
    if (!existsSync(path)) return []
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line))
  }

  close(): void {
    this.#store.close()
  }

  #ports(): ErasurePorts {
    return {
      subjects: {
        find: (name) => this.#refs().find((ref) => this.#nameOf(ref) === name),
        nameOf: (ref) => this.#nameOf(ref),
        erase: (ref) => {
          rmSync(this.#keyFile(ref), { force: true })
          this.#at('key-gone')
        },
      },
      requestsOf: (ref) => this.#requestsOf(ref),
      learnedOf: (ref) => [{ of: ref }],
      keyFacts: (name) => (name.startsWith('key_') ? { id: name, name: 'test' } : undefined),
      forget: async (ref) => this.#forget(ref),
      record: async (entry) => {
        appendFileSync(join(this.home, 'log'), `${JSON.stringify(entry)}\n`)
        this.#at(entry.type === 'erasure-begun' ? 'begun' : 'done')
      },
      prove: async (id) => {
        this.#at('proven')
        const entries = this.entries().filter((entry) => 'id' in entry && entry.id === id)
        return { verifierKey: 'test+key', id, entries }
      },
      scan: async (task) => {
        // In this process, which is quicker: no other one ever opens this home, so no lock of it can be missed.
        const where = { ...task, documents: DOCUMENTS_FILE }
        const report = await scanHome(where, new AbortController().signal)
        this.#at('scanned')
        return report
      },
      standing: () => this.standing,
      ownWords: (probe) => HANDBOOK.includes(Buffer.from(probe)),
      home: this.home,
      clock: systemClock,
      newId: (prefix) => newId(prefix, systemClock.now()),
      random: Math.random,
    }
  }

  async *#requestsOf(ref: string): AsyncGenerator<SubjectRequest> {
    for (const row of this.#store.prepare('SELECT texts FROM row WHERE subject = ? ORDER BY seq').all(ref)) {
      const { id, prompt, answer, correction } = JSON.parse(String(row.texts))
      const [asked, said, better] = [prompt, answer, correction].map((sealed) => this.#read(ref, sealed))
      yield {
        facts: { id, model: 'test/model' },
        ...(asked && { prompt: asked }),
        ...(said && { answer: said }),
        feedback: better === undefined ? [] : [{ facts: { score: -1 }, correction: better }],
      }
    }
  }

  #forget(ref: string): void {
    this.#at('erased')
    this.#store.transaction(() => this.#store.prepare('DELETE FROM row WHERE subject = ?').run(ref))
    this.#store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    this.#at('forgotten')
  }

  #read(ref: string, sealed: string | undefined): KeptText | undefined {
    if (sealed === undefined) return undefined
    const key = this.#keyOf(ref)
    if (key === undefined) return { type: 'erased' }
    return { type: 'text', text: crypt(key, Buffer.from(sealed, 'base64')) }
  }

  #refs(): string[] {
    const rows = this.#store.prepare('SELECT DISTINCT subject FROM row').all()
    return rows.map((row) => String(row.subject))
  }

  #nameOf(ref: string): string | undefined {
    const bytes = this.#keyOf(ref)
    return bytes === undefined ? undefined : crypt(bytes, bytes.subarray(48)).toString()
  }

  #keyOf(ref: string): Buffer | undefined {
    const path = this.#keyFile(ref)
    return existsSync(path) ? readFileSync(path) : undefined
  }

  #keyFile(ref: string): string {
    return join(this.home, 'keys', ref)
  }
}

export const DOCUMENTS_FILE = 'documents.db'

/** What the handbook of the test home says. */
export const HANDBOOK = Buffer.from(
  'A tier says what a model costs and what it can do. Upshift answers with the cheapest thing that will do.',
)

/** AES-256-CTR both ways: the fixture's texts are encrypted, so that a scan finds only what leaked. */
function crypt(key: Buffer, bytes: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-ctr', key.subarray(0, 32), key.subarray(32, 48))
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}
