import { readFileSync, writeFileSync } from 'node:fs'
import { isMissing } from '../lib/missing.ts'
import { keywordPage } from './llama/grammar/keywords.ts'

const PAGE = new URL('../../docs/schema-keywords.md', import.meta.url)

/** True where docs/schema-keywords.md is what the compiler does now. */
export function isCurrent(): boolean {
  try {
    return readFileSync(PAGE, 'utf8') === keywordPage()
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

if (import.meta.main) {
  writeFileSync(PAGE, keywordPage())
  process.stdout.write('written: docs/schema-keywords.md\n')
}
