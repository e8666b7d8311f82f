import PostalMime from 'postal-mime'
import type { Parsed } from '../../chunk/cut.ts'
import { Composer, oneLine } from './compose.ts'
import { parseHtml } from './html.ts'
import { MAIL, mediaTypeOf } from './media.ts'
import type { Parse } from './parse.ts'
import { parseText } from './text.ts'

const MAX_ATTACHMENTS = 200
const MAX_PARTS_DEPTH = 32
const NAMED_BY = /^(?:from|subject|date)$/
const MAX_HEADERS_BYTES = 1024 * 1024

/**
 * Mail (RFC 5322, MIME): who wrote to whom, when and about what, the text (that of its HTML where there is no plain one), and
 * behind it each attachment that a parser here reads; others are named. Mail that is attached to mail is read as text.
 */
export function mailParser(parse: (bytes: Uint8Array, mediaType: string) => ReturnType<Parse>): Parse {
  return async (bytes) => {
    const mail = await PostalMime.parse(bytes, {
      attachmentEncoding: 'arraybuffer',
      maxNestingDepth: MAX_PARTS_DEPTH,
      maxHeadersSize: MAX_HEADERS_BYTES,
    })
    const named = mail.headers.some(({ key }) => NAMED_BY.test(key))
    if (!named) throw new Error('it is no mail: it has neither sender nor subject nor date')
    const composer = new Composer()
    const subject = oneLine(mail.subject ?? '')
    composer.add('heading', subject, { level: 1 })
    composer.add('paragraph', headersOf(mail))
    composer.include(bodyOf(mail))
    for (const attachment of mail.attachments.slice(0, MAX_ATTACHMENTS)) {
      const name = oneLine(attachment.filename ?? '')
      const mediaType = mediaTypeOf(name)
      if (name === '') continue
      composer.add('heading', `Attachment: ${name}`, { level: 1 })
      if (mediaType === undefined || mediaType === MAIL) continue
      const content = new Uint8Array(attachment.content as ArrayBuffer) // as asked for above
      try {
        composer.include(await parse(content, mediaType))
      } catch (error) {
        // The mail itself is read all the same, and says so.
        composer.add(
          'paragraph',
          `It was not read: ${error instanceof Error ? error.message : String(error)}.`,
        )
      }
    }
    return composer.finish(subject)
  }
}

interface Mail {
  readonly text?: string | undefined
  readonly html?: string | undefined
  readonly date?: string | undefined
  readonly from?: Person | undefined
  readonly to?: readonly Person[] | undefined
  readonly cc?: readonly Person[] | undefined
}

interface Person {
  readonly name: string
  readonly address?: string | undefined
}

function headersOf({ from, to, cc, date }: Mail): string {
  const line = (name: string, value: string): string[] => (value === '' ? [] : [`${name}: ${value}`])
  const people = (list: readonly Person[] = []): string =>
    list
      .map(({ name, address }) => oneLine(name === '' ? (address ?? '') : `${name} <${address ?? ''}>`))
      .join(', ')
  return [
    ...line('From', people(from === undefined ? [] : [from])),
    ...line('To', people(to)),
    ...line('Cc', people(cc)),
    ...line('Date', date ?? ''),
  ].join('\n')
}

function bodyOf({ text, html }: Mail): Parsed {
  return text === undefined || text.trim() === ''
    ? parseHtml(html ?? '')
    : parseText(text.replace(/\r\n/g, '\n'))
}
