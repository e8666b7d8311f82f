import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OriginCheck } from './origin.ts'

const rules = { hosts: ['upshift.example.com'], origins: ['https://tool.example.com'] }
const check = new OriginCheck(rules)

function code(host: string | undefined, origin?: string): string {
  return check.refusal(host, origin)?.problem.code ?? 'passes'
}

test('loopback names, addresses in numbers and configured names are answered, with and without a port', () => {
  for (const host of [
    'localhost:4000',
    '127.0.0.1',
    '[::1]:4000',
    '10.1.2.3:80',
    'UPSHIFT.example.com:443',
  ]) {
    assert.equal(code(host), 'passes', host)
  }
})

test('a name that an attacker may point here is not answered', () => {
  for (const host of [
    'evil.example.org',
    'localhost.evil.org',
    '127.0.0.1.evil.org',
    'localhost@evil.org',
    '',
    'a b',
    undefined,
  ]) {
    assert.equal(code(host), 'host_not_allowed', String(host))
  }
})

test('a host that is answered to opens nothing for the next one, nor for another page', () => {
  assert.equal(code('localhost:4000'), 'passes')
  assert.equal(code('localhost:4000', 'https://evil.example.org'), 'origin_not_allowed')
  assert.equal(code('evil.example.org'), 'host_not_allowed')
  assert.equal(code('evil.example.org'), 'host_not_allowed')
  assert.equal(code(undefined), 'host_not_allowed')
  assert.equal(code('localhost:4000'), 'passes')
})

test('a page may call only from the same name and port, or from a configured origin', () => {
  assert.equal(code('localhost:4000', 'http://localhost:4000'), 'passes')
  assert.equal(code('localhost:4000', 'https://tool.example.com'), 'passes')
  for (const origin of [
    'http://localhost:3000',
    'https://evil.example.org',
    'null',
    'https://tool.example.com.evil.org',
    '',
  ]) {
    assert.equal(code('localhost:4000', origin), 'origin_not_allowed', origin)
  }
})

test('a refusal shows what was sent, shortened, and where to allow it', () => {
  const refusal = check.refusal(`${'x'.repeat(500)}.org`, undefined)
  assert.ok(refusal)
  assert.ok(refusal.problem.message.length < 250)
  assert.match(refusal.problem.message, /server\.hosts/)
})
