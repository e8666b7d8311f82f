/**
 * True where a URL cannot leave this machine: `localhost`, 127.0.0.0/8, ::1 and the unspecified address
 * (0.0.0.0 and ::, which reach this host or nothing). Any other name or address is off the machine, a private
 * network's too: whoever owns that network may not own this prompt. The URL parser has already turned odd
 * spellings such as `0x7f.1` into dotted form. Sources: RFC 6761 section 6.3, RFC 1122 section 3.2.1.3.
 */
export function onThisMachine(url: string): boolean {
  const host = new URL(url).hostname
  if (host === 'localhost') return true
  if (/^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) || host === '0.0.0.0') return true
  return host === '[::1]' || host === '[::]' || /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/.test(host)
}

/** `http://127.0.0.1:11434`: where a URL connects to, without its path. */
export function originOf(url: string): string {
  return new URL(url).origin
}

/** A base URL without its trailing slash; an empty path is replaced by `defaultPath` (`/v1`). */
export function baseUrl(url: string, defaultPath: string): string {
  const parsed = new URL(url)
  const path = parsed.pathname.replace(/\/+$/, '')
  return `${parsed.origin}${path === '' ? defaultPath : path}`
}
