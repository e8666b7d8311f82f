import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import type { Caller } from '../contract/caller.ts'
import { isRefusal, problemRow, UpshiftError } from '../contract/problem.ts'
import { type Flags, type ServerPort, type ServerReply, UsageError } from '../contract/verb.ts'
import { systemClock } from '../lib/clock.ts'
import { openStore } from '../store/open.ts'
import { createKeys } from './keys.ts'
import { createLedger } from './ledger/ledger.ts'
import { OWNER_ID, ownerKey } from './owner.ts'
import { keyRoutes } from './routes.ts'
import { migrations } from './table.ts'
import { verbs } from './verbs.ts'
import { listReply, shownReply } from './wire.ts'

const home = mkdtempSync(join(tmpdir(), 'upshift-verbs-'))
const store = openStore(join(home, 'upshift.db'), migrations)
after(() => {
  store.close()
  rmSync(home, { recursive: true, force: true })
})
const owner = ownerKey({ home, fromConfig: undefined, randomBytes })
const keys = createKeys({
  store,
  clock: systemClock,
  randomBytes,
  owner,
  maxKeys: 100,
  changed: () => Promise.resolve(),
})
const ledger = createLedger({ limitsOf: (key) => keys.limitsOf(key), clock: systemClock })
const routes = keyRoutes(keys, ledger)
const caller: Caller = { key: OWNER_ID, name: 'owner', owner: true, scope: { engines: 'any' } }

/** The routes behind the port that the verbs use: what http does, without a socket. */
const port: ServerPort = {
  running: false,
  call: async (method, path, body) => {
    const parts = path.split('/')
    const found = routes.find(
      (route) =>
        route.method === method &&
        route.path.split('/').length === parts.length &&
        route.path.split('/').every((part, at) => part.startsWith(':') || part === parts[at]),
    )
    assert.ok(found, `${method} ${path}`)
    const parsed = found.body?.safeParse(JSON.parse(JSON.stringify(body)))
    if (parsed !== undefined && !parsed.success) {
      const first = parsed.error.issues[0]
      return answer(400, {
        error: { message: `${first?.path.join('.')}: ${first?.message}`, code: 'invalid_request' },
      })
    }
    const params = { id: decodeURIComponent(parts[4] ?? '') }
    const request = { params, body: parsed?.data, query: {}, caller, signal: AbortSignal.timeout(5_000) }
    const result = await found.handle(request)
    if (!isRefusal(result)) return answer(200, found.answers.parse(result))
    const { code, message, param } = result.problem
    return answer(problemRow(code).status, { error: { message, code, param } })
  },
}

function answer(status: number, value: unknown): ServerReply {
  return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(value))]) }
}

async function run(name: string, args: readonly string[], flags: Flags = {}, json = false) {
  const verb = verbs.find((one) => one.name === name)
  assert.ok(verb)
  const text = { out: '', err: '' }
  const into = (where: 'out' | 'err') =>
    new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        text[where] += String(chunk)
        done()
      },
    })
  const code = await verb.run({
    args,
    flags,
    json,
    out: into('out'),
    err: into('err'),
    stdin: Readable.from([]),
    colour: false,
    signal: AbortSignal.timeout(5_000),
    home: () => Promise.resolve(home),
    server: () => Promise.resolve(port),
  })
  return { code, ...text }
}

test('create prints the key alone on stdout, warns on stderr, and the key works with its scope', async () => {
  const { code, out, err } = await run('keys create', ['ci'], {
    tiers: 'fast, mid',
    models: 'ollama/*,openai/gpt-5',
    engines: 'local',
    labels: 'finance, board',
    expires: '30d',
  })
  assert.equal(code, 0)
  assert.match(out, /^upk_[0-9a-z]{32}\n$/)
  assert.match(err, /only time that the key is shown/)
  const known = keys.authenticate(`Bearer ${out.trim()}`)
  assert.ok(!isRefusal(known))
  assert.deepEqual(known.scope, {
    tiers: ['fast', 'mid'],
    models: ['ollama/*', 'openai/gpt-5'],
    engines: 'local',
    labels: ['finance', 'board'],
  })
  const view = keys.list().find((key) => key.name === 'ci')
  assert.equal((view?.expiresAt ?? 0) - (view?.createdAt ?? 0), 30 * 86_400_000)
})

test('create and list show which collections and labels a key has, and where it has none or all', async () => {
  const cases: readonly (readonly [Flags, string])[] = [
    [{ collections: 'manuals,code', labels: 'finance,board' }, 'manuals,code +finance,board'],
    [{ collections: 'none', labels: 'all' }, 'none +all'],
    [{}, 'all +none'],
    [{ labels: 'none' }, 'all +none'],
  ]
  for (const [flags, shown] of cases) {
    const { err } = await run('keys create', ['scoped'], flags)
    const row = new RegExp(`(key_\\w+) +scoped +active +all +all +any +${shown} +none +-`)
    const id = row.exec(err)?.[1]
    assert.ok(id !== undefined, err)
    assert.match((await run('keys list', [])).out, new RegExp(`\n${id} +scoped .* any +${shown} `))
    const scope = keys.list().find((key) => key.id === id)?.scope
    assert.ok(scope?.labels?.includes('none') !== true, 'none is no label')
  }
})

