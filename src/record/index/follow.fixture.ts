import { variedLog } from './log.fixture.ts'
import { openProjection } from './projection.ts'

// A process to be killed: it follows a made log, commits often, and writes a dot after each commit.
const [, , path = '', count = '0', seed = '0'] = process.argv
const projection = openProjection({
  path,
  readText: () => ({ type: 'erased' }),
  elapsed: () => performance.now(),
})
let visited = 0
for (const entry of variedLog(Number(count), Number(seed))) {
  if (entry.seq < projection.position) continue
  projection.visit(entry)
  visited += 1
  if (visited % 20 !== 0) continue
  projection.commit()
  process.stdout.write('.')
  await new Promise(setImmediate)
}
projection.commit()
