import * as z from 'zod'
import type { Section } from '../contract/section.ts'

export const PII_KINDS = ['card', 'iban', 'ssn', 'email', 'phone', 'ip'] as const
export type PiiKind = (typeof PII_KINDS)[number]

export type Action = 'allow' | 'redact' | 'refuse'

const action = z.enum(['allow', 'redact', 'refuse'])
const count = (least: number, most: number) => z.number().int().min(least).max(most)

const bounds = z
  .strictObject({
    maxBodyBytes: count(1_024, 268_435_456).default(16_777_216).meta({
      description: 'Bytes of a request body at most.',
      env: 'UPSHIFT_MAX_BODY_BYTES',
    }),
    maxDepth: count(8, 512).default(64).meta({ description: 'Nesting of a request body’s JSON at most.' }),
    maxValues: count(256, 10_000_000).default(32_768).meta({
      description: 'Elements and members of all arrays and objects of a request body at most.',
    }),
    maxMessages: count(1, 100_000).default(2000).meta({ description: 'Messages of a request at most.' }),
    maxTextChars: count(1024, 268_435_456).default(8_388_608).meta({
      description: 'Characters of text in all messages together at most; images and files do not count.',
    }),
    maxHeldBytes: count(65_536, 268_435_456).default(8_388_608).meta({
      description: 'Bytes of an answer that may be held back where it must be checked whole.',
    }),
    maxSchemaChars: count(256, 1_048_576).default(65_536).meta({
      description: 'Characters of one JSON Schema (response_format, a tool’s parameters) at most.',
    }),
    maxSchemasChars: count(256, 16_777_216).default(262_144).meta({
      description: 'Characters of all JSON Schemas of a request together at most.',
    }),
  })
  .prefault({})

const piiRule = (what: string, byDefault: Action) =>
  z
    .strictObject({
      action: action.default(byDefault).meta({ description: `What happens to ${what} in a request.` }),
      applies: z.enum(['off-machine', 'everywhere']).default('off-machine').meta({
        description: 'Only where the request leaves this machine, or for local engines too.',
      }),
    })
    .prefault({})

const input = z
  .strictObject({
    secrets: action.default('refuse').meta({
      description: 'What happens to keys, tokens and passwords in a request that leaves this machine.',
      env: 'UPSHIFT_GUARD_SECRETS',
    }),
    pii: z
      .strictObject({
        card: piiRule('payment card numbers (checked by their Luhn digit)', 'redact'),
        iban: piiRule('bank account numbers (IBAN, checked modulo 97)', 'redact'),
        ssn: piiRule('US social security numbers', 'redact'),
        email: piiRule('e-mail addresses', 'allow'),
        phone: piiRule('telephone numbers', 'allow'),
        ip: piiRule('public IP addresses', 'allow'),
      })
      .prefault({}),
  })
  .prefault({})

const output = z
  .strictObject({
    links: action.default('redact').meta({
      description: 'What happens to links that carry data, and to remote images, in an answer.',
      env: 'UPSHIFT_GUARD_LINKS',
    }),
    secrets: action.default('redact').meta({
      description: 'What happens to keys and tokens in an answer that the user had not sent.',
    }),
    rescueToolCalls: z.boolean().default(true).meta({
      description: 'Make tool calls of what a model only printed as text, where it fits an offered tool.',
      env: 'UPSHIFT_GUARD_RESCUE_TOOL_CALLS',
    }),
    trustedHosts: z.array(z.string().min(1).max(253)).max(1000).default([]).meta({
      description: 'Hosts whose links and images always pass: `docs.example.com`, or `*.example.com`.',
      env: 'UPSHIFT_GUARD_TRUSTED_HOSTS',
    }),
  })
  .prefault({})

const checks = z
  .strictObject({
    timeoutMs: count(10, 60_000).default(1000).meta({
      description: 'Milliseconds that one check against a JSON Schema may take before it is stopped.',
    }),
    workers: count(1, 32).default(1).meta({ description: 'Threads that check JSON Schemas.' }),
    queueLimit: count(1, 100_000).default(256).meta({ description: 'Schema checks that may wait.' }),
  })
  .prefault({})

export const guardSchema = z.strictObject({ bounds, input, output, checks })

export type GuardConfig = z.infer<typeof guardSchema>

export const section: Section<typeof guardSchema> = {
  name: 'guard',
  summary: 'Bounds on requests, and named rules for what goes in and what comes out.',
  schema: guardSchema,
}
