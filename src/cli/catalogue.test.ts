import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createCatalogue } from './catalogue.ts'
import { describedVerbs, isCurrent } from './generate.ts'
import { GLOBAL_OPTIONS } from './words.ts'

const SRC = new URL('../', import.meta.url)
const neverOpened = async (): Promise<never> => assert.fail('a verb that is only listed was run')
const catalogue = createCatalogue({ serve: async () => 0, doctor: async () => 0, models: neverOpened })

test('the catalogue says of each verb what the verb says of itself', async () => {
  for (const entry of catalogue) {
    const verb = await entry.load()
    assert.deepEqual([verb.name, verb.summary], [entry.name, entry.summary])
  }
})

test('every verb of every room is in the catalogue', async () => {
  const rooms = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /(^|\/)verbs\.ts$/.test(path),
  )
  assert.ok(rooms.length >= 4, `the test saw ${rooms.length} rooms with verbs`)
  const listed = catalogue.map((entry) => entry.name)
  for (const room of rooms) {
    const module = await import(new URL(room, SRC).href)
    const verbs = module.verbs ?? module.createVerbs(neverOpened)
    assert.ok(verbs.length > 0)
    for (const { name } of verbs) assert.ok(listed.includes(name), `${name} of ${room} is not listed`)
  }
})

test('no verb declares an option that every verb has', async () => {
  for (const verb of await describedVerbs()) {
    for (const [name, option] of Object.entries(verb.options ?? {})) {
      assert.ok(!Object.hasOwn(GLOBAL_OPTIONS, name), `${verb.name} --${name}`)
      assert.notEqual(option.short, 'h', verb.name)
      assert.match(option.summary, /[.?]$/, `${verb.name} --${name}`)
    }
  }
})

test('docs/cli.md is what the verbs say now (run `node src/cli/generate.ts`)', async () => {
  assert.ok(await isCurrent())
})

test('the shell and the catalogue load no package: help and version are there at once', () => {
  const probe = `
    import { registerHooks } from 'node:module'
    const seen = []
    registerHooks({ resolve(name, context, next) { const found = next(name, context); seen.push(found.url); return found } })
    await import(${JSON.stringify(new URL('./shell.ts', import.meta.url).href)})
    await import(${JSON.stringify(new URL('./catalogue.ts', import.meta.url).href)})
    console.log(JSON.stringify(seen))`
  const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', probe], {
    cwd: fileURLToPath(SRC),
    encoding: 'utf8',
  })
  const seen: unknown = JSON.parse(ran.stdout)
  assert.ok(Array.isArray(seen) && seen.length > 5, ran.stderr)
  const heavy = seen.filter((url) => !/^node:|\/src\/(cli|contract|lib)\//.test(url))
  assert.deepEqual(heavy, [])
})
