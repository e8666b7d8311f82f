import { runTasks, STATIC_TASKS, testTask, testTotal } from './task.ts'

/**
 * `npm run check`, the fast loop: everything but the tests of the whole process. All faults of all checks are
 * shown, and the code is 1 where there was one.
 */
const LIMIT_MINUTES = 4
const unit = testTask(['src/**/*.test.ts', 'test/tidy.test.ts'], LIMIT_MINUTES, false)
const ends = await runTasks([unit, ...STATIC_TASKS])

if (!ends.some(({ task, output }) => task === unit && testTotal(output))) {
  process.stdout.write('FAIL no test ran: a green check that looked at nothing is worth nothing\n')
  process.exitCode = 1
}
const failed = ends.filter(({ passed }) => !passed).map(({ task }) => task.name)
if (failed.length > 0) {
  process.stdout.write(`failed: ${failed.join(', ')}\n`)
  process.exitCode = 1
}
