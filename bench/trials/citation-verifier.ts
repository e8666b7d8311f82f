import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/**
 * DESIGN. Checks what an answer shows against the files themselves. It shares no code with Upshift and asks it nothing:
 * it reads the bytes, hashes them, decodes UTF-8 and compares. A citation is true where the file's hash is the version
 * that it names and the quotation stands at its offsets; an answer is, where besides every number in its text means a
 * citation, every listed source is one of these, and everything in quotation marks stands in a cited file.
 */
export interface ShownCitation {
  readonly id: string
  readonly document: string
  readonly version: string
  readonly start: number
  readonly end: number
  readonly quote: string
}

/** What is false about an answer, in words; empty where nothing is. */
export function falsehoods(text: string, citations: readonly ShownCitation[]): string[] {
  const files = new Map<string, string>()
  const found = citations.flatMap((one) => {
    const bytes = readFileSync(one.document)
    const file = bytes.toString('utf8')
    files.set(one.document, flat(file))
    const wrong: string[] = []
    if (createHash('sha256').update(bytes).digest('hex') !== one.version)
      wrong.push(`${one.id}: another version`)
    if (file.slice(one.start, one.end) !== one.quote || one.quote === '')
      wrong.push(`${one.id}: ${JSON.stringify(one.quote)} does not stand there`)
    if (!one.id.endsWith(`@${one.version.slice(0, 12)}:${one.start}-${one.end}`))
      wrong.push(`${one.id}: the id names another place`)
    return wrong
  })
  const [body = '', list = '', ...more] = text.split('\nSources\n')
  if (more.length > 0) found.push('there are two lists of sources')
  for (const [, number] of text.matchAll(/\[(\d+)\]/g))
    if (Number(number) < 1 || Number(number) > citations.length) found.push(`[${number}] means no citation`)
  for (const [, id] of text.matchAll(/^ {4}npx upshift cite (.+)$/gm))
    if (!citations.some((one) => one.id === id)) found.push(`${id} is listed and is no citation`)
  const all = [...files.values()]
  for (const [, words] of body.matchAll(/["“]([^"“”]+)["”]/g))
    if (!all.some((file) => file.includes(flat(words ?? ''))))
      found.push(`“${words}” stands in no cited file`)
  for (const [, words] of list.matchAll(/\n {4}“(.+)”\n/g))
    if (!all.some((file) => file.includes(flat(words ?? ''))))
      found.push(`“${words}” is listed and stands in no file`)
  return found
}

function flat(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
