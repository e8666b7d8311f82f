import * as z from 'zod'
import { expectJson } from '../../contract/reply.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { FILTER_OPTIONS, filterFlags } from '../collection/filter-flags.ts'
import { COLLECTION_OPTION, collectionOf } from '../collection/verbs.ts'

export const askVerb: Verb = {
  name: 'knowledge ask',
  summary: 'Have a question answered from a collection, with citations that code has checked.',
  operands: 'QUESTION...',
  options: {
    collection: COLLECTION_OPTION,
    model: {
      type: 'string',
      short: 'm',
      value: 'MODEL',
      summary: '`auto` (default), a tier, an alias or an exact model; extractive/handbook only quotes.',
    },
    ...FILTER_OPTIONS,
  },
  details:
    'The answer goes to stdout, the model, the cost, and what was screened out or did not run to stderr. Without a model the passages are quoted. A declined question is no error: the exit code is 0, and --json says so.',
  examples: ['upshift knowledge ask -c manuals "how long are invoices kept"'],
  run: runAsk,
}

const replySchema = z.object({
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string().nullish() }) })),
  upshift: z.looseObject({
    request_id: z.string(),
    tier: z.string(),
    model: z.string(),
    cost_micros: z.number().nullable(),
    declined: z.boolean(),
    citations: z.array(z.looseObject({ id: z.string() })),
    verdicts: z.array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
  }),
})

async function runAsk(context: VerbContext): Promise<ExitCode> {
  const question = context.args.join(' ').trim()
  if (question === '') throw new UsageError('knowledge ask takes a question.')
  const collection = collectionOf(context)
  const { model } = context.flags
  const filter = filterFlags(context.flags)
  const server = await context.server()
  const body = {
    model: typeof model === 'string' ? model : 'auto',
    messages: [{ role: 'user', content: question }],
    upshift: { collection, ...(filter && { filter }) },
  }
  const reply = await server.call('POST', '/v1/chat/completions', body, context.signal)
  const { choices, upshift } = await expectJson(reply, replySchema)
  const answer = choices[0]?.message.content ?? ''
  if (context.json) {
    context.out.write(`${JSON.stringify({ answer, ...upshift }, null, 2)}\n`)
    return 0
  }
  const terminal = 'isTTY' in context.out && context.out.isTTY === true
  context.out.write(terminal ? answer.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?') : answer)
  const { tier, cost_micros: micros, request_id: id, verdicts, declined } = upshift
  const cost = micros === null ? 'cost unknown' : `$${(micros / 1_000_000).toFixed(6)}`
  for (const { check, outcome, detail } of verdicts)
    context.err.write(`${check}: ${outcome}${detail === undefined ? '' : `, ${detail}`}\n`)
  context.err.write(`\n[${[...(declined ? ['declined'] : []), tier, upshift.model, cost, id].join(' · ')}]\n`)
  return 0
}
