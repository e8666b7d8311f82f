import { readFileSync, writeFileSync } from 'node:fs'
import { isMissing } from '../lib/missing.ts'
import { publishedPage, publishedSchema } from './publish.ts'
import { SECTIONS } from './sections.ts'

/** The files that are made from the sections: `node src/config/generate.ts` writes them, `--check` compares. */
export function generatedFiles(): readonly { readonly file: URL; readonly text: string }[] {
  const docs = new URL('../../docs/', import.meta.url)
  return [
    { file: new URL('upshift.schema.json', docs), text: publishedSchema(SECTIONS) },
    { file: new URL('configuration.md', docs), text: publishedPage(SECTIONS) },
  ]
}

/** Names of the generated files that are not as the sections would have them now. */
export function driftedFiles(): string[] {
  return generatedFiles().flatMap(({ file, text }) => (contentOf(file) === text ? [] : [file.pathname]))
}

function contentOf(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

if (import.meta.main) {
  const drifted = driftedFiles()
  if (!process.argv.includes('--check')) {
    for (const { file, text } of generatedFiles()) writeFileSync(file, text)
    process.stdout.write(`written: ${drifted.join(', ') || 'nothing had changed'}\n`)
  } else if (drifted.length > 0) {
    process.stderr.write(`out of date: ${drifted.join(', ')}. Run \`node src/config/generate.ts\`.\n`)
    process.exitCode = 1
  }
}
