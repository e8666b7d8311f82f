import { textTable } from '../src/lib/table.ts'
import { benchData } from './process/data.ts'
import { evaluateRecorded, type RecordedModel } from './process/recorded-calls.ts'

/**
 * What the rescue of printed tool calls is worth for each recorded model: `node bench/toolcalls.ts`, with the data
 * under $UPSHIFT_DATA (../shared/data where unset). How rows are judged stands in docs/tool-calls.md. Ends with 3
 * where a model loses by the rescue.
 */
const folder = benchData('agents')
report(evaluateRecorded(folder))

function report(models: readonly RecordedModel[]): void {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const rows = models.map(({ model, calls, irrelevance }) => [
    model,
    String(calls.n),
    ...[calls.without.accuracy, calls.with.accuracy, calls.without.parsed, calls.with.parsed].map(percent),
    ...[1 - irrelevance.without.accuracy, 1 - irrelevance.with.accuracy].map(percent),
  ])
  const head = ['MODEL', 'ROWS', 'RIGHT WITHOUT', 'WITH', 'READ WITHOUT', 'WITH', 'NEEDLESS WITHOUT', 'WITH']
  process.stdout.write(textTable(head, rows))
  const losing = models.filter(({ calls }) => calls.with.accuracy < calls.without.accuracy)
  if (losing.length > 0) process.exitCode = 3
}
