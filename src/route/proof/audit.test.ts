import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { auditEstimate, auditShares, disagreementRisk, drawAudit } from './audit.ts'

function near(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length)
  for (const [index, value] of actual.entries())
    assert.ok(Math.abs(value - (expected[index] ?? Number.NaN)) < 1e-9, `${actual}`)
}

test('shares by hand: in proportion to risk, with a floor, and never above 1', () => {
  near(auditShares([1, 3, 6], 1, 0.01), [0.1, 0.3, 0.6])
  near(auditShares([1, 3, 6], 1, 0.19), [0.19, 0.27, 0.54])
  near(auditShares([1, 1, 100], 2, 0.01), [0.5, 0.5, 1])
  near(auditShares([0, 4], 1.1, 0.1), [0.1, 1])
  near([disagreementRisk(0), disagreementRisk(1), disagreementRisk(2), disagreementRisk(9)], [1, 3, 6, 6])
  assert.equal(disagreementRisk(Number.NaN), 1)
})

test('shares sum to what is expected and keep the order of the risks', () => {
  const risks = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(risks, fc.double({ min: 0.05, max: 1, noNaN: true }), (all, part) => {
      const shares = auditShares(all, part * all.length, 0.05)
      const total = shares.reduce((sum, share) => sum + share, 0)
      assert.ok(Math.abs(total - part * all.length) < 1e-6, String(total))
      for (const [index, share] of shares.entries()) {
        assert.ok(share >= 0.05 && share <= 1)
        for (const [other, risk] of all.entries())
          if (risk > (all[index] ?? 0)) assert.ok((shares[other] ?? 0) >= share)
      }
    }),
  )
})

test('over every sample that can be drawn, the estimate has the right mean, and its variance is the one stated', () => {
  const shares = auditShares([1, 3, 6, 6, 1], 2, 0.1)
  const found = [0, 1, 1, 0, 1]
  let [mean, square, stated] = [0, 0, 0]
  for (let sample = 0; sample < 2 ** shares.length; sample++) {
    let chance = 1
    const audited = shares.flatMap((share, index) => {
      const drawn = ((sample >> index) & 1) === 1
      chance *= drawn ? share : 1 - share
      return drawn ? [{ share, found: found[index] ?? 0 }] : []
    })
    const { share, standardError } = auditEstimate(audited, shares.length)
    mean += chance * share
    square += chance * share * share
    stated += chance * standardError ** 2
  }
  assert.ok(Math.abs(mean - 3 / 5) < 1e-9)
  assert.ok(Math.abs(stated - (square - mean * mean)) < 1e-9)
})

test('each is drawn by a lot of its own', () => {
  const lots = [0.05, 0.5, 0.29]
  assert.deepEqual(
    drawAudit([0.1, 0.3, 0.6], () => lots.shift() ?? 1),
    [0, 2],
  )
})

test('what cannot be is refused in words', () => {
  assert.throws(() => auditShares([1, Number.NaN], 1, 0.1), /risk of number 1 is NaN/)
  assert.throws(() => auditShares([1, 1], 3, 0.1), /from 0\.2 to 2/)
  assert.throws(() => auditShares([1, 1], 0.1, 0.1), /0\.1 of 2 cannot be audited/)
  assert.throws(() => auditShares([1], 1, 0), /floor is 0/)
  assert.throws(() => auditEstimate([{ share: 0, found: 1 }], 5), /share is 0/)
  assert.throws(() => auditEstimate([{ share: 0.5, found: Number.NaN }], 5), /finding is NaN/)
  assert.throws(() => auditEstimate([], 0), /total is 0/)
})
