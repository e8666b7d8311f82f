import type { ChatRequest } from '../../../contract/chat.ts'

/** What a rescue needs to know of a tool. */
export interface ToolShape {
  readonly name: string
  /** Its JSON Schema; absent for a tool without parameters. */
  readonly parameters?: object | undefined
}

/**
 * Values held against schemas for one answer at most: a schema of branches within branches could ask for
 * millions.
 */
const MAX_FITTINGS = 200_000

/** What models put before a name, and after it, where they were shown it so. */
const NAMESPACE = /^(?:functions?|tools?|default_api)[.:/]/
const COUNTER = /:\d{1,4}$/
const NAMESPACE_STARTS = ['f', 't', 'd']

/**
 * The tools that a request offers, found by the names that models print. A name counts where it is exact, or
 * differs only in what stands between its words (`.`, `_`, `-`) and no other tool could be meant: APIs forbid the
 * dot, so clients and models exchange the three.
 */
export class OfferedTools {
  readonly #tools = new Map<string, ToolShape>()
  /** By the name with every separator alike; undefined where two tools share it. */
  readonly #alike = new Map<string, string | undefined>()
  readonly #starts: ReadonlySet<string>
  #fittings = MAX_FITTINGS

  constructor(tools: readonly ToolShape[]) {
    for (const tool of tools) {
      const alike = separatorsAlike(tool.name)
      this.#alike.set(alike, this.#alike.has(alike) ? undefined : tool.name)
      this.#tools.set(tool.name, tool)
    }
    this.#starts = new Set([...tools.map(({ name }) => name.charAt(0)), ...NAMESPACE_STARTS])
  }

  get size(): number {
    return this.#tools.size
  }

  /** The tool that a printed name means. */
  resolve(written: string): ToolShape | undefined {
    return this.#find(written) ?? this.#find(written.replace(NAMESPACE, '').replace(COUNTER, ''))
  }

  /** Asked before each value that is held against a schema; false where an answer has had enough of them. */
  take(): boolean {
    return this.#fittings-- > 0
  }

  /** False where no name of a tool begins with this character. */
  begins(char: string): boolean {
    return this.#starts.has(char)
  }

  #find(written: string): ToolShape | undefined {
    const name = this.#tools.has(written) ? written : this.#alike.get(separatorsAlike(written))
    return name === undefined ? undefined : this.#tools.get(name)
  }
}

function separatorsAlike(name: string): string {
  return name.replace(/[.-]/g, '_')
}

/** The tools that may be called by an answer to this request; undefined where a printed call is no call. */
export function offeredBy(request: ChatRequest): OfferedTools | undefined {
  const choice = request.tool_choice
  if (request.tools === undefined || choice === 'none') return undefined
  const only = typeof choice === 'object' ? choice.function.name : undefined
  const tools = request.tools.map((tool) => tool.function)
  const offered = new OfferedTools(only === undefined ? tools : tools.filter(({ name }) => name === only))
  return offered.size === 0 ? undefined : offered
}
