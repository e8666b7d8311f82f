import { blocksOf } from '../../../lib/text/markdown.ts'
import type { Parsed, ParsedBlock } from '../../chunk/cut.ts'

const FRONT_MATTER = /^---\r?\n[\s\S]*?\r?\n---[ \t]*(?:\r?\n|$)/

/** Markdown: its headings, paragraphs, list items, tables and listings; the title is the first heading of level 1. */
export function parseMarkdown(text: string): Parsed {
  const skipped = FRONT_MATTER.exec(text)?.[0].length ?? 0
  const blocks: ParsedBlock[] = blocksOf(text.slice(skipped)).map(({ type, start, end, level, title }) => ({
    kind: type,
    start: start + skipped,
    end: end + skipped,
    ...(type === 'heading' && { level, title }),
  }))
  if (skipped > 0)
    blocks.unshift({ kind: 'paragraph', start: 0, end: text.slice(0, skipped).trimEnd().length })
  const title = blocks.find(({ kind, level }) => kind === 'heading' && level === 1)?.title ?? ''
  return { text, title, blocks }
}
