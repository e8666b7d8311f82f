import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { isLoopback } from '../../lib/loopback.ts'

/** Of IPv4: this network, private, shared, loopback, link-local, IETF, benchmarks, multicast, reserved. RFC 6890. */
const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
]
/** Of IPv6: unspecified, loopback, local translation, Teredo, 6to4, unique local, link-local, multicast. RFC 6890. */
const PRIVATE_V6: readonly (readonly [string, number])[] = [
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
]

const privateOnes = new BlockList()
for (const [network, bits] of PRIVATE_V4) {
  privateOnes.addSubnet(network, bits, 'ipv4')
  // A translator (RFC 6052) reaches the IPv4 address that stands in the last 32 bits.
  privateOnes.addSubnet(`64:ff9b::${network}`, 96 + bits, 'ipv6')
}
for (const [network, bits] of PRIVATE_V6) privateOnes.addSubnet(network, bits, 'ipv6')

/** True for an IP address that does not lie in the public internet; mapped IPv4 addresses count as what they map. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && privateOnes.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** True for a URL's host that is certainly private: an address, or a name of this machine. */
export function isPrivateHost(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase()
  return isLoopback(name) || name.endsWith('.localhost') || isPrivateAddress(name)
}

/** True where the host is private by its spelling, or any address that its name has is. False where it has none. */
export async function resolvesPrivately(hostname: string): Promise<boolean> {
  if (isPrivateHost(hostname)) return true
  return new Promise((resolve) => {
    lookup(hostname, { all: true }, (error, found) => {
      resolve(error === null && found.some(({ address }) => isPrivateAddress(address)))
    })
  })
}

/** The code of an error for a name that leads to private addresses only. */
export const PRIVATE_CODE = 'EPRIVATE'

/** As the system looks names up, but private addresses are not among what is found. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, '', 0)
    const open = found.filter(({ address }) => !isPrivateAddress(address))
    const [first] = open
    if (first === undefined) {
      const refused = new Error('the name leads to a private address')
      return callback(Object.assign(refused, { code: PRIVATE_CODE }), '', 0)
    }
    if (options.all === true) callback(null, open)
    else callback(null, first.address, first.family)
  })
}
