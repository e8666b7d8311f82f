import { posix } from 'node:path'
import { decodeText } from '../decode.ts'
import { walkXml, type XmlVisitor } from './xml.ts'
import { Zip } from './zip.ts'

/** What one part refers to: the other's path in the archive, and of which kind it is (the last word of its type). */
export interface Relation {
  readonly kind: string
  readonly path: string
}

/** An office file (ECMA-376, Office Open XML): XML parts in an archive that refer to each other. */
export class OfficePackage {
  readonly #zip: Zip

  constructor(bytes: Uint8Array) {
    this.#zip = new Zip(bytes)
  }

  /** Walks through a part; false where it is missing. */
  walk(path: string, visitor: Partial<XmlVisitor>): boolean {
    const bytes = this.#zip.read(path)
    if (bytes === undefined) return false
    const text = decodeText(bytes)?.text
    if (text === undefined) throw new Error(`it is damaged: ${path} is no text`)
    walkXml(text.replace(/^\ufeff/, ''), {
      open: (name, attribute) => visitor.open?.(name, attribute),
      close: (name) => visitor.close?.(name),
      text: (own) => visitor.text?.(own),
    })
    return true
  }

  /** As `walk`, for a part without which the file is none of its kind. */
  walkNeeded(path: string, visitor: Partial<XmlVisitor>): void {
    if (!this.walk(path, visitor))
      throw new Error(`it is damaged, or another kind of file: ${path} is missing`)
  }

  /** What a part refers to, by the ids that it uses. */
  relations(path: string): ReadonlyMap<string, Relation> {
    const relations = new Map<string, Relation>()
    const folder = posix.dirname(path)
    this.walk(posix.join(folder, '_rels', `${posix.basename(path)}.rels`), {
      open(name, attribute) {
        if (name !== 'Relationship' || attribute('TargetMode') === 'External') return
        const target = attribute('Target') ?? ''
        const own = target.startsWith('/') ? target.slice(1) : posix.join(folder, target)
        relations.set(attribute('Id') ?? '', { kind: posix.basename(attribute('Type') ?? ''), path: own })
      },
    })
    return relations
  }

  /** The part that the package is about, such as `word/document.xml`. */
  main(usual: string): string {
    const named = [...this.relations('').values()].find(({ kind }) => kind === 'officeDocument')
    return named?.path ?? usual
  }

  /** The title that its author gave it; empty where none. */
  title(): string {
    let [inside, title] = [false, '']
    this.walk('docProps/core.xml', {
      open: (name) => {
        inside = name === 'title'
      },
      close: () => {
        inside = false
      },
      text: (text) => {
        if (inside) title += text
      },
    })
    return title
  }
}
