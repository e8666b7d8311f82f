import { type Call, isRight } from './ast-rule.ts'
import { jsonValue, readPlainly } from './plain.ts'
import type { ReadPrintedCalls } from './port.ts'
import { isRecord } from './record.ts'
import { categoryOf, type Output, type Question, sharedId, toolsOf } from './rows.ts'

/** Shares of the rows, 0 to 1. */
export interface Figures {
  /** Rows whose calls are right; where no call is right, rows without one. */
  readonly accuracy: number
  /** Rows from which calls were read. */
  readonly parsed: number
}

export interface Comparison {
  /** Rows: questions with an output. */
  readonly n: number
  /** Read as a plain server does. */
  readonly without: Figures
  /** Read by the rescue. */
  readonly with: Figures
}

export interface Evaluation extends Comparison {
  readonly perCategory: Readonly<Record<string, Comparison>>
}

/** Rows that have no partner. */
export interface Unpaired {
  readonly questions: number
  readonly outputs: number
}

interface Verdict {
  readonly right: boolean
  readonly parsed: boolean
}

interface Judged {
  readonly category: string
  readonly without: Verdict
  readonly with: Verdict
}

/** Judges every question that has an output, and counts what has no partner. */
export function evaluate(
  questions: readonly Question[],
  outputs: readonly Output[],
  read: ReadPrintedCalls,
): { readonly evaluation: Evaluation; readonly unpaired: Unpaired } {
  const results = new Map(outputs.map((output) => [sharedId(output.id), output.result]))
  const judged: Judged[] = []
  for (const question of questions) {
    const id = sharedId(question.id)
    if (!results.has(id)) continue
    judged.push(judge(question, results.get(id), read))
  }
  const known = new Set(questions.map(({ id }) => sharedId(id)))
  const unpaired = {
    questions: questions.length - judged.length,
    outputs: outputs.filter(({ id }) => !known.has(sharedId(id))).length,
  }
  const perCategory: Record<string, Comparison> = {}
  for (const category of new Set(judged.map((one) => one.category))) {
    perCategory[category] = compare(judged.filter((one) => one.category === category))
  }
  const { n, ...figures } = compare(judged)
  return { evaluation: { n, perCategory, ...figures }, unpaired }
}

function compare(judged: readonly Judged[]): Comparison {
  const figures = (side: 'without' | 'with'): Figures => ({
    accuracy: share(judged, (one) => one[side].right),
    parsed: share(judged, (one) => one[side].parsed),
  })
  return { n: judged.length, without: figures('without'), with: figures('with') }
}

function share(judged: readonly Judged[], counts: (one: Judged) => boolean): number {
  return judged.length === 0 ? 0 : judged.filter(counts).length / judged.length
}

function judge(question: Question, result: unknown, read: ReadPrintedCalls): Judged {
  const category = categoryOf(question.id)
  if (typeof result !== 'string') {
    // Calls that the server made are nothing to rescue: they count alike on both sides.
    const verdict = verdictOn(question, callsOfServer(result), false)
    return { category, without: verdict, with: verdict }
  }
  const plain = readPlainly(
    result,
    question.function.map(({ name }) => name),
  )
  const rescued = read(result, toolsOf(question))?.map((call): Call => {
    const value = jsonValue(call.arguments)
    if (value?.kind !== 'dict') throw new Error('A rescued call has arguments that are no JSON object.')
    return { name: call.name, arguments: value.entries }
  })
  // Where the rescue has decided about arguments without a name, none are dropped any more.
  const clean = plain?.lossy === false ? plain.calls : []
  return {
    category,
    without: verdictOn(question, plain?.calls ?? [], plain?.lossy ?? false),
    with: verdictOn(question, rescued ?? clean, false),
  }
}

function verdictOn(question: Question, calls: readonly Call[], lossy: boolean): Verdict {
  return { right: isRight(question, calls), parsed: calls.length > 0 && !lossy }
}

/**
 * A list of `{name: arguments}`, as BFCL records calls that came as such; the arguments as an object or its text.
 */
function callsOfServer(result: unknown): readonly Call[] {
  const calls: Call[] = []
  for (const one of Array.isArray(result) ? result : [result]) {
    if (!isRecord(one)) continue
    for (const [name, held] of Object.entries(one)) {
      const value = jsonValue(typeof held === 'string' ? held : (JSON.stringify(held) ?? ''))
      if (value?.kind === 'dict') calls.push({ name, arguments: value.entries })
    }
  }
  return calls
}
