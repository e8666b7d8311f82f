import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopback } from './loopback.ts'

const hostOf = (host: string): string => new URL(`http://${host}:8000/`).hostname

test('loopback is known in every spelling that the URL parser accepts', () => {
  const spellings = 'localhost LOCALHOST 127.0.0.1 127.9.9.9 0x7f.1 2130706433 0.0.0.0 [::1] [::]'
  for (const host of [...spellings.split(' '), '[::ffff:127.0.0.1]']) {
    assert.equal(isLoopback(hostOf(host)), true, host)
  }
  assert.equal(isLoopback('::1'), true, 'without its brackets too')
})

test('private networks, look-alike names and names below localhost are not loopback', () => {
  const others = '10.0.0.1 128.0.0.1 127.0.0.1.nip.io localhost.example.com a.localhost gpu [::2] [fe80::1]'
  for (const host of [...others.split(' '), '[::ffff:10.0.0.1]']) {
    assert.equal(isLoopback(hostOf(host)), false, host)
  }
})
