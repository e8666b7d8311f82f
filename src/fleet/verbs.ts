import { expectJson } from '../contract/reply.ts'
import { asStarted, type ExitCode, UsageError, type Verb, type VerbContext } from '../contract/verb.ts'
import { textTable } from '../lib/table.ts'
import { dollars } from './engines.ts'
import { type EngineReply, engineListReply, engineReply } from './routes.ts'

/** As the endpoint takes it. */
const MAX_CAP_USD = 1_000_000

/** `upshift engines …`: what runs where, and what may leave the machine. */
export const verbs: readonly Verb[] = [
  {
    name: 'engines list',
    summary: 'List engines, their models and state, and what they have cost today.',
    details:
      'Engines come from upshift.yaml, from loopback ports (Ollama, LM Studio, llama.cpp, vLLM) and from API ' +
      'keys in the environment. Those off this machine are off until you allow them.',
    options: {
      models: { type: 'boolean', short: 'm', summary: 'Also list each model with its kind, tier and price.' },
    },
    examples: ['upshift engines list', 'upshift engines list --models'],
    run: list,
  },
  {
    name: 'engines allow',
    operands: 'NAME',
    summary: 'Let prompts go to an engine off this machine, under a daily cap.',
    options: {
      cap: { type: 'string', value: 'USD', summary: 'Dollars a day (UTC); default: fleet.dailyCapUsd.' },
    },
    examples: ['upshift engines allow openai', 'upshift engines allow openai --cap 20'],
    run: allow,
  },
  {
    name: 'engines deny',
    operands: 'NAME',
    summary: 'Take back the allowance of an engine: nothing more is sent to it.',
    examples: ['upshift engines deny openai'],
    run: deny,
  },
]

async function list(context: VerbContext): Promise<ExitCode> {
  const server = await context.server()
  const reply = await server.call('GET', '/v1/admin/engines', undefined, context.signal)
  const { engines } = await expectJson(reply, engineListReply)
  if (context.json) {
    context.out.write(`${JSON.stringify({ engines }, null, 2)}\n`)
    return 0
  }
  if (engines.length === 0) {
    const told =
      'No engine was found or configured. `upshift setup` fetches a small model for this machine; or start Ollama, or name an engine in upshift.yaml.\n'
    context.err.write(asStarted(told, context.program))
    return 0
  }
  const rows = engines.map((engine) => [engine.name, place(engine), cost(engine), engine.state])
  context.out.write(textTable(['ENGINE', 'WHERE', 'TODAY', 'STATE'], rows))
  for (const engine of engines)
    for (const note of engine.notes) context.err.write(`${engine.name}: ${note}\n`)
  if (context.flags['models'] === true) context.out.write(`\n${modelTable(engines)}`)
  return 0
}

async function allow(context: VerbContext): Promise<ExitCode> {
  const cap = context.flags['cap']
  const digits = typeof cap === 'string' ? /^\$?(\d{1,9}(?:\.\d{1,6})?)$/.exec(cap)?.[1] : undefined
  const capUsd = digits === undefined ? undefined : Number(digits)
  if (cap !== undefined && capUsd === undefined) {
    throw new UsageError(`--cap takes dollars a day, such as 20 or 2.50, not "${String(cap)}"`)
  }
  if (capUsd !== undefined && capUsd > MAX_CAP_USD) {
    throw new UsageError(`--cap is at most ${MAX_CAP_USD} dollars a day, not ${capUsd}`)
  }
  return change(context, 'allow', capUsd === undefined ? {} : { cap_usd: capUsd })
}

function deny(context: VerbContext): Promise<ExitCode> {
  return change(context, 'deny', undefined)
}

async function change(context: VerbContext, verb: 'allow' | 'deny', body: unknown): Promise<ExitCode> {
  const [name] = context.args
  if (name === undefined) throw new UsageError('name one engine of `upshift engines list`')
  const server = await context.server()
  const path = `/v1/admin/engines/${encodeURIComponent(name)}/${verb}`
  const engine = await expectJson(await server.call('POST', path, body, context.signal), engineReply)
  if (context.json) {
    context.out.write(`${JSON.stringify(engine, null, 2)}\n`)
    return 0
  }
  const cap = engine.spend ? ` under $${engine.spend.cap_usd.toFixed(2)} a day (UTC)` : ''
  context.out.write(
    verb === 'allow' ? `${engine.name} is allowed${cap}. ${engine.state}\n` : `${engine.name} is off.\n`,
  )
  const unpriced = engine.models.filter((model) => model.price === null).length
  if (verb === 'allow' && unpriced > 0) {
    context.err.write(
      `${unpriced} of its ${engine.models.length} models have no known price and are not used until one is ` +
        `configured under fleet.engines.${engine.name}.models.\n`,
    )
  }
  return 0
}

function place(engine: EngineReply): string {
  return engine.off_machine ? 'off this machine' : 'this machine'
}

function cost(engine: EngineReply): string {
  if (engine.spend) return `$${engine.spend.spent_usd.toFixed(2)} of $${engine.spend.cap_usd.toFixed(2)}`
  if (engine.spent_usd === null) return 'unpriced'
  const spent = dollars(Math.round(engine.spent_usd * 1e6))
  return engine.hourly_usd === null ? spent : `${spent} at $${engine.hourly_usd.toFixed(3)}/h`
}

function modelTable(engines: readonly EngineReply[]): string {
  const rows = engines.flatMap((engine) =>
    engine.models.map((model) => [
      model.id,
      model.kind,
      model.tier,
      model.context_tokens === null ? '?' : `${model.context_tokens}${model.context_assumed ? '?' : ''}`,
      model.price ? `${model.price.input}/${model.price.output}` : 'unpriced',
      model.available ? 'yes' : 'no',
      model.tier_reason,
    ]),
  )
  return textTable(['MODEL', 'KIND', 'TIER', 'CONTEXT', '$/M IN/OUT', 'NOW', 'WHY THIS TIER'], rows)
}
