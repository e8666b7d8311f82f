import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What the kernel and its event loop tell about a process that is measured. Linux only: it reads /proc. */
export interface LoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Ticks of user and system time in /proc, fixed by Linux's interface to programs (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100
const KIB = 1_024
const PROBE = pathToFileURL(fileURLToPath(new URL('probe.mjs', import.meta.url)))

/** CPU seconds that all threads of the process have used, to 10 ms. Throws where the process is gone. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may hold spaces: fields are counted behind it (utime is the 14th, stime the 15th).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** The most memory that the process has ever had resident, bytes. */
export function peakRssBytes(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`)
  return Number(kib) * KIB
}

interface Ticks {
  /** Of all cores, whatever they did. */
  readonly all: number
  /** Neither idle nor waiting for a disk. */
  readonly busy: number
  readonly stolen: number
}

/** What this machine's cores have done since it started, and how much of their time its host gave to others. */
export function machineTicks(): Ticks {
  // The first line of /proc/stat: user nice system idle iowait irq softirq steal, then guests (counted in user).
  const [line] = readFileSync('/proc/stat', 'utf8').split('\n')
  const fields = (line ?? '').trim().split(/ +/).slice(1, 9).map(Number)
  const all = fields.reduce((sum, one) => sum + one, 0)
  const stolen = fields[7] ?? 0
  return { all, busy: all - (fields[3] ?? 0) - (fields[4] ?? 0) - stolen, stolen }
}

/** Seconds of CPU that all processes together have used in between. */
export function busySeconds(before: Ticks, after: Ticks): number {
  return (after.busy - before.busy) / TICKS_PER_SECOND
}

export function stolenShare(before: Ticks, after: Ticks): number {
  return (after.stolen - before.stolen) / Math.max(1, after.all - before.all)
}

/** Flags for a Node that is to be asked about its event loop on this socket. */
export function probeFlags(socket: string, loopback = false): readonly string[] {
  const url = new URL(PROBE)
  url.searchParams.set('socket', socket)
  if (loopback) url.searchParams.set('loopback', '1')
  return ['--import', url.href]
}

/** Begins a new histogram of the loop's delay. */
export async function beginLoopDelay(socket: string): Promise<void> {
  await said(socket, 'r')
}

export async function endLoopDelay(socket: string): Promise<LoopDelay> {
  // A parser: the probe wrote this.
  return JSON.parse(await said(socket, 'g')) as LoopDelay
}

function said(path: string, byte: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(byte))
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.once('error', reject)
    socket.once('close', () => resolve(text))
  })
}
