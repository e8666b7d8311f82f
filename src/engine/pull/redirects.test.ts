import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { CERTIFICATE } from '../connections.fixture.ts'
import { Hub } from './hub.fixture.ts'
import { modelBytes, Puller, refusedAs, sha256Of } from './puller.fixture.ts'

const bytes = modelBytes(50_000, 21)
const TOKEN = 'hf_planted0123456789'
let hub: Hub
let store: Hub
let secure: Hub
before(async () => {
  hub = await Hub.start()
  store = await Hub.start()
  secure = await Hub.start(true)
  for (const one of [hub, store, secure]) one.files.set('/m.gguf', { bytes })
})
after(async () => {
  for (const one of [hub, store, secure]) await one[Symbol.asyncDispose]()
})

/** A pull from `mirror`, which has a token and a certificate authority of its own. */
function puller(mirror: string): Puller {
  const made = new Puller(mirror)
  made.settings = { ...made.settings, token: () => TOKEN, connections: { ca: CERTIFICATE } }
  return made
}

test('the hub’s checksum counts for bytes that another host sends, and each host is named before it is asked', async () => {
  using one = puller(hub.origin)
  hub.files.set('/own/a/resolve/main/a.gguf', {
    bytes,
    linked: { sha256: sha256Of(bytes), bytes: bytes.length },
  })
  hub.always.set('/own/a/resolve/main/a.gguf', {
    do: 'redirect',
    to: store.url('/m.gguf?signature=s3cret').href,
  })
  const { manifest } = await one.pull('hf:own/a:a.gguf')
  assert.ok(one.read('a.gguf').equals(bytes))
  assert.equal(manifest.verified, `SHA-256 of 127.0.0.1:${hub.port} (X-Linked-Etag)`)
  assert.ok(!JSON.stringify(manifest).includes('s3cret'))
  const hosts = one.events.flatMap((event) => (event.type === 'contacting' ? [event.host] : []))
  assert.deepEqual(hosts, [`127.0.0.1:${hub.port}`, `127.0.0.1:${store.port}`])
  // What the other host says of the checksum is not the hub's word.
  store.files.set('/lied.gguf', { bytes, linked: { sha256: '5'.repeat(64) } })
  hub.always.set('/own/a/resolve/main/a.gguf', { do: 'redirect', to: store.url('/lied.gguf').href })
  assert.equal((await one.pull('hf:own/a:a.gguf', { name: 'again' })).already, false)
})

test('the token goes to the hub and to no other host, and appears nowhere', async () => {
  using one = puller(hub.origin)
  const seen = [hub.seen.length, store.seen.length]
  hub.files.set('/own/t/resolve/main/t.gguf', { bytes })
  hub.script.set('/own/t/resolve/main/t.gguf', [
    { do: 'redirect', to: store.url('/m.gguf').href },
    { do: 'redirect', to: '/own/t/resolve/main/second.gguf' },
  ])
  hub.files.set('/own/t/resolve/main/second.gguf', { bytes })
  await one.pull('hf:own/t:t.gguf')
  const atHub = hub.seen.slice(seen[0])
  assert.ok(atHub.length >= 2)
  for (const { headers } of atHub) assert.equal(headers.authorization, `Bearer ${TOKEN}`)
  for (const { headers } of store.seen.slice(seen[1])) assert.equal(headers.authorization, undefined)
  const asked = store.seen.length
  await one.pull(store.url('/m.gguf').href, { name: 'elsewhere' })
  for (const { headers } of store.seen.slice(asked)) assert.equal(headers.authorization, undefined)
  assert.ok(!JSON.stringify(one.events).includes(TOKEN))
  for (const name of one.names()) assert.ok(!one.read(name).includes(TOKEN), name)
})

test('a refusal says whether a token, or an agreement, is missing', async () => {
  using one = puller(hub.origin)
  const path = '/own/g/resolve/main/g.gguf'
  hub.always.set(path, { do: 'status', status: 403, headers: { 'x-error-code': 'GatedRepo' } })
  await assert.rejects(
    one.pull('hf:own/g:g.gguf'),
    refusedAs('upstream_unauthorized', /agreed to its terms.*HF_TOKEN/),
  )
  hub.always.set(path, { do: 'status', status: 401 })
  await assert.rejects(
    one.pull('hf:own/g:g.gguf'),
    refusedAs('upstream_unauthorized', /token does not open it/),
  )
  one.settings = { ...one.settings, token: () => undefined }
  await assert.rejects(one.pull('hf:own/g:g.gguf'), refusedAs('upstream_unauthorized', /set HF_TOKEN/))
  store.always.set('/closed.gguf', { do: 'status', status: 401 })
  await assert.rejects(
    one.pull(store.url('/closed.gguf').href),
    refusedAs('upstream_unauthorized', /does not hand the file out/),
  )
})

