import * as z from 'zod'

/** What is compared: the answer of the cheap tier, and that of the one it may escalate to. */
export type Arm = 'cheap' | 'strong'

/** No share of requests and no propensity is below it, so that no outcome weighs more than 1/0.005 = 200 others. */
export const PROPENSITY_FLOOR = 0.005
const SEGMENT_CHARS_MAX = 120
const MICROS_MAX = 1e12

const between = (name: string, low: number, high: number) => {
  const error = `${name} must be a number from ${low} to ${high}`
  return z.number({ error }).min(low, { error }).max(high, { error })
}

const seenSchema = z
  .strictObject({
    /** 0 wrong to 1 right. */
    quality: between('quality', 0, 1),
    costMicros: between('costMicros', 0, MICROS_MAX),
  })
  .readonly()

const termsSchema = z
  .strictObject({
    /** Names the two models and their prices: another text is another experiment. */
    models: z.string().min(1, { error: 'models must name the two models and their prices' }),
    /** What the caller's policy pays for one unit of quality, a right answer in place of a wrong one. */
    priceMicros: between('priceMicros', 1, MICROS_MAX),
    /** The most that a request may cost in each arm; what is above is counted as this much, and told. */
    cheapMaxMicros: between('cheapMaxMicros', 0, MICROS_MAX),
    strongMaxMicros: between('strongMaxMicros', 0, MICROS_MAX),
  })
  .readonly()

const common = {
  segment: z
    .string()
    .min(1, { error: 'segment must be named' })
    .max(SEGMENT_CHARS_MAX, { error: `segment must have at most ${SEGMENT_CHARS_MAX} characters` }),
  /** When it was drawn, milliseconds since the epoch. */
  assignedAt: z.number({ error: 'assignedAt must be milliseconds since the epoch' }).min(0),
  terms: termsSchema,
  /** The chance with which the request was drawn for the experiment. */
  drawn: between('drawn', PROPENSITY_FLOOR, 1),
}

export const outcomeSchema = z.discriminatedUnion(
  'design',
  [
    /** Both arms were run on the same request. */
    z
      .strictObject({ ...common, design: z.literal('paired'), cheap: seenSchema, strong: seenSchema })
      .readonly(),
    /** One arm was run, chosen by lot. */
    z
      .strictObject({
        ...common,
        design: z.literal('single'),
        arm: z.enum(['cheap', 'strong'], { error: 'arm must be cheap or strong' }),
        /** The chance with which a drawn request was given this arm; the rest were given the other. */
        propensity: between('propensity', PROPENSITY_FLOOR, 1 - PROPENSITY_FLOOR),
        seen: seenSchema,
      })
      .readonly(),
  ],
  { error: 'design must be paired or single' },
)

/** One request whose quality is known: how it was drawn, what was seen, at what cost. */
export type Outcome = z.infer<typeof outcomeSchema>
export type Terms = z.infer<typeof termsSchema>
export type Seen = z.infer<typeof seenSchema>

export interface Unreadable {
  readonly type: 'unreadable'
  readonly why: string
}

/** Reads a labelled row; what it lacks or has wrong is said, by name. */
export function readOutcome(value: unknown): Outcome | Unreadable {
  const parsed = outcomeSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the row'}: ${message}`)
  return { type: 'unreadable', why: `an outcome cannot be used: ${faults.join('; ')}` }
}

/** `careful/fast→expert/code`: policy, tiers and one coarse bucket, in few characters. */
export function segmentKey(policy: string, cheap: string, strong: string, bucket: string): string {
  const plain = (text: string): string => text.replace(/[^\p{L}\p{N}_.-]+/gu, '-').slice(0, 30)
  return `${plain(policy)}/${plain(cheap)}→${plain(strong)}/${plain(bucket)}`
}

/** What an answer was worth, in micro-dollars: its quality at the policy's price, less its cost. */
export function netValue(seen: Seen, priceMicros: number): number {
  return priceMicros * seen.quality - seen.costMicros
}
