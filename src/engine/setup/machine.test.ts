import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { lookForGpus, parseNvidia } from './gpu.ts'
import { lookAtMachine, lookAtMemory } from './machine.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-machine-'))
after(() => rmSync(root, { recursive: true }))
let machines = 0

/** Files of /proc and /sys as a machine has them. */
function machine(files: Readonly<Record<string, string>>): string {
  machines += 1
  const folder = join(root, String(machines))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const GIB = 1_073_741_824
const meminfo = `MemTotal:       ${(16 * GIB) / 1_024} kB\nMemFree:  1 kB\nMemAvailable:   ${(10 * GIB) / 1_024} kB\n`

test('memory is what the kernel says is available, where nothing limits it', async () => {
  const memory = await lookAtMemory(machine({ 'proc/meminfo': meminfo, 'proc/self/cgroup': '0::/\n' }))
  assert.deepEqual(memory, { totalBytes: 16 * GIB, availableBytes: 10 * GIB, limitBytes: null })
})

test('a control group of version 2 limits it, wherever above the process it stands, its cache not counted', async () => {
  const memory = await lookAtMemory(
    machine({
      'proc/meminfo': meminfo,
      'proc/self/cgroup': '0::/user.slice/app.scope\n',
      'sys/fs/cgroup/user.slice/app.scope/memory.max': 'max\n',
      'sys/fs/cgroup/user.slice/memory.max': `${4 * GIB}\n`,
      'sys/fs/cgroup/user.slice/memory.current': `${3 * GIB}\n`,
      'sys/fs/cgroup/user.slice/memory.stat': `anon 5\ninactive_file ${2 * GIB}\n`,
    }),
  )
  assert.deepEqual(memory, { totalBytes: 16 * GIB, availableBytes: 3 * GIB, limitBytes: 4 * GIB })
})

test('a container’s group counts though its path is that of the host, in both versions', async () => {
  const two = machine({
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '0::/docker/0123\n',
    'sys/fs/cgroup/memory.max': `${2 * GIB}`,
    'sys/fs/cgroup/memory.current': '0',
  })
  const one = machine({
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '5:cpu,cpuacct:/x\n4:memory:/docker/0123\n0::/\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': `${2 * GIB}`,
    'sys/fs/cgroup/memory/memory.usage_in_bytes': `${GIB}`,
    'sys/fs/cgroup/memory/memory.stat': `inactive_file 1\ntotal_inactive_file ${GIB}\n`,
  })
  for (const folder of [two, one]) {
    assert.deepEqual(await lookAtMemory(folder), {
      totalBytes: 16 * GIB,
      availableBytes: 2 * GIB,
      limitBytes: 2 * GIB,
    })
  }
})

test('a limit beyond the machine is none, and without files the system itself is asked', async () => {
  const boundless = machine({
    'proc/meminfo': meminfo,
    'proc/self/cgroup': '4:memory:/a\n',
    'sys/fs/cgroup/memory/a/memory.limit_in_bytes': '9223372036854771712',
  })
  assert.equal((await lookAtMemory(boundless)).limitBytes, null)
  const bare = await lookAtMemory(machine({}))
  assert.equal(bare.totalBytes, totalmem())
  assert.ok(bare.availableBytes > 0)
})

test('this machine is looked at without failing, the disk of a folder that is not there yet included', async () => {
  const seen = await lookAtMachine(join(root, 'not', 'there', 'yet'), new AbortController().signal)
  assert.ok(seen.cores >= 1 && seen.disk.freeBytes > 0 && seen.memory.totalBytes > GIB / 4)
  assert.ok(Array.isArray(await lookForGpus(new AbortController().signal)))
})

test('what nvidia-smi says is read line by line, and what it does not mean is passed over', () => {
  assert.deepEqual(
    parseNvidia('NVIDIA RTX A4000, 16376\nTesla\u001b[2J T4, 15360\nNo devices were found\n, 5\n'),
    [
      { kind: 'nvidia', name: 'NVIDIA RTX A4000', memoryBytes: 16_376 * 1_048_576 },
      { kind: 'nvidia', name: 'Tesla?[2J T4', memoryBytes: 15_360 * 1_048_576 },
    ],
  )
})
