import { existsSync } from 'node:fs'
import type { Config } from '../../config/sections.ts'
import type { Check } from '../../contract/check.ts'
import type { ModelState } from '../../engine/llama/engine.ts'
import { availableBytes } from '../../engine/llama/memory.ts'
import { modelsFolder } from '../models.ts'
import type { Parts } from '../parts.ts'

const GIB = 1_073_741_824
const MIB = 1_048_576
/** The release of llama.cpp's binding that package.json pins: a build for a graphics card must be of the same. */
export const BINDING = '3.21.1'

/** Models in this machine's memory, and a graphics card that is not used. */
export function localChecks(parts: Parts, config: Config): Check[] {
  const { llama } = config
  const folder = modelsFolder(config)
  if (!llama.enabled) return []
  const models = parts.fleet.models().filter(({ engine, kind }) => engine === 'llama' && kind === 'chat')
  const free = `${(availableBytes() / GIB).toFixed(1)} GiB of memory are free`
  const none = {
    name: 'local models',
    state: 'warn' as const,
    detail: `none in ${folder}; ${free}`,
    fix: 'get one that fits this machine: `upshift setup`, or `upshift pull hf:OWNER/REPO:FILE`',
  }
  if (models.length === 0) return [none, ...graphicsCheck(llama.gpu)]
  const loaded = parts.engines.llama.states()
  const names = models.map(({ name }) => name).join(', ')
  const found: Check = {
    name: 'local models',
    state: 'ok',
    detail: `${models.length} in ${folder}: ${names}; ${free}`,
  }
  return [found, ...loaded.map(loadedCheck), ...graphicsCheck(llama.gpu)]
}

function loadedCheck({ name, state, bytes, contextTokens, restarts, gauges }: ModelState): Check {
  const taken = `${Math.ceil(bytes / MIB)} MiB, a context of ${contextTokens} tokens`
  const work = gauges === undefined ? '' : `, ${gauges.running} running and ${gauges.waiting} waiting`
  const detail = `${state}: ${taken}${work}${restarts === 0 ? '' : `, its process ended by itself ${restarts} times`}`
  if (restarts === 0) return { name: `llama ${name}`, state: 'ok', detail }
  return {
    name: `llama ${name}`,
    state: 'warn',
    detail,
    fix: 'look at what the log says of its last end: too little memory, or a file that llama.cpp cannot run',
  }
}

/** A card that is there and not used: the build for it weighs hundreds of megabytes and is never fetched unasked. */
function graphicsCheck(gpu: Config['llama']['gpu']): Check[] {
  if (gpu !== 'off' || process.platform !== 'linux' || process.arch !== 'x64') return []
  const card = existsSync('/proc/driver/nvidia/version')
    ? { what: 'an NVIDIA card', build: 'linux-x64-cuda', setting: 'cuda' }
    : existsSync('/dev/dri/renderD128')
      ? { what: 'a graphics card', build: 'linux-x64-vulkan', setting: 'vulkan' }
      : undefined
  if (card === undefined) return []
  const name = `@node-llama-cpp/${card.build}`
  const fix =
    `take the line "${name}" out of overrides in package.json, npm install ${name}@${BINDING}, ` +
    `and set llama.gpu: ${card.setting}`
  return [{ name: 'graphics card', state: 'warn', detail: `${card.what} is there and not used`, fix }]
}
