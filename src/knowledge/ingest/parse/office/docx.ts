import type { Parsed } from '../../../chunk/cut.ts'
import { Composer, oneLine } from '../compose.ts'
import { OfficePackage } from './package.ts'

/** What is not the document's text: what was deleted or moved away, and what older programs would show instead. */
const SKIPPED = new Set(['del', 'moveFrom', 'Fallback', 'rPr', 'sectPr'])
const LEVELS = 6

/** How paragraphs of a style are meant: a heading's level from 1, 0 for the document's title. */
type Styles = ReadonlyMap<string, number>

/**
 * DOCX (ECMA-376, part 1, chapter 17): paragraphs, headings by the outline level of their styles, list items, tables by
 * rows, and foot- and endnotes behind the text. Deleted text, comments, heads and feet of pages are left out. Its pages
 * are made when it is printed, so passages have none.
 */
export function parseDocx(bytes: Uint8Array): Parsed {
  const file = new OfficePackage(bytes)
  const main = file.main('word/document.xml')
  const relations = [...file.relations(main).values()]
  const styles = stylesOf(file, relations.find(({ kind }) => kind === 'styles')?.path)
  const composer = new Composer()
  const body = new Body(composer, styles)
  file.walkNeeded(main, body)
  for (const { kind, path } of relations)
    if (kind === 'footnotes' || kind === 'endnotes') file.walk(path, body)
  return composer.finish(file.title() || body.title)
}

/** Styles that are headings, by themselves or by what they are based on. */
function stylesOf(file: OfficePackage, path: string | undefined): Styles {
  const own = new Map<string, number>()
  const bases = new Map<string, string>()
  let style = ''
  if (path === undefined) return own
  file.walk(path, {
    open(name, attribute) {
      const value = attribute('val') ?? ''
      if (name === 'style') style = attribute('styleId') ?? ''
      else if (name === 'basedOn') bases.set(style, value)
      else if (name === 'outlineLvl' && Number(value) < LEVELS) own.set(style, Number(value) + 1)
      else if (name === 'name') {
        const level = /^heading ([1-6])$/i.exec(value)?.[1]
        if (level !== undefined) own.set(style, Number(level))
        else if (/^title$/i.test(value)) own.set(style, 0)
      }
    },
  })
  const styles = new Map<string, number>()
  for (const name of new Set([...own.keys(), ...bases.keys()])) {
    let at: string | undefined = name
    for (let steps = 0; at !== undefined && !own.has(at) && steps < 20; steps++) at = bases.get(at)
    const level = at === undefined ? undefined : own.get(at)
    if (level !== undefined) styles.set(name, level)
  }
  return styles
}

interface Paragraph {
  text: string
  level: number | undefined
  item: boolean
}

class Body {
  title = ''
  readonly #composer: Composer
  readonly #styles: Styles
  /** Open paragraphs: one in a text box stands inside another. */
  readonly #open: Paragraph[] = []
  /** Depth of what is skipped. */
  #skipped = 0
  #inText = false
  /** Depth of tables; the outermost one's rows, and the row that is being filled. */
  #tables = 0
  #rows: string[] = []
  #cells: string[] = []
  #cell: string[] = []

  constructor(composer: Composer, styles: Styles) {
    this.#composer = composer
    this.#styles = styles
  }

  open(name: string, attribute: (name: string) => string | undefined): void {
    if (this.#skipped > 0 || SKIPPED.has(name)) {
      if (SKIPPED.has(name)) this.#skipped++
      return
    }
    const paragraph = this.#open.at(-1)
    if (name === 'p') this.#open.push({ text: '', level: undefined, item: false })
    else if (name === 't') this.#inText = true
    else if (name === 'tbl') this.#tables++
    else if (paragraph === undefined) return
    else if (name === 'tab') paragraph.text += '\t'
    else if (name === 'br' || name === 'cr') paragraph.text += '\n'
    else if (name === 'noBreakHyphen') paragraph.text += '-'
    else if (name === 'numPr') paragraph.item = true
    else if (name === 'pStyle') paragraph.level = this.#styles.get(attribute('val') ?? '')
    else if (name === 'outlineLvl') {
      const level = Number(attribute('val'))
      if (level < LEVELS) paragraph.level = level + 1
    }
  }

  close(name: string): void {
    if (this.#skipped > 0) {
      if (SKIPPED.has(name)) this.#skipped--
    } else if (name === 't') this.#inText = false
    else if (name === 'p') this.#finish(this.#open.pop())
    else if (this.#tables > 0) this.#closeInTable(name)
  }

  text(text: string): void {
    const paragraph = this.#open.at(-1)
    if (this.#inText && this.#skipped === 0 && paragraph !== undefined) paragraph.text += text
  }

  #closeInTable(name: string): void {
    const outermost = this.#tables === 1
    if (name === 'tbl' && --this.#tables === 0) {
      this.#composer.add('table', this.#rows.join('\n'))
      this.#rows = []
    } else if (name === 'tc' && outermost) {
      this.#cells.push(oneLine(this.#cell.join(' ')))
      this.#cell = []
    } else if (name === 'tr' && outermost) {
      if (this.#cells.some((cell) => cell !== '')) this.#rows.push(this.#cells.join(' | '))
      this.#cells = []
    }
  }

  #finish(paragraph: Paragraph | undefined): void {
    const text = paragraph?.text.trim() ?? ''
    if (paragraph === undefined || text === '') return
    if (this.#tables > 0) this.#cell.push(text)
    else if (paragraph.level !== undefined) {
      if (paragraph.level === 0 || (paragraph.level === 1 && this.title === '')) this.title ||= text
      this.#composer.add('heading', text, { level: Math.max(1, paragraph.level) })
    } else this.#composer.add(paragraph.item ? 'item' : 'paragraph', text)
  }
}
