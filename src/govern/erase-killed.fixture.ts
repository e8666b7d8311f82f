import { isRefusal } from '../contract/problem.ts'
import { createErasure } from './erase.ts'
import { openTestHome } from './home.fixture.ts'

// A process that erases NAME in HOME and kills itself at STEP, as a loss of power would.

const [home = '', name = '', step = ''] = process.argv.slice(2)
const opened = openTestHome(home, (reached) => {
  if (reached === step) process.kill(process.pid, 'SIGKILL')
})
const receipt = await createErasure(opened.ports).erase(name, 'key_owner')
process.exitCode = isRefusal(receipt) ? 1 : 0
