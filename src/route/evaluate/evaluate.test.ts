import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpshiftError } from '../../contract/problem.ts'
import { systemClock } from '../../lib/clock.ts'
import { Chance } from '../learn/chance.ts'
import { projected } from '../learn/dense.ts'
import { outcomes } from '../learn/outcomes.fixture.ts'
import { type Evaluation, evaluate, type Setting } from './evaluate.ts'
import { foldsOf } from './folds.ts'
import { pricesWith } from './pair.ts'
import type { Recorded, Row } from './rows.ts'

const bare = (right: number): Recorded => ({
  right,
  answer: undefined,
  valid: undefined,
  inTokens: undefined,
  outTokens: undefined,
})

function rowsOf(count: number, seed: number): readonly Row[] {
  return outcomes(count, seed).map(({ text, weak, strong, hard }, at) => ({
    id: `row-${seed}-${at}`,
    text,
    label: hard ? 'sums' : 'chat',
    models: new Map([
      ['weak', bare(weak)],
      ['strong', bare(strong)],
    ]),
  }))
}

/** Prompts that say nothing: only the cheap models' answers tell who is right. */
function answeredRows(count: number): readonly Row[] {
  const chance = new Chance(9)
  const recorded = (right: number, truth: string): Recorded => ({
    right,
    answer: right === 1 ? truth : String(chance.below(1e6)),
    valid: true,
    inTokens: 100,
    outTokens: 50,
  })
  return Array.from({ length: count }, (_, at) => {
    const draw = (share: number): number => (chance.next() < share ? 1 : 0)
    const truth = String(at)
    return {
      id: String(at),
      text: `prompt number ${at} of many`,
      label: undefined,
      models: new Map([
        ['gpt-4o-mini', recorded(draw(0.6), truth)],
        ['gemini-1.5-flash', recorded(draw(0.6), truth)],
        ['gpt-3.5-turbo', recorded(draw(0.9), truth)],
        ['gemini-1.5-pro', recorded(draw(0.9), truth)],
        ['gpt-4o', recorded(draw(0.9), truth)],
      ]),
    }
  })
}

async function measured(
  data: readonly Row[],
  more: Partial<Setting> = {},
  train?: readonly Row[],
): Promise<Evaluation> {
  const { evaluation } = await evaluate(data, train, {
    names: { weak: 'weak', strong: 'strong' },
    second: undefined,
    folds: 2,
    priceOf: pricesWith(new Map()),
    signal: new AbortController().signal,
    clock: systemClock,
    progress: () => undefined,
    ...more,
  })
  return evaluation
}

