import { Readable } from 'node:stream'
import { type Refusal, refuse } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import {
  charactersOf,
  type KeptText,
  type SubjectRecords,
  type SubjectRequest,
  type SubjectsPort,
} from './ports.ts'

export interface ExportPorts extends SubjectRecords {
  readonly subjects: SubjectsPort
  readonly clock: Clock
}

export type SubjectExport = (id: string, signal: AbortSignal) => Readable | Refusal

/**
 * Everything that is kept about a subject as one JSON document, readable as it is, made while it is sent and in
 * bounded memory. The last field is `complete: true`: a document without it was cut off, and is no JSON either.
 * Refuses an unknown subject with `not_found`.
 */
export function createExport(ports: ExportPorts): SubjectExport {
  return (id, signal) => {
    const byName = ports.subjects.find(id)
    const name = byName === undefined ? ports.subjects.nameOf(id) : id
    if (name === undefined) {
      const message =
        'No subject of that name is known: nothing is kept about it, or it was erased. The name is the `user` of the requests, or the id of an API key for its requests without one.'
      return refuse('not_found', message, { param: 'id' })
    }
    return Readable.from(written(ports, byName ?? id, name, signal), { objectMode: false })
  }
}

const FORMAT = 'upshift-subject-export 1'

async function* written(
  { requestsOf, keyFacts, learnedOf, clock }: ExportPorts,
  ref: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const head = {
    format: FORMAT,
    exportedAt: new Date(clock.now()).toISOString(),
    subject: { name, pseudonym: ref },
    key: keyFacts(name) ?? null,
    learned: learnedOf(ref),
  }
  yield Buffer.from(`${shown(head).slice(0, -2)},\n  "requests": [`)
  let requests = 0
  for await (const request of requestsOf(ref)) {
    signal.throwIfAborted()
    const text = shown(onPaper(request)).replaceAll('\n', '\n    ')
    yield Buffer.from(`${requests === 0 ? '' : ','}\n    ${text}`)
    requests += 1
  }
  yield Buffer.from(`${requests === 0 ? '' : '\n  '}],\n  "count": ${requests},\n  "complete": true\n}\n`)
}

function onPaper({ facts, prompt, answer, feedback }: SubjectRequest): object {
  return {
    ...facts,
    prompt: textOnPaper(prompt),
    answer: textOnPaper(answer),
    feedback: feedback.map((one) => ({ ...one.facts, correction: textOnPaper(one.correction) })),
  }
}

/** The text; a chat request as the JSON that it is; what is not there any more as the reason why. */
function textOnPaper(kept: KeptText | undefined): unknown {
  if (kept === undefined) return null
  if (kept.type !== 'text') return { missing: kept.type }
  const text = charactersOf(kept.text)
  if (!text.startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch {
    // Only a prompt is JSON for sure; an answer that begins like it is shown as the text that it is.
    return text
  }
}

/** JSON with line breaks. Control characters above ASCII's, which JSON leaves as they are, are escaped too. */
function shown(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
