import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import { requestIdOf, responseOfItem } from './ids.ts'
import { endOf } from './object.ts'
import { outputOf } from './output.ts'
import { gapRefusal, type ReadBack, type ResponsesPort, readBack, type StoredResponse } from './stored.ts'
import type { InputItem, ResponsesRequest } from './wire.ts'

/** Responses that one request may go on from, each with what it said. */
const LINKS_MAX = 256
/** Responses whose items one request may refer to by their ids. */
const REFERENCES_MAX = 64

type PlainItem = Exclude<InputItem, { type: 'item_reference' }>

/** An item with the name that a refusal gives it. */
export interface Named {
  readonly item: PlainItem
  readonly param: string
}

/** What a request is about: everything that was said before it, and its own items. */
export interface History {
  readonly items: readonly Named[]
  /** The request that it goes on from. */
  readonly previous?: string
  /** Whom the conversation was about before it, by the newest word of it. */
  readonly person?: string | undefined
  /** Bytes of what was fetched from the store for it. */
  readonly bytes: number
}

/** The items of a request, with nothing to be looked up; undefined where there is. */
export function ownHistory(request: ResponsesRequest): History | undefined {
  if (request.previous_response_id != null) return undefined
  const items: Named[] = []
  for (const named of itemsOf(request)) {
    if (named.item.type === 'item_reference') return undefined
    items.push({ item: named.item, param: named.param })
  }
  return { items, bytes: 0 }
}

/**
 * The items of a request, with those of the responses that it goes on from before them, and with the items that it
 * names by their ids in their places. Refuses what is not there, for this key, or was not answered.
 */
export async function fetchHistory(
  port: ResponsesPort,
  request: ResponsesRequest,
  key: string,
  signal: AbortSignal,
): Promise<History | Refusal> {
  const asked = request.previous_response_id ?? undefined
  const chain = asked === undefined ? [] : await chainOf(port, asked, key, signal)
  if (isRefusal(chain)) return chain
  let bytes = 0
  const said: (readonly [InputItem, string])[] = []
  for (const link of chain) {
    bytes += link.bytes.prompt + link.bytes.answer
    for (const { item } of itemsOf(link.request)) said.push([item, PREVIOUS])
    for (const item of spoken(link)) said.push([item, PREVIOUS])
  }
  for (const { item, param } of itemsOf(request)) said.push([item, param])
  const references = new References(port, key, signal)
  const items: Named[] = []
  for (const [item, param] of said) {
    const plain = item.type === 'item_reference' ? await references.find(item.id, param) : item
    if (isRefusal(plain)) return plain
    items.push({ item: plain, param })
  }
  const previous = chain.at(-1)?.requestId
  return {
    items,
    bytes: bytes + references.bytes,
    ...(previous === undefined ? {} : { previous }),
    person: chain.map((link) => personOf(link.request)).findLast((person) => person !== undefined),
  }
}

/** Whom a request is about. `safety_identifier` is OpenAI's newer name for `user`. */
export function personOf({ user, safety_identifier: person }: ResponsesRequest): string | undefined {
  return user || person || undefined
}

const PREVIOUS = 'previous_response_id'

function itemsOf({ input }: ResponsesRequest): { readonly item: InputItem; readonly param: string }[] {
  if (input === undefined) return []
  if (typeof input === 'string') return [{ item: { role: 'user', content: input }, param: 'input' }]
  return input.map((item, at) => ({ item, param: `input[${at}]` }))
}

/** The chain, oldest first. */
async function chainOf(
  port: ResponsesPort,
  asked: string,
  key: string,
  signal: AbortSignal,
): Promise<ReadBack[] | Refusal> {
  const id = requestIdOf(asked)
  const chain =
    id === undefined
      ? ({ links: [], end: 'unknown', at: null } as const)
      : await port.chain({ id, key, links: LINKS_MAX }, signal)
  if (isRefusal(chain)) return chain
  if (chain.end !== 'whole') return gapRefusal(chain, asked, PREVIOUS)
  const links: ReadBack[] = []
  for (const stored of chain.links) {
    const link = finished(stored) ?? readBack(stored)
    if (isRefusal(link)) return { ...link, problem: { ...link.problem, param: PREVIOUS } }
    if (link.truncated) return refuse('conflict', CUT, { param: PREVIOUS })
    links.unshift(link)
  }
  return links
}

const CUT =
  'The answer of an earlier response was too long to be stored whole, so nothing can go on from it. Send its items instead.'

/** Refuses to go on from what did not come to an end. */
function finished({ request: { outcome } }: StoredResponse): Refusal | undefined {
  if (outcome === 'answered' || outcome === 'declined') return undefined
  const message = `An earlier response ended as ${outcome}, without an answer to go on from. Ask again from the one before it.`
  return refuse('conflict', message)
}

/** What a response said, as items of a conversation. */
function spoken(link: ReadBack): InputItem[] {
  const { status } = endOf(link.said.finish)
  return outputOf(link.said, link.requestId, status).map((item) => {
    if (item.type === 'message') return { ...item, content: [...item.content] }
    return item.type === 'reasoning' ? { ...item, summary: [...item.summary] } : item
  })
}

/** Finds output items by their ids, each response looked up once. */
class References {
  bytes = 0
  readonly #port: ResponsesPort
  readonly #key: string
  readonly #signal: AbortSignal
  readonly #known = new Map<string, readonly InputItem[]>()

  constructor(port: ResponsesPort, key: string, signal: AbortSignal) {
    this.#port = port
    this.#key = key
    this.#signal = signal
  }

  async find(itemId: string, param: string): Promise<PlainItem | Refusal> {
    const response = responseOfItem(itemId)
    const items = response === undefined ? [] : await this.#items(response, param)
    if (isRefusal(items)) return items
    const found = items.find((one) => one['id'] === itemId)
    if (found !== undefined && found.type !== 'item_reference') return found
    const message = `There is no item of that id in a stored response of this key. Send the item itself.`
    return refuse('not_found', message, { param: `${param}.id` })
  }

  async #items(response: string, param: string): Promise<readonly InputItem[] | Refusal> {
    const known = this.#known.get(response)
    if (known !== undefined) return known
    if (this.#known.size >= REFERENCES_MAX) {
      const message = `The items refer to more than ${REFERENCES_MAX} responses. Send the items themselves, or previous_response_id.`
      return refuse('invalid_request', message, { param })
    }
    const id = requestIdOf(response) ?? ''
    const chain = await this.#port.chain({ id, key: this.#key, links: 1 }, this.#signal)
    if (isRefusal(chain)) return chain
    const [stored] = chain.links
    if (stored === undefined) return gapRefusal(chain, response, `${param}.id`)
    const link = readBack(stored)
    if (isRefusal(link)) return link
    this.bytes += link.bytes.answer
    const items = spoken(link)
    this.#known.set(response, items)
    return items
  }
}
