/**
 * Reads the part of GBNF that is written here (literals, character classes, rules, alternatives) and says at random
 * what a grammar can say, without a model. Source of the form: llama.cpp's grammars/README.md.
 */
export class GrammarTexts {
  readonly #rules = new Map<string, readonly (readonly Symbol[])[]>()

  constructor(gbnf: string) {
    for (const line of gbnf.split('\n')) {
      if (line === '') continue
      const [name, ...rest] = line.split(' ::= ')
      if (name === undefined || rest.length === 0) throw new Error(`no rule: ${line}`)
      this.#rules.set(name, new LineReader(rest.join(' ::= ')).alternatives())
    }
    if (!this.#rules.has('root')) throw new Error('a grammar begins with root')
  }

  get rules(): number {
    return this.#rules.size
  }

  /** A text of the grammar. `random` gives numbers from 0 up to 1. */
  say(random: () => number): string {
    const said: string[] = []
    const waiting: Symbol[] = [{ type: 'rule', name: 'root' }]
    const pick = <Item>(items: readonly Item[]): Item => {
      const item = items[Math.floor(random() * items.length)]
      if (item === undefined) throw new Error('there is nothing to choose from')
      return item
    }
    for (let symbol = waiting.pop(); symbol !== undefined; symbol = waiting.pop()) {
      if (symbol.type === 'text') said.push(symbol.text)
      else if (symbol.type === 'class') {
        const [low, high] = pick(symbol.ranges)
        // The ends of a range are where mistakes are.
        const at = pick([low, high, low + Math.floor(random() * (high - low + 1))])
        said.push(String.fromCodePoint(at))
      } else {
        const alternatives = this.#rules.get(symbol.name)
        if (alternatives === undefined) throw new Error(`there is no rule ${symbol.name}`)
        waiting.push(...pick(alternatives).toReversed())
      }
    }
    return said.join('')
  }
}

type Symbol =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'class'; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly type: 'rule'; readonly name: string }

class LineReader {
  readonly #line: readonly string[]
  #at = 0

  constructor(line: string) {
    this.#line = [...line]
  }

  alternatives(): (readonly Symbol[])[] {
    const found: Symbol[][] = [[]]
    while (this.#at < this.#line.length) {
      const char = this.#line[this.#at]
      if (char === ' ') this.#at++
      else if (char === '|') {
        this.#at++
        found.push([])
      } else found.at(-1)?.push(this.#symbol(char ?? ''))
    }
    return found
  }

  #symbol(first: string): Symbol {
    if (first === '"') return this.#text()
    if (first === '[') return this.#class()
    let name = ''
    while (/[a-z0-9]/.test(this.#line[this.#at] ?? '')) name += this.#line[this.#at++]
    if (name === '') throw new Error(`unexpected ${first} in ${this.#line.join('')}`)
    return { type: 'rule', name }
  }

  #text(): Symbol {
    let text = ''
    for (this.#at++; this.#line[this.#at] !== '"'; ) text += String.fromCodePoint(this.#code())
    this.#at++
    return { type: 'text', text }
  }

  #class(): Symbol {
    const ranges: [number, number][] = []
    for (this.#at++; this.#line[this.#at] !== ']'; ) {
      const low = this.#code()
      if (this.#line[this.#at] !== '-') ranges.push([low, low])
      else {
        this.#at++
        ranges.push([low, this.#code()])
      }
    }
    this.#at++
    return { type: 'class', ranges }
  }

  #code(): number {
    const char = this.#line[this.#at++]
    if (char === undefined) throw new Error(`unfinished: ${this.#line.join('')}`)
    if (char !== '\\') return char.codePointAt(0) ?? 0
    const kind = this.#line[this.#at++] ?? ''
    const digits = { x: 2, u: 4, U: 8 }[kind]
    if (digits === undefined) return kind.codePointAt(0) ?? 0
    this.#at += digits
    return Number.parseInt(this.#line.slice(this.#at - digits, this.#at).join(''), 16)
  }
}
