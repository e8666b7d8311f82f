import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { Caller } from '../contract/caller.ts'
import type { KeyChanged } from '../contract/entry.ts'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { openStore } from '../store/open.ts'
import { createKeys, type Keys, MAX_GRACE_MS, type Shown } from './keys.ts'
import { OWNER_ID, ownerKey, readOwnerKey } from './owner.ts'
import { newSecret, SECRET_PATTERN } from './secret.ts'
import { MAX_SECRETS_PER_KEY, migrations } from './table.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-keys-'))
after(() => rmSync(root, { recursive: true, force: true }))

const NOON = Date.UTC(2026, 0, 1, 12)

function ring(options: { home?: string; maxKeys?: number; fromConfig?: string } = {}) {
  const home = options.home ?? mkdtempSync(join(root, 'home-'))
  const clock = { at: NOON, now: () => clock.at, elapsed: () => clock.at }
  const logged: KeyChanged[] = []
  const log = { down: false, before: (): void => {} }
  const owner = ownerKey({ home, fromConfig: options.fromConfig, randomBytes })
  const store = openStore(join(home, 'upshift.db'), migrations)
  after(() => store.close())
  const keys = createKeys({
    store,
    clock,
    randomBytes,
    owner,
    maxKeys: options.maxKeys ?? 100,
    changed: async (entry) => {
      log.before()
      await null
      if (log.down) throw new Error('the log is down')
      logged.push(entry)
    },
  })
  return { keys, clock, logged, log, owner, home, store }
}

const everything = { name: 'test', scope: { engines: 'any' }, expiresInMs: undefined } as const

function ok<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) assert.fail(value.problem.message)
  return value
}

function code(value: unknown): string {
  return isRefusal(value) ? value.problem.code : `not refused: ${JSON.stringify(value)}`
}

const create = async (keys: Keys, more = {}): Promise<Shown> =>
  ok(await keys.create({ ...everything, ...more }, OWNER_ID))

test('a new key is let in with its scope, by its bare text and as a bearer token', async () => {
  const { keys } = ring()
  const scope = { tiers: ['fast'], models: ['ollama/*'], engines: 'local' } as const
  const { secret, key } = await create(keys, { name: 'laptop', scope })
  assert.match(secret, SECRET_PATTERN)
  for (const credential of [secret, `Bearer ${secret}`, `bearer  ${secret} `, `BEARER\t${secret}`]) {
    const caller: Caller = ok(keys.authenticate(credential))
    assert.deepEqual(caller, { key: key.id, name: 'laptop', owner: false, scope })
  }
})

test('keys survive a restart, and neither the database nor the list holds a secret', async () => {
  const first = ring()
  const scope = { tiers: ['fast', 'mid'], engines: 'any' } as const
  const { secret, key } = await create(first.keys, { scope, expiresInMs: 1000 })
  first.store.close()
  const bytes = readFileSync(join(first.home, 'upshift.db'))
  assert.ok(!bytes.includes(secret) && !bytes.includes(secret.slice(4)))
  const second = ring({ home: first.home })
  assert.equal(ok(second.keys.authenticate(secret)).key, key.id)
  assert.deepEqual(second.keys.list()[1], key)
  assert.ok(!JSON.stringify(second.keys.list()).includes(secret.slice(4)))
})

test('no credential, an unknown key and another service’s key each name the next step', () => {
  const { keys } = ring()
  for (const nothing of [undefined, '', '   ', 'Bearer', 'Bearer ', 'bearer']) {
    const refusal = keys.authenticate(nothing)
    assert.equal(code(refusal), 'missing_key')
    assert.match(
      isRefusal(refusal) ? refusal.problem.message : '',
      /Authorization: Bearer.*upshift keys create/,
    )
  }
  const strangers = [newSecret(randomBytes), 'sk-proj-abc', 'Basic dXNlcjpwYXNz', 'x'.repeat(100_000)]
  for (const stranger of strangers) {
    const refusal = keys.authenticate(stranger)
    assert.equal(code(refusal), 'invalid_key')
    const message = isRefusal(refusal) ? refusal.problem.message : ''
    assert.match(message, /upshift keys create/)
    assert.ok(!message.includes(stranger))
  }
})

