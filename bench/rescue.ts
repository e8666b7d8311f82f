import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forkUpstream } from './process/children.ts'
import { measureRescueScan } from './process/rescue-scan.ts'
import { startUpshift } from './process/upshift.ts'

/**
 * What the search for printed tool calls costs a stream that has none, as a share of the whole request's CPU:
 * `node bench/rescue.ts`. The bound is a tenth; the code is 1 above it.
 */
const SLICE_MS = 600
const SLICES = 5
const SHARE_MAX = 0.1

const folder = mkdtempSync(join(tmpdir(), 'upshift-rescue-'))
try {
  await using upstream = await forkUpstream()
  await using upshift = await startUpshift({ folder, engine: upstream.url })
  const { events, scanUs, requestUs, share } = await measureRescueScan(upshift, SLICE_MS, SLICES)
  process.stdout.write(
    `stream of ${events} events, tools offered, no call in it: search ${scanUs.toFixed(1)} µs CPU of ` +
      `${requestUs.toFixed(0)} µs (${(100 * share).toFixed(1)} %; at most ${100 * SHARE_MAX} %)\n`,
  )
  if (!(share <= SHARE_MAX)) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}
