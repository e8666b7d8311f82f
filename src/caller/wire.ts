import * as z from 'zod'
import { MAX_GRACE_MS } from './keys.ts'
import { limitsBody, limitsReply } from './limits.ts'
import { scopeShape } from './table.ts'

/** The wire shapes of the key routes, for the server that answers and the verbs that ask. */

const MAX_EXPIRY_MS = 3_650 * 24 * 3_600_000

/** A name is shown in terminals and logs: no control characters, not even the invisible ones of Unicode. */
const nameSchema = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'must not hold control characters')
  .meta({ description: 'What the key is for; shown in lists and records.' })

export const createBody = z.strictObject({
  name: nameSchema,
  ...scopeShape,
  engines: scopeShape.engines.default('any').meta({
    description:
      '`local`: only engines on this machine. `any`: also the engines off it that the owner allowed.',
  }),
  expiresInMs: z
    .number()
    .int()
    .min(1)
    .max(MAX_EXPIRY_MS)
    .optional()
    .meta({ description: 'Milliseconds from now; without it the key does not expire.' }),
  limits: limitsBody.optional(),
})

export const rotateBody = z.strictObject({
  graceMs: z
    .number()
    .int()
    .min(0)
    .max(MAX_GRACE_MS)
    .default(0)
    .meta({ description: 'Milliseconds for which the replaced secret stays valid; at most 7 days.' }),
})

const time = z.number().nullable()
const usd = z.number().meta({ description: 'Dollars.' })
const counted = z.number().int()

const spentReply = z
  .object({
    usdToday: usd,
    usdThisMonth: usd,
    /** Worst cases of attempts under way. */
    usdReserved: usd,
    usdUnknownThisMonth: usd,
    usdOvershootThisMonth: usd,
    requestsUnderWay: counted,
    requestsLastMinute: counted,
    tokensLastMinute: counted,
  })
  .meta({
    description:
      'What the key has spent in the current UTC day and month. Of that, unknown is what was reserved for attempts ' +
      'whose cost nobody stated, and overshoot what went beyond the reservation.',
  })

export const keyReply = z
  .object({
    id: z.string(),
    name: z.string(),
    owner: z.boolean(),
    state: z.enum(['active', 'expired', 'revoked']),
    scope: z.object(scopeShape),
    limits: limitsReply,
    spent: spentReply,
    createdAt: time,
    expiresAt: time,
    revokedAt: time,
    fingerprint: z.string(),
    rotatedFrom: z.string().nullable(),
    graceUntil: time,
  })
  .meta({ description: 'Times are milliseconds since the epoch; null where there is none.' })

export const listReply = z.object({ keys: z.array(keyReply) })
export const revokeReply = z.object({ key: keyReply })
export const limitReply = z.object({ key: keyReply })
export const shownReply = z.object({
  key: keyReply,
  secret: z.string().meta({ description: 'The key itself, shown this once.' }),
  file: z.string().nullable().meta({ description: 'Where the owner’s new key was written.' }),
})

export type KeyReply = z.infer<typeof keyReply>
export type SpentReply = z.infer<typeof spentReply>
export type ShownReply = z.infer<typeof shownReply>
