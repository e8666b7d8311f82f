// DESIGN. A text is looked for by pieces of it: a copy of a text anywhere holds its beginning, its middle or its
// end. A piece must be distinctive, since zeros or spaces are in every file, and it must be looked for in each
// form in which a program may have written it: as it is, and as JSON escapes it (with and without other letters
// than ASCII). A chat request is looked for by what its messages say, and one for embeddings by its inputs, not by
// the JSON around them, which is the same for everybody.

/** Bytes of a piece. Thirty-two distinctive bytes do not come about by chance in any number of files. */
const WINDOW_BYTES = 32
/** A text shorter than this is no sign of anybody: "Yes, please." */
const TEXT_BYTES_MIN = 16
/** Different byte values that a whole window must have; a shorter piece may do with fewer. */
const DISTINCT_MIN = 10
/** Places that are tried behind a piece that is not distinctive. */
const TRIES_MAX = 32
/** The longest strings of one text. */
const STRINGS_MAX = 4
const MESSAGES_MAX = 10_000
/** Fields of a message that say nothing of a person, and may stand in a record: names of tools, for one. */
const NOT_SAID = new Set(['role', 'type', 'name', 'id', 'tool_call_id'])

/** Distinctive pieces of one text: its beginning, middle and end, in every form. Empty where there are none. */
export function windowsOf(text: string): Uint8Array[] {
  const said = saidIn(text).toSorted((one, other) => other.length - one.length)
  return said.slice(0, STRINGS_MAX).flatMap((string) => formsOf(string).flatMap(windowsIn))
}

/** A text as UTF-8, as JSON writes it, and as JSON in ASCII; only the forms that differ. */
export function formsOf(text: string): Buffer[] {
  const escaped = JSON.stringify(text).slice(1, -1)
  const ascii = escaped.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return [...new Set([text, escaped, ascii])].map((form) => Buffer.from(form))
}

/** What a body says in its messages or inputs; the text itself where it is no request, or one of tokens alone. */
function saidIn(text: string): string[] {
  const sayings = text.startsWith('{') ? sayingsOf(text) : undefined
  if (sayings === undefined) return [text]
  const said: string[] = []
  for (const saying of sayings.slice(0, MESSAGES_MAX)) gather(saying, said)
  return [...new Set(said)]
}

function sayingsOf(text: string): readonly unknown[] | undefined {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null) return undefined
    const messages: unknown = Reflect.get(body, 'messages')
    if (Array.isArray(messages)) return messages
    const input: unknown = Reflect.get(body, 'input')
    if (typeof input === 'string') return [input]
    return Array.isArray(input) && input.some((one) => typeof one === 'string') ? input : undefined
  } catch {
    // An answer may begin like JSON and be none: then it is looked for as it is.
    return undefined
  }
}

/** Every string in a message that is long enough to be looked for, at any depth that a guard lets through. */
function gather(value: unknown, into: string[]): void {
  if (typeof value === 'string') {
    if (value.length >= TEXT_BYTES_MIN) into.push(value)
  } else if (typeof value === 'object' && value !== null) {
    for (const [field, inner] of Object.entries(value)) if (!NOT_SAID.has(field)) gather(inner, into)
  }
}

function windowsIn(bytes: Buffer): Uint8Array[] {
  if (bytes.length < TEXT_BYTES_MIN) return []
  const last = Math.max(0, bytes.length - WINDOW_BYTES)
  const found = new Map<number, Uint8Array>()
  for (const start of [0, Math.floor(last / 2), last]) {
    const at = distinctiveFrom(bytes, start, last)
    // A copy of its own: a view would keep the whole text in memory.
    if (at !== undefined) found.set(at, Uint8Array.from(bytes.subarray(at, at + WINDOW_BYTES)))
  }
  return [...found.values()]
}

function distinctiveFrom(bytes: Buffer, start: number, last: number): number | undefined {
  for (let tries = 0, at = start; tries < TRIES_MAX && at <= last; tries++, at += WINDOW_BYTES / 2) {
    if (isDistinctive(bytes.subarray(at, at + WINDOW_BYTES))) return at
  }
  return undefined
}

function isDistinctive(window: Uint8Array): boolean {
  return new Set(window).size >= Math.min(DISTINCT_MIN, Math.ceil(window.length / 2))
}
