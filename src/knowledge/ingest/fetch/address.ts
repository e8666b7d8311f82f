import { lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/**
 * What is no public address: this machine, private networks, carriers' own, link-local (and with it clouds' metadata),
 * documentation, benchmarks, multicast, reserved. Sources: IANA's special-purpose registries (RFC 6890).
 */
const NOT_PUBLIC = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv4')
}
/** Of IPv6 only global unicast is public, without documentation and the tunnels that carry an IPv4 address inside. */
const GLOBAL = new BlockList()
GLOBAL.addSubnet('2000::', 3, 'ipv6')
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  NOT_PUBLIC.addSubnet(network, prefix, 'ipv6')
}

/** Whether an IP address is one of the public internet. */
export function isPublic(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !NOT_PUBLIC.check(address, 'ipv4')
  return family === 6 && GLOBAL.check(address, 'ipv6') && !NOT_PUBLIC.check(address, 'ipv6')
}

/**
 * Looks a name up as the system does and hands over public addresses only: the one that is checked is the one
 * that is connected to, whatever the name says a moment later.
 */
export function publicLookup(lookup: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0)
      const found = addresses.filter(({ address }) => isPublic(address))
      const [first] = found
      if (first === undefined) return done(new NotPublic(hostname), '', 0)
      if (options.all === true) done(null, found)
      else done(null, first.address, first.family)
    })
  }
}

/** A name or address that leads into a private network, where only a public one is allowed. */
export class NotPublic extends Error {
  override readonly name = 'NotPublic'

  constructor(host: string) {
    super(
      `${host} lies in a private network or on this machine; if that is meant, name the address in knowledge.privateUrls`,
    )
  }
}
