import * as ast from 'typescript/unstable/ast'
import { isTest, roomOf } from './rooms.ts'
import { importsOf, type Source, type Violation, visit } from './source.ts'

/**
 * What may not be written, each with its reason and its replacement. `where` says which files a ban covers;
 * `find` yields the places. Names are looked for in the syntax tree, so a string or a comment never trips
 * them; phrases are looked for in comments.
 */
interface Ban {
  readonly name: string
  readonly message: string
  where(path: string): boolean
  find(source: Source): Iterable<number>
}

const ships = (path: string): boolean => path.startsWith('src/') && !isTest(path)
const everywhere = (): boolean => true
const shipsOutside =
  (...rooms: readonly string[]) =>
  (path: string): boolean =>
    ships(path) && !rooms.includes(roomOf(path) ?? '') && !rooms.includes(path)

const CLOCKS = ['src/lib/clock.ts', 'src/lib/ids.ts', 'assemble', 'main']

export const BANS: readonly Ban[] = [
  {
    name: 'global-fetch',
    message:
      'the global fetch costs seven times the CPU of a dispatch; use undici in src/engine or src/fleet',
    where: ships,
    find: (source) => freeNames(source, ['fetch']),
  },
  {
    name: 'web-streams',
    message:
      'WHATWG streams are slow and buffer out of sight; use an async generator of batches or node:stream',
    where: ships,
    find: (source) => [
      ...freeNames(source, [
        'ReadableStream',
        'WritableStream',
        'TransformStream',
        'Response',
        'EventSource',
      ]),
      ...modules(source, ['stream/web', 'node:stream/web']),
    ],
  },
  {
    name: 'any',
    message: '`any` switches the compiler off; use `unknown` and parse, or name the type',
    where: everywhere,
    find: (source) => nodes(source, (node) => node.kind === ast.SyntaxKind.AnyKeyword),
  },
  {
    name: 'compiler-silencer',
    message: 'a silenced compiler hides the next fault too; mend the type',
    where: everywhere,
    find: (source) => comments(source, /@ts-(ignore|nocheck|expect-error)\b/),
  },
  {
    name: 'double-assertion',
    message: '`as unknown as` proves nothing; parse instead, or say in a comment just above why it holds',
    where: ships,
    find: unexplainedDoubleAssertions,
  },
  {
    name: 'console',
    message: 'console writes where nobody chose; write to the stream you were given, or use src/observe',
    where: shipsOutside('cli', 'main'),
    find: (source) => freeNames(source, ['console']),
  },
  {
    name: 'environment',
    message:
      'only src/config reads the environment, so that `config explain` knows every source; take an argument',
    where: shipsOutside('config', 'main'),
    find: (source) => [...members(source, 'process', ['env']), ...named(source, 'node:process', ['env'])],
  },
  {
    name: 'exit',
    message: 'process.exit cuts off what is still being written; return a code and let src/main.ts end',
    where: shipsOutside('main'),
    find: (source) => members(source, 'process', ['exit', 'abort']),
  },
  {
    name: 'code-from-text',
    message: 'code made from text cannot be checked and may be an attacker’s; write a function',
    // The build parses what it wrote with node:vm, and runs none of it.
    where: (path) => path !== 'bin/build.mjs',
    find: (source) => [...freeNames(source, ['eval', 'Function']), ...modules(source, ['vm', 'node:vm'])],
  },
  {
    name: 'shell',
    message: 'a shell splits and expands what it is given; use spawn or execFile with a list of arguments',
    where: (path) => !path.startsWith('bin/'),
    find: (source) => [...named(source, 'node:child_process', ['exec', 'execSync']), ...shellOptions(source)],
  },
  {
    name: 'clock',
    message:
      'time and chance are arguments, so that a test can hold them still; take a Clock (src/lib/clock.ts)',
    where: shipsOutside(...CLOCKS),
    find: (source) => [
      ...members(source, 'Date', ['now']),
      ...members(source, 'performance', ['now']),
      ...members(source, 'Math', ['random']),
      ...named(source, 'node:perf_hooks', ['performance']),
      ...named(source, 'node:crypto', ['randomUUID']),
      ...nodes(
        source,
        (node) => ast.isNewExpression(node) && isName(node.expression, 'Date') && !node.arguments?.length,
      ),
    ],
  },
  {
    name: 'unfinished',
    message: 'what is unfinished is not committed; finish it, or say what it does not do and why',
    where: everywhere,
    find: (source) =>
      comments(source, /\b(TODO|FIXME|XXX|HACK)\b|\b(for now|in a real system|placeholder)\b/i),
  },
  {
    name: 'focused-test',
    message: 'a test that is focused or skipped leaves the others or itself unproven; run it or remove it',
    where: isTest,
    find: (source) => [
      ...['test', 'it', 'describe', 'suite', 't', 'context'].flatMap((name) => [
        ...members(source, name, ['only', 'skip', 'todo']),
      ]),
      ...nodes(source, isFocusOption),
    ],
  },
  {
    name: 'machine-path',
    message:
      'a path of one machine is on no other; derive it from import.meta.url, an argument or os.tmpdir()',
    where: everywhere,
    find: (source) => matches(source.text, /(?<![\w.:/-])\/(work|root|Users)\/[\w.]|\b[A-Z]:\\\\?Users\b/g),
  },
]

