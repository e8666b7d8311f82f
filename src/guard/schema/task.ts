import * as z from 'zod'

/** Between the event loop and the worker that checks schemas. Apart, so that the loop never loads Ajv. */
export const schemaTask = z.discriminatedUnion('type', [
  z.object({ type: z.literal('compile'), schema: z.string() }),
  z.object({ type: z.literal('validate'), schema: z.string(), text: z.string() }),
])
export type SchemaTask = z.infer<typeof schemaTask>

export const schemaReply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('valid') }),
  z.object({ type: z.literal('invalid'), errors: z.array(z.string()) }),
  z.object({ type: z.literal('bad-schema'), message: z.string() }),
])
export type SchemaReply = z.infer<typeof schemaReply>
