import type { Problem } from '../../contract/problem.ts'
import { type Patience, waitAfter } from './attempts.ts'
import { type Fault, fault, isFault, networkFault } from './fault.ts'
import { shownBytes } from './figures.ts'
import type { Part } from './part.ts'
import { type Identity, ignore, type Reply, type Web } from './web.ts'

/**
 * DESIGN. A file is fetched in attempts. Each asks for what is missing, on the condition that the file is still the
 * same (If-Range), and writes what comes behind what is there. An attempt that brought next to nothing counts, and
 * after `tries` of them in a row it is over; one that brought something clears the count. What cannot be the
 * continuation (another tag or length, another offset, a whole file) makes the download begin anew, a few times. So
 * every loop ends: with the file, after `tries`, or after RESTARTS_MAX.
 */
export interface DownloadOptions {
  readonly web: Web
  readonly url: URL
  readonly part: Part
  readonly patience: Patience
  /** Milliseconds in which a slow server must have brought something: see SLOWEST_BYTES_PER_SECOND. */
  readonly stallMs: number
  /** The longest file that is taken. */
  readonly maxBytes: number
  /** What is here of the file, and how long it is. */
  readonly progress: (bytes: number, of: number | undefined) => void
  readonly restarted: (why: string) => void
}

const RESTARTS_MAX = 5
/** What an attempt must bring to count as one that got on. */
const GAIN_BYTES = 1_048_576
/** Whoever is slower, over `stallMs`, counts as silent: at this rate a small model takes a month. */
const SLOWEST_BYTES_PER_SECOND = 1_024
const MAGIC = Buffer.from('GGUF')

/**
 * Fetches what a part lacks; what has arrived is on the disk when it resolves. Resolves to a problem where that
 * cannot be done. Throws where the signal aborts, and as files do.
 */
export async function download(options: DownloadOptions): Promise<Problem | undefined> {
  const { part, patience } = options
  let failed = 0
  let restarts = 0
  try {
    while (!isWhole(part)) {
      const before = part.bytes
      const end = await attempt(options)
      patience.signal.throwIfAborted()
      if (end === 'whole') return undefined
      if (end.type === 'restart') {
        restarts += 1
        if (restarts > RESTARTS_MAX) return unsteady(end)
        options.restarted(end.why)
        await part.restart(end.identity)
        continue
      }
      if (!end.again) return end.problem
      failed = part.bytes - before >= GAIN_BYTES ? 1 : failed + 1
      if (failed >= patience.tries) return end.problem
      const refused = await waitAfter(end, failed, patience)
      if (refused !== undefined) return refused
    }
    return undefined
  } finally {
    await part.sync()
  }
}

/** What is here cannot be continued: it is to be begun anew, as the file is now. */
interface Restart {
  readonly type: 'restart'
  readonly identity: Identity
  readonly why: string
  readonly host: string
}

function isWhole({ identity, bytes }: Part): boolean {
  return identity.bytes !== undefined && bytes === identity.bytes
}

async function attempt(options: DownloadOptions): Promise<'whole' | Fault | Restart> {
  const { web, url, part, patience } = options
  const reply = await web.open(url, rangeOf(part), patience.signal)
  if (isFault(reply)) return reply
  const other = otherThan(part, reply)
  if (other === undefined) {
    if (part.bytes === 0) await part.restart(merged(part.identity, reply.identity))
    return await copy(options, reply)
  }
  reply.body.on('error', ignore).destroy()
  return other
}

function rangeOf({ bytes, identity }: Part): Readonly<Record<string, string>> {
  if (bytes === 0) return {}
  return { range: `bytes=${bytes}-`, ...(identity.etag !== undefined && { 'if-range': identity.etag }) }
}

/** Undefined where the reply continues what is here. */
function otherThan(part: Part, { status, host, offset, identity }: Reply): Restart | Fault | undefined {
  const restart = (why: string, as: Identity): Restart => ({ type: 'restart', why, identity: as, host })
  if (part.bytes === 0) {
    if (status !== 200) return garbled(`${host} sends a part of the file where all of it was asked for.`)
    return contradicts(part.identity, identity)
      ? garbled(
          `${host} announces ${identity.bytes} bytes, and announced ${part.identity.bytes} of the same file.`,
        )
      : undefined
  }
  const changed = differs(part.identity, identity)
  if (status === 200)
    return restart(changed ? 'the file has changed on the server' : 'the server cannot resume', identity)
  if (changed) return restart('the file has changed on the server', identity)
  if (status === 416) return restart('the server has no such part of the file', part.identity)
  if (offset !== part.bytes) return restart('the server sent another part than asked for', part.identity)
  return undefined
}

function garbled(message: string): Fault {
  return fault('upstream_garbled', `${message} Pull again, or from another address.`, { again: true })
}

