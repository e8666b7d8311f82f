import * as z from 'zod'

/** What the questions are answered with, for the follower that answers, the routes, and the verbs that ask. */

const text = z.string().nullable()
const count = z.number()
const known = z.number().nullable()

export const OUTCOMES = ['answered', 'declined', 'failed', 'aborted', 'refused', 'lost', 'open'] as const

/** One request. A parent's figures hold its children's; null where nobody stated it. */
export const requestView = z.object({
  id: z.string(),
  parent: text,
  seq: count,
  at: count.meta({ description: 'When it was opened, milliseconds since the epoch.' }),
  day: z.string().meta({ description: 'The UTC day of `at`.' }),
  key: z.string(),
  subject: text.meta({ description: 'Pseudonym of the person or key that its texts are about.' }),
  requested: text.meta({ description: 'The model as the caller named it.' }),
  tierAsked: text,
  tier: text.meta({ description: 'The tier that served it.' }),
  model: text,
  engine: text,
  replica: text,
  mode: text,
  offMachine: z.boolean().meta({ description: 'A prompt of it left this machine.' }),
  outcome: z.enum(OUTCOMES).meta({
    description: '`lost`: the process died before its end. `open`: it has not ended yet.',
  }),
  code: text,
  turns: count,
  promptTokens: known,
  completionTokens: known,
  cachedTokens: known,
  reasoningTokens: known,
  costMicros: known.meta({ description: 'What the providers stated for all turns together.' }),
  chargedMicros: known.meta({ description: 'What the caller is charged.' }),
  unknownMicros: count.meta({ description: 'Worst cases of turns whose cost nobody stated.' }),
  unpriced: z.boolean().meta({ description: 'A turn of it ran on a model without a price.' }),
  estimated: z.boolean().meta({ description: 'A turn’s figures are Upshift’s own estimate.' }),
  firstTokenMs: known,
  totalMs: known,
})

/** One turn: where it went, why, and how it ended. */
const turnView = z.object({
  turn: count,
  cause: text,
  model: z.string(),
  tier: text,
  engine: z.string(),
  replica: text,
  offMachine: z.boolean(),
  outcome: text.meta({ description: 'Null where its end was never recorded.' }),
  promptTokens: known,
  completionTokens: known,
  costMicros: known,
  heldMicros: known.meta({ description: 'The worst case that was reserved; null for an unpriced model.' }),
  estimated: z.boolean(),
  firstTokenMs: known,
  totalMs: known,
  cachedTokens: known,
  engineStats: z
    .object({
      waitMs: count,
      prefillMs: count,
      running: count.optional(),
      waiting: count.optional(),
      kvTokens: count.optional(),
      kvCapacityTokens: count.optional(),
    })
    .nullable()
    .meta({
      description:
        'How a model on this machine worked on it: wait, reading the prompt, its KV caches at the end.',
    }),
})

const textView = z.object({
  state: z.enum(['text', 'none', 'erased', 'expired', 'damaged']).meta({
    description: '`none`: it was not kept. `damaged`: it is not what the log says it was.',
  }),
  text: z.string().optional(),
})

export const feedbackView = z.object({
  id: z.string(),
  at: count,
  request: z.string(),
  key: z.string(),
  score: known,
  /** True where a correction or comment was kept with it. */
  corrected: z.boolean(),
  correction: textView.optional(),
})

const planView = z.object({
  effort: z.string(),
  output: z.string(),
  maxOutputTokens: count,
  capImposed: z.boolean(),
  deadlineMs: count,
  candidates: z.array(z.string()),
  decided: z
    .object({
      segment: z.string(),
      to: z.string(),
      gain: z.number(),
      worthMicros: z.number(),
      extraMicros: z.number(),
    })
    .optional()
    .meta({ description: 'What was asked decided alone which of two tiers answers.' }),
  reasons: z.array(z.string()),
  rejected: z.array(z.object({ option: z.string(), why: z.string() })),
})

const verdictView = z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })

const figures = z.record(z.string(), z.unknown())

/** How the answer of the cheap model was judged, as the `closed` entry has it. */
const judgedView = z.object({
  segment: z.string(),
  prior: z.number().meta({ description: 'The expected gain before any answer.' }),
  gain: z.number().meta({ description: 'The expected gain with the evidence.' }),
  worthMicros: z.number(),
  extraMicros: z.number(),
  action: z.string(),
  done: z.string().meta({ description: 'Another thing than `action` where a lot or a shadow decided.' }),
  reason: z.string(),
  evidence: figures.nullable(),
  drawn: figures.nullable().meta({ description: 'The lot that chose it.' }),
  compared: figures.nullable().meta({ description: 'What came of it where both models have answered.' }),
})

