import { setPriority } from 'node:os'
import { wordsOf } from './files.ts'
import { scanHome } from './scan.ts'
import { type ScanReport, scanTask } from './task.ts'

// DESIGN. The process that scans a home for `scanInChild`: one task comes over the channel, one reply goes back.
// It is a process, and no thread, for the sake of SQLite's locks (see scan.ts), and its priority is low: requests
// come first. Where the parent dies the channel closes, and so this process ends.

const NICE = 10

const gone = new AbortController()
process.once('disconnect', () => gone.abort())
setPriority(NICE)
process.once('message', async (message: unknown) => {
  process.send?.(await replyTo(message), () => process.disconnect?.())
})

async function replyTo(
  message: unknown,
): Promise<{ type: 'report'; report: ScanReport } | { type: 'failed'; message: string }> {
  try {
    return { type: 'report', report: await scanHome(scanTask.parse(message), gone.signal) }
  } catch (error) {
    return { type: 'failed', message: wordsOf(error) }
  }
}
