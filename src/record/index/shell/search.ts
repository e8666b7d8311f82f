import { UsageError, type VerbContext } from '../../../contract/verb.ts'
import { secondText } from '../../../lib/utc.ts'
import { type SearchList, searchList } from '../wire.ts'
import { filterOf, get, linesOf } from './asking.ts'
import { printable, whole } from './print.ts'

/** Requests whose prompt or answer holds all the words, newest first. */
export async function search(context: VerbContext): Promise<0> {
  const words = context.args.join(' ').trim()
  if (words === '') throw new UsageError('`upshift logs search` needs at least one word')
  const lines = linesOf(context.flags)
  const parameters = filterOf(context.flags)
  parameters.set('q', words)
  const server = await context.server()
  const found: SearchList = {
    data: [],
    scanned: 0,
    unreadable: { erased: 0, expired: 0, damaged: 0 },
    nextCursor: null,
  }
  // Texts are decrypted one by one, a slice of time each: this asks on until there is enough or no more.
  do {
    parameters.set('limit', String(lines - found.data.length))
    const page = await get(context, server, '/v1/requests', parameters, searchList)
    found.data.push(...page.data)
    found.scanned += page.scanned
    found.unreadable.erased += page.unreadable.erased
    found.unreadable.expired += page.unreadable.expired
    found.unreadable.damaged += page.unreadable.damaged
    found.nextCursor = page.nextCursor
    if (page.nextCursor !== null) parameters.set('cursor', page.nextCursor)
    if (!context.json) context.out.write(page.data.map(shown).join(''))
  } while (found.nextCursor !== null && found.data.length < lines)
  if (context.json) context.out.write(`${JSON.stringify(found)}\n`)
  else context.err.write(summary(found))
  return 0
}

function shown({ request, where, snippet }: SearchList['data'][number]): string {
  const line = printable(snippet).replace(/\s+/g, ' ')
  return `${secondText(request.at)}  ${printable(request.id)}  ${where}\n  ${line}\n`
}

function summary({ data, scanned, unreadable, nextCursor }: SearchList): string {
  const parts = [`${whole(data.length)} found in the texts of ${whole(scanned)} requests.`]
  if (scanned === 0)
    parts.push('No kept text fits: take an option away, or see `record.texts` in the configuration.')
  else if (data.length === 0) parts.push('All words must stand in the same text: try fewer of them.')
  if (nextCursor !== null)
    parts.push('There may be more further back: give --lines a larger number, or --until.')
  if (unreadable.expired > 0) parts.push(`${whole(unreadable.expired)} texts have expired.`)
  if (unreadable.erased > 0) parts.push(`${whole(unreadable.erased)} texts were erased.`)
  if (unreadable.damaged > 0)
    parts.push(`${whole(unreadable.damaged)} texts are DAMAGED: run \`upshift audit verify\`.`)
  return `${parts.join(' ')}\n`
}
