/**
 * DESIGN. Ids are not stored: a response has the rest of its request's id, and its items are numbered under it. So
 * what is read again later has the ids that it had when it was made.
 */
const RESPONSE = /^resp_([0-9a-hjkmnp-tv-z]{26})$/
const ITEM = /^(?:msg|rs|fc)_([0-9a-hjkmnp-tv-z]{26})(?:_\d{1,6})?$/

/** `resp_…` of `req_…`. */
export function responseIdOf(requestId: string): string {
  return `resp_${restOf(requestId)}`
}

/** `req_…` of `resp_…`; undefined where it is no response's id. */
export function requestIdOf(responseId: string): string | undefined {
  const [, rest] = RESPONSE.exec(responseId) ?? []
  return rest === undefined ? undefined : `req_${rest}`
}

/** `resp_…` of the response that an output item is of. */
export function responseOfItem(itemId: string): string | undefined {
  const [, rest] = ITEM.exec(itemId) ?? []
  return rest === undefined ? undefined : `resp_${rest}`
}

/** Of the first item of its kind `rs_…`, of the next ones `rs_…_1`, and so on. */
export function itemId(kind: 'msg' | 'rs' | 'fc', requestId: string, number: number): string {
  return `${kind}_${restOf(requestId)}${number === 0 ? '' : `_${number}`}`
}

/** Of what came in: never the id of an output item. */
export function inputItemId(requestId: string, number: number): string {
  return `in_${restOf(requestId)}_${number}`
}

/** Of a tool call whose engine gave none. */
export function callId(requestId: string, number: number): string {
  return `call_${restOf(requestId)}_${number}`
}

/** Seconds since the epoch, which an id begins with. */
export function secondsOf(requestId: string): number {
  let ms = 0
  for (const digit of restOf(requestId).slice(0, 10)) ms = ms * 32 + ALPHABET.indexOf(digit)
  return Math.floor(ms / 1_000)
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

function restOf(requestId: string): string {
  return requestId.slice(requestId.indexOf('_') + 1)
}
