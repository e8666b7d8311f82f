import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readPrintedCalls } from '../../src/assemble/evaluate.ts'
import { outputSchema, type Question, questionSchema } from '../../src/evaluate/toolcalls/rows.ts'
import { type Comparison, evaluate } from '../../src/evaluate/toolcalls/score.ts'
import { readRows } from '../../src/store/json-lines.ts'

/** What the rescue is worth for one model whose answers were recorded. */
export interface RecordedModel {
  readonly model: string
  /** The categories in which calls are right, together. */
  readonly calls: Comparison
  /** The category in which none is. */
  readonly irrelevance: Comparison
}

/** Every model that was recorded under `folder`: questions in it, outputs in its `recorded/`. */
export function evaluateRecorded(folder: string): readonly RecordedModel[] {
  const questions = readRows([folder], questionSchema)
  const [wanting, needless] = [true, false].map((wants) =>
    questions.filter((question) => question.ground_truth.length > 0 === wants),
  )
  return readdirSync(join(folder, 'recorded'))
    .sort()
    .map((name) => {
      const outputs = readRows([join(folder, 'recorded', name)], outputSchema)
      const compared = (asked: readonly Question[] = []): Comparison =>
        evaluate(asked, outputs, readPrintedCalls).evaluation
      const model = name.replace(/\.jsonl(?:\.gz)?$/, '')
      return { model, calls: compared(wanting), irrelevance: compared(needless) }
    })
}
