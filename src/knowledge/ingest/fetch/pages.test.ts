import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createPageFetcher, type PageReply, type Reach } from './pages.ts'

const { signal } = new AbortController()
const ALLOWED = {
  urls: ['https://docs.example.org/guide', 'http://10.1.2.3/', 'https://other.example.org'],
  privateUrls: ['http://wiki.lan/'],
}

/** A fetcher over scripted replies; `asked` is what went out, with how far it might reach. */
function scripted(replies: Readonly<Record<string, Partial<PageReply> & { text?: string | Buffer }>>) {
  const asked: [string, Reach][] = []
  const fetcher = createPageFetcher(ALLOWED, {
    async get(url, reach) {
      asked.push([url.href, reach])
      const { status = 200, headers = {}, text = '' } = replies[url.href] ?? { status: 404 }
      const body = (async function* () {
        yield Buffer.from(text)
      })()
      return { status, headers, body }
    },
    close: async () => undefined,
  })
  return { asked, get: (url: string) => fetcher.fetch(url, signal) }
}

const to = (location: string) => ({ status: 302, headers: { location } })

test('an address is fetched where the list covers it, and its redirects are followed where they are covered too', async () => {
  const { asked, get } = scripted({
    'https://docs.example.org/guide': to('/guide/start'),
    'https://docs.example.org/guide/start': to('https://other.example.org/x'),
    'https://other.example.org/x': { headers: { 'content-type': 'text/html' }, text: 'words' },
  })
  const page = await get('https://docs.example.org/guide')
  assert.deepEqual([Buffer.from(page.content).toString(), page.contentType], ['words', 'text/html'])
  assert.deepEqual(
    asked.map(([, reach]) => reach),
    ['public', 'public', 'public'],
  )
})

test('what the list does not cover is not asked for', async () => {
  const { asked, get } = scripted({})
  for (const url of [
    'https://docs.example.org/guide-2',
    'https://docs.example.org/guide/../admin',
    'http://docs.example.org/guide',
    'https://docs.example.org:8443/guide',
    'https://docs.example.org.evil.example/guide',
  ]) {
    await assert.rejects(get(url), /not allowed: name it, or a beginning of it, in knowledge\.urls/)
  }
  await assert.rejects(get('https://ada:secret@docs.example.org/guide'), /name or password/)
  await assert.rejects(get('file:///etc/passwd'), /no http or https/)
  await assert.rejects(get('http://10.1.2.3/'), /private network.*knowledge\.privateUrls/)
  assert.deepEqual(asked, [])
})

test('no public address leads into a private network, by a redirect or by its name', async () => {
  const away = scripted({ 'https://docs.example.org/guide': to('http://wiki.lan/secret') })
  await assert.rejects(
    away.get('https://docs.example.org/guide'),
    /redirects from a public address to wiki\.lan/,
  )
  assert.equal(away.asked.length, 1)
  const metadata = scripted({ 'https://docs.example.org/guide': to('http://169.254.169.254/latest') })
  await assert.rejects(metadata.get('https://docs.example.org/guide'), /not allowed/)
  const wiki = scripted({ 'http://wiki.lan/a': to('/b'), 'http://wiki.lan/b': { text: 'own' } })
  assert.equal((await wiki.get('http://wiki.lan/a')).content.length, 3)
  assert.equal(wiki.asked[0]?.[1], 'private')
})

test('a page is bounded: redirects, bytes packed and unpacked, and what is no answer', async () => {
  const at = 'https://docs.example.org/guide'
  await assert.rejects(scripted({ [at]: to(at) }).get(at), /more than 5 times/)
  await assert.rejects(scripted({}).get(at), /answered 404/)
  const packed = { headers: { 'content-encoding': 'gzip' } }
  assert.equal((await scripted({ [at]: { ...packed, text: gzipSync('abc') } }).get(at)).content.length, 3)
  const bomb = gzipSync(Buffer.alloc(65 * 1024 * 1024))
  await assert.rejects(scripted({ [at]: { ...packed, text: bomb } }).get(at), /more than \d+ bytes/)
  await assert.rejects(
    scripted({ [at]: { text: Buffer.alloc(65 * 1024 * 1024) } }).get(at),
    /more than \d+ bytes/,
  )
})
