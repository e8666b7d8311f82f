import * as ast from 'typescript/unstable/ast'
import { createVirtualFileSystem } from 'typescript/unstable/fs'
import { API } from 'typescript/unstable/sync'

/** A file as the rules see it: parsed by the compiler's own parser. */
export interface Source {
  /** From the repository's root, with `/`. */
  readonly path: string
  readonly text: string
  readonly tree: ast.SourceFile
  readonly comments: readonly Comment[]
  /** 1-based. */
  lineAt(position: number): number
}

export interface Comment {
  readonly start: number
  readonly text: string
}

export interface Violation {
  readonly rule: string
  readonly path: string
  readonly line: number
  /** What is wrong, why it matters, and what to write instead. */
  readonly message: string
}

/** A rule looks at one file. */
export type Rule = (source: Source) => readonly Violation[]

const ROOT = '/tidy'

/**
 * Parses files given as `[path, text]`; a path may come more than once. Throws where one does not parse, so
 * that no rule passes over it. The compiler reads them from memory: neither tsconfig.json nor the disk decides
 * what is seen.
 */
export function readSources(files: readonly (readonly [path: string, text: string])[]): Source[] {
  const places = files.map(([path], index) => `${index}/${path}`)
  const config = {
    compilerOptions: {
      noLib: true,
      noResolve: true,
      allowJs: true,
      types: [],
      noEmit: true,
      target: 'esnext',
    },
    files: places,
  }
  const disk: Record<string, string> = { [`${ROOT}/tsconfig.json`]: JSON.stringify(config) }
  for (const [index, [, text]] of files.entries()) disk[`${ROOT}/${places[index]}`] = text
  const api = new API({ cwd: ROOT, fs: createVirtualFileSystem(disk) })
  try {
    using snapshot = api.updateSnapshot({ openProjects: [`${ROOT}/tsconfig.json`] })
    const project = snapshot.getProjects()[0]
    if (!project) throw new Error('the compiler opened no project')
    return files.map(([path], index) => {
      const place = `${ROOT}/${places[index]}`
      const tree = project.program.getSourceFile(place)
      if (!tree) throw new Error(`the compiler does not see ${path}`)
      const fault = project.program.getSyntacticDiagnostics(place)[0]
      if (fault) throw new Error(`${path} does not parse: ${fault.text}`)
      return asSource(path, tree)
    })
  } finally {
    api.close()
  }
}

/** Visits every node below `node`, parents first. */
export function visit(node: ast.Node, see: (node: ast.Node) => void): void {
  node.forEachChild((child) => {
    see(child)
    visit(child, see)
  })
}

export interface Import {
  readonly specifier: string
  readonly start: number
  /** `type`: erased. `effect`: binds nothing. `dynamic`: `import()`. */
  readonly form: 'value' | 'type' | 'effect' | 'dynamic'
  readonly names: readonly string[]
}

/** Every import, re-export, `import()`, `import type` and `import('…').T` of a file. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = []
  const add = (at: ast.Node, name: ast.Node, form: Import['form'], names: readonly string[] = []): void => {
    if (!ast.isStringLiteral(name) && !ast.isNoSubstitutionTemplateLiteral(name)) return
    found.push({ specifier: name.text, start: at.getStart(source.tree), form, names })
  }
  visit(source.tree, (node) => {
    if (ast.isImportDeclaration(node)) {
      const clause = node.importClause
      const bindings = clause?.namedBindings
      const named = bindings && ast.isNamedImports(bindings) ? bindings.elements : undefined
      const erased =
        clause?.phaseModifier === ast.SyntaxKind.TypeKeyword || named?.every((one) => one.isTypeOnly)
      const names = named?.map((one) => (one.propertyName ?? one.name).getText(source.tree)) ?? []
      add(
        node,
        node.moduleSpecifier,
        clause ? (erased && named?.length !== 0 ? 'type' : 'value') : 'effect',
        names,
      )
    } else if (ast.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node, node.moduleSpecifier, node.isTypeOnly ? 'type' : 'value')
    } else if (ast.isImportTypeNode(node) && ast.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, 'type')
    } else if (ast.isCallExpression(node) && node.expression.kind === ast.SyntaxKind.ImportKeyword) {
      const name = node.arguments[0]
      if (name) add(node, name, 'dynamic')
    }
  })
  return found
}

function asSource(path: string, tree: ast.SourceFile): Source {
  const starts = [0]
  for (let at = tree.text.indexOf('\n'); at !== -1; at = tree.text.indexOf('\n', at + 1)) starts.push(at + 1)
  const lineAt = (position: number): number => {
    let low = 0
    let high = starts.length
    while (low + 1 < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= position) low = middle
      else high = middle
    }
    return low + 1
  }
  return { path, text: tree.text, tree, comments: commentsOf(tree), lineAt }
}

/** With literals blanked out, whatever opens like a comment is one. */
function commentsOf(tree: ast.SourceFile): Comment[] {
  const spans: [number, number][] = []
  visit(tree, (node) => {
    if (isLiteral(node.kind)) spans.push([node.getStart(tree), node.end])
  })
  spans.sort(([one], [other]) => one - other)
  let bare = ''
  for (const [start, end] of spans) {
    bare += tree.text.slice(bare.length, start)
    bare += ' '.repeat(Math.max(0, end - bare.length))
  }
  bare += tree.text.slice(bare.length)
  return [...bare.matchAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g)].map((match) => ({
    start: match.index,
    text: match[0],
  }))
}

function isLiteral(kind: ast.SyntaxKind): boolean {
  switch (kind) {
    case ast.SyntaxKind.StringLiteral:
    case ast.SyntaxKind.NoSubstitutionTemplateLiteral:
    case ast.SyntaxKind.TemplateHead:
    case ast.SyntaxKind.TemplateMiddle:
    case ast.SyntaxKind.TemplateTail:
    case ast.SyntaxKind.RegularExpressionLiteral:
      return true
    default:
      return false
  }
}