test('a revoked key is refused by the very next call, even before the log has answered, and after a restart', async () => {
  const first = ring()
  const { secret, key } = await create(first.keys)
  ok(first.keys.authenticate(secret))
  let during = ''
  first.log.before = () => {
    during = code(first.keys.authenticate(secret))
  }
  const revoked = ok(await first.keys.revoke(key.id, OWNER_ID))
  assert.equal(during, 'revoked_key')
  assert.equal(revoked.state, 'revoked')
  assert.equal(code(first.keys.authenticate(secret)), 'revoked_key')
  first.store.close()
  assert.equal(code(ring({ home: first.home }).keys.authenticate(secret)), 'revoked_key')
})

test('a key is valid until the millisecond before its expiry', async () => {
  const { keys, clock } = ring()
  const { secret, key } = await create(keys, { expiresInMs: 1000 })
  assert.equal(key.expiresAt, NOON + 1000)
  clock.at = NOON + 999
  ok(keys.authenticate(secret))
  clock.at = NOON + 1000
  assert.equal(code(keys.authenticate(secret)), 'expired_key')
  assert.equal(keys.list()[1]?.state, 'expired')
  assert.equal(code(await keys.rotate(key.id, 0, OWNER_ID)), 'conflict')
  ok(await keys.revoke(key.id, OWNER_ID))
  assert.equal(code(keys.authenticate(secret)), 'revoked_key')
})

test('rotation without grace ends the old secret at once, under the same id', async () => {
  const { keys } = ring()
  const before = await create(keys)
  const after_ = ok(await keys.rotate(before.key.id, 0, OWNER_ID))
  assert.equal(after_.key.id, before.key.id)
  assert.equal(after_.key.rotatedFrom, before.key.fingerprint)
  assert.notEqual(after_.key.fingerprint, before.key.fingerprint)
  ok(keys.authenticate(after_.secret))
  assert.equal(code(keys.authenticate(before.secret)), 'revoked_key')
})

test('rotation with grace keeps the old secret until the grace ends, across a restart', async () => {
  const first = ring()
  const old = await create(first.keys)
  const fresh = ok(await first.keys.rotate(old.key.id, 1000, OWNER_ID))
  assert.equal(fresh.key.graceUntil, NOON + 1000)
  ok(first.keys.authenticate(old.secret))
  first.store.close()
  const { keys, clock } = ring({ home: first.home })
  clock.at = NOON + 999
  ok(keys.authenticate(old.secret))
  clock.at = NOON + 1000
  assert.equal(code(keys.authenticate(old.secret)), 'revoked_key')
  ok(keys.authenticate(fresh.secret))
  assert.equal(keys.list()[1]?.graceUntil, null)
})

test('a second rotation without grace ends every older secret, and revocation ends a grace', async () => {
  const { keys } = ring()
  const one = await create(keys)
  const two = ok(await keys.rotate(one.key.id, MAX_GRACE_MS, OWNER_ID))
  const three = ok(await keys.rotate(one.key.id, 0, OWNER_ID))
  assert.equal(code(keys.authenticate(one.secret)), 'revoked_key')
  assert.equal(code(keys.authenticate(two.secret)), 'revoked_key')
  const four = ok(await keys.rotate(one.key.id, 1000, OWNER_ID))
  ok(await keys.revoke(one.key.id, OWNER_ID))
  assert.equal(code(keys.authenticate(three.secret)), 'revoked_key')
  assert.equal(code(keys.authenticate(four.secret)), 'revoked_key')
})

test('a grace outside 0 to 7 days is refused', async () => {
  const { keys } = ring()
  const { key } = await create(keys)
  for (const grace of [-1, MAX_GRACE_MS + 1, Number.NaN]) {
    assert.equal(code(await keys.rotate(key.id, grace, OWNER_ID)), 'invalid_request')
  }
})

