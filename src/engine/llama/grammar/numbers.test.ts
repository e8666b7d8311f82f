import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_BOUNDS } from './bounds.ts'
import { accepts } from './dfa.ts'
import { ANY_NUMBER, admitsNumber, mergeNumbers, type NumberSpec, numberTexts } from './numbers.ts'
import { Work } from './outcome.ts'

/** Whether a text is printed for a set of numbers. */
function printer(spec: Partial<NumberSpec>): (text: string) => boolean {
  const texts = numberTexts({ ...ANY_NUMBER, ...spec }, DEFAULT_BOUNDS, new Work())
  return texts.type === 'automaton'
    ? (text) => accepts(texts.dfa, text)
    : (text) => texts.values.some((value) => JSON.stringify(value) === text)
}

const limit = (value: number, open = false) => ({ value, open })

describe('numbers between limits', () => {
  test('integers: exactly those within, whatever the signs and lengths', () => {
    const ends = fc.integer({ min: -2_000, max: 2_000 })
    const property = fc.property(ends, ends, fc.boolean(), (one, other, open) => {
      const [low, high] = one < other ? [one, other] : [other, one]
      const prints = printer({ whole: true, low: limit(low, open), high: limit(high) })
      for (const value of [
        low - 1,
        low,
        low + 1,
        0,
        (low + high) >> 1,
        high - 1,
        high,
        high + 1,
        -low,
        10 * high,
      ]) {
        const inside = (open ? value > low : value >= low) && value <= high
        assert.equal(prints(String(value)), inside, `${value} in ${low} (${open}) to ${high}`)
      }
    })
    fc.assert(property, { numRuns: 150, seed: 1 })
  })

  test('decimals: exactly those within, as doubles compare them', () => {
    const cents = fc.integer({ min: -50_000, max: 50_000 })
    const property = fc.property(cents, cents, fc.boolean(), cents, (one, other, open, at) => {
      const [low, high] = one < other ? [one / 100, other / 100] : [other / 100, one / 100]
      const spec = { low: limit(low, open), high: limit(high, open) }
      const prints = printer(spec)
      for (const value of [low, high, at / 100, at / 1_000, low + 0.001, high - 0.001, -low]) {
        const text = String(Number(value.toFixed(5)))
        const inside = admitsNumber({ ...ANY_NUMBER, ...spec }, Number(text))
        assert.equal(prints(text), inside, `${text} in ${low} to ${high} (${open})`)
      }
    })
    fc.assert(property, { numRuns: 150, seed: 1 })
  })

  test('an open limit is kept where doubles lie further apart than the digits', () => {
    const prints = printer({ low: limit(0), high: limit(1e12, true) })
    assert.ok(prints('999999999999.9') && !prints('999999999999.999999') && !prints('1000000000000'))
    const beyond = printer({ whole: true, low: limit(2 ** 60, true), high: limit(2 ** 60 + 1_024) })
    assert.ok(!beyond(String(2n ** 60n + 1n)), 'it is read as 2⁶⁰ itself')
    assert.ok(beyond(String(2n ** 60n + 256n)))
  })

  test('trailing zeros are other spellings of the same number', () => {
    const prints = printer({ low: limit(0.1), high: limit(0.35) })
    for (const text of ['0.1', '0.10', '0.2', '0.3500']) assert.ok(prints(text), text)
    for (const text of ['0.09', '0.351', '0.35000001', '0']) assert.ok(!prints(text), text)
  })

  test('a range that is finer than the usual digits gets more of them, and a single value its own text', () => {
    assert.ok(printer({ low: limit(0, true), high: limit(1e-10) })('0.00000000005'))
    assert.ok(printer({ low: limit(1e-40), high: limit(1e-40) })('1e-40'))
    assert.ok(printer({ low: limit(1e300), high: limit(1e300) })(`1${'0'.repeat(300)}`))
  })

  test('nothing is printed where nothing lies between', () => {
    for (const spec of [
      { low: limit(3), high: limit(2) },
      { whole: true, low: limit(2, true), high: limit(3, true) },
      { low: limit(1), high: limit(1, true) },
      { whole: true, broken: true },
    ]) {
      const texts = numberTexts({ ...ANY_NUMBER, ...spec }, DEFAULT_BOUNDS, new Work())
      assert.ok(texts.type === 'values' ? texts.values.length === 0 : texts.dfa.states.length === 0)
    }
  })
})

describe('multiples', () => {
  test('of whole numbers: exactly those, by remainders', () => {
    for (const step of [2, 3, 7, 10, 12, 60, 250, 1_000]) {
      const prints = printer({ whole: true, multiples: [step] })
      for (const value of [
        0,
        1,
        step - 1,
        step,
        step + 1,
        -step,
        7 * step,
        12_345 * step,
        12_345 * step + 1,
      ]) {
        assert.equal(prints(String(value)), value % step === 0, `${value} of ${step}`)
      }
    }
  })

  test('of fractions, at every place behind the point', () => {
    const prints = printer({ multiples: [0.25] })
    for (const text of ['0', '0.25', '0.5', '0.50', '1.75', '-3.0']) assert.ok(prints(text), text)
    for (const text of ['0.1', '0.2', '0.255', '1.7']) assert.ok(!prints(text), text)
  })

  test('of several numbers at once, and of none of some', () => {
    const prints = printer({ whole: true, multiples: [4, 6], against: [24], low: limit(0), high: limit(100) })
    assert.ok(prints('12') && prints('36') && prints('60'))
    assert.ok(!prints('24') && !prints('0') && !prints('4') && !prints('18'))
  })

  test('of a number with too many remainders, the nearest to zero one by one', () => {
    const prints = printer({ whole: true, multiples: [65_537] })
    assert.ok(prints('0') && prints('65537') && prints('-131074') && !prints('65536'))
    const far = printer({ whole: true, multiples: [9_973], low: limit(1_000_000), high: limit(2_000_000) })
    assert.ok(far(String(9_973 * 101)) && !far(String(9_973 * 101 + 1)) && !far('9973'))
  })
})

test('numbers that are left out are left out in every spelling', () => {
  const prints = printer({ except: [1.5, 2], low: limit(0), high: limit(3) })
  for (const text of ['1.5', '1.500', '2', '2.0', '2.00']) assert.ok(!prints(text), text)
  for (const text of ['1', '1.51', '2.1', '0.15']) assert.ok(prints(text), text)
  const broken = printer({ broken: true, low: limit(0), high: limit(3) })
  assert.ok(broken('1.5') && !broken('1') && !broken('1.0'))
})

test('two sets come down to the stricter limits of both', () => {
  const one = { ...ANY_NUMBER, low: limit(3), high: limit(9), multiples: [2] }
  const merged = mergeNumbers(one, {
    ...ANY_NUMBER,
    whole: true,
    low: limit(3, true),
    high: limit(12),
    multiples: [3],
  })
  assert.deepEqual([merged.low, merged.high, merged.multiples], [limit(3, true), limit(9), [2, 3]])
  assert.ok(admitsNumber(merged, 6) && !admitsNumber(merged, 3) && !admitsNumber(merged, 8))
})
