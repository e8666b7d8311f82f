import { promises as fs } from 'node:fs'
import { verifyHome } from '../audit/verify.ts'
import { restoreHome } from './restore.ts'

// A process that restores FOLDER to TARGET with --force and kills itself at STEP: while files are copied, or once the
// first of the two renames is made, as a loss of power would.

const [folder = '', target = '', step = ''] = process.argv.slice(2)
const { signal } = new AbortController()
const end = (): void => {
  process.kill(process.pid, 'SIGKILL')
}
const rename = fs.rename.bind(fs)
fs.rename = async (from, to) => {
  await rename(from, to)
  if (step === 'renamed') end()
}
await restoreHome({
  folder,
  target,
  force: true,
  now: Date.UTC(2026, 10, 21, 9, 30),
  signal,
  verify: (home) => verifyHome({ home, signal }),
  progress: () => {
    if (step === 'copying') end()
  },
})