test('limits are given with a key or changed later, are logged, and outlive a restart', async () => {
  const first = ring()
  const { key } = await create(first.keys, { limits: { microsPerDay: 5, requestsPerMinute: 60 } })
  first.clock.at += 1_000
  const plain = await create(first.keys)
  assert.deepEqual(first.keys.limitsOf(key.id), { microsPerDay: 5, requestsPerMinute: 60 })
  assert.deepEqual(first.keys.limitsOf(plain.key.id), {})
  assert.deepEqual(first.keys.limitsOf('key_unheard_of'), {})
  const limited = ok(await first.keys.limit(key.id, { microsPerDay: null, tokensPerMinute: 7 }, OWNER_ID))
  assert.deepEqual(limited.limits, { requestsPerMinute: 60, tokensPerMinute: 7 })
  ok(await first.keys.limit(OWNER_ID, { microsPerMonth: 9_007_199_254 }, OWNER_ID))
  assert.deepEqual(
    first.logged.map(({ change, limits }) => [change, limits]),
    [
      ['created', { microsPerDay: 5, requestsPerMinute: 60 }],
      ['created', undefined],
      ['limited', { requestsPerMinute: 60, tokensPerMinute: 7 }],
      ['limited', { microsPerMonth: 9_007_199_254 }],
    ],
  )
  first.store.close()
  const { keys } = ring({ home: first.home })
  assert.deepEqual(keys.limitsOf(key.id), { requestsPerMinute: 60, tokensPerMinute: 7 })
  assert.deepEqual(
    keys.list().map(({ limits }) => limits),
    [{ microsPerMonth: 9_007_199_254 }, { requestsPerMinute: 60, tokensPerMinute: 7 }, {}],
  )
})

test('a limit that cannot be set changes nothing', async () => {
  const { keys, log, clock } = ring()
  const { key } = await create(keys, { limits: { microsPerDay: 5 }, expiresInMs: 1_000 })
  assert.equal(code(await keys.limit('key_none', { microsPerDay: 1 }, OWNER_ID)), 'not_found')
  assert.equal(code(await keys.limit(key.id, {}, OWNER_ID)), 'invalid_request')
  log.down = true
  await assert.rejects(keys.limit(key.id, { microsPerDay: 1 }, OWNER_ID), /log is down/)
  log.down = false
  clock.at += 1_000
  assert.equal(code(await keys.limit(key.id, { microsPerDay: 1 }, OWNER_ID)), 'conflict')
  assert.deepEqual(keys.limitsOf(key.id), { microsPerDay: 5 })
})

test('only the last secrets of a key are kept', async () => {
  const { keys, store } = ring()
  const first = await create(keys)
  for (let turn = 0; turn < MAX_SECRETS_PER_KEY; turn++) ok(await keys.rotate(first.key.id, 1000, OWNER_ID))
  assert.equal(code(keys.authenticate(first.secret)), 'invalid_key')
  assert.equal(store.prepare('SELECT count(*) AS n FROM caller_secret').get()?.n, MAX_SECRETS_PER_KEY)
})

test('each change is in the log, with who made it, before success is reported', async () => {
  const { keys, logged } = ring()
  const { key } = await create(keys)
  await keys.rotate(key.id, 0, OWNER_ID)
  await keys.revoke(key.id, OWNER_ID)
  await keys.rotate(OWNER_ID, 0, OWNER_ID)
  assert.deepEqual(logged, [
    { type: 'key-changed', key: key.id, change: 'created', by: OWNER_ID, scope: { engines: 'any' } },
    { type: 'key-changed', key: key.id, change: 'rotated', by: OWNER_ID },
    { type: 'key-changed', key: key.id, change: 'revoked', by: OWNER_ID },
    { type: 'key-changed', key: OWNER_ID, change: 'rotated', by: OWNER_ID },
  ])
})

test('while the log is down nothing is made or rotated, but a revocation holds and can be repeated', async () => {
  const { keys, log, logged } = ring()
  const { key, secret } = await create(keys)
  log.down = true
  await assert.rejects(keys.create(everything, OWNER_ID), /log is down/)
  await assert.rejects(keys.rotate(key.id, 0, OWNER_ID), /log is down/)
  await assert.rejects(keys.rotate(OWNER_ID, 0, OWNER_ID), /log is down/)
  assert.equal(keys.list().length, 2)
  ok(keys.authenticate(secret))
  await assert.rejects(keys.revoke(key.id, OWNER_ID), /log is down/)
  assert.equal(code(keys.authenticate(secret)), 'revoked_key')
  log.down = false
  ok(await keys.revoke(key.id, OWNER_ID))
  assert.deepEqual(
    logged.map(({ change }) => change),
    ['created', 'revoked'],
  )
})

