import { generateKeyPairSync, sign } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { eachLine, formatOf } from '../log/line.ts'
import { listSegments } from '../log/segments.ts'
import { encodeCheckpoint, parseCheckpoint } from '../tree/checkpoint.ts'
import { HASH_BYTES, leafHash } from '../tree/hash.ts'
import { encodeNote, parseNote } from '../tree/note.ts'
import { signingKey } from '../tree/signer.ts'
import { APPENDED_BYTES_MAX, Frontier, storedCount } from '../tree/stored.ts'
import type { FindingKind } from './finding.ts'
import { CHECKPOINT_FILE, HASHES_FILE } from './home.ts'

/** A line of the log that the checkpoint covers. */
export interface Record {
  readonly seq: number
  readonly file: string
  readonly start: number
  /** Past the line feed. */
  readonly end: number
  readonly json: Buffer
}

/** A home's files as a forger finds them. */
export interface Loot {
  readonly home: string
  /** By name relative to the home. */
  readonly files: ReadonlyMap<string, Buffer>
  readonly records: readonly Record[]
  /** Names of the segments, the oldest first. */
  readonly segments: readonly string[]
}

/** What was done: the files that changed (undefined: removed), and what an audit has to say of it. */
export interface Edit {
  readonly changes: ReadonlyMap<string, Buffer | undefined>
  readonly kinds: readonly FindingKind[]
  /** One of these records must be named; empty where the edit is of no one record. */
  readonly seqs: readonly number[]
  /** Or this name, where a record was made up or a text belongs to a request. */
  readonly id?: string
}

export type Editor = (loot: Loot, random: () => number) => Edit

export function takeLoot(home: string): Loot {
  const files = new Map<string, Buffer>()
  const names = ['log', 'tree', 'vault'].flatMap((folder) =>
    readdirSync(join(home, folder)).map((name) => `${folder}/${name}`),
  )
  for (const name of names) files.set(name, readFileSync(join(home, name)))
  const segments = listSegments(join(home, 'log')).map(({ name }) => `log/${name}`)
  const covered =
    parseCheckpoint(textOf(files, CHECKPOINT_FILE).split('\n\n')[0]?.concat('\n') ?? '')?.size ?? 0
  const records: Record[] = []
  for (const file of segments) {
    eachLine(files.get(file) ?? Buffer.alloc(0), 0, ({ start, end, bytes }) => {
      if (formatOf(bytes) === undefined)
        records.push({ seq: records.length, file, start, end, json: bytes.subarray(9) })
      return true
    })
  }
  return { home, files, segments, records: records.slice(0, covered) }
}

export const EDITORS: Readonly<{ [name: string]: Editor }> = {
  'a byte': flipByte,
  'a byte, checksum repaired': flipRepaired,
  'a value, checksum repaired': changeValue,
  'its number, checksum repaired': renumber,
  removal: removeOne,
  'removal, the rest renumbered': removeAndRenumber,
  'removal of several': removeSeveral,
  'removal of a segment': removeSegment,
  swap: swapTwo,
  copy: copyOne,
  'a made-up record': insertForged,
  truncation: truncate,
  'forged checkpoint: a byte': forgeByte,
  'forged checkpoint: another key': forgeByOtherKey,
  'forged checkpoint: another root': forgeRoot,
  'log and tree rewritten together': rewriteBoth,
  'older log': olderLog,
  'older log and tree': olderLogAndTree,
  'stored hash': flipHash,
  'stored hashes cut': cutHashes,
  'text in the vault': flipText,
  'vault file removed': removeVault,
}

const pick = <Item>(items: readonly Item[], random: () => number): Item => {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('the home is too small to be edited')
  return item
}

const bytesOf = ({ files }: Loot, name: string): Buffer => Buffer.from(files.get(name) ?? Buffer.alloc(0))

function textOf(files: Loot['files'], name: string): string {
  return files.get(name)?.toString('utf8') ?? ''
}

function lineOf(json: Buffer | string): Buffer {
  const checksum = crc32(json).toString(16).padStart(8, '0')
  return Buffer.concat([Buffer.from(`${checksum} `), Buffer.from(json), Buffer.from('\n')])
}

