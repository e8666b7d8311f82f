import type { Problem, ProblemCode } from '../../contract/problem.ts'
import { PRIVATE_CODE } from './address.ts'

/** Why a request for a file brought nothing, or broke off. */
export interface Fault {
  readonly type: 'fault'
  readonly problem: Problem
  /** Whether another attempt may do better. */
  readonly again: boolean
  /** Before which the server wants no other attempt, in milliseconds. */
  readonly afterMs?: number
}

export function fault(
  code: ProblemCode,
  message: string,
  more: { readonly again?: boolean; readonly afterMs?: number | undefined } = {},
): Fault {
  const { again = false, afterMs } = more
  return { type: 'fault', problem: { code, message }, again, ...(afterMs !== undefined && { afterMs }) }
}

export function isFault(value: object): value is Fault {
  return 'type' in value && value.type === 'fault'
}

/** The fault for a connection that failed: before the head of a reply, or `begun`, in the middle of a file. */
export function networkFault(host: string, error: Error, begun = false): Fault {
  const code = codeOf(error)
  if (code === PRIVATE_CODE) return privateRedirect(host)
  if (/TIMEOUT|ETIMEDOUT/.test(code))
    return fault('upstream_timeout', `${host} did not answer in time. Check the network, or try later.`, {
      again: true,
    })
  if (!begun && /CERT|SELF_SIGNED|UNABLE_TO|ISSUER|TLS|SSL/.test(code))
    return fault(
      'upstream_unreachable',
      `The connection to ${host} cannot be trusted (${code}). If a private authority signed its certificate, name that authority's PEM file in NODE_EXTRA_CA_CERTS.`,
    )
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HTTPParserError')
    return fault('upstream_garbled', `What came from ${host} is not HTTP (${code}). Check the address.`, {
      again: true,
    })
  const what = begun
    ? `The connection to ${host} broke off (${code}). Pull again.`
    : `${host} cannot be reached (${code}): ${reasonOf(code)}`
  return fault('upstream_unreachable', what, { again: true })
}

export function privateRedirect(host: string): Fault {
  return fault(
    'upstream_rejected',
    `The download is sent on to ${host}, an address in a private network, which no public server has any business to name. Nothing was fetched from there. If it is your own mirror, set it as models.mirror.`,
  )
}

/** Node nests the cause: undici's error over Node's, an AggregateError over several addresses. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code
  return error.cause instanceof Error ? codeOf(error.cause) : error.name
}

function reasonOf(code: string): string {
  return REASONS[code] ?? 'the connection failed. Check the network, and try again.'
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there. Check the address.',
  ENOTFOUND: 'its name is not known. Check the address, and whether this machine has a network.',
  EAI_AGAIN: 'its name could not be looked up. Check the network.',
  UND_ERR_ABORTED: 'the proxy refused the connection. Check the proxy’s address, password and rules.',
}