test('changes run one after the other, and too many at once are refused', async () => {
  const { keys } = ring({ maxKeys: 3 })
  const made = await Promise.all(Array.from({ length: 5 }, () => keys.create(everything, OWNER_ID)))
  assert.deepEqual(
    made.map((one) => (isRefusal(one) ? one.problem.code : 'made')),
    ['made', 'made', 'made', 'conflict', 'conflict'],
  )
  const flood = await Promise.all(Array.from({ length: 70 }, () => keys.revoke('key_none', OWNER_ID)))
  assert.equal(flood.filter((one) => code(one) === 'queue_full').length, 6)
  assert.equal(code(await keys.revoke('key_none', OWNER_ID)), 'not_found')
})

test('an unknown id is refused without being echoed where it is no id', async () => {
  const { keys } = ring()
  for (const id of ['key_none', '', '__proto__', '<script>']) {
    for (const answer of [await keys.revoke(id, OWNER_ID), await keys.rotate(id, 0, OWNER_ID)]) {
      assert.equal(code(answer), 'not_found')
      assert.ok(isRefusal(answer) && !answer.problem.message.includes('<'))
    }
  }
})

test('the owner is let in as the owner, cannot be revoked, and rotates by rewriting the file', async () => {
  const { keys, owner, home } = ring()
  const caller = ok(keys.authenticate(`Bearer ${owner.secret}`))
  assert.deepEqual(caller, {
    key: OWNER_ID,
    name: 'owner',
    owner: true,
    scope: { engines: 'any', labels: ['*'] },
  })
  assert.equal(code(await keys.revoke(OWNER_ID, OWNER_ID)), 'conflict')
  assert.equal(code(await keys.rotate(OWNER_ID, 1000, OWNER_ID)), 'invalid_request')
  const rotated = ok(await keys.rotate(OWNER_ID, 0, OWNER_ID))
  assert.equal(rotated.file, join(home, 'owner.key'))
  assert.equal(readOwnerKey(home), rotated.secret)
  assert.equal(statSync(join(home, 'owner.key')).mode & 0o777, 0o600)
  assert.equal(code(keys.authenticate(owner.secret)), 'invalid_key')
  assert.equal(ok(keys.authenticate(rotated.secret)).owner, true)
  const again = ok(await keys.rotate(OWNER_ID, 0, OWNER_ID))
  assert.equal(code(keys.authenticate(rotated.secret)), 'invalid_key')
  assert.equal(ok(keys.authenticate(again.secret)).owner, true)
})

test('an owner’s key that the configuration gave is used as it is, and changed only there', async () => {
  const fromConfig = 'a-key-of-the-operators-own-choosing-0123'
  const { keys } = ring({ fromConfig })
  assert.equal(ok(keys.authenticate(`Bearer ${fromConfig}`)).key, OWNER_ID)
  assert.equal(code(await keys.rotate(OWNER_ID, 0, OWNER_ID)), 'conflict')
})

test('no credential whatsoever makes authenticate throw or lets a stranger in', async () => {
  const { keys } = ring()
  const { secret } = await create(keys)
  const near = fc
    .tuple(fc.nat(secret.length - 1), fc.string({ minLength: 1, maxLength: 1 }))
    .map(([at, char]) => secret.slice(0, at) + char + secret.slice(at + 1))
    .filter((text) => text.trim() !== secret)
  const prefix = fc.constantFrom('', 'Bearer ', 'bearer\t', 'Basic ')
  const credential = fc
    .tuple(prefix, fc.oneof(fc.string({ unit: 'binary' }), near))
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.option(credential, { nil: undefined }), (text) => {
      const answer = keys.authenticate(text)
      assert.ok(isRefusal(answer) && ['missing_key', 'invalid_key'].includes(answer.problem.code))
    }),
    { numRuns: 2_000 },
  )
})

test('secrets use every digit, in every place, and differ', () => {
  const secrets = Array.from({ length: 500 }, () => newSecret(randomBytes))
  assert.equal(new Set(secrets).size, 500)
  for (const secret of secrets) assert.match(secret, SECRET_PATTERN)
  for (let place = 4; place < 36; place++)
    assert.ok(new Set(secrets.map((secret) => secret[place])).size > 16)
  assert.equal(
    newSecret((size) => Buffer.alloc(size, 0xff)),
    `upk_${'z'.repeat(32)}`,
  )
  const counting = Buffer.from('00443214c74254b635cf84653a56d7c675be77df', 'hex')
  assert.equal(
    newSecret(() => counting),
    'upk_0123456789abcdefghjkmnpqrstvwxyz',
  )
})
