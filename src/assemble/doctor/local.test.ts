import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BINDING } from './local.ts'

test('the build for a graphics card that is named is of the release that is installed', () => {
  const { dependencies, overrides } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  assert.equal(dependencies['node-llama-cpp'], BINDING)
  for (const build of ['linux-x64-cuda', 'linux-x64-vulkan']) {
    assert.match(overrides[`@node-llama-cpp/${build}`], /^npm:empty-npm-package@/)
  }
})
