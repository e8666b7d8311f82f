import { asStarted, type ServerPort, type VerbContext } from '../../../contract/verb.ts'
import { pause } from '../../../lib/clock.ts'
import { secondText } from '../../../lib/utc.ts'
import { type RequestView, requestList } from '../wire.ts'
import { filterOf, get, linesOf } from './asking.ts'
import { costOf, outcomeOf, Rows, whole } from './print.ts'

/** How often `--follow` asks for what has ended. */
const FOLLOW_EVERY_MS = 500

const HEAD = ['TIME', 'ID', 'MODE', 'MODEL', 'TIER', 'OUTCOME', 'TOKENS', 'COST', 'MS', 'KEY']

/** The newest requests, oldest first; with `--follow` also those that end from then on, until it is interrupted. */
export async function tail(context: VerbContext): Promise<0> {
  const filter = filterOf(context.flags)
  const lines = linesOf(context.flags)
  const follow = context.flags['follow'] === true
  const server = await context.server()
  const { data, tailCursor } = await newest(context, server, filter, lines, follow)
  if (context.json && !follow) {
    context.out.write(`${JSON.stringify({ data })}\n`)
    return 0
  }
  const rows = new Rows(HEAD)
  print(context, rows, data.toReversed())
  if (data.length === 0) context.err.write(emptyHint(filter, follow))
  if (follow) await following(context, server, filter, tailCursor, rows)
  return 0
}

/** Where few requests fit, the server looks through the log in parts: this asks on until there are enough. */
async function newest(
  context: VerbContext,
  server: ServerPort,
  filter: URLSearchParams,
  lines: number,
  finished: boolean,
): Promise<{ readonly data: readonly RequestView[]; readonly tailCursor: string }> {
  const data: RequestView[] = []
  const parameters = new URLSearchParams(filter)
  if (finished) parameters.set('finished', 'true')
  let tailCursor: string | undefined
  for (;;) {
    parameters.set('limit', String(lines - data.length))
    const page = await get(context, server, '/v1/requests', parameters, requestList)
    data.push(...page.data)
    tailCursor ??= page.tailCursor
    if (page.nextCursor === null || data.length >= lines) return { data, tailCursor }
    parameters.set('cursor', page.nextCursor)
  }
}

async function following(
  context: VerbContext,
  server: ServerPort,
  filter: URLSearchParams,
  from: string,
  rows: Rows,
): Promise<void> {
  if (!server.running) {
    const told = 'No server runs on this home, so nothing new will come. Start one: `upshift serve`.\n'
    context.err.write(asStarted(told, context.program))
    return
  }
  const parameters = new URLSearchParams(filter)
  parameters.set('after', from)
  while (!context.signal.aborted) {
    const page = await get(context, server, '/v1/requests', parameters, requestList)
    print(context, rows, page.data)
    parameters.set('after', page.tailCursor)
    if (page.data.length === 0) await pause(FOLLOW_EVERY_MS, context.signal)
  }
}

function print(context: VerbContext, rows: Rows, data: readonly RequestView[]): void {
  if (data.length === 0) return
  if (context.json) context.out.write(data.map((one) => `${JSON.stringify(one)}\n`).join(''))
  else context.out.write(rows.lines(data.map(cellsOf)))
}

function cellsOf(one: RequestView): string[] {
  const { promptTokens, completionTokens, totalMs } = one
  const tokens = promptTokens === null ? null : promptTokens + (completionTokens ?? 0)
  return [
    secondText(one.at),
    one.id,
    one.mode ?? '-',
    one.model ?? '-',
    one.tier ?? '-',
    outcomeOf(one),
    whole(tokens),
    costOf(one),
    whole(totalMs),
    one.key,
  ]
}

function emptyHint(filter: URLSearchParams, follow: boolean): string {
  if (filter.size > 0) return 'No request fits. Take an option away, or look further back with --since.\n'
  return `No request has been recorded yet. Ask something: upshift ask "hello"${follow ? ' (in another terminal)' : ''}\n`
}
