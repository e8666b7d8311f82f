import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run } from '../knowledge/ingest/run.fixture.ts'
import { openPages } from './pages.ts'

const home = mkdtempSync(join(tmpdir(), 'upshift-pages-'))
const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(request.url === '/docs/oil' ? '<h1>Oil</h1><p>Change it in spring.' : 'none')
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
after(() => {
  server.close()
  rmSync(home, { recursive: true, force: true })
})
const { port } = server.address() as AddressInfo // it listens on TCP

/** Fetches as the environment configures. */
function pages(urls: readonly string[], privateUrls: readonly string[]) {
  const env = {
    UPSHIFT_KNOWLEDGE_URLS: JSON.stringify(urls),
    UPSHIFT_KNOWLEDGE_PRIVATE_URLS: JSON.stringify(privateUrls),
  }
  return async () => openPages({ flags: { home }, env, cwd: home, homedir: home })
}

test('a page of an allowed address is added, found and left alone when it is the same', async () => {
  const origin = `http://127.0.0.1:${port}`
  const allowed = { pages: pages([], [`${origin}/docs`]) }
  const first = await run(home, 'add', [`${origin}/docs/oil`, `${origin}/other`], {}, allowed)
  assert.deepEqual([first.json.added, first.json.skipped.length], [1, 1])
  assert.match(first.err, /other: .*not allowed/)
  const { hits } = (await run(home, 'search', ['when to change oil'])).json
  assert.deepEqual([hits[0].source, hits[0].headings], [`${origin}/docs/oil`, ['Oil']])
  assert.equal((await run(home, 'add', [`${origin}/docs/oil`], {}, allowed)).json.unchanged, 1)
})

test('a public name that leads to this machine is not connected to', async () => {
  const url = `http://localhost:${port}/docs/oil`
  const { err, code } = await run(home, 'add', [url], {}, { pages: pages([url], []) })
  assert.equal(code, 1)
  assert.match(err, /localhost lies in a private network or on this machine/)
})
