import { listKeys, type MadeKey } from '../process/keys.ts'
import type { Books } from './billing-engine.ts'

/** A key's budget beside what Upshift says was spent and what the engine billed, all in micro-dollars. */
export interface Account {
  readonly key: string
  readonly budget: number
  readonly spent: number
  readonly held: number
  readonly unknown: number
  readonly overshoot: number
  readonly underWay: number
  /** By the engine's own books. */
  readonly billed: number
  readonly begun: number
}

interface Server {
  readonly port: number
  readonly key: string
}

const MICROS = 1_000_000
const DAY_MS = 86_400_000

export async function accountsOf(
  server: Server,
  keys: readonly MadeKey[],
  books: Books,
): Promise<readonly Account[]> {
  // A parser: GET /v1/admin/keys declares this shape (src/caller/wire.ts).
  const shown = (await listKeys(server)) as readonly {
    id: string
    limits: { usdPerDay: number | null }
    spent: {
      usdToday: number
      usdReserved: number
      usdUnknownThisMonth: number
      usdOvershootThisMonth: number
      requestsUnderWay: number
    }
  }[]
  return keys.map(({ id }, index) => {
    const one = shown.find((key) => key.id === id)
    if (one === undefined) throw new Error(`GET /v1/admin/keys does not show ${id}`)
    const { limits, spent } = one
    return {
      key: id,
      budget: micros(limits.usdPerDay ?? Number.POSITIVE_INFINITY),
      spent: micros(spent.usdToday),
      held: micros(spent.usdReserved),
      unknown: micros(spent.usdUnknownThisMonth),
      overshoot: micros(spent.usdOvershootThisMonth),
      underWay: spent.requestsUnderWay,
      billed: books.byKey[String(index)]?.micros ?? 0,
      begun: books.byKey[String(index)]?.begun ?? 0,
    }
  })
}

/** What no account may show, once nothing is under way. */
export function faultsOf(accounts: readonly Account[]): readonly string[] {
  return accounts.flatMap((one) => {
    const over = (what: string, micros: number): string => `${one.key}: ${what} ${micros} of ${one.budget} µ$`
    return [
      ...(one.billed > one.budget ? [over('the engine billed', one.billed)] : []),
      ...(one.spent > one.budget ? [over('Upshift spent', one.spent)] : []),
      ...(one.billed > one.spent
        ? [`${one.key}: billed ${one.billed} µ$, and only ${one.spent} were counted`]
        : []),
      ...(one.held > 0 ? [`${one.key}: ${one.held} µ$ stay reserved`] : []),
      ...(one.underWay > 0 ? [`${one.key}: ${one.underWay} requests stay under way`] : []),
    ]
  })
}

export function accountTable(accounts: readonly Account[]): string {
  const head =
    'key                               budget µ$    spent  share   unknown  overshoot   billed  answers begun'
  const lines = accounts.map((one) =>
    [
      one.key.padEnd(32),
      String(one.budget).padStart(11),
      String(one.spent).padStart(9),
      `${((100 * one.spent) / one.budget).toFixed(1)} %`.padStart(8),
      String(one.unknown).padStart(9),
      String(one.overshoot).padStart(11),
      String(one.billed).padStart(9),
      String(one.begun).padStart(14),
    ].join(''),
  )
  return `${[head, ...lines].join('\n')}\n`
}

/** A day's budget begins anew at midnight UTC, which would make what was spent before it invisible. */
export function mustStayWithinDay(now: number, spareMs: number): void {
  const left = DAY_MS - (now % DAY_MS)
  if (left > spareMs) return
  const minutes = Math.ceil(left / 60_000)
  throw new Error(`the UTC day ends in ${minutes} minutes, and with it its budgets: run again after that`)
}

function micros(usd: number): number {
  return Math.round(usd * MICROS)
}
