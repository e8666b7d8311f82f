import { getDocumentProxy } from 'unpdf'
import type { Parsed } from '../../../chunk/cut.ts'
import { MAX_TEXT, tooLong } from '../compose.ts'
import { layOut } from './layout.ts'
import { type Line, linesOf, type TextItem } from './lines.ts'

/** More than these is a generated file or a bomb; to be split. */
const MAX_PAGES = 5_000
/** UTF-16 units of one page's text. */
const MAX_PAGE_TEXT = 4 * 1024 * 1024
const MAX_ITEMS = 400_000

/**
 * PDF (ISO 32000): the text that its pages show, in the order in which they draw it, with the page of each block.
 * Larger type is a heading, what stands at the edge of many pages is left out. No picture is read: a scan has no text.
 * Throws, in words for its owner, where the file is encrypted, broken, too long or without text.
 */
export async function parsePdf(bytes: Uint8Array): Promise<Parsed> {
  const document = await getDocumentProxy(bytes, {
    verbosity: 0,
    useSystemFonts: false,
    stopAtErrors: false,
    maxImageSize: 1,
  }).catch((error: unknown) => {
    throw new Error(reasonOf(error))
  })
  try {
    if (document.numPages > MAX_PAGES) {
      throw new Error(`it has ${document.numPages} pages, and at most ${MAX_PAGES} are read; split it`)
    }
    const pages: Line[][] = []
    const unread: number[] = []
    let length = 0
    for (let number = 1; number <= document.numPages; number++) {
      const lines = await pageLines(() => document.getPage(number), number)
      if (lines === undefined) unread.push(number)
      else pages.push(lines)
      length += (lines ?? []).reduce((sum, line) => sum + line.text.length + 1, 0)
      if (length > MAX_TEXT) throw tooLong()
    }
    if (unread.length > 0) {
      throw new Error(
        `page ${unread.slice(0, 5).join(', ')} of ${document.numPages} cannot be read: it is damaged`,
      )
    }
    if (length === 0) throw new Error('its pages hold no text; a scan must go through text recognition first')
    return layOut(pages, titleOf(await document.getMetadata().catch(() => undefined)))
  } finally {
    await document.loadingTask.destroy()
  }
}

interface Page {
  getTextContent(): Promise<{ items: readonly unknown[] }>
  cleanup(): unknown
}

/** Undefined where the page is damaged. */
async function pageLines(open: () => Promise<Page>, number: number): Promise<Line[] | undefined> {
  let page: Page
  let items: readonly unknown[]
  try {
    page = await open()
    items = (await page.getTextContent()).items
  } catch {
    return undefined
  }
  page.cleanup()
  if (items.length > MAX_ITEMS) {
    throw new Error(`page ${number} has ${items.length} pieces of text, and at most ${MAX_ITEMS} are read`)
  }
  const texts = items.filter(isText)
  const length = texts.reduce((sum, item) => sum + item.str.length, 0)
  if (length > MAX_PAGE_TEXT) {
    throw new Error(`page ${number} holds ${length} characters, and at most ${MAX_PAGE_TEXT} are read`)
  }
  return linesOf(texts, number)
}

function isText(item: unknown): item is TextItem {
  return typeof item === 'object' && item !== null && 'str' in item && 'transform' in item
}

function reasonOf(error: unknown): string {
  const name = error instanceof Error ? error.name : ''
  if (name === 'PasswordException') return 'it is encrypted; take the password off and add it again'
  if (name === 'InvalidPDFException') return 'it is damaged, or no PDF, whatever its name says'
  return `it cannot be opened as a PDF: ${error instanceof Error ? error.message : String(error)}`
}

/** Names that programs give by themselves. */
const NO_TITLE = /^(?:untitled|document\d*|microsoft (?:word|powerpoint|excel)\b|.*\.\w{2,5}$)/i

function titleOf(metadata: unknown): string {
  if (typeof metadata !== 'object' || metadata === null || !('info' in metadata)) return ''
  const { info } = metadata
  if (typeof info !== 'object' || info === null || !('Title' in info) || typeof info.Title !== 'string')
    return ''
  const title = info.Title.replace(/\s+/g, ' ').trim()
  return /\p{L}+\s+\S/u.test(title) && !NO_TITLE.test(title) ? title.slice(0, 300) : ''
}
