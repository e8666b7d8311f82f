import { getRequest } from './chat.ts'
import { Connection } from './connection.ts'

/** Values of the named metrics without labels, from GET /metrics. Throws where one is not there. */
export async function readMetrics<Name extends string>(
  port: number,
  ...names: readonly Name[]
): Promise<Record<Name, number>> {
  const connection = await Connection.open(port)
  const { body } = await connection.send(getRequest('/metrics'))
  connection.destroy()
  const found = names.map((name) => {
    const value = new RegExp(`^${name} (\\S+)`, 'm').exec(body)?.[1]
    if (value === undefined) throw new Error(`/metrics has no ${name}`)
    return [name, Number(value)] as const
  })
  // A parser: fromEntries forgets the names that it was given.
  return Object.fromEntries(found) as Record<Name, number>
}
