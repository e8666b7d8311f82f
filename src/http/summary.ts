import * as z from 'zod'
import type { AnswerFinish, AnswerStart } from '../contract/event.ts'
import type { Plan } from '../contract/plan.ts'
import { reasonText } from './head.ts'

/** What Upshift adds to an answer: the `upshift` field of the JSON body and of a stream's last event. */
export const summarySchema = z.object({
  request_id: z.string(),
  mode: z.string(),
  tier: z.string(),
  model: z.string(),
  reason: z.string(),
  attempts: z.number().int(),
  max_output_tokens: z.number().int(),
  cost_micros: z
    .number()
    .int()
    .nullable()
    .meta({ description: 'Micro-dollars; null where unpriced or unknown.' }),
  declined: z.boolean(),
  citations: z.array(
    z.object({
      id: z.string(),
      document: z.string(),
      headings: z.array(z.string()),
      version: z.string(),
      start: z.number().int(),
      end: z.number().int(),
      quote: z.string(),
      collection: z.string().optional(),
      page: z.number().int().optional(),
      readAt: z.number().optional().meta({ description: 'When the document was read, milliseconds.' }),
    }),
  ),
  verdicts: z.array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
})

export type Summary = z.infer<typeof summarySchema>

export function summarise(requestId: string, plan: Plan, start: AnswerStart, finish: AnswerFinish): Summary {
  return {
    request_id: requestId,
    mode: plan.mode,
    tier: start.tier,
    model: start.model,
    reason: reasonText(plan, start),
    attempts: start.attempt,
    max_output_tokens: plan.maxOutputTokens,
    cost_micros: finish.costMicros ?? null,
    declined: finish.declined === true,
    citations: (finish.citations ?? []).map((one) => ({ ...one, headings: [...one.headings] })),
    verdicts: finish.verdicts.map((one) => ({ ...one })),
  }
}
