import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { section } from './config.ts'

test('an empty section is whole: every value has a default', () => {
  const config = section.schema.parse({})
  assert.equal(config.discover, true)
  assert.equal(config.dailyCapUsd, 5)
  assert.deepEqual(config.engines, {})
  assert.deepEqual(config.queue, { limit: 256, maxWaitMs: 30_000 })
})

test('every leaf says what it is, and the section is publishable as a JSON Schema', () => {
  const schema = z.toJSONSchema(section.schema, { io: 'input' })
  const undescribed: string[] = []
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    const properties = Reflect.get(node, 'properties')
    const children = typeof properties === 'object' && properties ? Object.entries(properties) : []
    for (const [name, child] of children) walk(child, `${path}.${name}`)
    const inner = [Reflect.get(node, 'items'), Reflect.get(node, 'additionalProperties')]
    for (const child of inner) if (typeof child === 'object') walk(child, `${path}[]`)
    const leaf = children.length === 0 && inner.every((child) => typeof child !== 'object')
    if (leaf && typeof Reflect.get(node, 'description') !== 'string') undescribed.push(path)
  }
  walk(schema, 'fleet')
  assert.deepEqual(
    undescribed.filter((path) => !path.endsWith('[]')),
    [],
  )
})

test('an unknown key, a name that cannot be part of a model, and a key as plain text are refused', () => {
  for (const wrong of [
    { engine: {} },
    { engines: { 'my/engine': {} } },
    { engines: { a: { key: 'sk-plain' } } },
    { engines: { a: { url: 'ftp://host' } } },
    { engines: { a: { models: [{ name: 'm', price: { input: -1, output: 1 } }] } } },
  ]) {
    assert.equal(section.schema.safeParse(wrong).success, false, JSON.stringify(wrong))
  }
})
