import type { Parsed, ParsedBlock } from '../../chunk/cut.ts'

const PARAGRAPH = /\S(?:[^\r\n]|\r?\n(?![ \t]*(?:\r?\n|$))|\r(?!\n))*/g

/** Plain text: paragraphs are set apart by empty lines. */
export function parseText(text: string): Parsed {
  const blocks: ParsedBlock[] = []
  for (const match of text.matchAll(PARAGRAPH)) {
    blocks.push({ kind: 'paragraph', start: match.index, end: match.index + match[0].trimEnd().length })
  }
  return { text, title: '', blocks }
}

const NEW_DECLARATION = /^[^\s})\];]/
const COMMENT_LINE = /^(?:\/\/|\/\*|#|--|;|"""|''')/

/**
 * Source code in any language that indents what is inside: a block is a run of lines that begins at the left margin
 * behind an empty line, or with a comment that stands there.
 */
export function parseCode(text: string): Parsed {
  const blocks: ParsedBlock[] = []
  let start = -1
  let end = 0
  let empty = true
  const close = (): void => {
    if (start >= 0) blocks.push({ kind: 'code', start, end })
    start = -1
  }
  for (const match of text.matchAll(/[^\r\n]+|\r\n|\n|\r/g)) {
    const line = match[0]
    if (line.trim() === '') {
      empty = /[\r\n]/.test(line) && (empty || text[match.index - 1] === '\n' || end < match.index)
      continue
    }
    if (start >= 0 && NEW_DECLARATION.test(line) && (empty || COMMENT_LINE.test(line))) close()
    if (start < 0) start = match.index
    end = match.index + line.trimEnd().length
    empty = false
  }
  close()
  return { text, title: '', blocks }
}
