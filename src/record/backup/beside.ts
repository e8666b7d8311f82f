import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { HomeError } from '../../contract/problem.ts'

// DESIGN. A restore works on folders beside the home: the copy that it makes, and the home that it moves aside. Both
// carry one stamp, and the second is there only once the copy has passed the audit. Between the two renames there is no
// home, and whoever starts then must not begin a new one, with new keys, full budgets and an empty record. Which of the
// two is to be the home is for the operator to say: nothing here renames or removes anything.

/** Whole paths, the oldest first. */
export interface Beside {
  /** Copies of backups, with what keys those have, of restores that were killed or are at work. */
  readonly staged: readonly string[]
  /** Homes that were replaced. */
  readonly aside: readonly string[]
}

/** @param stamp - of the restore, as `stampOf` gives it */
export function stagedAt(home: string, stamp: string): string {
  return `${home}.restoring-${stamp}`
}

export function asideAt(home: string, stamp: string): string {
  return `${home}.before-${stamp}`
}

/** 20261121T093000Z */
export function stampOf(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}

const STAMP = /^\d{8}T\d{6}Z$/

/** Where a link leads to, whether anything is there or not: what is renamed is the home and never the link. */
export function placeOf(home: string): string {
  if (existsSync(home)) return realpathSync(home)
  const isLink = lstatSync(home, { throwIfNoEntry: false })?.isSymbolicLink() === true
  return isLink ? resolve(dirname(home), readlinkSync(home)) : resolve(home)
}

/** Whether a folder holds what every start makes. */
export function isHome(folder: string): boolean {
  return ['log', 'state.db', 'lock.db'].some((name) => existsSync(join(folder, name)))
}

/** What restores have put beside a home. */
export function besideHome(home: string): Beside {
  const whole = placeOf(home)
  return {
    staged: stampsBeside(stagedAt(whole, '')).map((stamp) => stagedAt(whole, stamp)),
    aside: stampsBeside(asideAt(whole, '')).map((stamp) => asideAt(whole, stamp)),
  }
}

/** Throws HomeError where there is no home because a restore was broken off between its two renames. */
export function expectSwapped(home: string): void {
  if (isHome(home)) return
  const whole = placeOf(home)
  const moved = stampsBeside(asideAt(whole, ''))
  const stamp = stampsBeside(stagedAt(whole, '')).findLast((one) => moved.includes(one))
  if (stamp === undefined) return
  const both = `${asideAt(whole, stamp)} is the home that was there, and ${stagedAt(whole, stamp)} the backup, which has passed the audit`
  throw missing(
    whole,
    `a restore was broken off between its two renames, unless one is at work. ${both}. Rename the one that is to be the home to ${whole}.`,
  )
}

/** As `expectSwapped`, and where anything else lies beside the place by which a home was there, or was to be. */
export function expectNotLost(home: string): void {
  expectSwapped(home)
  if (isHome(home)) return
  const { staged, aside } = besideHome(home)
  const [before, copy, whole] = [aside.at(-1), staged.at(-1), placeOf(home)]
  if (before !== undefined) {
    const what = `a restore has moved one aside, to ${before}. Rename that to ${whole}, or restore a backup`
    throw missing(whole, `${what}. To begin a new home, move it elsewhere first.`)
  }
  if (copy !== undefined) {
    const what = `a restore is at work, or was broken off and has left ${copy}, a part of a backup`
    throw missing(whole, `${what}. Remove it and restore again. Without it, a start begins a new home.`)
  }
}

/** The stamps of the folders whose path is `prefix` and a stamp, the oldest first. */
function stampsBeside(prefix: string): readonly string[] {
  const name = basename(prefix)
  return namesIn(dirname(prefix))
    .filter((one) => one.startsWith(name))
    .map((one) => one.slice(name.length))
    .filter((stamp) => STAMP.test(stamp))
}

const UNKNOWN = new Set<unknown>(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'])

/** A folder that may be passed through but not listed is no fault of a home in it: then nothing is known of it. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if (error instanceof Error && 'code' in error && UNKNOWN.has(error.code)) return []
    throw error
  }
}

function missing(home: string, what: string): HomeError {
  const message = `No home lies in ${home}, and none is begun: ${what}`
  return new HomeError({ code: 'record_unavailable', message })
}
