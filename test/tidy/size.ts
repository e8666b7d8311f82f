import * as ast from 'typescript/unstable/ast'
import { type Source, type Violation, visit } from './source.ts'

export const FILE_LINES = 400
export const FUNCTION_LINES = 70

/** A file is read in one sitting, a function on one screen; comments and blank lines count. */
export function size(source: Source): Violation[] {
  const violations: Violation[] = []
  const lines = source.text.split('\n').length - (source.text.endsWith('\n') ? 1 : 0)
  if (lines > FILE_LINES) {
    const message = `${lines} lines; at most ${FILE_LINES} are read in one sitting. Split it by noun or verb`
    violations.push({ rule: 'file-lines', path: source.path, line: 1, message })
  }
  visit(source.tree, (node) => {
    if (!isFunction(node) || isSuite(node)) return
    const first = source.lineAt(node.getStart(source.tree))
    const length = source.lineAt(node.end) - first + 1
    if (length <= FUNCTION_LINES) return
    const message = `${length} lines; at most ${FUNCTION_LINES} fit a screen. Keep the branches here and move the leaves out`
    violations.push({ rule: 'function-lines', path: source.path, line: first, message })
  })
  return violations
}

function isFunction(node: ast.Node): boolean {
  return (
    ast.isFunctionDeclaration(node) ||
    ast.isFunctionExpression(node) ||
    ast.isArrowFunction(node) ||
    ast.isMethodDeclaration(node) ||
    ast.isConstructorDeclaration(node) ||
    ast.isGetAccessorDeclaration(node) ||
    ast.isSetAccessorDeclaration(node)
  )
}

/** The callback of `describe` is a heading with tests under it, each of them measured by itself. */
function isSuite(node: ast.Node): boolean {
  const call = node.parent
  if (!ast.isCallExpression(call) || !ast.isIdentifier(call.expression)) return false
  return call.expression.text === 'describe' || call.expression.text === 'suite'
}
