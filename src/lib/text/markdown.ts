/**
 * DESIGN. A Markdown document as a flat list of blocks with exact offsets: what is needed to cut a document
 * without ever cutting through a sentence's paragraph, a table or a code listing. It is a reading of
 * CommonMark's block structure line by line, not a renderer: it knows headings (both kinds), fences, tables
 * with leading pipes, list items, comments and quotes, and takes everything else for paragraphs. It is total: every
 * string has a reading, every block is a slice of the input, blocks are in order and do not overlap, and what
 * lies between them is white space. One pass, linear in the input.
 */

export type BlockType = 'heading' | 'paragraph' | 'item' | 'table' | 'code' | 'comment'

export interface Block {
  readonly type: BlockType
  /** UTF-16 offsets; `end` excludes the last line's break. */
  readonly start: number
  readonly end: number
  /** 1–6 for headings, else 0. */
  readonly level: number
  /** A heading's or a comment's words without their marks; empty for other blocks. */
  readonly title: string
}

interface Line {
  readonly start: number
  readonly end: number
  readonly text: string
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/
const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)(.*)$/
const CLOSING_MARKS = /(?:^|[ \t])#+$/
const UNDERLINE = /^ {0,3}(?:=+|-{2,})[ \t]*$/
const ITEM = /^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S/
const TABLE = /^ {0,3}\|/
const COMMENT = /^ {0,3}<!--/

export function blocksOf(text: string): Block[] {
  const lines = linesOf(text)
  const blocks: Block[] = []
  let index = 0
  while (index < lines.length) {
    const line = lines[index]
    if (line === undefined) break
    if (line.text.trim() === '') {
      index++
      continue
    }
    const [block, next] = blockAt(lines, index, line)
    blocks.push(block)
    index = next
  }
  return blocks
}

function blockAt(lines: readonly Line[], index: number, line: Line): [Block, number] {
  const fence = FENCE.exec(line.text)?.[1]
  if (fence !== undefined) return codeAt(lines, index, line, fence)
  const heading = HEADING.exec(line.text)
  if (heading !== null) {
    const title = (heading[2] ?? '').trim().replace(CLOSING_MARKS, '').trim()
    return [blockOf('heading', line, line, heading[1]?.length ?? 1, title), index + 1]
  }
  if (COMMENT.test(line.text)) return commentAt(lines, index, line)
  if (TABLE.test(line.text)) return run('table', lines, index, line, (text) => TABLE.test(text))
  if (ITEM.test(line.text)) {
    return run('item', lines, index, line, (text) => !interrupts(text) && !ITEM.test(text))
  }
  const under = lines[index + 1]
  if (under !== undefined && UNDERLINE.test(under.text)) {
    const level = under.text.trim().startsWith('=') ? 1 : 2
    return [blockOf('heading', line, under, level, line.text.trim()), index + 2]
  }
  return run('paragraph', lines, index, line, (text) => !interrupts(text) && !ITEM.test(text))
}

/** Lines that end a paragraph or an item without an empty line between. */
function interrupts(text: string): boolean {
  return FENCE.test(text) || HEADING.test(text) || TABLE.test(text) || COMMENT.test(text)
}

/** An HTML comment ends with the line that closes it, or with the document. */
function commentAt(lines: readonly Line[], index: number, first: Line): [Block, number] {
  let next = index
  let last = first
  const words: string[] = []
  for (let line = lines[next]; line !== undefined; line = lines[next]) {
    next++
    last = line
    words.push(line.text)
    if (line.text.includes('-->')) break
  }
  const title = words.join(' ').replace('<!--', '').replace('-->', '').trim()
  return [blockOf('comment', first, last, 0, title), next]
}

function codeAt(lines: readonly Line[], index: number, first: Line, fence: string): [Block, number] {
  let next = index + 1
  let last = first
  while (next < lines.length) {
    const line = lines[next]
    if (line === undefined) break
    next++
    last = line
    const mark = line.text.trim()
    if (mark.length >= fence.length && mark === fence.charAt(0).repeat(mark.length)) break
  }
  return [blockOf('code', first, last), next]
}

function run(
  type: BlockType,
  lines: readonly Line[],
  index: number,
  first: Line,
  goesOn: (text: string) => boolean,
): [Block, number] {
  let last = first
  let next = index + 1
  for (let line = lines[next]; line !== undefined; line = lines[next]) {
    if (line.text.trim() === '' || !goesOn(line.text)) break
    last = line
    next++
  }
  return [blockOf(type, first, last), next]
}

function blockOf(type: BlockType, first: Line, last: Line, level = 0, title = ''): Block {
  return { type, start: first.start, end: last.end, level, title }
}

/** Lines without their breaks; `\n`, `\r\n` and a lone `\r` end a line. */
function linesOf(text: string): Line[] {
  const lines: Line[] = []
  const breaks = /\r\n|\n|\r/g
  let start = 0
  for (const match of text.matchAll(breaks)) {
    lines.push({ start, end: match.index, text: text.slice(start, match.index) })
    start = match.index + match[0].length
  }
  if (start < text.length) lines.push({ start, end: text.length, text: text.slice(start) })
  return lines
}