test('list shows a table without secrets, and --json prints one stable document', async () => {
  const made = shownReply.parse(JSON.parse((await run('keys create', ['listed'], {}, true)).out))
  const { out } = await run('keys list', [])
  assert.match(
    out,
    /^ID +NAME +STATE +TIERS +MODELS +ENGINES +COLLECTIONS +LABELS +LIMITS +SPENT +CREATED +EXPIRES +FINGERPRINT\n/,
  )
  assert.match(out, /\nkey_owner +owner +active +all +all +any +all +all +none +- +- +never +[0-9a-f]{8}\n/)
  assert.match(out, new RegExp(`\\n${made.key.id} +listed +active +all +all +any `))
  assert.ok(!out.includes(made.secret.slice(4)))
  const parsed = listReply.strict().parse(JSON.parse((await run('keys list', [], {}, true)).out))
  assert.deepEqual(
    parsed.keys.find((key) => key.id === made.key.id),
    made.key,
  )
})

test('limits are given with a key, changed one by one, removed by a word, and shown with what was spent', async () => {
  const flags = { 'day-usd': '$5', 'month-usd': '50.25', rpm: '60', tpm: '100000', concurrent: '4' }
  const made = shownReply.parse(JSON.parse((await run('keys create', ['limited'], flags, true)).out))
  const { id } = made.key
  const limits = { microsPerDay: 5_000_000, microsPerMonth: 50_250_000, requestsPerMinute: 60 }
  assert.deepEqual(keys.limitsOf(id), { ...limits, tokensPerMinute: 100_000, concurrentRequests: 4 })
  assert.deepEqual(made.key.limits, {
    usdPerDay: 5,
    usdPerMonth: 50.25,
    requestsPerMinute: 60,
    tokensPerMinute: 100_000,
    concurrentRequests: 4,
  })
  const change = { 'day-usd': '0.1', tpm: 'none', concurrent: 'none' }
  const { out } = await run('keys limit', [id], change)
  assert.match(out, /\$0\.10\/day, \$50\.25\/month, 60 requests\/min +- +\d{4}-/)
  assert.deepEqual(keys.limitsOf(id), { ...limits, microsPerDay: 100_000 })
  const visit = ledger.enter(id)
  assert.ok(!isRefusal(visit))
  for (const costMicros of [undefined, 30_001]) {
    const hold = visit.reserve({ micros: 30_000, tokens: 10 })
    assert.ok(!isRefusal(hold))
    hold.settle({ costMicros, tokens: undefined })
  }
  const shown = listReply.parse(JSON.parse((await run('keys list', [], {}, true)).out))
  assert.deepEqual(shown.keys.find((key) => key.id === id)?.spent, {
    usdToday: 0.060001,
    usdThisMonth: 0.060001,
    usdReserved: 0,
    usdUnknownThisMonth: 0.03,
    usdOvershootThisMonth: 0.000001,
    requestsUnderWay: 1,
    requestsLastMinute: 1,
    tokensLastMinute: 20,
  })
  const words = '$0.060001 today, $0.060001 this month ($0.03 unknown, $0.000001 overshoot)'
  assert.ok((await run('keys list', [])).out.includes(words))
})

test('the owner’s key can be limited, and a revoked one cannot', async () => {
  const { out } = await run('keys limit', [OWNER_ID], { 'month-usd': '100' })
  assert.match(out, /key_owner +owner .* \$100\.00\/month /)
  assert.equal((await run('keys limit', [OWNER_ID], { 'month-usd': 'none' })).code, 0)
  assert.deepEqual(keys.limitsOf(OWNER_ID), {})
  const { key } = shownReply.parse(JSON.parse((await run('keys create', ['gone'], {}, true)).out))
  await run('keys revoke', [key.id])
  await assert.rejects(run('keys limit', [key.id], { rpm: '1' }), /is revoked/)
})

