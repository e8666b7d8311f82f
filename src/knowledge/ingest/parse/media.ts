import { extname } from 'node:path'

export const PDF = 'application/pdf'
export const MAIL = 'message/rfc822'
export const OFFICE = 'application/vnd.openxmlformats-officedocument'

const BY_ENDING: Readonly<Record<string, readonly string[]>> = {
  'text/markdown': ['.md', '.markdown', '.mdx'],
  'text/html': ['.html', '.htm', '.xhtml'],
  'text/csv': ['.csv', '.tsv'],
  'application/json': ['.json', '.geojson', '.ipynb'],
  'application/jsonl': ['.jsonl', '.ndjson'],
  [PDF]: ['.pdf'],
  [`${OFFICE}.wordprocessingml.document`]: ['.docx', '.docm'],
  [`${OFFICE}.presentationml.presentation`]: ['.pptx', '.pptm'],
  [`${OFFICE}.spreadsheetml.sheet`]: ['.xlsx', '.xlsm'],
  [MAIL]: ['.eml'],
  'text/x-source':
    '.c .cc .cpp .cs .css .cxx .dart .ex .exs .go .graphql .h .hpp .hs .java .js .jsx .kt .lua .m .mjs .cjs .ml .php .pl .proto .ps1 .py .r .rb .rs .scala .scss .sh .sql .swift .tf .toml .ts .tsx .vue .yaml .yml .zig .ini .cfg .gradle .cmake'.split(
      ' ',
    ),
  'text/plain': ['.txt', '.text', '.log', '.rst', '.adoc', '.org', '.tex', '.srt', ''],
}

const TYPES = new Map(
  Object.entries(BY_ENDING).flatMap(([type, endings]) => endings.map((ending) => [ending, type] as const)),
)

/** Servers' names for what is read here. */
const SERVED = new Map([
  ...[...new Set(TYPES.values())]
    .filter((type) => type !== 'text/plain')
    .map((type) => [type, type] as const),
  ['application/xhtml+xml', 'text/html'],
  ['application/x-ndjson', 'application/jsonl'],
])

/** What a file is by the ending of its name; undefined where no parser here reads it. */
export function mediaTypeOf(name: string): string | undefined {
  return TYPES.get(extname(name).toLowerCase())
}

/** What a page is, by what its server calls it, and where that says nothing by its address; undefined as above. */
export function mediaTypeOfPage(contentType: string, pathname: string): string | undefined {
  const named = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (SERVED.has(named)) return SERVED.get(named)
  return /^(?:text\/plain|application\/octet-stream|)$/.test(named) ? mediaTypeOf(pathname) : undefined
}
