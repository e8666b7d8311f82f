import * as z from 'zod'

/**
 * One line of `doctor`. `warn` limits something and is often meant so (no model yet); `fail` is a fault. Where it
 * is not `ok`, `fix` says what to do.
 */
export const checkSchema = z.object({
  name: z.string(),
  state: z.enum(['ok', 'warn', 'fail']),
  detail: z.string(),
  fix: z.string().optional(),
})

export type Check = Readonly<z.infer<typeof checkSchema>>
