import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Hold, Limits, Visit } from '../../contract/budget.ts'
import type { Entry, Settled, Settlement, Stamped } from '../../contract/entry.ts'
import { isRefusal } from '../../contract/problem.ts'
import { dayOf } from '../../lib/utc.ts'
import { Account } from './account.ts'
import { LedgerFold } from './fold.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { type LedgerState, ledgerStateSchema } from './state.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const DAY_MS = 86_400_000
const KEYS = ['key_a', 'key_b'] as const
const LIMITS: Limits = { microsPerDay: 2_000, microsPerMonth: 5_000, concurrentRequests: 6 }
const PLAN = {
  mode: 'direct',
  requested: 'auto',
  tier: 'fast',
  candidates: ['one/model'],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 100,
  capImposed: true,
  deadlineMs: 60_000,
  reasons: [],
  rejected: [],
} as const

interface Going {
  readonly id: string
  readonly key: string
  readonly visit: Visit
  turn: number
  hold: Hold | undefined
}

/** How an attempt ends: its cost as a share of its hold, or null where nobody knows. */
interface End {
  readonly share: number | null
  readonly usage: boolean
}

/** A path that does to a live ledger what the log tells, and a fold that reads the log. */
class Script {
  readonly clock = { at: NOON, now: () => this.clock.at, elapsed: () => this.clock.at }
  readonly entries: Stamped[] = []
  live: Ledger = this.#ledger()
  fold = new LedgerFold()
  going: Going[] = []
  #held = new Map<string, number>()
  #ids = 0

  write(entry: Entry | Settled): void {
    const stamped: Stamped = { ...entry, seq: this.entries.length, at: this.clock.at }
    this.entries.push(stamped)
    this.fold.visit(JSON.parse(JSON.stringify(stamped)))
  }

  open(key: string, parent: Going | undefined): void {
    const visit = parent?.visit ?? this.live.enter(key)
    if (isRefusal(visit)) return
    const id = `req_${this.#ids++}`
    const of = parent === undefined ? {} : { parent: parent.id }
    this.write({ type: 'opened', id, ...of, key: parent?.key ?? key, bytes: 10, plan: PLAN })
    this.going.push({ id, key: parent?.key ?? key, visit, turn: 0, hold: undefined })
  }

  attempt(request: Going, micros: number | undefined, end: End): void {
    const settled = this.#settle(request, end)
    const tokens = (micros ?? 7) * 2
    const hold = request.visit.reserve({ micros, tokens })
    if (isRefusal(hold)) {
      this.#close(request, settled)
      return
    }
    request.hold = hold
    request.turn += 1
    this.#held.set(request.id, micros ?? 0)
    this.write({
      type: 'attempt',
      id: request.id,
      turn: request.turn,
      model: 'one/model',
      engine: 'one',
      replica: 'one',
      offMachine: true,
      cause: request.turn === 1 ? 'first' : 'retry',
      ...(micros === undefined ? {} : { heldMicros: micros }),
      heldTokens: tokens,
      ...(settled.length === 0 ? {} : { settled }),
    })
  }

  close(request: Going, end: End): void {
    this.#close(request, this.#settle(request, end))
  }

  /** As format 1 told it: in an entry of its own. */
  closeAsBefore(request: Going, end: End): void {
    for (const { model: _model, tier: _tier, ...settlement } of this.#settle(request, end)) {
      this.write({ type: 'settled', id: request.id, ...settlement })
    }
    this.#close(request, [])
  }

  /** The process dies: whoever worked on a hold is gone. A new one reads the log, or a snapshot and its rest. */
  crash(snapshot: boolean): void {
    const before = this.fold.state()
    for (const { hold } of this.going) hold?.settle({ costMicros: undefined, tokens: undefined })
    this.going = []
    this.write({ type: 'started', version: '0.0.0' })
    this.agree()
    const state = parsed(this.fold.state())
    assert.deepEqual(state.open, [])
    const untold = this.#ledger()
    untold.restore(parsed(before))
    this.live = this.#ledger()
    this.live.restore(state)
    for (const key of KEYS) assert.deepEqual(untold.view(key), this.live.view(key))
    if (snapshot) this.fold = new LedgerFold(state)
  }

  /** The fold of the log says what the live ledger says. */
  agree(): void {
    const day = dayOf(this.clock.at)
    for (const key of KEYS) {
      const found = parsed(this.fold.state()).accounts.find((account) => account.key === key)
      const account = found === undefined ? new Account() : Account.from(found)
      const { today, thisMonth } = this.live.view(key)
      assert.deepEqual(account.today(day), today)
      assert.deepEqual(account.thisMonth(day), thisMonth)
    }
  }

  #settle(request: Going, end: End): Settlement[] {
    const { hold } = request
    if (hold === undefined) return []
    request.hold = undefined
    const held = this.#held.get(request.id) ?? 0
    const costMicros = end.share === null ? undefined : Math.floor(held * end.share)
    hold.settle({ costMicros, tokens: end.usage ? 5 : undefined })
    const cost = costMicros === undefined ? {} : { costMicros }
    const usage = end.usage ? { usage: { promptTokens: 3, completionTokens: 2 } } : {}
    const known = { engine: 'one', model: 'one/model', tier: 'fast', outcome: 'ok', totalMs: 1 } as const
    return [{ turn: request.turn, ...known, ...cost, ...usage }]
  }

  #close(request: Going, settled: readonly Settlement[]): void {
    this.going = this.going.filter((one) => one !== request)
    const told = settled.length === 0 ? {} : { settled }
    this.write({ type: 'closed', id: request.id, outcome: 'answered', totalMs: 1, ...told })
    request.visit.leave()
  }

  #ledger(): Ledger {
    return createLedger({ limitsOf: () => LIMITS, clock: this.clock })
  }
}

