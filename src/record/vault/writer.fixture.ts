import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { systemClock } from '../../lib/clock.ts'
import { MASTER } from './home.fixture.ts'
import { openVault } from './vault.ts'

/**
 * A process to be killed: `writer.fixture.ts FOLDER DATABASE write` keeps texts for ever and reports each after its
 * flush; `… erase REF` says `begun` and erases. A line of JSON each.
 */
const [folder = '', database = '', work = '', ref = ''] = process.argv.slice(2)
const vault = openVault({
  folder,
  database,
  master: MASTER,
  clock: systemClock,
  randomBytes,
  fileBytes: 200_000,
})
const report = (line: unknown): void => {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

if (work === 'erase') {
  report('begun')
  await vault.erase(ref)
  report('erased')
} else {
  for (let turn = 0; ; turn++) {
    const lines = []
    for (let text = 0; text < 16; text++) {
      const plain = `${process.pid} ${turn} ${text} ${'t'.repeat((turn * 131 + text * 17) % 5_000)}`
      const subject = vault.subject(`person ${process.pid} ${(turn + text) % 40}`)
      lines.push({ ref: subject.ref, plain, text: vault.seal(subject, plain) })
    }
    vault.flush()
    report(lines)
  }
}
