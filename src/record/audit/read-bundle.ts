import * as z from 'zod'
import { BUNDLE_ENTRIES_MAX, type Bundle } from './bundle.ts'

/** log₂ of the largest size. */
const MAX_PATH = 64

const bundleSchema: z.ZodType<Bundle> = z.strictObject({
  format: z.literal('upshift-proof 1'),
  about: z.string().max(256),
  verifierKey: z.string().max(512),
  checkpoint: z.string().max(65_536),
  entries: z
    .array(
      z.strictObject({
        index: z.number().int().min(0),
        entry: z.string(),
        path: z.array(z.string().max(64)).max(MAX_PATH),
      }),
    )
    .min(1)
    .max(BUNDLE_ENTRIES_MAX),
})

/** Of an erasure, and of a document that was forgotten. */
const RECEIPT_FORMATS = ['upshift-erasure-receipt 1', 'upshift-forget-receipt 1'] as const

/** A receipt carries the proof of its entries; what else it says is checked against nothing here. */
const receiptSchema = z
  .looseObject({ format: z.enum(RECEIPT_FORMATS), id: z.string().max(256), proof: bundleSchema })
  .refine(({ id, proof }) => proof.about === id, {
    path: ['proof', 'about'],
    message: 'the proof is about something else than the receipt',
  })

/**
 * The proof in a document: a bundle itself, or the one that a receipt carries. Throws ZodError. Apart from bundle.ts,
 * since the follower's thread makes bundles and reads none: a validator there is memory for nothing.
 */
export function bundleIn(document: unknown): Bundle {
  const format = typeof document === 'object' && document !== null && Reflect.get(document, 'format')
  return RECEIPT_FORMATS.some((one) => one === format)
    ? receiptSchema.parse(document).proof
    : bundleSchema.parse(document)
}
