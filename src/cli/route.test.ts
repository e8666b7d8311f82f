import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { run } from './scripted.fixture.ts'

/** The commands as they are called, over rows of our own. */

const SHIPPED = new URL('../route/default.prior', import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'upshift-route-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, rows: readonly unknown[] | string): string {
  const path = join(folder, name)
  const text = typeof rows === 'string' ? rows : rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}

/** Sums are too hard for the weak model on six of seven rows; every fifth row is hard for both. */
const ROWS = Array.from({ length: 140 }, (_, at) => ({
  id: `r${at}`,
  prompt: at % 2 === 0 ? `Add the numbers ${at} and ${at * 3}.` : `Name a colour of the flag number ${at}.`,
  domain: at % 2 === 0 ? 'sums' : 'flags',
  weak: at % 5 === 0 || (at % 2 === 0 && at % 7 !== 0) ? 0 : 1,
  strong: at % 5 === 0 ? 0 : 1,
}))
const MODELS = ROWS.map(({ weak, strong, domain, id, prompt }, at) => ({
  id,
  task: domain,
  prompt,
  gold: String(at),
  m: {
    'gpt-4o-mini': [weak, weak === 1 ? String(at) : 'a', 1, 40, 20],
    'gemini-1.5-flash': [weak, weak === 1 ? `${at}.0` : 'b', 1, 40, 20],
    'gpt-4o': [strong, strong === 1 ? String(at) : null, 1, 40, 20],
  },
}))
const rows = file('rows.jsonl.gz', ROWS)
const models = file('models.jsonl', MODELS)
const route = (...argv: readonly string[]) => run({ argv: ['route', ...argv] })

test('the JSON has the stated keys for rows of either shape', async () => {
  const pair = ['--weak', 'gpt-4o-mini', '--strong', 'gpt-4o', '--second', 'gemini-1.5-flash']
  for (const argv of [
    ['--data', rows],
    ['--data', models, ...pair],
  ]) {
    const { code, out, err } = await route('evaluate', ...argv, '--folds', '3', '--json')
    assert.equal(code, 0, err)
    const said = JSON.parse(out)
    const keys = ['n', 'apgr', 'cpt50', 'cpt80', 'aiq', 'interval', 'baselines', 'decisionMs', 'perTask']
    for (const key of keys) assert.ok(key in said, key)
    assert.equal(said.n, 140)
    assert.ok(said.apgr > 0.6 && said.interval.low <= said.apgr && said.interval.high >= said.apgr)
    for (const key of ['random', 'length', 'domainMean', 'oracle']) assert.ok(said.baselines[key] > 0, key)
    assert.ok(said.decisionMs.p50 <= said.decisionMs.p99)
    assert.deepEqual(Object.keys(said.perTask), ['flags', 'sums'])
  }
})

test('people get a table, and sentences about cost', async () => {
  const { code, out } = await route('evaluate', '--data', rows, '--folds', '2')
  assert.equal(code, 0)
  assert.match(out, /^weak → strong\n140 rows in 2 folds, equal prompts in one; decided from the prompt\n/)
  assert.match(out, /this router +\d\.\d{3} +\d\.\d{3} to \d/)
  assert.match(out, /a coin +0\.500/)
  assert.match(out, /\nTASK +ROWS/)
  assert.match(out, /of its cost, with \d+\.\d % of the calls/)
})

test('a stored prior is measured as it is, and one that cannot be used is told', async () => {
  const stored = join(folder, 'stored.prior')
  await route('train', '--data', rows, '--out', stored)
  const { code, out } = await route('evaluate', '--data', rows, '--prior', stored, '--json')
  assert.equal(code, 0)
  const said = JSON.parse(out)
  assert.deepEqual([said.trainRows, said.folds, said.evidence, said.n], [0, null, 'prompt', 140])
  assert.ok(said.apgr > 0.6, `${said.apgr}`)
  const broken = await route('evaluate', '--data', rows, '--prior', rows)
  assert.deepEqual(
    [broken.code, /cannot be used: it does not begin like a prior/.test(broken.err)],
    [1, true],
  )
  const both = await route('evaluate', '--data', rows, '--prior', stored, '--train', rows)
  assert.equal(both.code, 2)
})

