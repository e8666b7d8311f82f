import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import type { VerbContext } from '../../contract/verb.ts'
import { forgetVerb } from './verb.ts'
import type { ForgetReceipt } from './wire.ts'

const SCAN = { files: 3, bytes: 900, probes: 6, textsProbed: 1, name: 'whole' } as const

/** What the command writes beside a receipt that came over the wire. */
async function said(
  scan: Partial<NonNullable<ForgetReceipt['scan']>>,
  result: ForgetReceipt['result'],
): Promise<{ readonly code: unknown; readonly err: string }> {
  const receipt: ForgetReceipt = {
    format: 'upshift-forget-receipt 1',
    id: 'fgt_1',
    collection: 'manuals',
    origin: 1,
    by: 'key_owner',
    begunAt: '2026-11-22T09:00:00.000Z',
    doneAt: '2026-11-22T09:00:01.000Z',
    result,
    removed: { passages: 1, answers: 0 },
    retrieval: { questions: 1, found: 0 },
    scan: { ...SCAN, found: 0, inDocuments: 0, findings: [], unread: [], ...scan },
    alsoElsewhere: 0,
    alsoIn: [],
    notCovered: [],
    verifierKey: 'key',
    proof: {},
  }
  const [out, err] = [new PassThrough(), new PassThrough()]
  const context: VerbContext = {
    args: ['manuals', '/manuals/pumps.md'],
    flags: { yes: true },
    out,
    err,
    stdin: Readable.from([]),
    json: false,
    colour: false,
    signal: AbortSignal.timeout(5_000),
    home: async () => '/nowhere',
    server: async () => ({
      running: true,
      call: async () => ({ status: 200, headers: {}, body: Readable.from([JSON.stringify(receipt)]) }),
    }),
  }
  const code = await forgetVerb.run(context)
  err.end()
  return { code, err: (await err.toArray()).join('') }
}

test('what is left is told with its place, what could not be read with its reason, and what to do', async () => {
  const findings = [1, 2, 3, 4].map((offset) => ({ file: 'stray.log', offset }))
  const unread = [{ file: 'secret.txt', why: 'EACCES' }]
  const { code, err } = await said({ found: 9, findings, unread }, 'incomplete')
  assert.equal(code, 3)
  assert.match(err, /scanned for 6 probes: INCOMPLETE\.\n/)
  assert.match(err, /\nupshift: stray\.log holds its words or its name, at byte 1, 2, 3 and more\.\n/)
  assert.match(err, /\nupshift: 9 places were found in all\.\n/)
  assert.match(err, /\nupshift: secret\.txt could not be looked through: EACCES\.\n/)
  assert.match(err, /\nupshift: .* add the document again and forget it once more\.\n$/)
  const clean = await said({}, 'forgotten')
  assert.equal(clean.code, 0)
  assert.match(clean.err, /probes: nothing is left\.\n$/)
})
