import { readWord } from '../../../lib/text/literal.ts'
import { nextChar, type Reading, type Tape } from '../../../lib/text/tape.ts'

/**
 * DESIGN. Models are trained to announce a call by a token of their own (`<tool_call>`, `[TOOL_CALLS]`,
 * `<|python_tag|>`, `<function=…>`, `<｜tool▁calls▁begin｜>` …), and servers that do not know the model print it.
 * There are dozens and each new model brings another, so they are told by their shape: a tag whose name speaks of
 * tools, functions or calls. Other special tokens (`<|im_end|>`, `<|start_header_id|>`, `</s>`) mean nothing.
 */
export type Mark =
  /** Announces a call, or ends or parts what was announced. */
  | { readonly type: 'call' }
  /** A call whose name stands in the tag: `<function=NAME>`, `<invoke name="NAME">`. */
  | { readonly type: 'named'; readonly name: string }
  /** A tag around one argument: `<parameter=KEY>`, `<parameter name="KEY">`, `<arg_key>`. */
  | { readonly type: 'argument'; readonly key: string; readonly close: string }
  /** Begins what a model thinks aloud, up to `close`; empty: it ends here. */
  | { readonly type: 'thought'; readonly close: string }
  | { readonly type: 'noise' }

const MAX_TAG_CHARS = 80

const NAMED = /^<(?:function|tool|invoke|call)(?:\s*=\s*|\s+name\s*=\s*)["']?([\w.$-]+)["']?\s*>$/i
const ARGUMENT = /^<(parameter|param|argument|arg)(?:\s*=\s*|\s+name\s*=\s*)["']?([\w.$-]+)["']?\s*>$/i
const SPECIAL = /^<(?:\|[^|<>]*\||\/?s|\/?(?:bot|eot|eos|bos|pad|human|end_of|start_of)[a-z_]*)>$/i
const THOUGHT = /^<(\/?)(think|thinking|thought|reasoning|reflection)>$/i
const CALLING = /tool|function|call|invoke|python_?tag|action|plugin|execute/i
const BRACKETED = /^[A-Z_]*(?:TOOL|FUNCTION|CALL|ARGS)[A-Z_]*$/

/** A tag, from its `<` on. Undefined where it is none of a call's; it may then be anything, HTML too. */
export function* readTag(tape: Tape): Reading<Mark | undefined> {
  const tag = yield* readAngled(tape)
  return tag === undefined ? undefined : markOf(tag)
}

function markOf(tag: string): Mark | undefined {
  const name = NAMED.exec(tag)?.[1]
  if (name !== undefined) return { type: 'named', name }
  const argument = ARGUMENT.exec(tag)
  if (argument !== null) return { type: 'argument', key: argument[2] ?? '', close: `</${argument[1]}>` }
  if (tag === '<arg_key>') return { type: 'argument', key: '', close: '</arg_key>' }
  const thought = THOUGHT.exec(tag)
  // Servers that strip the opening tag leave the closing one: then the thought is over here.
  if (thought !== null) return { type: 'thought', close: thought[1] === '' ? `</${thought[2]}>` : '' }
  const plain = tag.replaceAll('｜', '|').replaceAll('▁', '_')
  // An element of HTML has attributes or a name of letters alone; `<function_call>` has neither.
  if (/^<<?\/?\|?[\w ]{1,60}\|?>?>$/.test(plain) && CALLING.test(plain)) return { type: 'call' }
  return SPECIAL.test(plain) ? { type: 'noise' } : undefined
}

/** True for what stands in the brackets of `[TOOL_CALLS]`, `[ARGS]` and their likes. */
export function isBracketMark(word: string): boolean {
  return BRACKETED.test(word)
}

/** `[TOOL_CALLS]`, `[/TOOL_CALLS]` and their likes, from the bracket on. */
export function* readBracketMark(tape: Tape): Reading<boolean> {
  tape.at++
  if ((yield* nextChar(tape)) === '/') tape.at++
  const word = yield* readWord(tape)
  if (word === undefined || !isBracketMark(word) || (yield* nextChar(tape)) !== ']') return false
  tape.at++
  return true
}

/** A tag as text; undefined where it does not end on its line, or ends late. */
function* readAngled(tape: Tape): Reading<string | undefined> {
  let text = '<'
  tape.at++
  while (text.length < MAX_TAG_CHARS) {
    const char = yield* nextChar(tape)
    if (char === '' || char === '\n') return undefined
    // Another `<` begins another tag, but for the second of `<<function>>`.
    if (char === '<' && text !== '<') return undefined
    text += char
    tape.at++
    if (char === '>' && (!text.startsWith('<<') || text.endsWith('>>'))) return text
  }
  return undefined
}