function parsed(state: LedgerState): LedgerState {
  return ledgerStateSchema.parse(JSON.parse(JSON.stringify(state)))
}

const end = fc.record({
  share: fc.option(fc.double({ min: 0, max: 1.5, noNaN: true })),
  usage: fc.boolean(),
})
const which = fc.nat(20)
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('open' as const), key: fc.constantFrom(...KEYS) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('child' as const), which }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('attempt' as const),
      which,
      micros: fc.option(fc.nat(900)),
      end,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('close' as const), which, end, before: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      ms: fc.oneof(fc.nat(90_000), fc.nat(DAY_MS), fc.nat(20 * DAY_MS)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('back' as const), ms: fc.nat(2 * DAY_MS) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('crash' as const), snapshot: fc.boolean() }) },
)
const commands = fc.array(command, { maxLength: 80, size: 'max' })

test('for any requests, retries, aborts, crashes and changes of day, the log tells what the ledger knew', () => {
  let crashes = 0
  let attempts = 0
  fc.assert(
    fc.property(commands, (sequence) => {
      const script = new Script()
      for (const one of sequence) {
        const request =
          'which' in one ? script.going[one.which % Math.max(1, script.going.length)] : undefined
        if (one.type === 'open') script.open(one.key, undefined)
        else if (one.type === 'wait') script.clock.at += one.ms
        else if (one.type === 'back') script.clock.at -= one.ms
        else if (one.type === 'crash') script.crash(one.snapshot)
        else if (request === undefined) continue
        else if (one.type === 'child') script.open(request.key, request)
        else if (one.type === 'attempt') script.attempt(request, one.micros ?? undefined, one.end)
        else if (one.before) script.closeAsBefore(request, one.end)
        else script.close(request, one.end)
        script.agree()
      }
      script.crash(false)
      crashes += script.entries.filter(({ type }) => type === 'started').length
      attempts += script.entries.filter(({ type }) => type === 'attempt').length
    }),
    { numRuns: 200 },
  )
  assert.ok(crashes > 500 && attempts > 1_000, `${crashes} crashes, ${attempts} attempts`)
})

test('a request that closes without telling of an attempt leaves its hold as unknown', () => {
  const script = new Script()
  script.open('key_a', undefined)
  const [request] = script.going
  assert.ok(request !== undefined)
  script.attempt(request, 300, { share: 1, usage: true })
  script.write({ type: 'closed', id: request.id, outcome: 'aborted', totalMs: 1 })
  const [account] = script.fold.state().accounts
  assert.deepEqual(account?.today, { spentMicros: 300, unknownMicros: 300, overshootMicros: 0 })
})

test('a settlement that stands in the log twice counts once, and one without its attempt not at all', () => {
  const script = new Script()
  script.open('key_a', undefined)
  const [request] = script.going
  assert.ok(request !== undefined)
  script.attempt(request, 300, { share: 1, usage: true })
  const told = {
    type: 'settled',
    id: request.id,
    engine: 'one',
    outcome: 'ok',
    costMicros: 100,
    totalMs: 1,
  } as const
  for (const turn of [1, 1, 2]) script.write({ ...told, turn })
  script.write({ ...told, id: 'req_unheard_of', turn: 1 })
  script.write({ type: 'closed', id: request.id, outcome: 'answered', totalMs: 1 })
  assert.equal(script.fold.state().accounts[0]?.today.spentMicros, 100)
})

test('a turn that ended before midnight and was told after it never shows less than the ledger had', () => {
  const script = new Script()
  script.clock.at = Date.UTC(2026, 10, 21, 23, 59, 59)
  script.open('key_a', undefined)
  const [request] = script.going
  assert.ok(request !== undefined)
  script.attempt(request, 300, { share: 1, usage: true })
  request.hold?.settle({ costMicros: 200, tokens: 5 })
  assert.equal(script.live.view('key_a').today.spentMicros, 200)
  script.clock.at += 2_000
  const known = { engine: 'one', model: 'one/model', tier: 'fast', outcome: 'ok', totalMs: 1 } as const
  const settled = [{ turn: 1, ...known, costMicros: 200 }]
  script.write({ type: 'closed', id: request.id, outcome: 'answered', totalMs: 1, settled })
  assert.equal(script.live.view('key_a').today.spentMicros, 0)
  assert.equal(script.fold.state().accounts[0]?.today.spentMicros, 200)
})

test('the last minute survives a restart: requests, and the tokens of what was lost', () => {
  const clock = { at: NOON, now: () => clock.at, elapsed: () => 5_000 }
  const script = new Script()
  script.open('key_a', undefined)
  const [request] = script.going
  assert.ok(request !== undefined)
  script.attempt(request, 300, { share: 1, usage: true })
  script.open('key_a', request)
  clock.at += 30_000
  const limitsOf = (): Limits => ({ requestsPerMinute: 1 })
  const restarted = createLedger({ limitsOf, clock })
  restarted.restore(parsed(script.fold.state()))
  const { requestsLastMinute, tokensLastMinute, today } = restarted.view('key_a')
  assert.deepEqual([requestsLastMinute, tokensLastMinute, today.unknownMicros], [1, 600, 300])
  const refusal = restarted.enter('key_a')
  assert.ok(isRefusal(refusal))
  assert.equal(refusal.problem.retryAfterMs, 30_000)
})

test('a snapshot of another form is refused', () => {
  const state = new LedgerFold().state()
  assert.ok(ledgerStateSchema.safeParse(state).success)
  for (const wrong of [{ ...state, more: 1 }, { ...state, open: [{ id: 1 }] }, { at: 0 }, null]) {
    assert.ok(!ledgerStateSchema.safeParse(wrong).success)
  }
})
