import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** A graphics card that a build of llama.cpp could use. */
export interface Gpu {
  readonly kind: 'nvidia' | 'metal' | 'vulkan'
  readonly name: string
  /** Its own memory; null where it shares the machine's, or nobody says. */
  readonly memoryBytes: number | null
}

const ASK_MS = 5_000
const CARDS_MAX = 64
const MIB = 1_048_576

/** Looks for graphics cards, without ever failing: what does not answer is not there. */
export async function lookForGpus(signal: AbortSignal): Promise<readonly Gpu[]> {
  if (process.platform === 'darwin')
    return process.arch === 'arm64' ? [{ kind: 'metal', name: 'Apple GPU', memoryBytes: null }] : []
  const cards = parseNvidia(await nvidiaSays(signal))
  if (cards.length > 0) return cards
  if (isFilled('/proc/driver/nvidia/gpus'))
    return [{ kind: 'nvidia', name: 'NVIDIA card', memoryBytes: null }]
  return hasVulkan() ? [{ kind: 'vulkan', name: 'a card with a Vulkan driver', memoryBytes: null }] : []
}

/** Lines of `NVIDIA RTX A4000, 16376`; anything else is passed over. */
export function parseNvidia(text: string): readonly Gpu[] {
  return text
    .split('\n')
    .slice(0, CARDS_MAX)
    .flatMap((line): Gpu[] => {
      const parts = /^\s*([^,]{1,100}),\s*(\d{1,9})\s*$/.exec(line)
      if (parts === null) return []
      const name = (parts[1] ?? '').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?').trim()
      return [{ kind: 'nvidia', name, memoryBytes: Number(parts[2]) * MIB }]
    })
}

function nvidiaSays(signal: AbortSignal): Promise<string> {
  const words = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']
  return new Promise((resolve) => {
    execFile('nvidia-smi', words, { timeout: ASK_MS, signal, maxBuffer: 65_536 }, (error, stdout) => {
      resolve(error === null ? stdout : '')
    })
  })
}

const LIBRARY_FOLDERS = [
  '/usr/lib',
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
]

function hasVulkan(): boolean {
  if (process.platform === 'win32') return existsSync('C:\\Windows\\System32\\vulkan-1.dll')
  const loader = LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, 'libvulkan.so.1')))
  return loader && isFilled('/dev/dri')
}

function isFilled(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0
  } catch {
    // It is not there, or not for this user.
    return false
  }
}
