import * as z from 'zod'
import type { Section } from '../../contract/section.ts'
import { DAY_MS } from '../../lib/utc.ts'

const MIB = 1_048_576
const GIB = 1_024 * MIB

const schema = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      description: 'Serve the models in the models folder from this process, by llama.cpp.',
      env: 'UPSHIFT_LLAMA',
    }),
    threads: z.number().int().min(1).max(1_024).optional().meta({
      description: `Threads for one model. Default: all cores but one. More than there are free cores makes it slower by far.`,
      env: 'UPSHIFT_LLAMA_THREADS',
    }),
    gpu: z.enum(['off', 'auto', 'cuda', 'vulkan', 'metal']).default('off').meta({
      description:
        'Where layers are computed beside the CPU; `upshift doctor` names the package that a graphics card needs.',
      env: 'UPSHIFT_LLAMA_GPU',
    }),
    contextTokens: z.number().int().min(256).max(10_000_000).default(8_192).meta({
      description:
        'Tokens that one conversation may have, prompt and answer together; less where the memory does not hold them.',
      env: 'UPSHIFT_LLAMA_CONTEXT_TOKENS',
    }),
    parallel: z.number().int().min(1).max(256).default(4).meta({
      description: 'Requests that one model works on at once.',
    }),
    spareSlots: z.number().int().min(0).max(256).default(4).meta({
      description:
        'KV caches beyond those, where memory is left: conversations that are likely to go on keep theirs.',
    }),
    queueLimit: z.number().int().min(0).max(100_000).default(256).meta({
      description: 'Requests that may wait for one model; one more is refused with Retry-After.',
    }),
    memoryBytes: z
      .number()
      .int()
      .min(64 * MIB)
      .optional()
      .meta({ description: 'Bytes that all models together may take. Default: what is available.' }),
    warmBytes: z.number().int().min(0).default(GIB).meta({
      description: 'Bytes on the disk, per model, for the states of system prompts that come again; 0: none.',
    }),
    idleMs: z.number().int().min(1_000).max(DAY_MS).default(900_000).meta({
      description: 'A model that nobody has asked for so long is unloaded.',
    }),
  })
  .prefault({})

export const section = {
  name: 'llama',
  summary: 'Models in this machine’s own memory, by llama.cpp.',
  schema,
} satisfies Section

export type LlamaConfig = z.infer<typeof schema>