/** The file with some of its bytes replaced. */
function spliced(bytes: Buffer, start: number, end: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), by, bytes.subarray(end)])
}

/** The log with each record's line made anew: undefined removes it. */
function rewritten(loot: Loot, lineFor: (record: Record) => Buffer | undefined): Map<string, Buffer> {
  const pieces = new Map<string, Buffer[]>()
  const ends = new Map<string, number>()
  for (const record of loot.records) {
    const list = pieces.get(record.file) ?? []
    if (list.length === 0) list.push(bytesOf(loot, record.file).subarray(0, record.start))
    const line = lineFor(record)
    if (line !== undefined) list.push(line)
    pieces.set(record.file, list)
    ends.set(record.file, record.end)
  }
  const changes = new Map<string, Buffer>()
  for (const [file, list] of pieces) {
    changes.set(file, Buffer.concat([...list, bytesOf(loot, file).subarray(ends.get(file))]))
  }
  return changes
}

const original = (loot: Loot, { file, start, end }: Record): Buffer =>
  bytesOf(loot, file).subarray(start, end)

function oneLine(loot: Loot, record: Record, line: Buffer): Map<string, Buffer> {
  return new Map([[record.file, spliced(bytesOf(loot, record.file), record.start, record.end, line)]])
}

function flipByte(loot: Loot, random: () => number): Edit {
  const record = pick(loot.records, random)
  const line = Buffer.from(original(loot, record))
  const at = Math.floor(random() * line.length)
  line[at] = (line[at] ?? 0) ^ (1 + Math.floor(random() * 255))
  return {
    changes: oneLine(loot, record, line),
    kinds: at === line.length - 1 ? ['changed', 'truncated', 'removed'] : ['changed', 'truncated'],
    seqs: [record.seq],
  }
}

function flipRepaired(loot: Loot, random: () => number): Edit {
  const record = pick(loot.records, random)
  const json = Buffer.from(record.json)
  const at = Math.floor(random() * json.length)
  const before = json[at] ?? 0
  const flipped = before ^ (1 + Math.floor(random() * 255))
  json[at] = flipped === 10 ? before ^ 0x80 : flipped
  return { changes: oneLine(loot, record, lineOf(json)), kinds: ['changed'], seqs: [record.seq] }
}

function changeValue(loot: Loot, random: () => number): Edit {
  const record = pick(loot.records, random)
  const json = record.json.toString('utf8').replace(/"at":(\d+)/, (_, at) => `"at":${Number(at) + 1}`)
  return { changes: oneLine(loot, record, lineOf(json)), kinds: ['changed'], seqs: [record.seq] }
}

function withSeq(json: Buffer, seq: number): Buffer {
  return lineOf(json.toString('utf8').replace(/"seq":\d+/, `"seq":${seq}`))
}

function renumber(loot: Loot, random: () => number): Edit {
  const record = pick(loot.records, random)
  const other = (record.seq + 1 + Math.floor(random() * (loot.records.length - 1))) % loot.records.length
  return {
    changes: oneLine(loot, record, withSeq(record.json, other)),
    kinds: ['changed'],
    seqs: [record.seq],
  }
}

const lost = (loot: Loot, ...seqs: readonly number[]): FindingKind[] =>
  seqs.includes(loot.records.length - 1) ? ['removed', 'truncated'] : ['removed']

function removeOne(loot: Loot, random: () => number): Edit {
  const { seq } = pick(loot.records, random)
  const changes = rewritten(loot, (record) => (record.seq === seq ? undefined : original(loot, record)))
  return { changes, kinds: lost(loot, seq), seqs: [seq] }
}

function removeAndRenumber(loot: Loot, random: () => number): Edit {
  const { seq } = pick(loot.records, random)
  const changes = rewritten(loot, (record) => {
    if (record.seq < seq) return original(loot, record)
    return record.seq === seq ? undefined : withSeq(record.json, record.seq - 1)
  })
  return { changes, kinds: ['changed', ...lost(loot, seq)], seqs: [seq] }
}

