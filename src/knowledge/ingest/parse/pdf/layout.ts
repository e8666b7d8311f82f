import type { Parsed } from '../../../chunk/cut.ts'
import { Composer } from '../compose.ts'
import { type Line, mostOf } from './lines.ts'

/** A heading is larger than most of the text by this factor, and no longer than so many characters. */
const LARGER = 1.12
const MAX_HEADING = 200
const MAX_HEADING_LINES = 3
const LEVELS = 6
/** A line of the usual size heads what follows where it is no longer than this, set apart and in a face of its own. */
const MAX_FACED = 120
/** Lines apart by more than this much of the usual distance are of two paragraphs. */
const APART = 1.3
/** A running head or foot is among so many lines at the edge of at least so many pages, and of such a share of them. */
const EDGE_LINES = 2
const MIN_PAGES = 3
const MOST_PAGES = 0.3

/** Makes paragraphs, tables and headings of the lines of pages, in order; each block lies on one page. */
export function layOut(pages: readonly (readonly Line[])[], title: string): Parsed {
  const running = runningLines(pages)
  const usual = usualOf(pages)
  const levels = headingSizes(pages, usual.size, running)
  const known = wordsOf(pages)
  const composer = new Composer()
  let named = title
  for (const lines of pages) {
    for (const group of tablesJoined([...groupsOf(lines, usual, running)])) {
      const [first] = group
      if (first === undefined) continue
      const level = levelOf(group, usual, levels)
      const kind = running(first) ? 'comment' : level > 0 ? 'heading' : isTable(group) ? 'table' : 'paragraph'
      const text = kind === 'table' ? group.map((line) => line.text).join('\n') : joined(group, known)
      if (named === '' && kind === 'heading' && level === 1 && first.page === 1) named = text
      composer.add(kind, text, { page: first.page, ...(kind === 'heading' && { level }) })
    }
  }
  return composer.finish(named)
}

interface Usual {
  readonly size: number
  /** The typeface of most of the text. */
  readonly face: string
  /** Distance of two lines, by the size of their type. */
  readonly distance: number
}

function usualOf(pages: readonly (readonly Line[])[]): Usual {
  const sizes = new Map<number, number>()
  const faces = new Map<string, number>()
  const distances = new Map<number, number>()
  for (const lines of pages) {
    for (const [at, { size, face, text, y }] of lines.entries()) {
      sizes.set(size, (sizes.get(size) ?? 0) + text.length)
      if (face !== '') faces.set(face, (faces.get(face) ?? 0) + text.length)
      const down = at === 0 ? 0 : ((lines[at - 1]?.y ?? y) - y) / Math.max(size, 1)
      const rounded = Math.round(down * 20) / 20
      if (rounded > 0.8 && rounded < 3) distances.set(rounded, (distances.get(rounded) ?? 0) + 1)
    }
  }
  return { size: mostOf(sizes, 0), face: mostOf(faces, ''), distance: mostOf(distances, 1.2) }
}

/** What stands at the edges of many pages with no more than other numbers: their heads and feet. */
function runningLines(pages: readonly (readonly Line[])[]): (line: Line) => boolean {
  const counts = new Map<string, number>()
  const edges = pages.map((lines) => new Set([...lines.slice(0, EDGE_LINES), ...lines.slice(-EDGE_LINES)]))
  for (const edge of edges) {
    for (const form of new Set([...edge].map(({ text }) => formOf(text)))) {
      counts.set(form, (counts.get(form) ?? 0) + 1)
    }
  }
  const least = Math.max(MIN_PAGES, MOST_PAGES * pages.length)
  const byPage = new Map(pages.map((lines, at) => [lines[0]?.page, edges[at]]))
  return (line) => (counts.get(formOf(line.text)) ?? 0) >= least && byPage.get(line.page)?.has(line) === true
}

function formOf(text: string): string {
  return text.replace(/\d+/g, '#')
}