test('redirects are followed a few times, and a loop ends', async () => {
  using one = puller(hub.origin)
  for (let hop = 0; hop < 8; hop++)
    hub.always.set(`/hop${hop}.gguf`, { do: 'redirect', to: `/hop${hop + 1}.gguf`, status: 307 })
  hub.files.set('/hop8.gguf', { bytes })
  await one.pull(hub.url('/hop0.gguf').href)
  assert.ok(one.read('hop0.gguf').equals(bytes))
  hub.always.set('/loop.gguf', { do: 'redirect', to: '/loop.gguf' })
  const asked = hub.seen.length
  await assert.rejects(
    one.pull(hub.url('/loop.gguf').href),
    refusedAs('upstream_garbled', /more than 8 times/),
  )
  assert.equal(hub.seen.length - asked, 9)
  for (const to of ['', 'ftp://127.0.0.1/x', 'http://', `http://a/${'x'.repeat(9_000)}`]) {
    hub.always.set('/odd.gguf', { do: 'redirect', to })
    await assert.rejects(one.pull(hub.url('/odd.gguf').href), refusedAs('upstream_garbled', /no address/), to)
  }
  hub.always.set('/named.gguf', {
    do: 'redirect',
    to: store.url('/m.gguf').href.replace('//', '//user:pass@'),
  })
  await assert.rejects(
    one.pull(hub.url('/named.gguf').href),
    refusedAs('upstream_rejected', /with a password/),
  )
})

test('https is fetched over https to the end: a redirect to http is refused, one to https followed', async () => {
  using one = puller(hub.origin)
  await one.pull(secure.url('/m.gguf').href)
  assert.ok(one.read('m.gguf').equals(bytes))
  secure.always.set('/down.gguf', { do: 'redirect', to: store.url('/m.gguf').href })
  const asked = store.seen.length
  await assert.rejects(
    one.pull(secure.url('/down.gguf').href),
    refusedAs('upstream_rejected', /from https to http \(127\.0\.0\.1:\d+\)/),
  )
  assert.equal(store.seen.length, asked)
  hub.always.set('/up.gguf', { do: 'redirect', to: secure.url('/m.gguf').href })
  await one.pull(hub.url('/up.gguf').href)
  one.settings = { ...one.settings, connections: {} }
  await assert.rejects(
    one.pull(secure.url('/m.gguf').href, { name: 'untrusted' }),
    refusedAs('upstream_unreachable', /cannot be trusted.*NODE_EXTRA_CA_CERTS/),
  )
})

/** A proxy through which names without an address lead to `hub`: to the fetcher they are public servers. */
async function startProxy() {
  const asked: string[] = []
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '', 'http://nothing.invalid')
    asked.push(`${incoming.method} ${url.host}`)
    const onward = request({ port: hub.port, path: url.pathname, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    onward.end()
  })
  server.on('connect', (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`)
    const through = connect(secure.port, '127.0.0.1')
    through.on('error', () => socket.destroy())
    socket.on('error', () => through.destroy())
    socket.write('HTTP/1.1 200 Connected\r\n\r\n')
    socket.pipe(through).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a public server cannot send into a private network, a mirror of one’s own can, and both go through the proxy', async () => {
  await using proxy = await startProxy()
  using one = puller('http://hub.invalid')
  one.settings = { ...one.settings, connections: { httpProxy: proxy.url } }
  hub.files.set('/own/p/resolve/main/p.gguf', { bytes })
  await one.pull('http://public.invalid/m.gguf')
  assert.ok(proxy.asked.includes('GET public.invalid'))
  for (const to of [
    store.url('/m.gguf').href,
    `http://localhost:${store.port}/m.gguf`,
    `http://[::1]:${store.port}/m.gguf`,
    'http://10.0.0.1/m.gguf',
    'http://169.254.169.254/latest/meta-data',
    'http://[::ffff:192.168.0.1]/m.gguf',
  ]) {
    hub.always.set('/inside.gguf', { do: 'redirect', to })
    const asked = store.seen.length
    await assert.rejects(
      one.pull('http://public.invalid/inside.gguf'),
      refusedAs('upstream_rejected', /in a private network.*models\.mirror/),
      to,
    )
    assert.equal(store.seen.length, asked, to)
  }
  hub.always.set('/own/p/resolve/main/p.gguf', { do: 'redirect', to: store.url('/m.gguf').href })
  await one.pull('hf:own/p:p.gguf')
  assert.ok(one.read('p.gguf').equals(bytes))
  const last = hub.seen.findLast(({ path }) => path === '/own/p/resolve/main/p.gguf')
  assert.equal(last?.headers.authorization, undefined, 'a token goes over http to nobody but this machine')
})

test('a mirror is asked in the place of Hugging Face, below a path of its own too', async () => {
  using one = puller(`${hub.origin}/artifacts/hf/`)
  hub.files.set('/artifacts/hf/own/a/resolve/refs%2Fpr%2F1/deep%20er/x.gguf', { bytes })
  const { manifest } = await one.pull('hf:own/a@refs/pr/1:deep er/x.gguf')
  assert.equal(manifest.source, 'hf:own/a@refs/pr/1:deep er/x.gguf')
})

test('a host that is not there is told in words', async () => {
  using one = puller(hub.origin)
  const closed = await Hub.start()
  const url = closed.url('/m.gguf').href
  await closed[Symbol.asyncDispose]()
  await assert.rejects(
    one.pull(url),
    refusedAs('upstream_unreachable', /ECONNREFUSED.*nothing listens there/),
  )
  await assert.rejects(
    one.pull('https://no-such-host.invalid/m.gguf'),
    refusedAs('upstream_unreachable', /EAI_AGAIN|ENOTFOUND/),
  )
  assert.deepEqual(one.names(), [])
})
