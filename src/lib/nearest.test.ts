import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const names = ['port', 'host', 'keepAliveTimeoutMs', 'drainMs', 'home']

test('a dropped, added, replaced or swapped letter and a wrong case are forgiven', () => {
  const typed = {
    prot: 'port',
    por: 'port',
    portt: 'port',
    port: 'port',
    HOST: 'host',
    keepalivetimeout: 'keepAliveTimeoutMs',
  }
  for (const [word, meant] of Object.entries(typed)) assert.equal(nearest(word, names), meant, word)
})

test('a word that is not near to any means none of them', () => {
  for (const word of ['', 'x', 'colour', 'timeout', 'p'.repeat(10_000)])
    assert.equal(nearest(word, names), undefined, word)
})
