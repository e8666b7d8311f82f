/** What a family of models wants before a question and before a passage, so that the one finds the other. */
interface Prefixes {
  readonly question: string
  readonly passage: string
}

const NONE: Prefixes = { question: '', passage: '' }
const SEARCHING = 'Represent this sentence for searching relevant passages: '

/** By the models' own cards on Hugging Face (read 2026-11). A model that is not among them gets the bare text. */
const FAMILIES: readonly (readonly [RegExp, Prefixes])[] = [
  [/nomic-embed/i, { question: 'search_query: ', passage: 'search_document: ' }],
  [/embedding-?gemma/i, { question: 'task: search result | query: ', passage: 'title: none | text: ' }],
  [/(?:^|[/_-])(?:multilingual-)?e5-(?!.*instruct)/i, { question: 'query: ', passage: 'passage: ' }],
  [/bge-(?:small|base|large)-en|mxbai-embed|arctic-embed(?!.*v2)/i, { question: SEARCHING, passage: '' }],
]

/** `model`: the exact model, `engine/name`. */
export function prefixesOf(model: string): Prefixes {
  return FAMILIES.find(([family]) => family.test(model))?.[1] ?? NONE
}
