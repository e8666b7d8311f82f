import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { type Import, importsOf, type Source, type Violation } from './source.ts'

/**
 * The table of rooms: what each folder under src/ may import besides itself. A room that is missing here is a
 * violation, so a new folder cannot slip in without a decision.
 */
const FEATURES = [
  'caller',
  'guard',
  'route',
  'engine',
  'fleet',
  'record',
  'knowledge',
  'govern',
  'evaluate',
] as const
const FOUNDATION = ['contract', 'lib']
const BELOW_FEATURES = [...FOUNDATION, 'store', 'observe']

const ROOMS: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  lib: [],
  store: FOUNDATION,
  observe: FOUNDATION,
  request: FOUNDATION,
  http: [...FOUNDATION, 'observe'],
  config: FOUNDATION,
  cli: FOUNDATION,
  assemble: [...BELOW_FEATURES, ...FEATURES, 'request', 'http', 'config'],
  main: [...FOUNDATION, 'assemble', 'cli', 'config'],
  ...Object.fromEntries(FEATURES.map((feature) => [feature, BELOW_FEATURES])),
}

/** Which folder owns a package. `zod` is the language of the contract, and so of every room. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  '@huggingface/jinja': ['engine'],
  ajv: ['guard'],
  'ajv-formats': ['guard'],
  fastify: ['http'],
  'node-llama-cpp': ['engine'],
  pino: ['observe'],
  'prom-client': ['observe'],
  'postal-mime': ['knowledge'],
  undici: ['engine', 'fleet'],
  unpdf: ['knowledge'],
  yaml: ['config'],
  zod: Object.keys(ROOMS),
}

const BUILTIN = new Set(builtinModules)

/** The room of a path under src/: its folder, or `main` for src/main.ts. */
export function roomOf(path: string): string | undefined {
  const [top, folder, ...rest] = path.split('/')
  if (top !== 'src' || folder === undefined) return undefined
  return rest.length > 0 ? folder : folder.replace(/\.ts$/, '')
}

/** Checks every import of one file against the table, and every package against its owner. */
export function rooms(source: Source): Violation[] {
  const violations: Violation[] = []
  for (const one of importsOf(source)) {
    const message = one.specifier.startsWith('.') ? judgeOwn(source, one) : judgePackage(source, one)
    if (message)
      violations.push({ rule: 'rooms', path: source.path, line: source.lineAt(one.start), message })
  }
  return violations
}

function judgeOwn(source: Source, one: Import): string | undefined {
  const { specifier } = one
  if (!/\.(ts|mjs|json)$/.test(specifier))
    return `write the ending of ${specifier}: Node resolves exact paths only`
  const target = posix.join(posix.dirname(source.path), specifier)
  const from = roomOf(source.path)
  const to = roomOf(target)
  if (source.path.startsWith('bin/')) {
    return target.startsWith('bin/')
      ? undefined
      : `bin/ runs before anything is installed and imports only itself`
  }
  if (from === undefined) return undefined // tests and benches of the whole may look anywhere
  if (to === undefined) return `${target} is outside src/, and dist/ is built from src/ alone`
  if (isTest(target) && !isTest(source.path)) return `${target} is a test; nothing that ships may import it`
  if (one.form === 'effect')
    return `${specifier} is imported for its side effect; export a function and call it in assemble/`
  if (from === to) return undefined
  const allowed = ROOMS[from]
  if (!allowed)
    return `src/${from} is not in the table of rooms (test/tidy/rooms.ts): decide what it may import`
  if (allowed.includes(to)) return undefined
  return exception(from, to, target, one) ? undefined : refusal(from, to, allowed)
}

/** The two ways through a wall, each narrower than a room. */
function exception(from: string, to: string, target: string, one: Import): boolean {
  const feature = FEATURES.some((name) => name === to)
  // The configuration is made of the features' own sections; a part of a feature may have one.
  if (from === 'config') return feature && /^src\/[^/]+\/(?:[^/]+\/)?config\.ts$/.test(target)
  // The CLI loads a verb only when it is called, so that help and version stay quick.
  if (from === 'cli') {
    const lazy = one.form === 'dynamic' || one.form === 'type'
    return lazy && (to === 'assemble' || ((feature || to === 'config') && target === `src/${to}/verbs.ts`))
  }
  return false
}

function refusal(from: string, to: string, allowed: readonly string[]): string {
  const may = allowed.length === 0 ? 'nothing of ours' : allowed.join(', ')
  return (
    `src/${from} may not import src/${to} (it may: ${may}). ` +
    'Declare the port that you need beside its consumer, and let assemble/ pass it in'
  )
}

function judgePackage(source: Source, one: Import): string | undefined {
  const { specifier } = one
  if (specifier.startsWith('node:')) return undefined
  if (BUILTIN.has(specifier))
    return `write node:${specifier}: a package of that name could stand in its place`
  if (source.path.startsWith('bin/')) return `bin/ runs before ${specifier} is installed`
  const room = roomOf(source.path)
  if (room === undefined || isTest(source.path)) return undefined
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  const owners = OWNERS[name]
  if (!owners)
    return `${name} has no owner in test/tidy/rooms.ts: a dependency has one folder and a written reason`
  return owners.includes(room)
    ? undefined
    : `${name} belongs to src/${owners.join(' and src/')}, not to src/${room}`
}

/** Tests and what only tests use. */
export function isTest(path: string): boolean {
  return /\.(test|fixture)\.ts$/.test(path) || path.startsWith('test/')
}