function removeSeveral(loot: Loot, random: () => number): Edit {
  const { seq } = pick(loot.records, random)
  const last = Math.min(seq + 1 + Math.floor(random() * 40), loot.records.length - 1)
  const changes = rewritten(loot, (record) =>
    record.seq >= seq && record.seq <= last ? undefined : original(loot, record),
  )
  return { changes, kinds: lost(loot, last), seqs: [seq] }
}

function removeSegment(loot: Loot, random: () => number): Edit {
  const file = pick(loot.segments, random)
  const gone = loot.records.filter((record) => record.file === file).map(({ seq }) => seq)
  return { changes: new Map([[file, undefined]]), kinds: lost(loot, ...gone), seqs: gone.slice(0, 1) }
}

function swapTwo(loot: Loot, random: () => number): Edit {
  const one = pick(loot.records, random)
  const other = pick(
    loot.records.filter((record) => record !== one),
    random,
  )
  const changes = rewritten(loot, (record) => {
    if (record === one) return original(loot, other)
    return original(loot, record === other ? one : record)
  })
  return { changes, kinds: ['reordered'], seqs: [one.seq, other.seq] }
}

function copyOne(loot: Loot, random: () => number): Edit {
  const copied = pick(loot.records, random)
  const after = pick(loot.records, random)
  const changes = rewritten(loot, (record) => {
    const line = original(loot, record)
    return record === after ? Buffer.concat([line, original(loot, copied)]) : line
  })
  return { changes, kinds: ['inserted'], seqs: [copied.seq] }
}

function insertForged(loot: Loot, random: () => number): Edit {
  const after = pick(loot.records.slice(0, -1), random)
  const id = 'req_forged'
  const seq = after.seq + (random() < 0.5 ? 0 : 1)
  const forged = lineOf(
    JSON.stringify({ type: 'refused', id, key: 'key_owner', code: 'internal', seq, at: 1 }),
  )
  const changes = rewritten(loot, (record) => {
    const line = original(loot, record)
    return record === after ? Buffer.concat([line, forged]) : line
  })
  return { changes, kinds: ['inserted'], seqs: [], id }
}

function truncate(loot: Loot, random: () => number): Edit {
  const first = pick(loot.records, random)
  const at = first.start + Math.floor(random() * (first.end - first.start))
  const changes = new Map<string, Buffer | undefined>()
  changes.set(first.file, bytesOf(loot, first.file).subarray(0, at))
  for (const file of loot.segments) if (file > first.file) changes.set(file, undefined)
  return { changes, kinds: ['truncated'], seqs: [first.seq] }
}

function forgeByte(loot: Loot, random: () => number): Edit {
  const note = bytesOf(loot, CHECKPOINT_FILE)
  const at = Math.floor(random() * note.length)
  note[at] = (note[at] ?? 0) ^ (1 + Math.floor(random() * 255))
  return { changes: new Map([[CHECKPOINT_FILE, note]]), kinds: ['checkpoint-forged'], seqs: [] }
}

function forgeByOtherKey(loot: Loot): Edit {
  const note = parseNote(textOf(loot.files, CHECKPOINT_FILE))
  const own = note?.signatures[0]
  if (note === undefined || own === undefined) throw new Error('the home has no checkpoint')
  const { privateKey } = generateKeyPairSync('ed25519')
  const signature = sign(null, Buffer.from(note.text), privateKey)
  const forged = Buffer.from(encodeNote(note.text, [{ ...own, signature }]))
  return { changes: new Map([[CHECKPOINT_FILE, forged]]), kinds: ['checkpoint-forged'], seqs: [] }
}

/** Signed by the home's own key: a checkpoint of another copy of this log. */
function forgeRoot(loot: Loot, random: () => number): Edit {
  const { origin, sign: signNote } = signingKey(loot.home)
  const size = loot.records.length
  const root = leafHash(Buffer.from(String(random())))
  const forged = Buffer.from(signNote(encodeCheckpoint({ origin, size, root })))
  return { changes: new Map([[CHECKPOINT_FILE, forged]]), kinds: ['checkpoint-forged'], seqs: [] }
}