test('rotate shows the new key and until when the old one lives; revoke ends both', async () => {
  const made = shownReply.parse(JSON.parse((await run('keys create', ['turning'], {}, true)).out))
  const rotated = await run('keys rotate', [made.key.id], { grace: '1h' })
  assert.equal(rotated.code, 0)
  assert.match(rotated.err, /active \(old secret until /)
  for (const secret of [made.secret, rotated.out.trim()]) assert.ok(!isRefusal(keys.authenticate(secret)))
  const revoked = await run('keys revoke', [made.key.id])
  assert.match(revoked.out, / revoked /)
  for (const secret of [made.secret, rotated.out.trim()]) assert.ok(isRefusal(keys.authenticate(secret)))
})

test('rotating the owner’s key says where it was written', async () => {
  const { err, out } = await run('keys rotate', [OWNER_ID])
  assert.ok(err.includes(`Written to ${join(home, 'owner.key')}`))
  assert.ok(!isRefusal(keys.authenticate(out.trim())))
})

test('wrong words are told in the words that were typed, and call nothing', async () => {
  const before = keys.list().length
  for (const [name, args, flags, says] of [
    ['keys create', ['bad\u001b[2Jname'], {}, /^NAME is 1 to 100 characters long and holds no control/],
    [
      'keys create',
      ['a'],
      { expires: 'tomorrow' },
      /^--expires takes a time longer than 0, .* not "tomorrow"$/,
    ],
    ['keys create', ['a'], { expires: '0' }, /^--expires takes a time longer than 0/],
    ['keys create', ['a'], { expires: '999999999w' }, /^--expires is at most 3650d$/],
    ['keys create', ['a'], { tiers: 'fast,gold' }, /^there is no tier gold: fast, mid, expert$/],
    ['keys create', ['a'], { tiers: 'fast,' }, /^--tiers holds an empty part: look for a comma too many$/],
    ['keys create', ['a'], { tiers: 'fast,fast' }, /^--tiers names fast twice$/],
    [
      'keys create',
      ['a'],
      { models: 'gpt-4o' },
      /^--models takes exact models \(engine\/name\).* not "gpt-4o"$/,
    ],
    ['keys create', ['a'], { models: '' }, /^--models holds an empty part/],
    ['keys create', ['a'], { engines: 'mine' }, /^--engines is local or any, not "mine"$/],
    [
      'keys rotate',
      ['key_x'],
      { grace: 'soon' },
      /^--grace takes a time such as 1h or 7d, or 0, not "soon"$/,
    ],
    ['keys rotate', ['key_x'], { grace: '8d' }, /^--grace is at most 7d$/],
    [
      'keys create',
      ['a'],
      { 'day-usd': '0' },
      /^--day-usd takes dollars such as 5 or 0\.50, .* or none, not "0"$/,
    ],
    ['keys create', ['a'], { 'month-usd': '5e3' }, /^--month-usd takes dollars/],
    ['keys limit', ['key_x'], { 'day-usd': '1.2345678' }, /^--day-usd takes dollars/],
    ['keys limit', ['key_x'], { rpm: '2.5' }, /^--rpm takes a whole number from 1 .* or none, not "2\.5"$/],
    ['keys limit', ['key_x'], { concurrent: '1000000001' }, /^--concurrent takes a whole number/],
    [
      'keys limit',
      ['key_x'],
      {},
      /^name at least one limit: --day-usd, --month-usd, --rpm, --tpm, --concurrent$/,
    ],
  ] as const) {
    await assert.rejects(run(name, args, flags), (error: unknown) => {
      assert.ok(error instanceof UsageError, String(error))
      assert.match(error.message, says)
      return true
    })
  }
  assert.equal(keys.list().length, before)
})

test('what the server refuses is thrown with its message', async () => {
  for (const [name, args, flags, says] of [
    ['keys revoke', ['key_none'], {}, /There is no key key_none\. `upshift keys list` shows all/],
    ['keys revoke', ['../../x'], {}, /There is no key/],
    ['keys revoke', [OWNER_ID], {}, /cannot be revoked/],
  ] as const) {
    await assert.rejects(run(name, args, flags), (error: unknown) => {
      assert.ok(error instanceof UpshiftError)
      assert.match(error.message, says)
      return true
    })
  }
})

test('a second key of the same name is made, with a warning that names the first', async () => {
  const first = shownReply.parse(JSON.parse((await run('keys create', ['twin'], {}, true)).out))
  const second = await run('keys create', ['twin'])
  assert.equal(second.code, 0)
  assert.match(second.out, /^upk_[0-9a-z]{32}\n$/)
  assert.ok(second.err.includes(`upshift: there was a key named twin already: ${first.key.id} (active).`))
})

test('a name where an id belongs is answered with the command that has the id', async () => {
  const { key } = shownReply.parse(JSON.parse((await run('keys create', ['by-name'], {}, true)).out))
  for (const verb of ['revoke', 'rotate', 'limit']) {
    await assert.rejects(
      run(`keys ${verb}`, ['by-name'], verb === 'limit' ? { rpm: '1' } : {}),
      (error: unknown) => {
        assert.ok(error instanceof UpshiftError)
        assert.equal(error.problem.code, 'not_found')
        assert.match(error.message, /^There is no key by-name\. That is a name, and/)
        assert.ok(error.message.includes(`\`upshift keys ${verb} ${key.id}\` (active)`))
        return true
      },
    )
  }
})

test('revoking twice says that the key was revoked before, and since when', async () => {
  const { key } = shownReply.parse(JSON.parse((await run('keys create', ['twice'], {}, true)).out))
  assert.equal((await run('keys revoke', [key.id])).err, '')
  const again = await run('keys revoke', [key.id])
  assert.equal(again.code, 0)
  assert.match(
    again.err,
    new RegExp(`^upshift: ${key.id} was revoked before, on \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\dZ\\.\\n$`),
  )
})
