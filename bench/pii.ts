import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { PII_KINDS, type PiiKind } from '../src/guard/config.ts'
import { findPii } from '../src/guard/pii.ts'
import { benchData } from './process/data.ts'

/**
 * Precision and recall of the personal-data rules on Presidio's synthetic documents (MIT):
 * `node bench/pii.ts`, with the data under $UPSHIFT_DATA (../shared/data where unset). A labelled span is
 * found where a span of the same kind overlaps it; a found span is right where a label of its kind overlaps.
 */
const LABELS: Readonly<Record<string, PiiKind>> = {
  CREDIT_CARD: 'card',
  IBAN_CODE: 'iban',
  US_SSN: 'ssn',
  EMAIL_ADDRESS: 'email',
  PHONE_NUMBER: 'phone',
  IP_ADDRESS: 'ip',
}

const documents = z.array(
  z.object({
    full_text: z.string(),
    spans: z.array(
      z.object({
        entity_type: z.string(),
        entity_value: z.string(),
        start_position: z.number(),
        end_position: z.number(),
      }),
    ),
  }),
)

const path = benchData('pii', 'presidio_synth_dataset_v2.json')
report(documents.parse(JSON.parse(readFileSync(path, 'utf8'))))

function report(labelled: z.infer<typeof documents>): void {
  const verbose = process.argv.includes('--misses')
  const tally = new Map(PII_KINDS.map((kind) => [kind, { labels: 0, hit: 0, found: 0, right: 0 }]))
  let chars = 0
  const began = performance.now()
  for (const { full_text: text } of labelled) {
    chars += text.length
    findPii(text, PII_KINDS)
  }
  const perKilo = ((performance.now() - began) * 1e6) / chars
  for (const { full_text: text, spans } of labelled) {
    const found = findPii(text, PII_KINDS)
    for (const span of spans) {
      const kind = LABELS[span.entity_type]
      const row = kind && tally.get(kind)
      if (!row) continue
      row.labels++
      if (
        found.some(
          (one) => one.kind === kind && one.start < span.end_position && one.end > span.start_position,
        )
      )
        row.hit++
      else if (verbose)
        process.stdout.write(`missed ${kind}: ${span.entity_value} in ${JSON.stringify(text)}\n`)
    }
    for (const one of found) {
      const row = tally.get(one.kind)
      if (!row) continue
      row.found++
      const right = spans.some(
        (span) =>
          LABELS[span.entity_type] === one.kind &&
          one.start < span.end_position &&
          one.end > span.start_position,
      )
      if (right) row.right++
      else if (verbose)
        process.stdout.write(
          `wrong ${one.kind}: ${text.slice(one.start, one.end)} in ${JSON.stringify(text)}\n`,
        )
    }
  }
  process.stdout.write(
    `${labelled.length} documents, ${chars} characters, ${perKilo.toFixed(1)} µs per 1,000 characters\n`,
  )
  process.stdout.write('kind    labels  recall  precision\n')
  for (const [kind, row] of tally) {
    const recall = (row.hit / row.labels).toFixed(3)
    const precision = (row.right / Math.max(1, row.found)).toFixed(3)
    process.stdout.write(
      `${kind.padEnd(8)}${String(row.labels).padStart(6)}${recall.padStart(8)}${precision.padStart(11)}\n`,
    )
  }
}
