import { lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/**
 * Of IPv4: this network, private, carriers' own, loopback, link-local (and with it clouds' metadata), IETF,
 * documentation, relays, benchmarks, multicast, reserved.
 * Source, here and below: IANA's registries of special-purpose addresses (RFC 6890).
 */
const NOT_PUBLIC_V4 = [
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
  ['224.0.0.0', 3],
] as const
/** Of IPv6 only global unicast is public, and what stands for an IPv4 address: mapped, or by a translator (RFC 6052). */
const PUBLIC_V6 = [
  ['2000::', 3],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
] as const
/** Of global unicast: documentation, and the tunnels that carry an IPv4 address inside. */
const NOT_PUBLIC_V6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const

const notPublic = new BlockList()
const globalV6 = new BlockList()
for (const [network, prefix] of NOT_PUBLIC_V4) {
  // A mapped address is held against these by Node itself.
  notPublic.addSubnet(network, prefix, 'ipv4')
  notPublic.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
for (const [network, prefix] of NOT_PUBLIC_V6) notPublic.addSubnet(network, prefix, 'ipv6')
for (const [network, prefix] of PUBLIC_V6) globalV6.addSubnet(network, prefix, 'ipv6')

/** Whether an IP address is one of the public internet; false for what is no IP address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !notPublic.check(address, 'ipv4')
  return family === 6 && globalV6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6')
}

/**
 * Looks names up as the system does and hands over public addresses only: the one that is checked is the one that is
 * connected to, whatever the name says a moment later. `refusal`: the error for a name that has no public address.
 */
export function publicLookup(
  refusal: (hostname: string) => Error,
  lookup: typeof systemLookup = systemLookup,
): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0)
      const found = addresses.filter(({ address }) => isPublicAddress(address))
      const [first] = found
      if (first === undefined) return done(refusal(hostname), '', 0)
      if (options.all === true) done(null, found)
      else done(null, first.address, first.family)
    })
  }
}
