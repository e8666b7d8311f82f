import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Breaker, signOf } from './breaker.ts'
import { type BreakerConfig, section } from './config.ts'

const defaults: BreakerConfig = section.schema.parse({}).breaker

function breaker(more: Partial<BreakerConfig> = {}, random = 0): Breaker {
  return new Breaker({ ...defaults, ...more }, () => random)
}

function fail(subject: Breaker, now: number, times = 1): void {
  for (let time = 0; time < times; time++) subject.end(subject.begin(now), 'bad', now)
}

test('consecutive failures open it, and a success in between starts the count again', () => {
  const subject = breaker({ failures: 3 })
  fail(subject, 0, 2)
  subject.end(subject.begin(0), 'good', 0)
  fail(subject, 0, 2)
  assert.equal(subject.state(0), 'closed')
  fail(subject, 0)
  assert.equal(subject.state(0), 'open')
  assert.equal(subject.admits(0), false)
})

test('a share of failures over the window opens it although they are not consecutive', () => {
  const subject = breaker({ failures: 1_000, minRequests: 10, failureShare: 0.5 })
  for (let turn = 0; turn < 5; turn++) {
    subject.end(subject.begin(turn), 'good', turn)
    assert.equal(subject.state(turn), 'closed')
    fail(subject, turn)
  }
  assert.equal(subject.state(5), 'open')
})

test('failures that have left the window do not count', () => {
  const subject = breaker({ failures: 1_000, windowMs: 1_000, minRequests: 4, failureShare: 0.5 })
  fail(subject, 0, 3)
  subject.end(subject.begin(2_500), 'good', 2_500)
  fail(subject, 2_500)
  assert.equal(subject.state(2_500), 'closed')
})

test('after the cool-down one probe at a time is let through, and its success closes', () => {
  const subject = breaker({ failures: 1, coolDownMs: 1_000 }, 0.999)
  fail(subject, 0)
  assert.equal(subject.admits(998), false)
  assert.equal(subject.state(1_000), 'half-open')
  const probe = subject.begin(1_000)
  assert.equal(probe.probe, true)
  assert.equal(subject.admits(1_000), false)
  assert.equal(subject.end(probe, 'good', 1_001), true)
  assert.equal(subject.state(1_001), 'closed')
})

test('a failed probe opens it again for twice as long, up to the bound, with jitter between a half and the whole', () => {
  const subject = breaker({ failures: 1, coolDownMs: 1_000, coolDownMaxMs: 4_000 }, 0)
  let now = 0
  const pauses: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    fail(subject, now)
    pauses.push(subject.openUntil - now)
    now = subject.openUntil
  }
  assert.deepEqual(pauses, [500, 1_000, 2_000, 2_000, 2_000])
})

test('a probe whose caller left decides nothing: the next request is the probe', () => {
  const subject = breaker({ failures: 1 })
  fail(subject, 0)
  const now = subject.openUntil
  subject.end(subject.begin(now), 'none', now)
  assert.equal(subject.state(now), 'half-open')
  assert.equal(subject.admits(now), true)
})

test('a refusal by the engine closes a half-open breaker, and neither opens nor resets a closed one', () => {
  const subject = breaker({ failures: 2 })
  fail(subject, 0)
  subject.end(subject.begin(0), 'answered', 0)
  fail(subject, 0)
  assert.equal(subject.state(0), 'open')
  subject.end(subject.begin(subject.openUntil), 'answered', subject.openUntil)
  assert.equal(subject.state(subject.openUntil), 'closed')
})

test('the late success of a request from before the opening does not close it', () => {
  const subject = breaker({ failures: 1 })
  const early = subject.begin(0)
  fail(subject, 0)
  subject.end(early, 'good', 1)
  assert.equal(subject.state(1), 'open')
})

test('client errors and departures say nothing bad about a replica', () => {
  assert.equal(signOf('client_closed'), 'none')
  assert.equal(signOf('deadline_exceeded'), 'none')
  assert.equal(signOf('upstream_rejected'), 'answered')
  assert.equal(signOf('schema_unmet'), 'good')
  assert.equal(signOf('upstream_garbled'), 'bad')
})
