import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { driftedFiles } from './generate.ts'
import { publishedSchema } from './publish.ts'
import { SECTIONS } from './sections.ts'
import { fixedLeaves, isBranch, isMapping, nameOf, type Shape, shapeOf } from './shape.ts'

const shape = shapeOf(SECTIONS)

test('docs/upshift.schema.json and docs/configuration.md are what the sections say now', () => {
  assert.deepEqual(driftedFiles(), [], 'run `node src/config/generate.ts`')
})

test('each section stands under its own name and says what it is for', () => {
  for (const [key, section] of Object.entries(SECTIONS)) {
    assert.equal(section.name, key)
    assert.ok(section.summary.length > 10)
  }
})

test('every value with a fixed name has a description, and no two share a variable or a flag', () => {
  const seen = new Map<string, string>()
  for (const { path, shape: leaf } of fixedLeaves(shape)) {
    assert.ok(leaf.description, `${nameOf(path)} has no description`)
    for (const name of [leaf.env, leaf.flag]) {
      if (typeof name !== 'string') continue
      assert.equal(seen.get(name), undefined, `${nameOf(path)} shares ${name}`)
      seen.set(name, nameOf(path))
    }
  }
  assert.ok(seen.size > 10, 'the test saw the variables')
})

test('no mapping lets an unknown name through', () => {
  let mappings = 0
  const walk = (at: Shape, path: string): void => {
    if (isBranch(at)) {
      mappings++
      assert.notEqual(at.additionalProperties, undefined, `${path || 'the top'} must be a z.strictObject`)
      for (const [name, child] of Object.entries(at.properties ?? {}))
        if (isMapping(child)) walk(child, `${path}.${name}`)
      if (isMapping(at.additionalProperties)) walk(at.additionalProperties, `${path}.NAME`)
    }
    if (isMapping(at.items)) walk(at.items, `${path}[]`)
    for (const kind of at.anyOf ?? []) if (isMapping(kind)) walk(kind, path)
  }
  walk(shape, '')
  assert.ok(mappings > 7, 'the test saw the mappings')
})

test('the published schema is one that a validator takes, and it catches what it should', () => {
  const validate = new Ajv2020({ allErrors: true, validateFormats: false }).compile(
    JSON.parse(publishedSchema(SECTIONS)),
  )
  assert.ok(validate({}))
  assert.ok(validate({ server: { port: 4_100 }, caller: { ownerKey: { env: 'KEY' } } }))
  assert.ok(!validate({ server: { prot: 4_100 } }))
  assert.ok(!validate({ caller: { ownerKey: 'hunter2' } }))
})
