import { readFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { isMissing } from '../../lib/missing.ts'
import { freeBytes } from '../pull/disk.ts'
import { type Gpu, lookForGpus } from './gpu.ts'

/** What a machine has to give to a model. Bytes. */
export interface Machine {
  readonly memory: Memory
  /** Processors that this process may use. */
  readonly cores: number
  readonly disk: { readonly folder: string; readonly freeBytes: number }
  readonly gpus: readonly Gpu[]
}

export interface Memory {
  readonly totalBytes: number
  /** What a new program could take now without the machine swapping. */
  readonly availableBytes: number
  /** A control group's limit, as in a container; null where there is none. */
  readonly limitBytes: number | null
}

/** Looks at memory, processors, the disk under a folder and graphics cards. What cannot be told is left out. */
export async function lookAtMachine(folder: string, signal: AbortSignal): Promise<Machine> {
  const [memory, freeBytes, gpus] = await Promise.all([
    lookAtMemory('/'),
    freeUnder(folder),
    lookForGpus(signal),
  ])
  return { memory, cores: availableParallelism(), disk: { folder, freeBytes }, gpus }
}

/** `root` is `/`, or a copy of the files of /proc and /sys for a test. */
export async function lookAtMemory(root: string): Promise<Memory> {
  const info = await textOf(join(root, 'proc/meminfo'))
  const totalBytes = kilobytes(info, 'MemTotal') ?? totalmem()
  const freeBytes = kilobytes(info, 'MemAvailable') ?? process.availableMemory()
  const group = await controlGroup(root)
  if (group === undefined || group.limitBytes >= totalBytes)
    return { totalBytes, availableBytes: freeBytes, limitBytes: null }
  const left = Math.max(0, group.limitBytes - group.usedBytes)
  return { totalBytes, availableBytes: Math.min(freeBytes, left), limitBytes: group.limitBytes }
}

function kilobytes(info: string | undefined, name: string): number | undefined {
  const digits = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(info ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits) * 1_024
}

interface Group {
  readonly limitBytes: number
  /** Without the page cache that it would give back. */
  readonly usedBytes: number
}

/** The tightest limit above this process, in either version of control groups; cgroups(7). */
async function controlGroup(root: string): Promise<Group | undefined> {
  const own = await textOf(join(root, 'proc/self/cgroup'))
  const groups: Group[] = []
  for (const line of own?.split('\n') ?? []) {
    const [number, controllers, path = ''] = line.split(/:(.*?):/)
    const second = number === '0' && controllers === ''
    if (!second && !controllers?.split(',').includes('memory')) continue
    const mounts = second ? ['sys/fs/cgroup', 'sys/fs/cgroup/unified'] : ['sys/fs/cgroup/memory']
    const files = second ? VERSION_2 : VERSION_1
    // Inside a container the path is the one outside, and the mount is the group itself: hence up to the top.
    for (let at = posix.normalize(path || '/'); ; at = dirname(at)) {
      for (const mount of mounts) {
        const group = await groupAt(join(root, mount, at), files)
        if (group !== undefined) groups.push(group)
      }
      if (at === '/' || at === '.') break
    }
  }
  return groups.sort((one, other) => one.limitBytes - other.limitBytes)[0]
}

interface GroupFiles {
  readonly limit: string
  readonly used: string
  readonly cache: string
}

const VERSION_1: GroupFiles = {
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  cache: 'total_inactive_file',
}
const VERSION_2: GroupFiles = { limit: 'memory.max', used: 'memory.current', cache: 'inactive_file' }

async function groupAt(folder: string, files: GroupFiles): Promise<Group | undefined> {
  const limit = (await textOf(join(folder, files.limit)))?.trim()
  if (limit === undefined || !/^\d+$/.test(limit)) return undefined
  const used = Number((await textOf(join(folder, files.used)))?.trim() ?? 0)
  const stat = await textOf(join(folder, 'memory.stat'))
  const cache = Number(new RegExp(`^${files.cache} (\\d+)$`, 'm').exec(stat ?? '')?.[1] ?? 0)
  return { limitBytes: Number(limit), usedBytes: Math.max(0, used - cache) }
}

/** Undefined where there is no such file, or this user may not read it: then nothing is known of it. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Of the disk on which a folder is, or will be. */
async function freeUnder(folder: string): Promise<number> {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return await freeBytes(at)
    } catch (error) {
      if (!isMissing(error) || at === dirname(at)) throw error
    }
  }
}