/** Sizes of headings, the largest first. */
function headingSizes(
  pages: readonly (readonly Line[])[],
  usual: number,
  running: (line: Line) => boolean,
): readonly number[] {
  const sizes = new Set<number>()
  for (const lines of pages) {
    for (const line of lines) if (line.size >= usual * LARGER && !running(line)) sizes.add(line.size)
  }
  return [...sizes].sort((a, b) => b - a)
}

/** 0 for what is no heading. */
function levelOf(group: readonly Line[], usual: Usual, sizes: readonly number[]): number {
  const { size = 0, face = '' } = group[0] ?? {}
  const length = group.reduce((sum, { text }) => sum + text.length, 0)
  if (group.length > MAX_HEADING_LINES || length > MAX_HEADING) return 0
  if (!group.some(({ text }) => /\p{L}{2}/u.test(text))) return 0
  if (size >= usual.size * LARGER) return Math.min(LEVELS, sizes.indexOf(size) + 1)
  const apart = face !== '' && face !== usual.face && group.every((line) => line.face === face)
  const alike = size >= usual.size && length <= MAX_FACED && !isTable(group)
  return apart && alike && !SENTENCE.test(group.at(-1)?.text ?? '') ? Math.min(LEVELS, sizes.length) + 1 : 0
}

/** Lines that stand together: of one size, and not further apart than usual. */
function* groupsOf(
  lines: readonly Line[],
  usual: Usual,
  running: (line: Line) => boolean,
): Generator<readonly Line[]> {
  let group: Line[] = []
  for (const line of lines) {
    const before = group.at(-1)
    if (before !== undefined) {
      const down = (before.y - line.y) / Math.max(line.size, 1)
      const near = down > 0 && down <= usual.distance * APART
      const alike = before.size === line.size && running(before) === running(line)
      if (!near || !alike) {
        yield group
        group = []
      }
    }
    group.push(line)
  }
  if (group.length > 0) yield group
}

/** Ends as what is read on does; a name such as "Inc." ends so too. */
const SENTENCE = /[,;]$|(?:\S+\s+){5}\S*\.$/
const FIGURE = /(?:^|\s)[($€£]*-?\d[\d.,]*[)%]*(?=\s|$)/g

/** Rows of a table may stand further apart than lines. */
function tablesJoined(groups: readonly (readonly Line[])[]): (readonly Line[])[] {
  const joined: (readonly Line[])[] = []
  for (const group of groups) {
    const before = joined.at(-1)
    const rows =
      before !== undefined && before[0]?.size === group[0]?.size && isTable(before) && isTable(group)
    if (rows) joined[joined.length - 1] = [...before, ...group]
    else joined.push(group)
  }
  return joined
}

/** Most of its lines end in figures or hold several. */
function isTable(group: readonly Line[]): boolean {
  const rows = group.filter(({ text }) => {
    const figures = text.match(FIGURE)?.length ?? 0
    return figures >= 2 || (figures === 1 && /[\d)%]$/.test(text) && text.length < 80)
  })
  return rows.length * 2 > group.length
}

/** Words that stand somewhere undivided, so that a hyphen at a line's end can be told from one of the word's own. */
function wordsOf(pages: readonly (readonly Line[])[]): Set<string> {
  const words = new Set<string>()
  for (const lines of pages) {
    for (const { text } of lines) for (const [word] of text.matchAll(/\p{Ll}{4,}/gu)) words.add(word)
  }
  return words
}

/** Lines as one text: a word that was divided at a line's end is joined where it stands elsewhere undivided. */
function joined(lines: readonly Line[], known: ReadonlySet<string>): string {
  let text = ''
  for (const line of lines) {
    const head = /(\p{Ll}+)-$/u.exec(text)?.[1]
    const tail = /^\p{Ll}+/u.exec(line.text)?.[0]
    if (text === '') text = line.text
    else if (head === undefined || tail === undefined) text += `\n${line.text}`
    else text = (known.has(head + tail) ? text.slice(0, -1) : text) + line.text
  }
  return text
}
