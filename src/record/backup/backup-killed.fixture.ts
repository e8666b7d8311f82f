import assert from 'node:assert/strict'
import { isRefusal } from '../../contract/problem.ts'
import { backUp } from './backup.ts'
import { WritingHome } from './writing-home.fixture.ts'

// A process that serves HOME, copies it to FOLDER and kills itself after STEPS events, as a loss of power would.

const [home, folder = '', steps = ''] = process.argv.slice(2)
const writing = new WritingHome(home)
writing.keepWriting()
const events = backUp(writing.ports, { folder, keys: true })
assert.ok(!isRefusal(events))
let seen = 0
for await (const event of events) {
  seen += 1
  if (seen === Number(steps) && event.type === 'progress') process.kill(process.pid, 'SIGKILL')
}
writing.close()