/** True where the same file, by its checksum or tag, has two lengths. */
function contradicts(one: Identity, other: Identity): boolean {
  const same = (field: 'sha256' | 'etag'): boolean => one[field] !== undefined && one[field] === other[field]
  const lengths = one.bytes !== undefined && other.bytes !== undefined && one.bytes !== other.bytes
  return lengths && (same('sha256') || same('etag'))
}

function differs(one: Identity, other: Identity): boolean {
  return (['sha256', 'etag', 'bytes'] as const).some(
    (field) => one[field] !== undefined && other[field] !== undefined && one[field] !== other[field],
  )
}

/** What a whole file's reply says, and what was known before where it says nothing else. */
function merged(before: Identity, now: Identity): Identity {
  if (differs(before, now)) return now
  return {
    bytes: now.bytes ?? before.bytes,
    etag: now.etag ?? before.etag,
    sha256: now.sha256 ?? before.sha256,
    revision: now.revision ?? before.revision,
  }
}

async function copy(options: DownloadOptions, reply: Reply): Promise<'whole' | Fault> {
  const { part, patience, maxBytes } = options
  const most = part.identity.bytes ?? maxBytes
  if (most > maxBytes) return refused(reply, tooLong(reply.host, most, maxBytes))
  let writing = false
  const watch = watchFor(options, reply, () => writing)
  try {
    for await (const bytes of reply.body) {
      if (!Buffer.isBuffer(bytes)) throw new Error('undici hands over bytes')
      if (!beginsRight(part.bytes, bytes)) return refused(reply, notGguf(reply.host))
      if (part.bytes + bytes.length > most) return refused(reply, surplus(reply.host, part, maxBytes))
      writing = true
      await part.write(bytes)
      writing = false
      options.progress(part.bytes, part.identity.bytes)
    }
  } catch (error) {
    patience.signal.throwIfAborted()
    if (writing || !(error instanceof Error)) throw error
    return watch.stalled() ?? networkFault(reply.host, error, true)
  } finally {
    watch.end()
  }
  const { bytes } = part.identity
  if (bytes === undefined || part.bytes === bytes) return 'whole'
  return fault(
    'upstream_failed',
    `${reply.host} broke off after ${part.bytes} of ${bytes} bytes. Pull again.`,
    {
      again: true,
    },
  )
}

/** Ends a body that brings too little, while nobody here is what keeps it waiting. */
function watchFor({ part, stallMs }: DownloadOptions, { body, host }: Reply, busy: () => boolean) {
  const least = (stallMs / 1_000) * SLOWEST_BYTES_PER_SECOND
  let before = part.bytes
  let stalled: Fault | undefined
  const timer = setInterval(() => {
    if (part.bytes - before < least && !busy()) {
      const seconds = Math.round(stallMs / 1_000)
      stalled = fault(
        'upstream_timeout',
        `${host} brought ${shownBytes(part.bytes - before)} in ${seconds} s, and was given up. Pull again.`,
        { again: true },
      )
      body.destroy(new Error('stalled'))
    }
    before = part.bytes
  }, stallMs)
  return { stalled: () => stalled, end: () => clearInterval(timer) }
}

function refused({ body }: Reply, why: Fault): Fault {
  body.on('error', ignore).destroy()
  return why
}

function beginsRight(offset: number, bytes: Buffer): boolean {
  if (offset >= MAGIC.length) return true
  const length = Math.min(MAGIC.length - offset, bytes.length)
  return bytes.subarray(0, length).equals(MAGIC.subarray(offset, offset + length))
}

function notGguf(host: string): Fault {
  return fault(
    'upstream_rejected',
    `What ${host} sends is no GGUF file: it does not begin with \`GGUF\`. Give the address of the .gguf file itself, not that of a page about it.`,
  )
}

function surplus(host: string, { identity }: Part, maxBytes: number): Fault {
  if (identity.bytes === undefined) return tooLong(host, undefined, maxBytes)
  return fault(
    'upstream_garbled',
    `${host} sends more than the ${identity.bytes} bytes that it has announced.`,
  )
}

/** The fault for a file beyond `models.maxBytes`; its length where that is known. */
export function tooLong(host: string, bytes: number | undefined, maxBytes: number): Fault {
  const has =
    bytes === undefined ? `more than ${maxBytes} bytes` : `${bytes} bytes, and ${maxBytes} are allowed`
  return fault('body_too_large', `The model at ${host} has ${has}. If it is meant, raise models.maxBytes.`)
}

function unsteady({ why, host }: Restart): Problem {
  return {
    code: 'upstream_failed',
    message: `The download from ${host} was begun anew ${RESTARTS_MAX} times, the last time because ${why}. Pull again later, or from another address.`,
  }
}
