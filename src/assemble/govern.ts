import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { OWNER_ID } from '../caller/owner.ts'
import type { Entry } from '../contract/entry.ts'
import { createErasure, type Erasure } from '../govern/erase.ts'
import { createExport, type SubjectExport } from '../govern/export.ts'
import { createForgetting, type Forgetting } from '../govern/forget/forget.ts'
import type { EntryProof, KeptText, RetentionPorts, SubjectRecords, SubjectRequest } from '../govern/ports.ts'
import { createRetention, type Retention } from '../govern/retention.ts'
import { scanInChild } from '../govern/scan/run.ts'
import type { ScanTask } from '../govern/scan/task.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Turns } from '../lib/turns.ts'
import type { Logs } from '../observe/logs.ts'
import { eraseAgain, erasedAgain } from '../record/backup/replaced.ts'
import type { SubjectPage } from '../record/index/query.ts'
import { listSegments } from '../record/log/segments.ts'
import { forgettingPorts } from './forgetting.ts'
import type { Parts } from './parts.ts'
import type { RecordParts } from './record.ts'

/** What is done with what is kept about people, and for how long. */
export interface Governing {
  readonly erasure: Erasure
  readonly forgetting: Forgetting
  readonly export: SubjectExport
  readonly retention: Retention
  /** What should be gone and is not, and why: for `doctor`. */
  unfinished(): readonly Unfinished[]
  /** Notes that a work failed, or with undefined that it was done. */
  note(what: Unfinished['what'], why: string | undefined): void
}

export interface Unfinished {
  readonly what: 'erasure' | 'retention'
  readonly why: string
}

export interface GovernParts extends Parts {
  /** Shared with the backup: files are not removed while they are copied. */
  readonly turns: Turns
  readonly retention: Parameters<typeof createRetention>[0]
  /** The folder of the handbook. */
  readonly docs: string
  /** Lets go of what the request path remembers of texts. */
  forgetRemembered(): void
  /** A proof of the entries with this id. */
  prove(id: string): Promise<EntryProof>
}

/** Joins the record's parts to the ports of `govern`. */
export function createGoverning(parts: GovernParts): Governing {
  const { record, paths } = parts
  const { vault } = record
  const subjects = {
    find: (name: string) => vault.find(name),
    nameOf: (ref: string) => vault.nameOf(ref),
    erase: async (ref: string) => void (await vault.erase(ref)),
  }
  const records = recordsOf(parts)
  const written = async (entry: Entry): Promise<void> => {
    await record.recorder.append(entry)
    await record.log.sync()
  }
  const unfinished = new Map<Unfinished['what'], string>()
  const common = {
    prove: parts.prove,
    scan: (task: ScanTask) => scanInChild({ ...task, documents: relative(paths.home, paths.collections) }),
    standing: () => parts.library.collections?.standing() ?? [],
    ownWords: (probe: Uint8Array) => handbookOf(parts.docs).includes(probe),
    home: paths.home,
    clock: systemClock,
    newId: (prefix: string) => newId(prefix, systemClock.now()),
    random: Math.random,
  }
  return {
    unfinished: () => [...unfinished].map(([what, why]) => ({ what, why })),
    note: (what, why) => void (why === undefined ? unfinished.delete(what) : unfinished.set(what, why)),
    erasure: createErasure({
      ...records,
      subjects,
      forget: async (ref) => {
        await record.follower.ask('forget', ref)
        parts.like.forget(ref)
        parts.forgetRemembered()
        await forgetCaches(parts)
      },
      record: written,
      ...common,
    }),
    forgetting: createForgetting({
      ...common,
      ...forgettingPorts(parts),
      record: written,
      forgetCaches: () => forgetCaches(parts),
    }),
    export: createExport({
      ...records,
      subjects,
      clock: systemClock,
    }),
    retention: createRetention(parts.retention, retentionPorts(parts, written), parts.turns),
  }
}

/** KV caches hold prompts: those of models that are loaded by the engine’s own hand, the others’ files by ours. */
async function forgetCaches({ engines, paths }: Parts): Promise<void> {
  await engines.llama.forget()
  const loaded = new Set(engines.llama.states().map(({ name }) => name))
  if (!existsSync(paths.warm)) return
  for (const name of readdirSync(paths.warm)) {
    if (!loaded.has(name)) await rm(join(paths.warm, name), { recursive: true, force: true })
  }
}

