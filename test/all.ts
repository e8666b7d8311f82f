import { runTask, runTasks, STATIC_TASKS, testTask, testTotal } from './task.ts'

/**
 * `npm test`, and what CI runs: the static checks, then every test in one run of the test runner, so that its
 * closing lines carry the total of the whole run and stand last. The code is 1 where anything failed, and
 * where no test ran.
 */
const LIMIT_MINUTES = 10
const checks = await runTasks(STATIC_TASKS)
const tests = await runTask(
  testTask(['src/**/*.test.ts', 'bench/**/*.test.ts', 'test/*.test.ts'], LIMIT_MINUTES, true),
)

if (!testTotal(tests.output)) {
  process.stderr.write('no test ran: a green run that looked at nothing is worth nothing\n')
  process.exitCode = 1
}
const failed = [...checks, tests].filter(({ passed }) => !passed).map(({ task }) => task.name)
if (failed.length > 0) {
  process.stderr.write(`failed: ${failed.join(', ')} (the faults are above)\n`)
  process.exitCode = 1
}
