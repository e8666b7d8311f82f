import * as z from 'zod'

/**
 * What the fold knows at one point of the log, as JSON: enough to go on from there, and no more. Strict, so that
 * a snapshot of another form is refused and the log is read instead.
 */
const count = z.number().int().min(0)

const figures = z
  .strictObject({ spentMicros: count, unknownMicros: count, overshootMicros: count })
  .readonly()

const accountState = z
  .strictObject({
    key: z.string(),
    /** The newest on which money was held or spent, days since the epoch; 0 where none was. */
    day: count,
    today: figures,
    thisMonth: figures,
    minute: z.array(z.strictObject({ second: count, requests: count, tokens: count }).readonly()).readonly(),
  })
  .readonly()

const openState = z
  .strictObject({
    /** The request. */
    id: z.string(),
    key: z.string(),
    /** Attempts that have begun and not been settled. */
    turns: z
      .array(z.strictObject({ turn: count, heldMicros: count, heldTokens: count }).readonly())
      .readonly(),
  })
  .readonly()

export const ledgerStateSchema = z
  .strictObject({
    /** When the newest entry was written, milliseconds since the epoch. */
    at: z.number(),
    accounts: z.array(accountState).readonly(),
    /** Requests without their end. */
    open: z.array(openState).readonly(),
  })
  .readonly()

export type LedgerState = z.infer<typeof ledgerStateSchema>
export type AccountState = z.infer<typeof accountState>
export type OpenState = z.infer<typeof openState>