/** Folder and file names that say nothing about what is inside. */
const EMPTY_WORDS = /^(utils?|helpers?|common|shared|managers?|services?|misc|stuff)$/i

/** Applies every ban that covers the file. */
export function bans(source: Source): Violation[] {
  const violations: Violation[] = []
  for (const ban of BANS) {
    if (!ban.where(source.path)) continue
    for (const position of ban.find(source)) {
      violations.push({
        rule: ban.name,
        path: source.path,
        line: source.lineAt(position),
        message: ban.message,
      })
    }
  }
  return violations
}

/** A path, and each class in it, is named for what it is. */
export function names(source: Source): Violation[] {
  const message = 'says nothing about what is inside; name the noun or verb'
  const violations: Violation[] = []
  for (const word of source.path.replace(/(\.test)?\.\w+$/, '').split(/[/_.-]/)) {
    if (!EMPTY_WORDS.test(word)) continue
    violations.push({ rule: 'empty-name', path: source.path, line: 1, message: `\`${word}\` ${message}` })
  }
  visit(source.tree, (node) => {
    if (!ast.isClassDeclaration(node) || !node.name) return
    const last = node.name.text.match(/[A-Z][a-z]+$/)?.[0]
    if (!last || !EMPTY_WORDS.test(last)) return
    const line = source.lineAt(node.getStart(source.tree))
    violations.push({
      rule: 'empty-name',
      path: source.path,
      line,
      message: `\`${node.name.text}\` ${message}`,
    })
  })
  return violations
}

function nodes(source: Source, fits: (node: ast.Node) => boolean): number[] {
  const found: number[] = []
  visit(source.tree, (node) => {
    if (fits(node)) found.push(node.getStart(source.tree))
  })
  return found
}

function isName(node: ast.Node, name: string): boolean {
  return ast.isIdentifier(node) && node.text === name
}

/** Uses of a global: the bare name, or `globalThis.name`; not a property, a key or a declaration of that name. */
function freeNames(source: Source, names: readonly string[]): number[] {
  return nodes(source, (node) => {
    if (!ast.isIdentifier(node) || !names.includes(node.text)) return false
    const parent = node.parent
    if (ast.isPropertyAccessExpression(parent) && parent.name === node)
      return isName(parent.expression, 'globalThis')
    if (ast.isQualifiedName(parent) && parent.right === node) return false
    return !('name' in parent && parent.name === node)
  })
}

/** `owner.member`, `owner['member']` and `const { member } = owner`. */
function members(source: Source, owner: string, names: readonly string[]): number[] {
  return nodes(source, (node) => {
    if (ast.isPropertyAccessExpression(node))
      return isName(node.expression, owner) && names.includes(node.name.text)
    if (ast.isElementAccessExpression(node)) {
      const key = node.argumentExpression
      return (
        isName(node.expression, owner) &&
        key !== undefined &&
        ast.isStringLiteral(key) &&
        names.includes(key.text)
      )
    }
    if (!ast.isVariableDeclaration(node) || !node.initializer || !isName(node.initializer, owner))
      return false
    if (!ast.isObjectBindingPattern(node.name)) return false
    return node.name.elements.some((one) =>
      names.includes((one.propertyName ?? one.name)?.getText(source.tree) ?? ''),
    )
  })
}

function comments(source: Source, pattern: RegExp): number[] {
  return source.comments.filter((one) => pattern.test(one.text)).map((one) => one.start)
}

function matches(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((match) => match.index)
}

function modules(source: Source, specifiers: readonly string[]): number[] {
  return importsOf(source)
    .filter((one) => specifiers.includes(one.specifier))
    .map((one) => one.start)
}

function named(source: Source, specifier: string, names: readonly string[]): number[] {
  return importsOf(source)
    .filter((one) => one.specifier === specifier && one.names.some((name) => names.includes(name)))
    .map((one) => one.start)
}

function shellOptions(source: Source): number[] {
  return nodes(
    source,
    (node) =>
      ast.isPropertyAssignment(node) &&
      isName(node.name, 'shell') &&
      node.initializer.kind !== ast.SyntaxKind.FalseKeyword,
  )
}

/** `{ only: true }`, `{ skip: 'reason' }`: a condition such as a platform may stand there, a constant may not. */
function isFocusOption(node: ast.Node): boolean {
  if (!ast.isPropertyAssignment(node) || !ast.isIdentifier(node.name)) return false
  if (!['only', 'skip', 'todo'].includes(node.name.text)) return false
  const call = node.parent.parent
  if (!ast.isCallExpression(call) || !ast.isIdentifier(call.expression)) return false
  const isRunner = ['test', 'it', 'describe', 'suite'].includes(call.expression.text)
  return (
    isRunner &&
    (ast.isStringLiteral(node.initializer) || node.initializer.kind === ast.SyntaxKind.TrueKeyword)
  )
}

const REASON_LINES = 4

function unexplainedDoubleAssertions(source: Source): number[] {
  const explained = new Set<number>()
  for (const comment of source.comments) {
    const last = source.lineAt(comment.start + comment.text.length)
    for (let line = source.lineAt(comment.start); line <= last + REASON_LINES; line++) explained.add(line)
  }
  return nodes(source, (node) => {
    if (!ast.isAsExpression(node) || !ast.isAsExpression(node.expression)) return false
    return !explained.has(source.lineAt(node.getStart(source.tree)))
  })
}
