import { readFileSync, writeFileSync } from 'node:fs'
import type { Verb } from '../contract/verb.ts'
import { isMissing } from '../lib/missing.ts'
import { createCatalogue } from './catalogue.ts'
import { referencePage } from './reference.ts'

const PAGE = new URL('../../docs/cli.md', import.meta.url)

/** Every verb of the catalogue, loaded for its words only. */
export async function describedVerbs(): Promise<readonly Verb[]> {
  const neverRun = (): never => {
    throw new Error('a verb that is only described was run')
  }
  const catalogue = createCatalogue({ serve: neverRun, doctor: neverRun, models: neverRun })
  return await Promise.all(catalogue.map((entry) => entry.load()))
}

/** True where docs/cli.md is what the verbs say now. */
export async function isCurrent(): Promise<boolean> {
  return readPage() === referencePage(await describedVerbs())
}

function readPage(): string | undefined {
  try {
    return readFileSync(PAGE, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) {
    writeFileSync(PAGE, referencePage(await describedVerbs()))
  } else if (!(await isCurrent())) {
    process.stderr.write('docs/cli.md is out of date. Run `node src/cli/generate.ts`.\n')
    process.exitCode = 1
  }
}
