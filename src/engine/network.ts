import type { Problem } from '../contract/problem.ts'
import type { Target } from './target.ts'

/**
 * The problem for a connection that failed.
 *
 * @param error - as undici or Node raised it
 * @param begun - whether a byte of the response had arrived
 */
export function problemOfNetwork(target: Target, error: Error, begun: boolean): Problem {
  const code = codeOf(error)
  const place = `engine ${target.engine} at ${originOf(target.baseUrl)}`
  if (code === 'UND_ERR_INVALID_ARG' && /header/.test(error.message)) {
    return {
      code: 'upstream_unauthorized',
      message: `The API key of engine ${target.engine} has characters that an HTTP header cannot carry. Check it for line ends and quotes.`,
    }
  }
  if (code === 'UND_ERR_INVALID_ARG' && error.message.includes('407')) {
    return {
      code: 'upstream_unreachable',
      message: `The proxy on the way to ${place} asks for a user name and a password. Put them into the proxy’s address.`,
    }
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return {
      code: 'upstream_timeout',
      message: `No connection to ${place} came about in time. Check that it runs and that nothing filters the way to it.`,
    }
  }
  // Undici's parser leaves the code out at times; then `codeOf` gives the error's name.
  if (code.startsWith('HPE_') || code === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return {
      code: 'upstream_garbled',
      message: `What came from ${place} is not HTTP (${code}). Check the address, and whether it must begin with https.`,
    }
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') {
    return {
      code: begun ? 'upstream_failed' : 'upstream_unreachable',
      message: `The connection to ${place} was closed because Upshift is stopping. Try again when it is back.`,
    }
  }
  if (begun) {
    return {
      code: 'upstream_failed',
      message: `The connection to ${place} broke off in the middle of the answer (${code}). Try again; if it stays so, look at the engine’s own log.`,
    }
  }
  return {
    code: 'upstream_unreachable',
    message: `${capital(place)} cannot be reached (${code}): ${reasonOf(code)}`,
  }
}

function reasonOf(code: string): string {
  const reason = REASONS[code]
  if (reason !== undefined) return reason
  if (/CERT|SELF_SIGNED|UNABLE_TO|ISSUER/.test(code)) return UNTRUSTED
  if (/SSL|TLS|EPROTO/.test(code)) {
    return 'the TLS handshake failed. Check that the address speaks https; for a private certificate authority name its PEM file in NODE_EXTRA_CA_CERTS.'
  }
  return 'the connection failed before a byte of the answer. Check that the engine runs and the address is right.'
}

const UNTRUSTED =
  'its certificate is not trusted. If a private certificate authority signed it, name that authority’s PEM file in NODE_EXTRA_CA_CERTS and start again.'

const RESET =
  'it closed the connection before a byte of the answer. Whether it had begun the work is not known; look at the engine’s own log.'

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there. Start the engine, or correct its address.',
  ENOTFOUND: 'its name is not known. Correct the address, or the name server.',
  EAI_AGAIN: 'its name could not be looked up just now. Check the name server.',
  EHOSTUNREACH: 'there is no way to it. Check the network and the address.',
  ENETUNREACH: 'there is no way to its network. Check the network and the address.',
  ECONNRESET: RESET,
  EPIPE: RESET,
  UND_ERR_SOCKET: RESET,
  CERT_HAS_EXPIRED: 'its certificate has expired. Renew it there.',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name. Use the name that the certificate carries; a proxy with a private certificate authority needs NODE_EXTRA_CA_CERTS.',
  UND_ERR_PRX_TLS: 'the proxy’s certificate is not for its name. Check the proxy’s address.',
  UND_ERR_PRX_CONN: 'the proxy closed the connection. Check the proxy.',
  UND_ERR_ABORTED: 'the proxy refused the connection. Check the proxy’s address, password and rules.',
}

/** Node nests the cause: an AggregateError over several addresses, undici's over Node's. */
function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code
  return error.cause instanceof Error ? codeOf(error.cause) : error.name
}

/** Scheme, host and port: never a user name or password. */
function originOf(baseUrl: string): string {
  return URL.canParse(baseUrl) ? new URL(baseUrl).origin : 'an address that is not a URL'
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
