import { lookup } from 'node:dns'
import { isIP } from 'node:net'
import { isLoopback } from '../../lib/loopback.ts'
import { isPublicAddress } from '../../lib/public-address.ts'

/** True for an IP address that does not lie in the public internet; mapped IPv4 addresses count as what they map. */
export function isPrivateAddress(address: string): boolean {
  return isIP(address) !== 0 && !isPublicAddress(address)
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

/** The error for a name that leads to private addresses only. */
export function leadsInside(): Error {
  return Object.assign(new Error('the name leads to a private address'), { code: PRIVATE_CODE })
}