const DATA = rowsOf(400, 1)
const withoutTimes = ({ decisionMs, ...rest }: Evaluation): unknown => rest
const refusal =
  (message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof UpshiftError && message.test(error.message)

test('what the words tell is recovered: far above a coin and above length, and below the oracle', async () => {
  const { apgr, interval, baselines, aboveLength, perTask, n, cpt50 } = await measured(DATA)
  assert.ok(apgr !== null && interval !== null && aboveLength !== null && baselines.oracle !== null)
  assert.ok(apgr > 0.65 && apgr < baselines.oracle, `${apgr}`)
  assert.ok(interval.low < apgr && apgr < interval.high && aboveLength.low > 0)
  assert.deepEqual([n, baselines.random, Object.keys(perTask)], [400, 0.5, ['chat', 'sums']])
  assert.ok((cpt50 ?? 99) < 45)
})

test('neither the order of rows nor their ids nor their labels change the figures', async () => {
  const first = await measured(DATA)
  const renamed = DATA.toReversed().map((row, at) => ({ ...row, id: `other-${at}` }))
  assert.deepEqual(withoutTimes(await measured(renamed)), withoutTimes(first))
  const unlabelled = await measured(DATA.map((row) => ({ ...row, label: undefined })))
  assert.deepEqual([unlabelled.apgr, unlabelled.interval], [first.apgr, first.interval])
  assert.deepEqual([unlabelled.baselines.domainMean, unlabelled.perTask], [null, {}])
})

test('equal prompts stay in one fold, and the folds are of equal size', () => {
  const doubled = [...DATA, ...DATA.map((row) => ({ ...row, id: `${row.id}-again` }))]
  const folds = foldsOf(doubled, 4)
  for (const at of DATA.keys()) assert.equal(folds[at], folds[at + DATA.length])
  for (const fold of [0, 1, 2, 3])
    assert.equal(folds.filter((one) => one === fold).length, doubled.length / 4)
})

test('with a file to train on, that file alone is learned from', async () => {
  const { folds, trainRows, apgr } = await measured(DATA, {}, rowsOf(400, 2))
  assert.deepEqual([folds, trainRows], [null, 400])
  assert.ok((apgr ?? 0) > 0.65, `${apgr}`)
})

test('a training prompt that the data holds is left out and counted; many are refused', async () => {
  const others = rowsOf(400, 2)
  const few = DATA.slice(0, 5).map((row) => ({ ...row, id: `copy-${row.id}` }))
  const { equalPromptsLeftOut, trainRows } = await measured(DATA, {}, [...others, ...few])
  assert.deepEqual([equalPromptsLeftOut, trainRows], [5, 400])
  await assert.rejects(
    measured(DATA, {}, DATA),
    refusal(/^400 of 400 prompts of the data stand in the training file/),
  )
})

test('agreement of a second model is evidence, its cost counts, and the training rows choose it', async () => {
  const names = { weak: 'gpt-4o-mini', strong: 'gpt-4o' }
  const rows = answeredRows(400)
  const { pair, apgr, baselines, evidence, atStrongAccuracy } = await measured(rows, { names })
  assert.deepEqual([pair.second, evidence], ['gemini-1.5-flash', 'prompt and answers'])
  assert.ok(
    (apgr ?? 0) > 0.75 && Math.abs((baselines.promptOnly ?? 0) - 0.5) < 0.15,
    `${apgr} ${baselines.promptOnly}`,
  )
  const free = new Map([['gemini-1.5-flash', { input: 0, output: 0 }]])
  const cheaper = await measured(rows, { names, second: 'gemini-1.5-flash', priceOf: pricesWith(free) })
  assert.equal(cheaper.apgr, apgr)
  assert.ok((cheaper.atStrongAccuracy?.costShare ?? 9) < (atStrongAccuracy?.costShare ?? 0))
  const alone = await measured(rows, { names, second: 'none' })
  assert.equal(alone.pair.second, null)
  assert.ok((alone.apgr ?? 1) < (apgr ?? 0))
})

test('a threshold from the training rows is applied as it is, and its escalations are judged', async () => {
  const { operating, strong, atStrongAccuracy } = await measured(DATA)
  assert.ok(Math.abs(operating.quality - strong) < 0.06)
  assert.ok(operating.strongShare > 0.2 && operating.strongShare < 1)
  assert.ok(operating.wasted > 0 && operating.wasted < 1 && operating.harmful < 0.2)
  assert.ok((atStrongAccuracy?.quality ?? 0) >= strong - 1e-9)
})

test('rows that cannot be learned from are refused with the reason', async () => {
  const same = DATA.map((row) => ({
    ...row,
    models: new Map([
      ['weak', bare(1)],
      ['strong', bare(1)],
    ]),
  }))
  await assert.rejects(
    measured(same),
    refusal(/every row has the same outcome \(strong minus weak is 0 everywhere\)/),
  )
  await assert.rejects(
    measured([...DATA, ...DATA.slice(0, 2)]),
    refusal(/2 ids more than once, such as "row-1-0"/),
  )
  await assert.rejects(
    measured(DATA.slice(0, 6), { folds: 4 }),
    refusal(/6 different prompts, too few for 4 folds/),
  )
  const swapped = { names: { weak: 'strong', strong: 'weak' } }
  await assert.rejects(measured(DATA, swapped), refusal(/^weak is not better than strong on these rows/))
  const unknown = { names: { weak: 'weak', strong: 'gpt-9' } }
  await assert.rejects(
    measured(DATA, unknown),
    refusal(/No row knows a model "gpt-9"\. These are there: strong, weak\./),
  )
})

test('an aborted evaluation ends', async () => {
  await assert.rejects(measured(DATA, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

test('embeddings that tell what prompts do not are used where every row has one', async () => {
  const chance = new Chance(21)
  const direction = Float32Array.from({ length: 100 }, () => chance.next() - 0.5)
  const rows = Array.from({ length: 300 }, (_, at): Row => {
    const hard = chance.next() < 0.5
    const noisy = direction.map((value) => (hard ? value : -value) + 0.3 * (chance.next() - 0.5))
    const outcome = new Map([
      ['weak', bare(hard ? 0 : 1)],
      ['strong', bare(1)],
    ])
    const row = { id: `e${at}`, text: `prompt number ${at} of many`, label: undefined, models: outcome }
    return { ...row, meaning: projected(noisy), dimensions: 100 }
  })
  const withAll = await measured(rows)
  assert.equal(withAll.embeddings, true)
  assert.ok((withAll.apgr ?? 0) > 0.7, `${withAll.apgr}`)
  const [first, ...others] = rows
  assert.ok(first !== undefined)
  const { meaning: _, dimensions: __, ...bareFirst } = first
  const without = await measured([bareFirst, ...others])
  assert.equal(without.embeddings, false)
  assert.ok((without.apgr ?? 0) < 0.6, `${without.apgr}`)
})
