import type { KeyLimits } from '../../bench/process/keys.ts'
import { type KeyReply, listReply, shownReply } from '../../src/caller/wire.ts'
import { type Reply, send } from './send.ts'
import type { RunningServer } from './server.ts'

export interface Made {
  readonly id: string
  /** As a header that asks with it. */
  readonly headers: Readonly<Record<string, string>>
}

/** An API key with these limits, made by the owner. Throws with the server's words. */
export async function makeKey(server: RunningServer, name: string, limits?: KeyLimits): Promise<Made> {
  const body = JSON.stringify(limits === undefined ? { name } : { name, limits })
  const reply = await send(server, { path: '/v1/admin/keys', body })
  const { key, secret } = shownReply.parse(JSON.parse(reply.text))
  return { id: key.id, headers: { authorization: `Bearer ${secret}` } }
}

/** A key as the server shows it. Throws where it shows none of that id. */
export async function shownKey(server: RunningServer, id: string): Promise<KeyReply> {
  const key = (await shownKeys(server)).find((one) => one.id === id)
  if (key === undefined) throw new Error(`the server shows no key ${id}`)
  return key
}

export async function shownKeys(server: RunningServer): Promise<readonly KeyReply[]> {
  return listReply.parse(JSON.parse((await get(server, '/v1/admin/keys')).text)).keys
}

export function get(server: RunningServer, path: string): Promise<Reply> {
  return send(server, { method: 'GET', path })
}
