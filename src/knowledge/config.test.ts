import assert from 'node:assert/strict'
import { test } from 'node:test'
import { section } from './config.ts'

const fault = (rerank: object): string | undefined =>
  section.schema
    .safeParse({ rerank: { model: 'm', ...rerank } })
    .error?.issues.map(({ message }) => message)
    .join('; ')

test('a reranker on this machine needs no more than its address and model', () => {
  assert.equal(fault({ url: 'http://127.0.0.1:8012/v1' }), undefined)
  assert.equal(fault({ url: 'http://localhost:8012' }), undefined)
})

test('one off this machine is refused with what would leave, unless it is trusted', () => {
  for (const url of [
    'https://api.example.com/v1',
    'http://10.0.0.7:8012/v1',
    'http://localhost.example.com/',
  ]) {
    assert.match(fault({ url }) ?? '', /passages would leave it/)
    assert.equal(fault({ url, trusted: true }), undefined)
  }
})

test('a key in the address, another protocol and a key as text are refused', () => {
  assert.match(fault({ url: 'http://user:key@127.0.0.1/v1' }) ?? '', /a key does not belong in an address/)
  assert.match(fault({ url: 'file:///etc/passwd' }) ?? '', /http or https/)
  assert.match(fault({ url: 'http://127.0.0.1/v1', key: 'sk-text' }) ?? '', /must not stand in the file/)
})
