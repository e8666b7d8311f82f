import { boundsToTry, type GrammarBounds } from './bounds.ts'
import { SchemaDocument } from './document.ts'
import { Expansion } from './expand.ts'
import { explain } from './explain.ts'
import { type Compiled, type Finding, GivenUp, type Refused, Work } from './outcome.ts'
import { Printer } from './printer.ts'
import { type Parts, Rules } from './rules.ts'
import { Strings } from './strings.ts'

/**
 * A JSON Schema as a grammar for llama.cpp. What the grammar prints is compact JSON (at most one space after a comma
 * or colon) that meets the schema, but for the keywords in `checked`; and it ends within `longest` characters,
 * whatever the model. Properties come in the schema's order; those that it does not name are printed only where
 * `additionalProperties`, `patternProperties` or `minProperties` asks for them, or where it names none.
 * Never throws for a schema, whatever it holds.
 */
export function compileSchema(schema: unknown, bounds: Partial<GrammarBounds> = {}): Compiled | Refused {
  return compileWith(bounds, (draft) => draft.value(schema))
}

/** Any JSON object, as `response_format: { "type": "json_object" }` asks for. */
export function compileJsonObject(bounds: Partial<GrammarBounds> = {}): Compiled | Refused {
  return compileSchema({ type: 'object' }, bounds)
}

/** A grammar while it is made, of one schema or several. */
export class Draft {
  readonly bounds: GrammarBounds
  readonly rules: Rules
  readonly #work = new Work()
  readonly #strings: Strings
  readonly #checked = new Map<string, Finding>()

  constructor(bounds: GrammarBounds) {
    this.bounds = bounds
    this.rules = new Rules(this.#work)
    const check = this.#check
    this.#strings = new Strings({ rules: this.rules, bounds, work: this.#work, check })
  }

  readonly #check = (finding: Finding): void => {
    this.#checked.set(`${finding.keyword} ${finding.pointer}`, finding)
  }

  /** What a schema allows. `place`: a JSON Pointer to the schema itself. Throws GivenUp. */
  value(schema: unknown, place = ''): Parts {
    const work = this.#work
    const check = this.#check
    const document = new SchemaDocument(schema, work, place)
    const expander = new Expansion({ document, bounds: this.bounds, work, check })
    const printer = new Printer({ expander, rules: this.rules, strings: this.#strings, work, check })
    const root = document.conjunction(document.terms(document.root, document.root, '$ref'))
    const parts = printer.root(root)
    if (parts !== undefined) return parts
    const isPossible = (child: typeof root): boolean => printer.value(child, undefined, 0) !== undefined
    throw new GivenUp(explain(root, { document, printer, isPossible }))
  }

  /** Throws GivenUp where the grammar is too large. */
  finish(root: Parts): Compiled {
    return {
      type: 'compiled',
      gbnf: this.rules.print(root),
      checked: [...this.#checked.values()],
      longest: this.rules.longest(root),
      bounds: this.bounds,
    }
  }
}

/** Makes a grammar, with tighter bounds where it would be too large otherwise. */
export function compileWith(
  bounds: Partial<GrammarBounds>,
  make: (draft: Draft) => Parts,
): Compiled | Refused {
  let tooLarge: Finding | undefined
  for (const tried of boundsToTry(bounds)) {
    try {
      const draft = new Draft(tried)
      return draft.finish(make(draft))
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error
      if (!error.size) return { type: 'refused', ...(tooLarge ?? error.finding) }
      tooLarge ??= error.finding
    }
  }
  if (tooLarge === undefined) throw new Error('no bounds were tried')
  return { type: 'refused', ...tooLarge }
}
