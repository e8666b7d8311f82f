import type { Parsed } from '../../../chunk/cut.ts'
import { Composer, oneLine } from '../compose.ts'
import { OfficePackage } from './package.ts'

const MAX_CELLS = 2_000_000
/** Empty cells between two that are filled, so that a row's cells stand under those of the first row. */
const MAX_GAP = 64
const DAY_MS = 86_400_000
/** Day 0 of the two calendars (part 1, 18.17.4.1): 1900, whose day 60 never was, and 1904. */
const EPOCH_1900 = Date.UTC(1899, 11, 30)
const EPOCH_1904 = Date.UTC(1904, 0, 1)
/** Built-in formats of numbers that are dates or times (18.8.30). */
const DATE_FORMATS = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47])

interface Workbook {
  readonly strings: readonly string[]
  /** Whether a cell's style shows its number as a date. */
  readonly dates: readonly boolean[]
  readonly epoch: number
}

/**
 * XLSX (ECMA-376, part 1, chapter 18): a sheet is a section under its name, a row is a record, and the first row heads the
 * others. Of a formula the value that was kept with it is read; dates are written as in ISO 8601. Throws above MAX_CELLS.
 */
export function parseXlsx(bytes: Uint8Array): Parsed {
  const file = new OfficePackage(bytes)
  const main = file.main('xl/workbook.xml')
  const relations = file.relations(main)
  const sheets: { name: string; path: string }[] = []
  let epoch = EPOCH_1900
  file.walkNeeded(main, {
    open(name, attribute) {
      if (name === 'workbookPr' && /^(?:1|true)$/.test(attribute('date1904') ?? '')) epoch = EPOCH_1904
      const path = name === 'sheet' ? relations.get(attribute('r:id') ?? '')?.path : undefined
      if (path !== undefined) sheets.push({ name: attribute('name') ?? '', path })
    },
  })
  const pathOf = (kind: string): string =>
    [...relations.values()].find((one) => one.kind === kind)?.path ?? ''
  const book = {
    strings: stringsOf(file, pathOf('sharedStrings')),
    dates: datesOf(file, pathOf('styles')),
    epoch,
  }
  const composer = new Composer()
  let cells = 0
  for (const { name, path } of sheets) {
    const sheet = new Sheet(book, composer, name, () => {
      if (++cells > MAX_CELLS) throw new Error(`it has more than ${MAX_CELLS} cells; split it`)
    })
    file.walk(path, sheet)
  }
  return composer.finish(file.title())
}

function stringsOf(file: OfficePackage, path: string): string[] {
  const strings: string[] = []
  let [own, inText, phonetic] = ['', false, false]
  file.walk(path, {
    open(name) {
      if (name === 't') inText = true
      else if (name === 'rPh') phonetic = true
    },
    text(text) {
      if (inText && !phonetic) own += text
    },
    close(name) {
      if (name === 't') inText = false
      else if (name === 'rPh') phonetic = false
      else if (name === 'si') {
        strings.push(own)
        own = ''
      }
    },
  })
  return strings
}

function datesOf(file: OfficePackage, path: string): boolean[] {
  const formats = new Map<number, boolean>()
  const dates: boolean[] = []
  let inCells = false
  file.walk(path, {
    open(name, attribute) {
      const id = Number(attribute('numFmtId'))
      if (name === 'numFmt') {
        // Quoted words, colours and escaped characters say nothing about what the number is.
        const code = (attribute('formatCode') ?? '').replace(/"[^"]*"|\[[^\]hms]*\]|\\./gi, '')
        formats.set(id, /[ymdhs]/i.test(code) && !/general/i.test(code))
      } else if (name === 'cellXfs') inCells = true
      else if (name === 'xf' && inCells) dates.push(formats.get(id) ?? DATE_FORMATS.has(id))
    },
    close(name) {
      if (name === 'cellXfs') inCells = false
    },
  })
  return dates
}

class Sheet {
  readonly #book: Workbook
  readonly #composer: Composer
  readonly #name: string
  readonly #count: () => void
  #row: string[] = []
  #rows = 0
  #cell = { column: 0, type: '', style: 0 }
  #value = ''
  #inValue = false

  constructor(book: Workbook, composer: Composer, name: string, count: () => void) {
    this.#book = book
    this.#composer = composer
    this.#name = name
    this.#count = count
  }

  open(name: string, attribute: (name: string) => string | undefined): void {
    if (name === 'c') {
      const column = columnOf(attribute('r') ?? '')
      this.#cell = { column, type: attribute('t') ?? 'n', style: Number(attribute('s') ?? -1) }
      this.#value = ''
      this.#count()
    } else if (name === 'v' || name === 't') this.#inValue = true
  }

  text(text: string): void {
    if (this.#inValue) this.#value += text
  }

  close(name: string): void {
    if (name === 'v' || name === 't') this.#inValue = false
    else if (name === 'c') this.#put(oneLine(this.#shown()))
    else if (name === 'row') this.#finishRow()
  }

  #shown(): string {
    const { type, style } = this.#cell
    const { strings, dates, epoch } = this.#book
    if (type === 's') return strings[Number(this.#value)] ?? ''
    if (type === 'b') return this.#value === '1' ? 'TRUE' : 'FALSE'
    if (type === 'n' && this.#value !== '' && dates[style]) return dateOf(Number(this.#value), epoch)
    return this.#value
  }

  #put(shown: string): void {
    if (shown === '') return
    const { column } = this.#cell
    const gap = Math.min(MAX_GAP, column - this.#row.length)
    for (let empty = 0; empty < gap; empty++) this.#row.push('')
    this.#row.push(shown)
  }

  #finishRow(): void {
    const row = this.#row.join(' | ')
    this.#row = []
    if (row === '') return
    if (this.#rows++ === 0) this.#composer.add('heading', oneLine(this.#name), { level: 1 })
    if (this.#rows === 1) this.#composer.add('heading', row, { level: 2 })
    else this.#composer.add('record', row)
  }
}

/** The column of a reference such as `AB7`, from 0; -1 where there is none. */
function columnOf(reference: string): number {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0] ?? ''
  return [...letters].reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0) - 1
}

function dateOf(days: number, epoch: number): string {
  const ms = epoch + Math.round(days * 86_400) * 1_000
  if (!Number.isFinite(ms) || Math.abs(ms) > 1e14) return String(days)
  const iso = new Date(ms).toISOString()
  if (days < 1) return iso.slice(11, 19)
  return (ms - epoch) % DAY_MS === 0 ? iso.slice(0, 10) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`
}
