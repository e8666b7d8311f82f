import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicLookup } from '../../lib/public-address.ts'
import { isPrivateAddress, isPrivateHost, leadsInside, resolvesPrivately } from './address.ts'

test('addresses of private networks are known, in every spelling, and public ones are not among them', () => {
  const inside =
    '127.0.0.1 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ' +
    '::1 :: fe80::1 fc00::1 fd12::1 ff02::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2001:0:1::'
  for (const address of inside.split(' ')) assert.equal(isPrivateAddress(address), true, address)
  const outside =
    '8.8.8.8 172.32.0.1 100.128.0.1 192.169.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808 2001:4860::1 name'
  for (const address of outside.split(' ')) assert.equal(isPrivateAddress(address), false, address)
})

test('a host as a URL spells it is private by its spelling alone', () => {
  for (const url of [
    'http://localhost/',
    'http://a.localhost/',
    'http://LOCALHOST./',
    'http://[::1]/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://[::ffff:c0a8:101]/',
    'http://10.0.0.1/',
  ]) {
    assert.equal(isPrivateHost(new URL(url).hostname), true, url)
  }
  assert.equal(isPrivateHost('huggingface.co'), false)
})

test('a name of this machine leads nowhere once private addresses are left out', async () => {
  assert.equal(await resolvesPrivately('localhost'), true)
  assert.equal(await resolvesPrivately('no-such-name.invalid'), false)
  const failed = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    publicLookup(leadsInside)('localhost', { all: true }, (error) => resolve(error))
  })
  assert.equal(failed?.code, 'EPRIVATE')
})
