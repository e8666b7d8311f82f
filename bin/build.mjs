/**
 * Builds dist/ for `npm pack`: src/ without its types and tests. Node refuses to strip types under
 * node_modules, so what is published is JavaScript. No dependency; runs under the pinned Node.
 *
 * DESIGN. Types are replaced by blanks (`mode: 'strip'`), so every line and column of a stack trace in dist/
 * is that of the source, and no source map is needed. The one other change is `.ts` to `.js` at the end of
 * relative specifiers. Then each file is parsed as a module by V8, its imports must lead to files that are
 * there, and no relative `.ts` may be left. dist/ changes in one rename, so that a failed build harms nothing.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findPinned, StartError } from './pinned.mjs'

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')` and `new URL('./x.ts'`: group 3 is the path. */
const SPECIFIER = /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(['"])(\.\.?\/[^'"\n]+)\.ts\2/g
const LEFT_OVER = /['"`]\.\.?\/[^'"`\n]*\.ts['"`]|\bnew URL\(\s*['"`][^'"`\n]*\.ts['"`]/
const TEST = /\.(test|fixture)\.ts$/

/**
 * Builds `root`/dist from `root`/src. Throws StartError that names every file with a fault.
 * @returns {{ modules: number, copied: number }}
 */
export async function build(root) {
  const source = join(root, 'src')
  const fresh = join(root, '.cache', `dist-${process.pid}`)
  const count = { modules: 0, copied: 0 }
  rmSync(fresh, { recursive: true, force: true })
  try {
    for (const file of filesUnder(source)) {
      if (TEST.test(file)) continue
      const from = join(source, file)
      const to = join(fresh, file.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(to), { recursive: true })
      if (!file.endsWith('.ts')) {
        cpSync(from, to)
        count.copied++
        continue
      }
      writeFileSync(to, toJavaScript(readFileSync(from, 'utf8'), relative(root, from)))
      count.modules++
    }
    if (count.modules === 0) throw new StartError(`upshift build: no TypeScript file under ${source}.`)
    await proveWhole(fresh)
    const target = join(root, 'dist')
    rmSync(target, { recursive: true, force: true })
    renameSync(fresh, target)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return count
}

/** Strips the types of one file and points its relative imports at the built files. */
export function toJavaScript(text, name) {
  let bare
  try {
    bare = nodeModule.stripTypeScriptTypes(text, { mode: 'strip' })
  } catch (error) {
    throw new StartError(`upshift build: ${name}: ${error.message}`)
  }
  return bare.replace(SPECIFIER, '$1$2$3.js$2')
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

/** Parses every module and follows its imports; throws StartError with all faults. */
async function proveWhole(folder) {
  const { SourceTextModule } = await import('node:vm')
  const files = new Set(filesUnder(folder))
  const faults = []
  for (const file of files) {
    if (!file.endsWith('.js')) continue
    const text = readFileSync(join(folder, file), 'utf8')
    const left = LEFT_OVER.exec(text)
    if (left) faults.push(`${file}: ${left[0]} still names TypeScript`)
    try {
      const parsed = new SourceTextModule(text, { identifier: file })
      for (const { specifier } of parsed.moduleRequests) {
        if (!specifier.startsWith('.')) continue
        if (!files.has(join(dirname(file), specifier)))
          faults.push(`${file}: imports ${specifier}, which is not built`)
      }
    } catch (error) {
      faults.push(`${file}: ${error.message}`)
    }
  }
  if (faults.length > 0)
    throw new StartError(`upshift build: what was built is broken:\n  ${faults.join('\n  ')}`)
}

/** Builds in the pinned Node, with the flag that lets V8 parse without running. */
async function main() {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const flag = '--experimental-vm-modules'
  if (!process.execArgv.includes(flag)) {
    const node = findPinned(root)?.path ?? process.execPath
    const words = [flag, '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)]
    process.exitCode = spawnSync(node, words, { stdio: 'inherit' }).status ?? 1
    return
  }
  if (!nodeModule.stripTypeScriptTypes) {
    throw new StartError(
      `upshift build: Node ${process.versions.node} cannot strip types. Run node bin/setup.mjs first.`,
    )
  }
  const { modules, copied } = await build(root)
  process.stderr.write(`upshift: built dist/: ${modules} modules, ${copied} other files\n`)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
