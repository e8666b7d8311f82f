import { resolve } from 'node:path'
import * as z from 'zod'
import { PROBLEM_CODES, type ProblemCode, UpshiftError } from '../../contract/problem.ts'
import { expectJson } from '../../contract/reply.ts'
import {
  asStarted,
  type ExitCode,
  type ServerReply,
  UsageError,
  type Verb,
  type VerbContext,
} from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import { verifyHome } from '../audit/verify.ts'
import { type Restored, restoreHome } from './restore.ts'
import { type BackupEvent, backupEvent } from './wire.ts'

export const verbs: readonly Verb[] = [
  {
    name: 'backup',
    summary: 'Copy the home into a new folder, while the server runs.',
    operands: 'FOLDER',
    options: {
      'without-keys': { type: 'boolean', summary: 'Leave out the secret keys; keep them elsewhere.' },
    },
    details:
      'The copy is consistent: log, tree and checkpoint, the vault and the databases. With its keys it can be read ' +
      'by whoever has it, so it needs the same care as the home. A subject that is erased later stays in it.',
    examples: ['upshift backup /mnt/backup/2026-11-21', 'upshift backup /mnt/offsite/monday --without-keys'],
    run: backup,
  },
  {
    name: 'restore',
    summary: 'Check a backup and put it in the place of a home.',
    operands: 'FOLDER',
    options: {
      to: { type: 'string', value: 'HOME', summary: 'Where to; default: the configured home.' },
      force: { type: 'boolean', summary: 'Replace a home that is there: it is moved aside, not deleted.' },
    },
    details:
      'Every file is compared with its checksum and the whole is audited before anything is put in place. No server ' +
      'may run on the home. Who was erased since the backup is erased again at the next start.',
    examples: ['upshift restore /mnt/backup/2026-11-21 --to /var/lib/upshift --force'],
    run: restore,
  },
]

async function backup(context: VerbContext): Promise<ExitCode> {
  const folder = folderOf(context)
  const server = await context.server()
  const body = { folder, keys: context.flags['without-keys'] !== true }
  const reply = await server.call('POST', '/v1/admin/backup', body, context.signal)
  const done = await lastOf(reply, context)
  if (context.json) context.out.write(`${JSON.stringify(done)}\n`)
  else {
    context.out.write(`${done.folder}\n`)
    context.err.write(
      `upshift: ${done.files} files, ${done.bytes} bytes; the log is proven up to ${done.entries} entries.\n` +
        `upshift: SHA-256 of the manifest: ${done.sha256}\n`,
    )
    if (body.keys)
      context.err.write('upshift: the copy holds the secret keys: keep it as safe as the home.\n')
  }
  return 0
}

async function restore(context: VerbContext): Promise<ExitCode> {
  const folder = folderOf(context)
  const to = context.flags['to']
  if (to === '') throw new UsageError('--to takes the path of a folder')
  const restored = await restoreHome({
    folder,
    target: resolve(typeof to === 'string' ? to : await context.home()),
    force: context.flags['force'] === true,
    now: systemClock.now(),
    signal: context.signal,
    verify: (home) => verifyHome({ home, signal: context.signal }),
    progress: progressTo(context),
  })
  if (context.json) context.out.write(`${JSON.stringify(restored)}\n`)
  else {
    context.out.write(`${restored.home}\n`)
    context.err.write(asStarted(toldOf(restored), context.program))
  }
  return 0
}

function toldOf({ files, bytes, entries, missingKeys, replaced, leftCopies }: Restored): string {
  const told = [`${files} files, ${bytes} bytes; the audit of its ${entries} entries passed.`]
  if (replaced !== null) {
    told.push(`The home that was there lies in ${replaced.movedTo}.`)
    if (replaced.newerEntries === null) {
      told.push('Its log could not be read: erase again by hand who was erased since the backup.')
    } else if (replaced.newerEntries > 0) {
      told.push(`${replaced.newerEntries} entries are only in there, with what they say of budgets.`)
    }
    if (replaced.eraseAgain.length > 0) {
      told.push(`The next start erases again who was erased since: ${replaced.eraseAgain.join(', ')}.`)
    }
  } else
    told.push(
      'Who was erased since the backup was made is in it again: repeat `upshift subject erase` for them.',
    )
  if (missingKeys.length > 0) {
    told.push(
      `The backup holds no keys. Before the first start put these in place: ${missingKeys.join(', ')}.`,
    )
  }
  if (leftCopies.length > 0) {
    told.push(
      `Of restores that were broken off, or are at work: ${leftCopies.join(', ')}. Remove what is left.`,
    )
  }
  return told.map((line) => `upshift: ${line}\n`).join('')
}

function folderOf({ args }: VerbContext): string {
  const [folder] = args
  if (folder === undefined || folder === '') throw new UsageError('FOLDER is missing')
  return resolve(folder)
}

/** Longest line of the reply that is one of ours. */
const LINE_CHARS_MAX = 65_536

/** Reads the events of a backup to the last one. Throws UpshiftError where it failed, or broke off. */
async function lastOf(
  reply: ServerReply,
  context: VerbContext,
): Promise<Extract<BackupEvent, { type: 'done' }>> {
  if (reply.status < 200 || reply.status > 299) await expectJson(reply, z.never())
  const progress = progressTo(context)
  let rest = ''
  for await (const piece of reply.body) {
    const lines = (rest + String(piece)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_CHARS_MAX) break
    for (const line of lines) {
      const event = backupEvent.parse(JSON.parse(line))
      if (event.type === 'progress') progress(event.done, event.total)
      else if (event.type === 'done') return event
      else throw new UpshiftError({ code: codeOf(event.code), message: event.message })
    }
  }
  const message =
    'The server broke the backup off before it was whole: what it copied is no backup. Look at `upshift doctor`, then try again.'
  throw new UpshiftError({ code: 'internal', message })
}

function codeOf(code: string): ProblemCode {
  return PROBLEM_CODES.find((known) => known === code) ?? 'internal'
}

/** A line that is written over on a terminal; nothing elsewhere. */
function progressTo({ err, json }: VerbContext): (done: number, total: number) => void {
  const shown = !json && 'isTTY' in err && err.isTTY === true
  return (done, total) => {
    if (!shown) return
    const share = total === 0 ? 100 : Math.floor((done / total) * 100)
    err.write(`\r${share} % of ${(total / 1_048_576).toFixed(1)} MiB${done >= total ? '\n' : ''}`)
  }
}
