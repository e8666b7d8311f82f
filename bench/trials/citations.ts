import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { textTable } from '../../src/lib/table.ts'
import { Shelf } from '../../test/process/collection.ts'
import { chat } from '../../test/process/send.ts'
import { startServer } from '../../test/process/server.ts'
import { configOf, engineAt } from '../../test/process/settings.ts'
import { respond, startUpstream } from '../../test/process/upstream.ts'
import { seeded } from './asking.ts'
import { falsehoods, type ShownCitation } from './citation-verifier.ts'
import { LIES, type Lie, lied, shownIn } from './lying-model.ts'

/**
 * Whether a false citation is ever shown: `node bench/trials/citations.ts [--answers 1000 --seed 1 --json]`.
 *
 * DESIGN. The real server over the pages of docs/ as a collection, and an engine that lies in its citations in every way
 * that we could think of (lying-model.ts), and is honest in about a third of its sentences. What is shown goes to a verifier that reads
 * the original files and shares no code with Upshift (citation-verifier.ts). Before the run it must find a falsehood in
 * each of some answers that were altered on purpose. So that nothing passes by showing nothing, at least
 * KEPT_SHARE of the honest sentences must be shown.
 * Exit codes: 0 nothing false was shown, 1 something was, or the verifier is blind, or honest sentences were lost.
 */
const { values } = parseArgs({
  options: {
    answers: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const KEPT_SHARE = 0.9
const AT_ONCE = 4
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url))

const replySchema = z.object({
  choices: z.array(z.object({ message: z.looseObject({ content: z.string() }) })),
  upshift: z.looseObject({
    declined: z.boolean(),
    citations: z.array(
      z.looseObject({
        id: z.string(),
        document: z.string(),
        version: z.string(),
        start: z.number(),
        end: z.number(),
        quote: z.string(),
      }),
    ),
  }),
})

interface Seen {
  readonly answers: number
  readonly declined: number
  readonly citations: number
  readonly told: ReadonlyMap<Lie, number>
  /** Sentences whose citation was true, and the citations that were shown for them. */
  readonly honest: number
  readonly falsehoods: readonly string[]
}

process.exitCode = await run(Number(values.answers), seeded(Number(values.seed)))

async function run(answers: number, random: () => number): Promise<number> {
  await using engine = await startUpstream()
  using shelf = new Shelf()
  await using server = await startServer({ config: configOf({ one: engineAt([engine.url]) }) })
  const pages = readdirSync(DOCS).filter((name) => name.endsWith('.md'))
  const files = Object.fromEntries(pages.map((name) => [name, readFileSync(`${DOCS}${name}`, 'utf8')]))
  await shelf.add(server.home, 'manuals', files)
  const questions = Object.values(files).flatMap((text) =>
    Array.from(text.matchAll(/^#{1,4} (.+)$/gm), ([, heading]) => `What is said of ${heading}?`),
  )
  const told = new Map<Lie, number>()
  engine.answer((response, received) => {
    const said = lied(shownIn(received), random)
    for (const lie of said.told) told.set(lie, (told.get(lie) ?? 0) + 1)
    respond(response, received, [said.text])
  })
  const found: string[] = []
  let [citations, declined, blind] = [0, 0, 0]
  const one = async (number: number): Promise<void> => {
    const question = questions[number % questions.length]
    const messages = [{ role: 'user', content: question }]
    const reply = await chat(server, { model: 'one/small', messages, upshift: { collection: 'manuals' } })
    if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`)
    const { choices, upshift } = replySchema.parse(JSON.parse(reply.text))
    const text = choices[0]?.message.content ?? ''
    citations += upshift.citations.length
    if (upshift.declined) declined++
    found.push(...falsehoods(text, upshift.citations))
    blind += unseen(text, upshift.citations)
  }
  for (let at = 0; at < answers; at += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, answers - at) }, (_, more) => one(at + more)))
  return tell({ answers, declined, citations, told, honest: told.get('true') ?? 0, falsehoods: found }, blind)
}

/** Alterations of a shown answer that the verifier does not see: it must see every one. */
function unseen(text: string, citations: readonly ShownCitation[]): number {
  const [first, ...others] = citations
  if (first === undefined) return 0
  const altered: [string, readonly ShownCitation[]][] = [
    [text, [{ ...first, quote: `${first.quote.slice(0, -1)}~` }, ...others]],
    [text, [{ ...first, start: first.start + 1 }, ...others]],
    [text, [{ ...first, version: '0'.repeat(64) }, ...others]],
    [`It says “lamps are green at night” [1]. ${text}`, citations],
    [`So it is [${citations.length + 1}]. ${text}`, citations],
  ]
  return altered.filter(([words, shown]) => falsehoods(words, shown).length === 0).length
}

function tell(seen: Seen, blind: number): number {
  const kept = seen.citations / seen.honest
  const good = seen.falsehoods.length === 0 && blind === 0 && kept >= KEPT_SHARE
  if (values.json) {
    const told = Object.fromEntries(seen.told)
    process.stdout.write(`${JSON.stringify({ ...seen, told, blind, kept, good }, null, 2)}\n`)
    return good ? 0 : 1
  }
  const rows = LIES.map((lie) => [lie, String(seen.told.get(lie) ?? 0)])
  process.stdout.write(`${textTable(['SENTENCES OF THE MODEL', 'TOLD'], rows)}\n`)
  for (const one of seen.falsehoods.slice(0, 20)) process.stdout.write(`FALSE: ${one}\n`)
  process.stdout.write(
    `${seen.answers} answers, ${seen.declined} of them declined; ${seen.citations} citations shown for ${seen.honest} honest sentences (${(100 * kept).toFixed(1)} %)\n` +
      `${seen.falsehoods.length} false citations shown; ${blind} planted faults that the verifier missed\n`,
  )
  return good ? 0 : 1
}
