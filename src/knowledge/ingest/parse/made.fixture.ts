import { crc32, deflateRawSync, deflateSync } from 'node:zlib'

/** A PDF with a page for each content stream, in Helvetica (F1) and Helvetica-Bold (F2). */
export function pdfOf(
  pages: readonly (string | Buffer)[],
  more: Readonly<{ trailer?: string }> = {},
): Buffer {
  const kids = pages.map((_, at) => `${5 + 2 * at} 0 R`).join(' ')
  const objects: (string | Buffer)[] = [
    '<</Type/Catalog/Pages 2 0 R>>',
    `<</Type/Pages/Kids[${kids}]/Count ${pages.length}>>`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>',
    ...pages.flatMap((content, at) => {
      const packed = deflateSync(content)
      const head = `<</Length ${packed.length}/Filter/FlateDecode>>\nstream\n`
      return [
        `<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents ${6 + 2 * at} 0 R/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>>>`,
        Buffer.concat([Buffer.from(head), packed, Buffer.from('\nendstream')]),
      ]
    }),
  ]
  const parts = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  let length = parts[0]?.length ?? 0
  for (const [at, object] of objects.entries()) {
    const part = Buffer.concat([
      Buffer.from(`${at + 1} 0 obj\n`),
      Buffer.from(object),
      Buffer.from('\nendobj\n'),
    ])
    offsets.push(length)
    parts.push(part)
    length += part.length
  }
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const size = objects.length + 1
  const trailer = `<</Size ${size}/Root 1 0 R${more.trailer ?? ''}>>`
  parts.push(
    Buffer.from(
      `xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n${trailer}\nstartxref\n${length}\n%%EOF`,
    ),
  )
  return Buffer.concat(parts)
}

/** The content of a page: lines as [size, y, text], bold where the size is negative. */
export function pageOf(...lines: readonly (readonly [size: number, y: number, text: string])[]): string {
  return lines
    .map(([size, y, text]) => `BT /${size < 0 ? 'F2' : 'F1'} ${Math.abs(size)} Tf 50 ${y} Td (${text}) Tj ET`)
    .join('\n')
}

/** An archive of parts; `flags` are the general purpose bits of each. */
export function zipOf(parts: Readonly<Record<string, string | Buffer>>, flags = 0): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, content] of Object.entries(parts)) {
    const plain = Buffer.from(content)
    const packed = deflateRawSync(plain)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(flags, 2)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(crc32(plain), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(plain.length, 18)
    fields.writeUInt16LE(Buffer.byteLength(name), 22)
    const file = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, Buffer.from(name), packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(at, 10)
    directory.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), fields, tail, Buffer.from(name)]),
    )
    files.push(file)
    at += file.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4)
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(listed.length, 8)
  end.writeUInt32LE(at, 12)
  return Buffer.concat([...files, listed, Buffer.from('PK\u0005\u0006'), end])
}

const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

/** The relations of a part, as [id, kind, target]. */
export function relationsOf(
  ...list: readonly (readonly [id: string, kind: string, target: string])[]
): string {
  const rows = list.map(
    ([id, kind, target]) => `<Relationship Id="${id}" Type="${RELATIONS}/${kind}" Target="${target}"/>`,
  )
  return `<?xml version="1.0"?><Relationships>${rows.join('')}</Relationships>`
}

/** A DOCX with a body of WordprocessingML. */
export function docxOf(body: string, more: Readonly<Record<string, string>> = {}): Buffer {
  return zipOf({
    '_rels/.rels': relationsOf(['r1', 'officeDocument', 'word/document.xml']),
    'word/_rels/document.xml.rels': relationsOf(
      ['r1', 'styles', 'styles.xml'],
      ['r2', 'footnotes', '/word/footnotes.xml'],
    ),
    'word/styles.xml':
      '<w:styles xmlns:w="w"><w:style w:styleId="H"><w:name w:val="heading 1"/></w:style><w:style w:styleId="Own"><w:basedOn w:val="H"/></w:style></w:styles>',
    'word/document.xml': `<?xml version="1.0"?><w:document xmlns:w="w"><w:body>${body}</w:body></w:document>`,
    ...more,
  })
}
