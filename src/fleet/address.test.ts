import assert from 'node:assert/strict'
import { test } from 'node:test'
import { baseUrl, onThisMachine } from './address.ts'

test('loopback addresses are on this machine, in whatever spelling the URL parser accepts', () => {
  for (const host of [
    'localhost',
    '127.0.0.1',
    '127.9.9.9',
    '[::1]',
    '0.0.0.0',
    '0x7f.1',
    '2130706433',
    '[::ffff:127.0.0.1]',
    'LOCALHOST',
  ]) {
    assert.equal(onThisMachine(`http://${host}:8000/v1`), true, host)
  }
})

test('everything else is off this machine: private networks, look-alike names, other schemes of numbers', () => {
  for (const host of [
    '10.0.0.1',
    '192.168.1.4',
    '169.254.1.1',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'gpu',
    'foo.localhost',
    '[fe80::1]',
    '[::ffff:10.0.0.1]',
    '128.0.0.1',
  ]) {
    assert.equal(onThisMachine(`http://${host}/v1`), false, host)
  }
})

test('a base URL loses its trailing slash, and gains the path where it has none', () => {
  assert.equal(baseUrl('http://127.0.0.1:8000/', '/v1'), 'http://127.0.0.1:8000/v1')
  assert.equal(baseUrl('https://api.x.ai/v1/', '/v1'), 'https://api.x.ai/v1')
  assert.equal(baseUrl('http://gw/llm/openai', '/v1'), 'http://gw/llm/openai')
})
