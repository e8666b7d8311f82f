import type { Parsed } from '../../../chunk/cut.ts'
import { Composer, oneLine } from '../compose.ts'
import { OfficePackage } from './package.ts'

const MAX_SLIDES = 5_000
/** Placeholders whose words are of every slide, or of none. */
const NOT_ITS_OWN = new Set(['sldNum', 'dt', 'ftr', 'hdr', 'sldImg'])

/**
 * PPTX (ECMA-376, part 1, chapter 19): a slide is a page; its title is a heading, where it has none its first words; behind
 * its text and tables stand its speaker's notes. Throws above MAX_SLIDES.
 */
export function parsePptx(bytes: Uint8Array): Parsed {
  const file = new OfficePackage(bytes)
  const main = file.main('ppt/presentation.xml')
  const relations = file.relations(main)
  const slides: string[] = []
  file.walkNeeded(main, {
    open(name, attribute) {
      const path = name === 'sldId' ? relations.get(attribute('r:id') ?? '')?.path : undefined
      if (path !== undefined) slides.push(path)
    },
  })
  if (slides.length > MAX_SLIDES) {
    throw new Error(`it has ${slides.length} slides, and at most ${MAX_SLIDES} are read; split it`)
  }
  const composer = new Composer()
  let first = ''
  for (const [at, path] of slides.entries()) {
    const page = at + 1
    const shapes = shapesOf(file, path)
    const title =
      shapes.find(({ title, text }) => title && text !== '') ?? shapes.find(({ kind }) => kind !== 'table')
    if (title !== undefined) composer.add('heading', title.text, { level: 1, page })
    first ||= oneLine(title?.text ?? '')
    for (const shape of shapes) if (shape !== title) composer.add(shape.kind, shape.text, { page })
    const notes = [...file.relations(path).values()].find(({ kind }) => kind === 'notesSlide')
    for (const { kind, text } of notes === undefined ? [] : shapesOf(file, notes.path)) {
      composer.add(kind, text, { page })
    }
  }
  return composer.finish(file.title() || first)
}

interface Shape {
  readonly kind: 'paragraph' | 'table'
  readonly title: boolean
  readonly text: string
}

function shapesOf(file: OfficePackage, path: string): Shape[] {
  const shapes: Shape[] = []
  let [paragraphs, cells, rows, text]: [string[], string[], string[], string] = [[], [], [], '']
  let [placeholder, inText, skipped] = ['', false, 0]
  const put = (kind: Shape['kind'], lines: readonly string[]): void => {
    const own = lines.join('\n').trim()
    if (own !== '' && !NOT_ITS_OWN.has(placeholder)) {
      shapes.push({ kind, title: placeholder === 'title' || placeholder === 'ctrTitle', text: own })
    }
  }
  file.walk(path, {
    open(name, attribute) {
      if (name === 'Fallback') skipped++
      else if (name === 'sp' || name === 'graphicFrame') placeholder = ''
      else if (name === 'ph') placeholder = attribute('type') ?? 'body'
      else if (name === 't') inText = true
      else if (name === 'br') text += '\n'
    },
    text(own) {
      if (inText && skipped === 0) text += own
    },
    close(name) {
      if (name === 'Fallback') skipped--
      else if (name === 't') inText = false
      else if (name === 'p') {
        if (text.trim() !== '') paragraphs.push(text.trim())
        text = ''
      } else if (name === 'tc') {
        cells.push(oneLine(paragraphs.join(' ')))
        paragraphs = []
      } else if (name === 'tr') {
        rows.push(cells.join(' | '))
        cells = []
      } else if (name === 'tbl') {
        put('table', rows)
        rows = []
      } else if (name === 'sp') {
        put('paragraph', paragraphs)
        paragraphs = []
      }
    },
  })
  return shapes
}