test('the plot is an SVG with the router, its baselines and nothing from outside', async () => {
  const out = join(folder, 'plot.svg')
  const { code } = await route('plot', '--data', rows, '--folds', '2', '--out', out)
  assert.equal(code, 0)
  const svg = readFileSync(out, 'utf8')
  assert.match(svg, /^<svg xmlns=/)
  for (const name of ['router', 'length of the prompt', 'oracle', 'coin'])
    assert.ok(svg.includes(`>${name}</text>`), name)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.doesNotMatch(svg, /NaN|Infinity|undefined|<script|href/)
})

test('training writes the same bytes whatever the order of the files and rows, and says from what', async () => {
  const turned = file('turned.jsonl', ROWS.toReversed())
  const others = file('others.jsonl', MODELS)
  const [one, two] = [join(folder, 'one.prior'), join(folder, 'two.prior')]
  const first = await route('train', '--data', rows, '--data', others, '--out', one, '--json')
  assert.equal(first.code, 0, first.err)
  const told = JSON.parse(first.out)
  assert.deepEqual([told.rows, told.sources.length, told.out], [280, 2, one])
  await route('train', '--data', others, '--data', rows, '--out', two)
  assert.ok(readFileSync(one).equals(readFileSync(two)))
  const same = await route('train', '--data', turned, '--out', two, '--json')
  assert.equal(JSON.parse(same.out).sources[0].name, 'turned.jsonl')
})

test('training without --out is refused, and the prior that ships stays as it is', async () => {
  const before = readFileSync(SHIPPED)
  const { code, err } = await route('train', '--data', rows)
  const after = readFileSync(SHIPPED)
  // A checkout that fails here is put right for the tests that come after.
  if (!after.equals(before)) writeFileSync(SHIPPED, before)
  assert.deepEqual([code, /needs --out FILE/.test(err), after.equals(before)], [2, true, true])
})

const BAD: readonly (readonly [string, readonly unknown[] | string, RegExp])[] = [
  [
    'a missing prompt',
    [...ROWS, { id: 'x', weak: 1, strong: 0 }],
    /line 141, is no row of this kind: prompt/,
  ],
  ['a missing outcome', [...ROWS, { id: 'x', prompt: 'x', weak: 1 }], /line 141.*strong: is missing/],
  [
    'NaN',
    `${JSON.stringify(ROWS[0])}\n{"id":"x","prompt":"x","weak":NaN,"strong":1}\n`,
    /line 2, is no JSON \(NaN/,
  ],
  ['an outcome that is no share', [{ ...ROWS[0], weak: 7 }], /line 1.*weak: /],
  ['one class', ROWS.map((row) => ({ ...row, weak: 0, strong: 1 })), /every row has the same outcome/],
  ['a double id', [...ROWS, { ...ROWS[0], prompt: 'other' }], /an id more than once, such as "r0"/],
  ['no row', '\n', /There is no row with a prompt in/],
]

test('bad data is refused with the place and the reason', async () => {
  for (const [name, content, message] of BAD) {
    const { code, err } = await route('evaluate', '--data', file(`${name}.jsonl`, content))
    assert.deepEqual([code, message.test(err)], [1, true], `${name}: ${err}`)
  }
  const missing = await route('evaluate', '--data', join(folder, 'none.jsonl'))
  assert.deepEqual([missing.code, /There is no file/.test(missing.err)], [1, true])
  const equal = await route('evaluate', '--data', rows, '--train', rows)
  assert.deepEqual([equal.code, /stand in the training file too/.test(equal.err)], [1, true])
})

test('wrong words are a usage error that says what to write', async () => {
  const said = async (...argv: readonly string[]): Promise<string> => {
    const { code, err } = await route(...argv)
    assert.equal(code, 2, err)
    return err
  }
  assert.match(await said('evaluate'), /needs --data FILE/)
  assert.match(
    await said('evaluate', '--data', models),
    /--weak and --strong, of gemini-1\.5-flash, gpt-4o, gpt-4o-mini/,
  )
  assert.match(
    await said('evaluate', '--data', rows, '--folds', '1'),
    /--folds must be a whole number from 2/,
  )
  assert.match(await said('evaluate', '--data', rows, '--price', 'weak'), /--price must be/)
  assert.match(await said('evaluate', '--data', rows, '--weak', 'strong'), /the same model/)
  assert.match(await said('plot', '--data', rows), /needs --out FILE/)
  assert.match(await said('train'), /needs --data FILE/)
  const unknown = await route('evaluate', '--data', models, '--weak', 'gpt-5', '--strong', 'gpt-4o')
  assert.deepEqual(
    [unknown.code, /These are there: gemini-1\.5-flash, gpt-4o, gpt-4o-mini/.test(unknown.err)],
    [1, true],
  )
})
