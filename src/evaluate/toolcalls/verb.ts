import { UpshiftError } from '../../contract/problem.ts'
import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { textTable } from '../../lib/table.ts'
import { readRows } from '../../store/json-lines.ts'
import type { ReadPrintedCalls } from './port.ts'
import { outputSchema, questionSchema } from './rows.ts'
import { type Comparison, type Evaluation, evaluate, type Unpaired } from './score.ts'

/** `evaluate toolcalls`, over what reads printed calls. */
export function toolcallsVerb(read: ReadPrintedCalls): Verb {
  return {
    name: 'evaluate toolcalls',
    summary: 'Measure what the rescue of printed tool calls is worth on recorded answers.',
    operands: '[QUESTIONS...]',
    options: {
      questions: {
        type: 'string',
        multiple: true,
        value: 'FILE',
        summary:
          'Questions with their tools and right calls, a row a line; a folder or a pattern names several.',
      },
      outputs: {
        type: 'string',
        multiple: true,
        value: 'FILE',
        summary: 'One model’s recorded answers, a row a line.',
      },
    },
    details:
      'Reads each recorded answer twice, as a plain server does (`without`) and with the rescue (`with`), and judges the ' +
      'calls by the AST rule of the Berkeley Function Calling Leaderboard. Rows are {id, function, ground_truth} and ' +
      '{id, result}, in .jsonl or .jsonl.gz, and are paired by id; how many have no partner is told. ' +
      'Needs no server and no model. The chapter on tool calls says what is counted.',
    examples: [
      'upshift evaluate toolcalls --questions bfcl_multiple.jsonl.gz --outputs model.jsonl.gz',
      "upshift evaluate toolcalls --questions 'questions/*.jsonl' --outputs model.jsonl --json",
    ],
    run: (context) => run(context, read),
  }
}

async function run({ args, flags, json, out, err }: VerbContext, read: ReadPrintedCalls): Promise<ExitCode> {
  const places = [...named(flags['questions']), ...args]
  const recorded = named(flags['outputs'])
  if (places.length === 0 || recorded.length === 0) {
    throw new UsageError('`upshift evaluate toolcalls` needs --questions FILE and --outputs FILE')
  }
  const questions = readRows(places, questionSchema)
  const outputs = readRows(recorded, outputSchema)
  const { evaluation, unpaired } = evaluate(questions, outputs, read)
  err.write(`${unpairedWords(unpaired)}\n`)
  if (evaluation.n === 0) {
    const message =
      'No question has an output: the ids of the two files have nothing in common. Name files of the same categories.'
    throw new UpshiftError({ code: 'invalid_request', message })
  }
  out.write(json ? `${JSON.stringify(evaluation, null, 2)}\n` : tableOf(evaluation))
  return 0
}

function named(flag: VerbContext['flags'][string]): readonly string[] {
  return [flag].flat().filter((one) => typeof one === 'string')
}

function unpairedWords({ questions, outputs }: Unpaired): string {
  const of = (count: number, one: string): string => (count === 1 ? `1 ${one}` : `${count} ${one}s`)
  return `Without a partner: ${of(questions, 'question')}, ${of(outputs, 'output')}.`
}

function tableOf({ perCategory, ...all }: Evaluation): string {
  const row = (name: string, { n, without, with: rescued }: Comparison): string[] => [
    name,
    String(n),
    ...[without.accuracy, rescued.accuracy, without.parsed, rescued.parsed].map(percent),
  ]
  const rows = Object.entries(perCategory).map(([name, figures]) => row(name, figures))
  return textTable(
    ['CATEGORY', 'ROWS', 'RIGHT WITHOUT', 'RIGHT WITH', 'READ WITHOUT', 'READ WITH'],
    [...rows, row('all', all)],
  )
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
