import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calibrationError } from './calibration-error.ts'

const rows = (foretold: number, seen: readonly number[]) => seen.map((one) => [foretold, one] as const)

test('what comes as foretold has no error, and what is always off by a fifth has that', () => {
  const half = Array.from({ length: 100 }, (_, at) => at % 2)
  assert.ok(calibrationError(rows(0.5, half)) < 1e-9)
  assert.ok(Math.abs(calibrationError(rows(0.7, half)) - 0.2) < 1e-9)
})

test('errors of different groups do not make up for each other', () => {
  const [none, all] = [new Array(50).fill(0), new Array(50).fill(1)]
  assert.ok(Math.abs(calibrationError([...rows(0.3, none), ...rows(0.7, all)]) - 0.3) < 1e-9)
})
