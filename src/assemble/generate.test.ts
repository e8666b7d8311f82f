import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { generatedOpenApi, OPENAPI_FILE } from './generate.ts'

test('docs/openapi.json is what the server says of itself; `npm run docs` writes it anew', async () => {
  const committed = readFileSync(OPENAPI_FILE, 'utf8')
  assert.equal(committed, await generatedOpenApi())
})

test('every route that needs a key says so, and every operation names its errors', async () => {
  const { paths } = JSON.parse(await generatedOpenApi())
  const seen: string[] = []
  for (const [path, operations] of Object.entries<Record<string, Record<string, unknown>>>(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      seen.push(`${method} ${path}`)
      assert.ok(operation['responses'], path)
      assert.equal(path.startsWith('/v1/'), operation['security'] !== undefined, `${method} ${path}`)
    }
  }
  assert.ok(seen.length >= 14, `saw ${seen.length}`)
})

test('every reference in it leads to something', async () => {
  const document: unknown = JSON.parse(await generatedOpenApi())
  const found = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)
  const references = new Set(Array.from(found, ([, to]) => to ?? ''))
  assert.ok(references.size >= 10, `saw ${references.size}`)
  for (const reference of references) {
    let at: unknown = document
    const [root, ...steps] = reference.split('/')
    assert.equal(root, '#', reference)
    for (const step of steps) at = Object(at)[step]
    assert.notEqual(at, undefined, reference)
  }
})
