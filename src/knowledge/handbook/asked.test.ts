import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { blocksOf } from '../../lib/text/markdown.ts'
import { readAsked } from './asked.ts'

const DOCS = new URL('../../../docs/', import.meta.url)

test('an entry is the beginning of a block and the indented phrases below it', () => {
  assert.deepEqual(readAsked('The port is\n    port, address,\n    listen\n\nAnother\n    more\n'), [
    { start: 'The port is', phrases: 'port, address, listen' },
    { start: 'Another', phrases: 'more' },
  ])
})

test('every entry beside the handbook names exactly one block of its page, and has phrases', () => {
  let seen = 0
  for (const name of readdirSync(new URL('asked/', DOCS))) {
    const page = new URL(name.replace(/\.txt$/, '.md'), DOCS)
    assert.ok(existsSync(page), `${name} belongs to no page`)
    const text = readFileSync(page, 'utf8')
    const blocks = blocksOf(text)
      .filter((block) => block.type !== 'heading')
      .map((block) => text.slice(block.start, block.end))
    for (const { start, phrases } of readAsked(readFileSync(new URL(`asked/${name}`, DOCS), 'utf8'))) {
      const named = blocks.filter((block) => block.startsWith(start))
      assert.equal(named.length, 1, `${name}: "${start}" begins ${named.length} blocks`)
      assert.notEqual(phrases, '', `${name}: "${start}" has no phrases`)
      seen += 1
    }
  }
  assert.ok(seen > 150, `saw ${seen} entries`)
})
