import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evidence, Judgement } from '../../contract/escalation.ts'
import { DEFAULT_WEIGHTS, posteriorGain } from '../escalate/posterior.ts'
import { Learner, learnerStateSchema } from './learner.ts'

const TERMS = { models: 'a > b', priceMicros: 10_000, cheapMaxMicros: 100, strongMaxMicros: 2_000 }

/** A compared request: the two cheap models agree or not, and who was right. */
function compared(
  learner: Learner,
  nth: number,
  agrees: boolean,
  cheap: number,
  strong: number,
  more: Partial<Evidence> = {},
): void {
  const judged: Judgement = {
    segment: 'fast>expert prose',
    prior: 0.1,
    gain: 0.1,
    worthMicros: 10_000,
    extraMicros: 1_000,
    action: 'accept',
    done: 'accept',
    reason: '',
    evidence: { agrees, chars: 600, whole: true, ...more },
  }
  const seen = (quality: number, costMicros: number) => ({ quality, costMicros })
  const outcome = {
    design: 'paired' as const,
    segment: judged.segment,
    assignedAt: nth,
    terms: TERMS,
    drawn: 0.1,
    cheap: seen(cheap, 50),
    strong: seen(strong, 1_050),
  }
  learner.add(`req_${nth}`, judged, outcome, nth)
}

/** Agreement is worthless here: where the two agree the strong model is right, where they differ the cheap one is. */
function taught(rows: number): Learner {
  const learner = new Learner()
  for (let nth = 0; nth < rows; nth++)
    compared(learner, nth, nth % 2 === 0, nth % 2 === 0 ? 0 : 1, nth % 2 === 0 ? 1 : 0)
  return learner
}

test('the weights that ship are live until a replay speaks for others', () => {
  const learner = taught(49)
  assert.deepEqual(learner.weights, DEFAULT_WEIGHTS)
  assert.deepEqual(
    learner.versions.map(({ id, live }) => [id, live]),
    [['v1', true]],
  )
  assert.equal(learner.before, undefined)
})

test('what the outcomes say turns the weights round, and goes live', () => {
  const learner = taught(400)
  const [newest] = learner.versions
  assert.equal(newest?.replayed?.verdict, 'not-worse')
  const agree = { agrees: true, chars: 600, whole: true }
  const differ = { ...agree, agrees: false }
  assert.ok(posteriorGain(0.1, agree, learner.weights) > posteriorGain(0.1, differ, learner.weights))
})

test('what would do worse does not go live', () => {
  const learner = new Learner()
  // Fifty rows that mislead, then many that do not: the version of the first fifty is replayed on them alone.
  for (let nth = 0; nth < 200; nth++)
    compared(learner, nth, nth % 2 === 0, nth % 2 === 0 ? 1 : 0, nth % 2 === 0 ? 0 : 1)
  const agree = { agrees: true, chars: 600, whole: true }
  assert.ok(posteriorGain(0.1, agree, learner.weights) < 0)
})

test('going back takes the version before, and there is an end to it', () => {
  const learner = taught(400)
  const live = () => learner.versions.find((one) => one.live)?.id
  const steps: (string | undefined)[] = [live()]
  while (learner.before !== undefined) {
    assert.equal(learner.rollBack(), undefined)
    steps.push(live())
  }
  assert.equal(steps.at(-1), 'v1')
  assert.deepEqual(learner.weights, DEFAULT_WEIGHTS)
  assert.match(learner.rollBack()?.why ?? '', /no version was live before/)
})

test('a learner goes on from its state as if it had never stopped', () => {
  const whole = taught(260)
  const state: unknown = JSON.parse(JSON.stringify(taught(130).state()))
  const resumed = new Learner(learnerStateSchema.parse(state))
  for (let nth = 130; nth < 260; nth++)
    compared(resumed, nth, nth % 2 === 0, nth % 2 === 0 ? 0 : 1, nth % 2 === 0 ? 1 : 0)
  assert.deepEqual(resumed.state(), whole.state())
})

test('every piece of evidence outlives a restart', () => {
  const learner = new Learner()
  const full: Partial<Evidence> = {
    margin: 0.8,
    grounding: 0.5,
    repeats: true,
    step: { number: 4, failed: 'repeat' },
    neighbours: { gain: 0.3, weight: 0.6 },
  }
  compared(learner, 1, true, 0, 1, full)
  compared(learner, 2, false, 0, 1)
  const state: unknown = JSON.parse(JSON.stringify(learner.state()))
  const resumed = new Learner(learnerStateSchema.parse(state))
  assert.deepEqual(resumed.state(), learner.state())
  assert.deepEqual(resumed.state().rows[0]?.evidence, { agrees: true, chars: 600, whole: true, ...full })
})
