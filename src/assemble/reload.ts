import * as z from 'zod'
import { type Loaded, loadConfig } from '../config/load.ts'
import { type Config, SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import { UpshiftError } from '../contract/problem.ts'
import { type Route, route } from '../contract/route.ts'
import type { Logs } from '../observe/logs.ts'

/**
 * What is taken over while the server runs: the beginnings of the paths of its leaves. Everything else is held by
 * what was opened at the start, and waits for a restart.
 */
const LIVE: readonly string[] = [
  'route.',
  'fleet.engines.',
  'fleet.attempts.',
  'fleet.dailyCapUsd',
  'guard.input.',
  'guard.output.',
  'guard.bounds.',
  'knowledge.passages',
  'knowledge.embeddings.',
  'knowledge.rerank',
  'record.responses.',
]
/** The listener was opened with it. */
const HELD: readonly string[] = ['guard.bounds.maxBodyBytes']

/** The live parts of the newest configuration over the one that the process was started with. */
function inForce(begun: Config, { fleet, guard, knowledge, record, route: routing }: Config): Config {
  const { engines, attempts, dailyCapUsd } = fleet
  const { passages, embeddings, rerank } = knowledge
  const bounds = { ...guard.bounds, maxBodyBytes: begun.guard.bounds.maxBodyBytes }
  return {
    ...begun,
    route: routing,
    fleet: { ...begun.fleet, engines, attempts, dailyCapUsd },
    guard: { ...begun.guard, bounds, input: guard.input, output: guard.output },
    knowledge: { ...begun.knowledge, passages, embeddings, rerank },
    record: { ...begun.record, responses: record.responses },
  }
}

type LoadedConfig = Loaded<typeof SECTIONS>

/** What a reload came to: paths of leaves. */
export interface Reloaded {
  /** In force from now on. */
  readonly changed: readonly string[]
  /** Read, and in force after a restart. */
  readonly restart: readonly string[]
  /** What is no fault and most likely not meant. */
  readonly warnings: readonly string[]
}

export interface ReloadPorts {
  readonly around: Surroundings
  readonly logs: Logs
  /** Puts it in force for whatever begins from now on. */
  apply(config: Config): void
  /** What is to be said of it once it is in force. */
  warnings(config: Config): Promise<readonly string[]>
  /** Hands the change to the log. */
  changed(what: string, by: string): Promise<void>
}

/**
 * Reads the configuration again and puts in force what can be while requests run. Nothing that has begun is touched:
 * a stream goes on as it was planned, on the replica that it has. A configuration with a fault changes nothing.
 */
export class Reloading {
  readonly #ports: ReloadPorts
  #now: LoadedConfig
  /** As it was at the start: what waits for a restart is told at each reload until then. */
  readonly #begun: LoadedConfig

  constructor(begun: LoadedConfig, ports: ReloadPorts) {
    this.#ports = ports
    this.#begun = begun
    this.#now = begun
  }

  /** Throws UpshiftError with every fault of the configuration, and where nothing is left of the files. */
  async reload(by: string): Promise<Reloaded> {
    const { around, logs, apply, warnings: look, changed: tell } = this.#ports
    const next = loadConfig(SECTIONS, around)
    if (setsInFiles(this.#now) && !setsInFiles(next)) throw emptied(this.#now.files)
    const changed = differing(this.#now, next).filter(isLive)
    const restart = differing(this.#begun, next).filter((path) => !isLive(path))
    if (changed.length > 0) {
      apply(inForce(this.#begun.config, next.config))
      await tell(`reloaded: ${changed.join(', ')}`, by)
    }
    this.#now = next
    const warnings = [...next.warnings, ...(await look(inForce(this.#begun.config, next.config)))]
    for (const warning of warnings) logs.warn(warning)
    return { changed, restart, warnings }
  }
}

function setsInFiles({ sources }: LoadedConfig): boolean {
  return [...sources.values()].some(({ from }) => /^(project|user) /.test(from))
}

/** An editor or a copy may have been met between emptying a file and filling it. */
function emptied(files: readonly string[]): UpshiftError {
  const message = `${files.join(' and ')} set something before, and now nothing is set in any file: nothing was changed. Is the file still being written? To run without a configuration, restart.`
  return new UpshiftError({ code: 'invalid_request', message })
}

function isLive(path: string): boolean {
  return LIVE.some((start) => path.startsWith(start)) && !HELD.includes(path)
}

/**
 * Paths of leaves whose values are not the same. Secrets are held by reference, and compared as such. A mapping that
 * is empty on one side is a leaf there, and on the other is told by what stands in it.
 */
function differing(left: LoadedConfig, right: LoadedConfig): string[] {
  const paths = new Set([...left.sources.keys(), ...right.sources.keys()])
  const changed = [...paths].filter((path) => leafOf(left, path) !== leafOf(right, path))
  return changed.filter((path) => !changed.some((other) => other.startsWith(`${path}.`)))
}

function leafOf({ sources }: LoadedConfig, path: string): string | undefined {
  return JSON.stringify(sources.get(path)?.value)
}

const reply = z.object({
  changed: z.array(z.string()).meta({ description: 'What is in force from now on.' }),
  restart: z.array(z.string()).meta({ description: 'What was read and waits for a restart.' }),
  warnings: z.array(z.string()).meta({ description: 'What is most likely not meant.' }),
})

/** POST /v1/admin/reload */
export function reloadRoutes(reloading: Pick<Reloading, 'reload'>): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/admin/reload',
      access: 'owner',
      summary: 'Reads the configuration again and puts in force what can be; nothing that runs is cut off.',
      answers: reply,
      handle: async ({ caller }) => {
        try {
          const { changed, restart, warnings } = await reloading.reload(caller?.key ?? '')
          return { changed: [...changed], restart: [...restart], warnings: [...warnings] }
        } catch (error) {
          if (error instanceof UpshiftError) return { type: 'refusal', problem: error.problem }
          throw error
        }
      },
    }),
  ]
}
