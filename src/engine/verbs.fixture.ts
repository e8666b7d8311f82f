import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import type { ExitCode, Flags } from '../contract/verb.ts'
import type { ModelPorts } from './ports.ts'
import { createVerbs } from './verbs.ts'

export interface Ran {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

export interface Command {
  readonly args?: readonly string[]
  readonly flags?: Flags
  readonly json?: boolean
  /** What somebody types at a terminal; undefined: there is none. */
  readonly typed?: string
  readonly signal?: AbortSignal
}

/** Runs a verb about local models in this process. */
export async function runVerb(ports: ModelPorts, name: string, command: Command = {}): Promise<Ran> {
  const verb = createVerbs(async () => ports).find((one) => one.name === name)
  assert.ok(verb, name)
  const [out, err] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })]
  const { typed, json = false, signal = new AbortController().signal } = command
  const stdin = Readable.from(typed === undefined ? [] : [`${typed}\n`])
  const code = await verb.run({
    args: command.args ?? [],
    flags: command.flags ?? {},
    out,
    err,
    stdin: typed === undefined ? stdin : Object.assign(stdin, { isTTY: true }),
    json,
    colour: false,
    signal,
    home: () => assert.fail('the folder of models is enough'),
    server: () => assert.fail('no server is needed'),
  })
  return { code, out: out.read() ?? '', err: err.read() ?? '' }
}

/** Ports over settings, with nothing configured and nothing running. */
export function portsOver(settings: ModelPorts['settings'], more: Partial<ModelPorts> = {}): ModelPorts {
  return {
    settings,
    tiers: {},
    configure: () => ({ file: 'nowhere.yaml', changed: false }),
    engines: async () => [],
    firstAnswer: async () => ({ text: 'I am ready.', tokensPerSecond: 12.34 }),
    ...more,
  }
}
