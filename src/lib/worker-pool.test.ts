import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createWorkerPool, WorkerError, type WorkerPool, type WorkerPoolOptions } from './worker-pool.ts'

const folder = mkdtempSync(join(tmpdir(), 'upshift-pool-'))
const script = join(folder, 'worker.ts')
writeFileSync(
  script,
  `import { serveTasks } from ${JSON.stringify(new URL('./worker-task.ts', import.meta.url).href)}
serveTasks((task: { do: string; value?: number }) => {
  if (task.do === 'double') return (task.value ?? 0) * 2
  if (task.do === 'throw') throw new Error('the task says no')
  if (task.do === 'exit') process.exit(3)
  if (task.do === 'regex') return /^(a+)+$/.test('a'.repeat(60) + '!')
  if (task.do === 'memory') { const all: unknown[] = []; for (;;) all.push(new Array(1000).fill(Math.random())) }
  if (task.do === 'buffers') { const all: Uint8Array[] = []; for (;;) all.push(new Uint8Array(1024 * 1024).fill(1)) }
  if (task.do === 'wait') return new Promise((done) => setTimeout(() => done('waited'), task.value))
})
`,
)
const pools: WorkerPool[] = []
function pool(more: Partial<WorkerPoolOptions> = {}): WorkerPool {
  const made = createWorkerPool({
    module: pathToFileURL(script),
    size: 1,
    queueLimit: 4,
    taskTimeoutMs: 2000,
    ...more,
  })
  pools.push(made)
  return made
}
after(async () => {
  await Promise.all(pools.map((one) => one.close()))
  rmSync(folder, { recursive: true })
})

const faultOf = (fault: string) => (error: unknown) => error instanceof WorkerError && error.fault === fault

test('a pool starts no worker before the first task and answers every task with its own result', async () => {
  const one = pool({ size: 2 })
  assert.equal(one.workers, 0)
  const results = await Promise.all([1, 2, 3, 4, 5].map((value) => one.run({ do: 'double', value })))
  assert.deepEqual(results, [2, 4, 6, 8, 10])
  assert.equal(one.workers, 2)
})

test('what a task throws rejects that task and leaves the worker alive', async () => {
  const one = pool()
  await assert.rejects(one.run({ do: 'throw' }), (error) => {
    return faultOf('failed')(error) && /the task says no/.test(String(error))
  })
  assert.equal(await one.run({ do: 'double', value: 4 }), 8)
  assert.equal(one.workers, 1)
})

test('a worker that dies fails its task and is replaced for the next one in the queue', async () => {
  const one = pool()
  const [died, next] = await Promise.allSettled([
    one.run({ do: 'exit' }),
    one.run({ do: 'double', value: 3 }),
  ])
  assert.ok(died.status === 'rejected' && faultOf('crashed')(died.reason))
  assert.deepEqual(next, { status: 'fulfilled', value: 6 })
})

test('a regular expression that never ends is stopped at the time-out and its worker replaced', async () => {
  const one = pool({ taskTimeoutMs: 100 })
  await assert.rejects(one.run({ do: 'regex' }), faultOf('task-timeout'))
  assert.equal(await one.run({ do: 'double', value: 5 }), 10)
})

test('a task that eats its heap kills only its worker', async () => {
  const one = pool({ heapMb: 16, taskTimeoutMs: 10_000 })
  await assert.rejects(one.run({ do: 'memory' }), faultOf('crashed'))
  assert.equal(await one.run({ do: 'double', value: 6 }), 12)
})

test('a task that eats memory outside its heap kills only its worker', async () => {
  const one = pool({ externalMb: 64, taskTimeoutMs: 20_000 })
  await assert.rejects(one.run({ do: 'buffers' }), faultOf('crashed'))
  assert.equal(await one.run({ do: 'double', value: 6 }), 12)
})

test('a full queue refuses the next task at once', async () => {
  const one = pool({ queueLimit: 1 })
  const running = one.run({ do: 'wait', value: 50 })
  const waiting = one.run({ do: 'double', value: 1 })
  await assert.rejects(one.run({ do: 'double', value: 2 }), faultOf('queue-full'))
  assert.deepEqual(await Promise.all([running, waiting]), ['waited', 2])
})

test('a task that waits too long, or that its caller gives up, leaves the queue', async () => {
  const one = pool({ waitTimeoutMs: 30 })
  await one.run({ do: 'double', value: 0 })
  const running = one.run({ do: 'wait', value: 150 })
  await assert.rejects(one.run({ do: 'double', value: 1 }), faultOf('wait-timeout'))
  const stop = new AbortController()
  const given = one.run({ do: 'double', value: 2 }, [], stop.signal)
  stop.abort()
  await assert.rejects(given, faultOf('aborted'))
  assert.equal(await running, 'waited')
})

test('a task that cannot be cloned fails and the worker stays', async () => {
  const one = pool()
  await assert.rejects(one.run({ do: () => 1 }), faultOf('failed'))
  assert.equal(await one.run({ do: 'double', value: 7 }), 14)
})

test('a module that is not there fails the task with the reason', async () => {
  const one = pool({ module: pathToFileURL(join(folder, 'absent.ts')) })
  await assert.rejects(one.run({ do: 'double', value: 1 }), faultOf('crashed'))
})

test('closing fails what runs and what waits, and refuses what comes later', async () => {
  const one = pool()
  const ends = Promise.allSettled([
    one.run({ do: 'wait', value: 10_000 }),
    one.run({ do: 'double', value: 1 }),
  ])
  await one.close()
  for (const end of await ends) assert.ok(end.status === 'rejected' && faultOf('closed')(end.reason))
  await assert.rejects(one.run({ do: 'double', value: 1 }), faultOf('closed'))
})
