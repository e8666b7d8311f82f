/** Hears the elements of an XML text in order. Names are without their prefixes. */
export interface XmlVisitor {
  open(name: string, attribute: (name: string) => string | undefined): void
  close(name: string): void
  text(text: string): void
}

const MAX_DEPTH = 1_000
const NAME = /^[^\s/>]+/
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Walks through XML 1.0 as office programs write it: well-formed and without a document type, whose entities could be a
 * bomb. Throws where it is not so, or deeper than 1,000 elements.
 */
export function walkXml(xml: string, visitor: XmlVisitor): void {
  const open: string[] = []
  let at = 0
  for (let tag = xml.indexOf('<'); tag >= 0; tag = xml.indexOf('<', at)) {
    if (tag > at) visitor.text(decoded(xml.slice(at, tag)))
    if (xml.startsWith('<![CDATA[', tag)) {
      const end = endAt(xml, ']]>', tag)
      visitor.text(xml.slice(tag + 9, end - 3))
      at = end
    } else if (xml.startsWith('<!--', tag)) at = endAt(xml, '-->', tag)
    else if (xml.startsWith('<?', tag)) at = endAt(xml, '?>', tag)
    else if (xml.startsWith('<!', tag)) throw new Error('it is damaged: its XML has a document type')
    else {
      at = endOfTag(xml, tag)
      element(xml.slice(tag + 1, at - 1), open, visitor)
    }
  }
  if (open.length > 0) throw broken()
}

function element(inside: string, open: string[], visitor: XmlVisitor): void {
  const closes = inside.startsWith('/')
  const name = localName(closes ? inside.slice(1) : inside)
  if (!closes) visitor.open(name, (wanted) => attributeOf(inside, wanted))
  if (closes && open.pop() !== name) throw broken()
  if (closes || inside.endsWith('/')) visitor.close(name)
  else if (open.push(name) > MAX_DEPTH) throw broken()
}

function localName(inside: string): string {
  const name = NAME.exec(inside)?.[0]
  if (name === undefined) throw broken()
  return name.slice(name.indexOf(':') + 1)
}

/** The value of an attribute, named with its prefix or without; prefixes are those that every program writes. */
function attributeOf(inside: string, name: string): string | undefined {
  for (const [, own = '', double, single] of inside.matchAll(/\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    if (own === name || own.slice(own.indexOf(':') + 1) === name) return decoded(double ?? single ?? '')
  }
  return undefined
}

/** Behind the `>` of a tag; one inside quotes does not end it. */
function endOfTag(xml: string, tag: number): number {
  let quote = ''
  for (let at = tag + 1; at < xml.length; at++) {
    const unit = xml[at] ?? ''
    if (quote !== '') quote = unit === quote ? '' : quote
    else if (unit === '"' || unit === "'") quote = unit
    else if (unit === '>') return at + 1
  }
  throw broken()
}

function endAt(xml: string, mark: string, from: number): number {
  const end = xml.indexOf(mark, from)
  if (end < 0) throw broken()
  return end + mark.length
}

function decoded(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(REFERENCE, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return NAMED[name] ?? whole
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? '', 16)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
  })
}

function broken(): Error {
  return new Error('it is damaged: its XML is not well-formed')
}
