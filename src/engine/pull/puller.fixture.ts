import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { type MadeValue, madeFile } from '../gguf/header.fixture.ts'
import { type PullEvent, type Pulled, type PullRequest, type PullSettings, pull } from './pull.ts'
import { parseSource } from './source.ts'

/** A folder of models of its own, and pulls into it that lose no time. */
export class Puller implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'upshift-models-'))
  readonly events: PullEvent[] = []
  settings: PullSettings

  constructor(mirror: string, more: Partial<PullSettings['config']> = {}) {
    this.settings = {
      folder: this.folder,
      config: { mirror, maxBytes: 1e9, stallMs: 30_000, tries: 3, ...more },
      connections: {},
      token: () => undefined,
      clock: systemClock,
      random: () => 0,
      backoffMs: 1,
      syncEveryBytes: 4_096,
    }
  }

  pull(source: string, more: Omit<PullRequest, 'source'> & { signal?: AbortSignal } = {}): Promise<Pulled> {
    const { signal = new AbortController().signal, ...request } = more
    return pull({ source: parseSource(source), ...request }, this.settings, signal, (event) => {
      this.events.push(event)
    })
  }

  /** What the folder holds, locks left out. */
  names(): string[] {
    return readdirSync(this.folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
  }

  read(name: string): Buffer {
    return readFileSync(join(this.folder, name))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const entry = (key: string, value: MadeValue): readonly [string, MadeValue] => [key, value]
/** What only the first part of a model in parts says. */
const OF_THE_MODEL = [
  entry('general.architecture', 'llama'),
  entry('general.name', 'made up'),
  entry('general.license', 'apache-2.0'),
  entry('llama.context_length', 4_096),
]

/** A small GGUF file of its own bytes: a header, and tensors of `bytes` bytes. */
export function modelBytes(bytes = 200_000, seed = 1, part?: readonly [number, number]): Buffer {
  const elements = Math.ceil(bytes / 4 / 256) * 256
  const file = madeFile({
    values: [
      ...(part === undefined || part[0] === 1 ? OF_THE_MODEL : []),
      ...(part === undefined ? [] : [entry('split.no', part[0] - 1), entry('split.count', part[1])]),
    ],
    tensors: [{ name: 'weight', shape: [elements], type: 0, offset: 0 }],
    dataBytes: elements * 4,
  })
  let state = seed
  for (let at = file.length - elements * 4; at < file.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    file[at] = state >>> 16
  }
  return file
}

export function sha256Of(bytes: Buffer): string {
  return hash('sha256', bytes)
}

/** For `assert.rejects`: an UpshiftError of this code whose message fits. */
export function refusedAs(code: string, pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof UpshiftError, String(error instanceof Error ? error.stack : error))
    assert.match(error.message, pattern)
    assert.equal(error.problem.code, code)
    return true
  }
}
