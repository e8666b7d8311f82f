import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress, publicLookup } from './public-address.ts'

test('a name that means private addresses is not connected to, and of several only the public ones are', async () => {
  const look = (...addresses: readonly string[]) =>
    new Promise<unknown>((resolve) => {
      const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      // Only what `publicLookup` asks for: all addresses.
      const lookup = ((_: string, __: object, done: (error: null, all: object[]) => void) =>
        done(null, found)) as Parameters<typeof publicLookup>[1]
      publicLookup((host) => new Error(`${host} is inside`), lookup)(
        'name.example',
        { all: true },
        (error, all) => resolve(error ?? all),
      )
    })
  assert.match(String(await look('127.0.0.1', '::1', '10.0.0.1')), /name\.example is inside/)
  assert.deepEqual(await look('192.168.1.1', '93.184.216.34'), [{ address: '93.184.216.34', family: 4 }])
})

test('addresses of private networks, in any spelling of IPv6 too, are not public', () => {
  for (const address of ['93.184.216.34', '2606:2800:220:1::1', '::ffff:93.184.216.34', '64:ff9b::5db8:d822'])
    assert.equal(isPublicAddress(address), true, address)
  const others =
    '0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.31.0.1 192.168.0.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 fe80::1 fd00::1 64:ff9b::a00:1 2002:a00:1::1 2001:db8::1 2001:0:1::1 name'
  for (const address of others.split(' ')) assert.equal(isPublicAddress(address), false, address)
})
