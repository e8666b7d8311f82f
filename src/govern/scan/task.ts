import * as z from 'zod'

/** Between the process that erases and the one that scans. Node's own serialisation carries the bytes as they are. */
export const scanTask = z.object({
  home: z.string(),
  probes: z.array(z.instanceof(Uint8Array)),
  documents: z.string().exactOptional(),
})
export interface ScanTask {
  readonly home: string
  /** Each at least three bytes long. */
  readonly probes: readonly Uint8Array[]
  /** The database of the collections, relative to the home: what is found in it, or in its log, is told apart. */
  readonly documents?: string
}

const place = z.object({
  /** Relative to the home. */
  file: z.string(),
  offset: z.number(),
})

export const scanReport = z.object({
  files: z.number(),
  bytes: z.number(),
  /** What was found, by probe, and whether it was where documents stand; its first places. */
  hits: z.array(
    z.object({ probe: z.number(), inDocuments: z.boolean(), count: z.number(), places: z.array(place) }),
  ),
  /** What could not be read to its end, and why. */
  unread: z.array(z.object({ file: z.string(), why: z.string() })),
})
export type ScanReport = z.infer<typeof scanReport>

export const scanReply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('report'), report: scanReport }),
  z.object({ type: z.literal('failed'), message: z.string() }),
])
