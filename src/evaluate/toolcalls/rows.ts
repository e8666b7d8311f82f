import * as z from 'zod'
import type { OfferedTool } from './port.ts'

/**
 * One question of the Berkeley Function Calling Leaderboard (BFCL) in its published form: a question, the
 * functions that are offered, and the calls that are right. `ground_truth` lists for each argument the values
 * that are accepted, an empty text among them where it may be left out; null, absent or empty where no call is
 * right.
 */
export const questionSchema = z.looseObject({
  id: z.string().min(1),
  function: z.array(z.looseObject({ name: z.string().min(1), parameters: z.looseObject({}).optional() })),
  ground_truth: z
    .array(z.record(z.string(), z.record(z.string(), z.array(z.unknown()))))
    .nullish()
    .transform((truth) => truth ?? []),
})

export type Question = z.infer<typeof questionSchema>

/** What one call has to be: the function's name, and each argument's accepted values. */
export type TrueCall = Question['ground_truth'][number]

/** A model's recorded answer: the text that it printed, or the calls that its server made of it. */
export const outputSchema = z.looseObject({ id: z.string().min(1), result: z.unknown() })

export type Output = z.infer<typeof outputSchema>

export function toolsOf(question: Question): readonly OfferedTool[] {
  return question.function.map(({ name, parameters }) => ({ name, parameters }))
}

/** The part of a question's id before its number: `parallel_multiple`. */
export function categoryOf(id: string): string {
  return id.replace(/_[^_]*$/, '')
}

/**
 * An id as questions and outputs share it. Recordings name three categories differently: `simple_3` is
 * `simple_python_3`, `parallel_function_3` is `parallel_3`, `relevance_3` is `irrelevance_3`.
 */
export function sharedId(id: string): string {
  return id
    .replace(/^simple_python_/, 'simple_')
    .replace(/^relevance_/, 'irrelevance_')
    .replace(/_function_([^_]*)$/, '_$1')
}