/** One request with everything that its entries say. */
export const requestDetail = requestView.extend({
  bytes: known.meta({ description: 'Size of the request on the wire.' }),
  rule: text.meta({ description: 'The guard rule that refused it.' }),
  erased: z.boolean().meta({ description: 'Its subject was erased, and its texts with it.' }),
  plan: planView.nullable(),
  judged: judgedView.nullable(),
  attempts: z.array(turnView),
  verdicts: z.array(verdictView),
  sources: z.array(z.string()),
  children: z.array(requestView),
  feedback: z.array(feedbackView),
  prompt: textView.optional(),
  answer: textView.optional(),
})

export const requestList = z.object({
  data: z.array(requestView),
  nextCursor: text.meta({ description: 'As `cursor` (with `after`: as `after`) to go on; null at the end.' }),
  tailCursor: z
    .string()
    .meta({ description: 'As `after` for the requests that end from here on, oldest first.' }),
})

export const searchList = z.object({
  data: z.array(z.object({ request: requestView, where: z.enum(['prompt', 'answer']), snippet: z.string() })),
  scanned: count.meta({ description: 'Requests whose texts were looked at for this page.' }),
  unreadable: z.object({ erased: count, expired: count, damaged: count }),
  nextCursor: text,
})

/** Sums of requests and of their turns. */
const sums = {
  requests: count.meta({ description: 'All that were asked, refused ones too; without children.' }),
  answered: count,
  declined: count,
  failed: count,
  aborted: count,
  refused: count,
  lost: count,
  turns: count,
  promptTokens: count,
  completionTokens: count,
  tokens: count.meta({ description: 'Prompt and completion of all turns.' }),
  cachedTokens: count,
  reasoningTokens: count,
  costMicros: count.meta({ description: 'What providers stated.' }),
  chargedMicros: count.meta({ description: 'What callers are charged.' }),
  unknownMicros: count.meta({ description: 'Worst cases of turns whose cost nobody stated.' }),
  unknownTurns: count,
  unpricedTurns: count.meta({ description: 'Turns on models without a price.' }),
  uncountedTurns: count.meta({
    description: 'Turns that answered, or were cut off, without stating tokens.',
  }),
  estimatedTurns: count.meta({ description: 'Turns whose figures are Upshift’s own estimate.' }),
}
const tokenShare = z.number().meta({ description: 'Share of all tokens in the range, 0 to 1.' })

export const DIMENSIONS = ['key', 'model', 'tier', 'day'] as const

export const usageReply = z.object({
  since: known.meta({ description: 'First moment counted: whole UTC hours. Null: from the beginning.' }),
  until: known.meta({ description: 'First moment no longer counted. Null: to now.' }),
  by: z.array(z.enum(DIMENSIONS)),
  data: z.array(
    z.object({
      key: z.string().optional(),
      model: z.string().optional().meta({ description: 'Empty where no model was reached.' }),
      tier: z.string().optional().meta({ description: 'Empty where none was planned.' }),
      day: z.string().optional(),
      ...sums,
      tokenShare,
    }),
  ),
  truncated: z
    .boolean()
    .meta({ description: 'There are more than ten thousand rows; the totals hold the rest too.' }),
  totals: z.object(sums),
  tiers: z.array(z.object({ tier: z.string(), tokens: count, tokenShare })),
})

export const eventList = z.object({
  data: z.array(
    z.object({ seq: count, at: count, type: z.string(), data: z.record(z.string(), z.unknown()) }),
  ),
  nextCursor: text,
})

export type RequestView = z.infer<typeof requestView>
export type RequestDetail = z.infer<typeof requestDetail>
export type TurnView = z.infer<typeof turnView>
export type TextView = z.infer<typeof textView>
export type FeedbackView = z.infer<typeof feedbackView>
export type RequestList = z.infer<typeof requestList>
export type SearchList = z.infer<typeof searchList>
export type UsageReply = z.infer<typeof usageReply>
export type Sums = UsageReply['totals']
export type EventList = z.infer<typeof eventList>
export type Outcome = (typeof OUTCOMES)[number]
export type Dimension = (typeof DIMENSIONS)[number]
