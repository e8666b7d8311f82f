import { asStarted, type VerbContext } from '../../../contract/verb.ts'
import { secondText } from '../../../lib/utc.ts'
import { type EventList, eventList } from '../wire.ts'
import { get, linesOf } from './asking.ts'
import { Rows } from './print.ts'

/** What is no request, oldest first. */
export async function events(context: VerbContext): Promise<0> {
  const parameters = new URLSearchParams({ limit: String(linesOf(context.flags)) })
  const { data } = await get(context, await context.server(), '/v1/admin/events', parameters, eventList)
  if (context.json) context.out.write(`${JSON.stringify({ data })}\n`)
  else if (data.length === 0)
    context.err.write(
      asStarted('Nothing but requests has been recorded: `upshift logs tail`.\n', context.program),
    )
  else context.out.write(new Rows(['TIME', 'SEQ', 'EVENT', 'WHAT']).lines(data.toReversed().map(cellsOf)))
  return 0
}

function cellsOf({ at, seq, type, data }: EventList['data'][number]): string[] {
  const facts = Object.entries(data).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  })
  return [secondText(at), String(seq), type, facts.join(' ')]
}
