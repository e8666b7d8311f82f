import * as z from 'zod'

const body = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
})
const toEmbed = z.looseObject({ input: z.union([z.string(), z.array(z.unknown()).min(1)]) })
const content = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))])
const textPart = z.looseObject({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() })

/** Of POST /v1/responses; an item is a message where it has a role. */
const responsesBody = z.looseObject({
  instructions: z.string().nullable().optional(),
  input: z.union([
    z.string(),
    z.array(
      z.union([
        z.looseObject({ role: z.string(), content: z.unknown() }),
        z.looseObject({ type: z.literal('function_call'), name: z.string(), arguments: z.string() }),
        z.looseObject({ type: z.literal('function_call_output'), output: z.unknown() }),
        z.looseObject({ type: z.string() }),
      ]),
    ),
  ]),
})

const answer = z.strictObject({
  choices: z.array(
    z.looseObject({
      content: z.string(),
      reasoning: z.string().optional(),
      refusal: z.string().optional(),
      tool_calls: z.array(z.looseObject({ name: z.string(), arguments: z.string() })).optional(),
    }),
  ),
  truncated: z.literal(true).optional(),
})
const judgement = z.strictObject({ correction: z.string().optional(), comment: z.string().optional() })

/**
 * What a person wants to read of a kept text: of a request its messages, each behind its role, with other parts
 * and items named in brackets; of a request for embeddings its inputs; of an answer what each choice says and calls; of
 * a judgement its words; any other text as it is. Total: it never throws.
 */
export function readable(kept: string): string {
  const value = jsonOf(kept)
  if (value === undefined) return kept
  const asked = body.safeParse(value)
  if (asked.success) {
    return asked.data.messages.map((one) => `${one.role}: ${contentOf(one.content)}`).join('\n\n')
  }
  const responses = responsesBody.safeParse(value)
  if (responses.success) return askedIn(responses.data)
  const embedded = toEmbed.safeParse(value)
  if (embedded.success) return inputsIn(embedded.data.input)
  const answered = answer.safeParse(value)
  if (answered.success) return saidIn(answered.data)
  const judged = judgement.safeParse(value)
  if (!judged.success) return kept
  return [judged.data.correction, judged.data.comment].filter((one) => one !== undefined).join('\n')
}

function inputsIn(input: z.infer<typeof toEmbed>['input']): string {
  if (typeof input === 'string') return input
  const inputs = typeof input[0] === 'number' ? [input] : input
  return inputs
    .map((one) => (typeof one === 'string' ? one : `[${Array.isArray(one) ? one.length : 0} tokens]`))
    .join('\n\n')
}

/** A text alone may be a question, or be there to be embedded: it is shown as it is. */
function askedIn({ instructions, input }: z.infer<typeof responsesBody>): string {
  const first = instructions == null ? [] : [`system: ${instructions}`]
  if (typeof input === 'string') {
    return instructions == null ? input : [...first, `user: ${input}`].join('\n\n')
  }
  const rest = input.map((item) => {
    if ('role' in item) return `${item.role}: ${contentOf(item.content)}`
    if ('name' in item) return `assistant: [calls ${item.name}] ${item.arguments}`
    return 'output' in item ? `tool: ${contentOf(item.output)}` : `[${item.type}]`
  })
  return [...first, ...rest].join('\n\n')
}

function saidIn({ choices, truncated }: z.infer<typeof answer>): string {
  const said = choices.map(({ content, reasoning, refusal, tool_calls: calls }) => {
    const thought = reasoning === undefined ? [] : [`[reasoning] ${reasoning}`]
    const declined = refusal === undefined ? [] : [`[refuses] ${refusal}`]
    const called = (calls ?? []).map((call) => `[calls ${call.name}] ${call.arguments}`)
    return [...thought, content, ...declined, ...called].filter((one) => one !== '').join('\n')
  })
  return truncated === true ? `${said.join('\n\n')}\n[the rest was too long to be kept]` : said.join('\n\n')
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