function hashesOver(jsons: readonly Buffer[]): Buffer {
  const frontier = new Frontier()
  const scratch = Buffer.alloc(APPENDED_BYTES_MAX)
  const pieces = jsons.map((json) => {
    leafHash(json).copy(scratch)
    return Buffer.from(scratch.subarray(0, frontier.append(scratch, 0)))
  })
  return Buffer.concat(pieces)
}

function rewriteBoth(loot: Loot, random: () => number): Edit {
  const chosen = pick(loot.records, random)
  const forged = Buffer.from(chosen.json.toString('utf8').replace('"at":1', '"at":2'))
  const changes = new Map<string, Buffer>(oneLine(loot, chosen, lineOf(forged)))
  const hashes = hashesOver(loot.records.map((record) => (record === chosen ? forged : record.json)))
  changes.set(HASHES_FILE, Buffer.concat([hashes, bytesOf(loot, HASHES_FILE).subarray(hashes.length)]))
  return { changes, kinds: ['checkpoint-forged'], seqs: [] }
}

/** What was there once is what now is, up to some record. */
function olderLog(loot: Loot, random: () => number): Edit {
  const next = pick(loot.records.slice(1), random)
  const changes = new Map<string, Buffer | undefined>()
  changes.set(next.file, bytesOf(loot, next.file).subarray(0, next.start))
  for (const file of loot.segments) if (file > next.file) changes.set(file, undefined)
  return { changes, kinds: ['truncated', 'older-copy'], seqs: [next.seq] }
}

function olderLogAndTree(loot: Loot, random: () => number): Edit {
  const older = olderLog(loot, random)
  const size = older.seqs[0] ?? 0
  const hashes = bytesOf(loot, HASHES_FILE).subarray(0, storedCount(size) * HASH_BYTES)
  return { changes: new Map([...older.changes, [HASHES_FILE, hashes]]), kinds: ['older-copy'], seqs: [size] }
}

function flipHash(loot: Loot, random: () => number): Edit {
  const hashes = bytesOf(loot, HASHES_FILE)
  const at = Math.floor(random() * storedCount(loot.records.length) * HASH_BYTES)
  hashes[at] = (hashes[at] ?? 0) ^ (1 + Math.floor(random() * 255))
  return { changes: new Map([[HASHES_FILE, hashes]]), kinds: ['tree-changed'], seqs: [] }
}

function cutHashes(loot: Loot, random: () => number): Edit {
  const hashes = bytesOf(loot, HASHES_FILE)
  const size = Math.floor(random() * storedCount(loot.records.length) * HASH_BYTES)
  return { changes: new Map([[HASHES_FILE, hashes.subarray(0, size)]]), kinds: ['tree-changed'], seqs: [] }
}

interface Kept {
  readonly id: string
  readonly ref: { readonly file: number; readonly at: number; readonly bytes: number }
}

/** A parser of lines that this module's own generator, or the server, has written. */
function keptTexts(loot: Loot): Kept[] {
  return loot.records.flatMap(({ json }) => {
    const entry: { id: string; prompt?: Kept['ref']; answer?: Kept['ref'] } = JSON.parse(
      json.toString('utf8'),
    )
    return [entry.prompt, entry.answer].flatMap((ref) => (ref === undefined ? [] : [{ id: entry.id, ref }]))
  })
}

function flipText(loot: Loot, random: () => number): Edit {
  const { id, ref } = pick(keptTexts(loot), random)
  const file = `vault/${String(ref.file).padStart(6, '0')}.vault`
  const bytes = bytesOf(loot, file)
  const at = ref.at + Math.floor(random() * ref.bytes)
  bytes[at] = (bytes[at] ?? 0) ^ (1 + Math.floor(random() * 255))
  return { changes: new Map([[file, bytes]]), kinds: ['text-changed'], seqs: [], id }
}

function removeVault(loot: Loot, random: () => number): Edit {
  const { id, ref } = pick(keptTexts(loot), random)
  const file = `vault/${String(ref.file).padStart(6, '0')}.vault`
  const first = keptTexts(loot).find((kept) => kept.ref.file === ref.file)
  return { changes: new Map([[file, undefined]]), kinds: ['text-missing'], seqs: [], id: first?.id ?? id }
}