function retentionPorts(
  { record, paths }: GovernParts,
  written: (entry: Entry) => Promise<void>,
): RetentionPorts {
  const { vault, follower } = record
  return {
    textFiles: () => vault.files(),
    removeTexts: (file) => vault.remove(file),
    segments: () => listSegments(paths.log),
    removeSegment: (name) => rm(join(paths.log, name), { force: true }),
    coveredUpTo: async () => (await follower.ask('snapshot', null)).seq,
    checkpoint: () => follower.ask('checkpoint', null),
    record: written,
  }
}

/**
 * Ends what a crash interrupted, and erases again who came back with a backup: before anybody is served, since
 * until then their texts can be read. Throws where the latter fails; the former is tried again at the next start.
 */
export async function endErasures(governing: Governing, parts: Parts, logs: Logs): Promise<void> {
  const { erasure, forgetting, note } = governing
  const { erasing, forgetting: forgotten } = parts.record.found
  const again = eraseAgain(parts.paths.home)
  if (erasing.length > 0) {
    await erasure.resume(erasing).catch((error: unknown) => {
      const why = `An erasure that a crash interrupted could not be ended; the next start tries again. ${error}`
      note('erasure', why)
      logs.error(why)
    })
  }
  if (forgotten.length > 0) {
    await forgetting.resume(forgotten).catch((error: unknown) => {
      const why = `The forgetting of a document that a crash interrupted could not be ended; the next start tries again. ${error}`
      note('erasure', why)
      logs.error(why)
    })
  }
  if (again.length > 0) {
    await erasure.repeat(again, OWNER_ID)
    erasedAgain(parts.paths.home)
  }
}

const HOUR_MS = 3_600_000

/** Removes what has expired, at once and then every hour. */
export function expireHourly({ retention, note }: Governing, logs: Logs): Disposable {
  const expire = async (): Promise<void> => {
    try {
      await retention.expire(systemClock.now())
      note('retention', undefined)
    } catch (error) {
      const why = `What has expired could not be removed; the next hour tries again. ${error}`
      note('retention', why)
      logs.error(why)
    }
  }
  void expire()
  const timer = setInterval(() => void expire(), HOUR_MS)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

const PAGE_REQUESTS = 100

function recordsOf({ record, keys, like }: GovernParts): SubjectRecords {
  return {
    requestsOf: (ref) => requestsOf(record, ref),
    learnedOf: (ref) => like.of(ref),
    keyFacts: (name) => keys.list().find(({ id }) => id === name),
  }
}

async function* requestsOf(record: RecordParts, subject: string): AsyncGenerator<SubjectRequest> {
  let after: number | undefined
  do {
    const more = after === undefined ? {} : { after }
    const page = await record.follower.ask('index', {
      type: 'subject',
      subject,
      limit: PAGE_REQUESTS,
      ...more,
    })
    if (page.type !== 'subject') throw new Error(`a page of a subject was asked for, and ${page.type} came`)
    for (const request of page.requests) yield await withTexts(record, subject, request, page.feedback)
    after = page.next ?? undefined
  } while (after !== undefined)
}

async function withTexts(
  record: RecordParts,
  subject: string,
  { refs, ...facts }: SubjectPage['requests'][number],
  all: SubjectPage['feedback'],
): Promise<SubjectRequest> {
  const read = async (ref: typeof refs.prompt): Promise<KeptText | undefined> => {
    if (ref === undefined) return undefined
    const text = await record.follower.ask('text', { subject, ref })
    return text.type === 'text' ? { type: 'text', text: Buffer.from(text.text).toString('utf8') } : text
  }
  const [prompt, answer] = await Promise.all([read(refs.prompt), read(refs.answer)])
  const feedback: SubjectRequest['feedback'][number][] = []
  for (const { ref, ...about } of all.filter((one) => one.request === facts.id)) {
    const correction = await read(ref)
    feedback.push({ facts: about, ...(correction === undefined ? {} : { correction }) })
  }
  return { facts, ...(prompt && { prompt }), ...(answer && { answer }), feedback }
}

/** All words of the handbook, read when an erasure finds something that may be one of them. */
function handbookOf(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
  return Buffer.concat(files.map((file) => readFileSync(join(file.parentPath, file.name))))
}
