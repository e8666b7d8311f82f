import { guardSchema } from '../src/guard/config.ts'
import { createInputGuard } from '../src/guard/input.ts'
import { createAnswerChecks } from '../src/guard/output/answer-check.ts'

/**
 * How fast the guard reads the worst that can be sent to it: `node bench/guard.ts [characters]`. Each line is a
 * short pattern repeated; the figures are megabytes (of ASCII) a second for a request that leaves the machine,
 * for a whole answer, and the longest that a whole answer kept the event loop without a turn.
 */
const CHARS = Number(process.argv[2] ?? 1_048_576)
const PATTERNS = [
  ...[
    'A plain sentence, and another one. ',
    'eyJ.',
    'eyJ-',
    'sk-',
    'xoxb--',
    'glpat--',
    'secretaccesskey',
    'ya29.',
  ],
  ...['-----BEGIN PRIVATE KEY-----', '://', '1 ', '4111 ', 'DE12 ', '\\u0041', '\u200b', '%41', 'a@a.'],
  ...['<', '<a', '<a=', '<a href=', '<a style=//', '<a="', '](', '](&', '](<', '![](', '[a]:', '](//test'],
  ...[
    'www.',
    'www.a ',
    'http://localhost/',
    '](//localhost/',
    '```\n',
    '> ```\n',
    '![\n\n',
    'AKIA2E7XQ3LMNOP4RSTU ',
  ],
]

const config = guardSchema.parse({})
const input = createInputGuard(config)
const unused = (): never => {
  throw new Error('Nothing here has a schema.')
}
const checks = createAnswerChecks({ config, schemas: { checkSchemas: unused, validate: unused } })
const ask = (content: string) => ({ model: 'auto', messages: [{ role: 'user' as const, content }] })
const plan = {
  mode: 'direct',
  requested: 'auto',
  tier: 'fast',
  candidates: ['a/b'],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 100,
  capImposed: true,
  deadlineMs: 1000,
  reasons: [],
  rejected: [],
} as const

async function answer(text: string): Promise<{ totalMs: number; longestMs: number }> {
  let longestMs = 0
  let last = performance.now()
  let going = true
  const turn = (): void => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - last)
    last = now
    if (going) setImmediate(turn)
  }
  const began = last
  setImmediate(turn)
  const check = checks(ask('hello'), plan, false)
  await check.scan([
    { type: 'answer-whole', completion: { choices: [{ index: 0, message: { content: text } }] } },
  ])
  turn()
  going = false
  return { totalMs: performance.now() - began, longestMs }
}

process.stdout.write(`${CHARS} characters of each\n${'pattern'.padEnd(40)}in MB/s  out MB/s  longest ms\n`)
for (const pattern of PATTERNS) {
  const text = pattern.repeat(Math.ceil(CHARS / pattern.length)).slice(0, CHARS)
  const began = performance.now()
  input.outbound(ask(text))
  const inMs = performance.now() - began
  const { totalMs, longestMs } = await answer(text)
  const speed = (ms: number): string => (CHARS / 1000 / ms).toFixed(1).padStart(9)
  const shown = JSON.stringify(pattern).padEnd(38)
  process.stdout.write(`${shown}${speed(inMs)} ${speed(totalMs)}${longestMs.toFixed(0).padStart(12)}\n`)
}
