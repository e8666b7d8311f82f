/**
 * True for a host name or address that cannot leave this machine, as a URL's `hostname` spells it: `localhost`,
 * 127.0.0.0/8, ::1, their mapped form, and the unspecified address (0.0.0.0 and ::, which reach this host or
 * nothing). A name below `localhost` is not among them: what resolves it may be a server on the network. The
 * URL parser has already turned odd spellings such as `0x7f.1` into dotted form.
 * Sources: RFC 6761 section 6.3, RFC 1122 section 3.2.1.3.
 */
export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  if (name === 'localhost' || name === '0.0.0.0' || name === '::' || name === '::1') return true
  return /^127(\.\d{1,3}){3}$/.test(name) || /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(name)
}
