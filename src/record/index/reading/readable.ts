import * as z from 'zod'

const body = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
})
const content = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))])
const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })

/**
 * What a person wants to read of a kept text: of a chat request its messages, each behind its role, with other
 * parts named in brackets; any other text as it is. Total: it never throws.
 */
export function readable(kept: string): string {
  const parsed = body.safeParse(jsonOf(kept))
  if (!parsed.success) return kept
  return parsed.data.messages.map((one) => `${one.role}: ${contentOf(one.content)}`).join('\n\n')
}

function contentOf(value: unknown): string {
  const parsed = content.safeParse(value)
  if (!parsed.success) return ''
  if (typeof parsed.data === 'string') return parsed.data
  return parsed.data
    .map((part) => {
      const known = textPart.safeParse(part)
      return known.success ? known.data.text : `[${part.type}]`
    })
    .join('\n')
}

function jsonOf(kept: string): unknown {
  if (!kept.trimStart().startsWith('{')) return undefined
  try {
    return JSON.parse(kept)
  } catch {
    return undefined // an answer may begin like JSON and be none: it is shown as it is
  }
}
