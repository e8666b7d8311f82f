import { getRequest, postRequest } from './chat.ts'
import { Connection } from './connection.ts'

/** API keys as a script makes and reads them: over the owner's routes. */
export interface MadeKey {
  readonly id: string
  readonly secret: string
}

export interface KeyLimits {
  readonly usdPerDay?: number
  readonly usdPerMonth?: number
  readonly requestsPerMinute?: number
  readonly tokensPerMinute?: number
  readonly concurrentRequests?: number
}

interface Server {
  readonly port: number
  /** The owner's. */
  readonly key: string
}

/** Throws with the server's words where it refuses. */
export async function createKey(server: Server, name: string, limits?: KeyLimits): Promise<MadeKey> {
  const body = limits === undefined ? { name } : { name, limits }
  // A parser: the server's route declares this shape.
  const { key, secret } = (await reply(server, postRequest('/v1/admin/keys', server.key, body))) as {
    key: { id: string }
    secret: string
  }
  return { id: key.id, secret }
}

/** Every key as the server shows it. */
export async function listKeys(server: Server): Promise<readonly unknown[]> {
  // A parser: the server's route declares this shape.
  return ((await reply(server, getRequest('/v1/admin/keys', server.key))) as { keys: unknown[] }).keys
}

async function reply({ port }: Server, request: string): Promise<unknown> {
  const connection = await Connection.open(port)
  const { status, body } = await connection.send(request)
  connection.destroy()
  if (status !== 200 && status !== 201) throw new Error(`status ${status}: ${body}`)
  return JSON.parse(body)
}
