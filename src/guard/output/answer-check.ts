import type { ChatChunk, ChatCompletion, ChatRequest, WireChoice, WireMessage } from '../../contract/chat.ts'
import {
  type AnswerEvent,
  type AnswerWhole,
  type Batch,
  type ChunkDelta,
  isTerminal,
  type Verdict,
} from '../../contract/event.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Problem } from '../../contract/problem.ts'
import type { GuardConfig } from '../config.ts'
import type { SchemaChecks } from '../schema/checks.ts'
import { PromptMemory, trustIn } from './prompt.ts'
import { type TextRule, TextScanner } from './text-scanner.ts'
import { checkWhole, type WholeOutcome } from './whole.ts'

/**
 * DESIGN. The output side of the guard, one object for one answer. `scan` is on the path of every streamed
 * token, so it first joins what a batch says and searches it once: where nothing can be the start of
 * anything, the batch goes on as the very same object with every event's `wire`. Only else are events looked
 * at one by one, and only what changes is rebuilt. Each text field of each choice has a scanner of its own;
 * what one holds back leaves before anything of that choice that it would otherwise follow: a tool call, the
 * finish reason, the end.
 */
export interface AnswerChecksParts {
  readonly config: GuardConfig
  readonly schemas: SchemaChecks
}

/** A fresh check for one answer. `enforced`: the engine itself guarantees the JSON Schema. */
export type CreateAnswerCheck = (request: ChatRequest, plan: Plan, enforced: boolean) => AnswerCheck

export function createAnswerChecks({ config, schemas }: AnswerChecksParts): CreateAnswerCheck {
  const isTrusted = trustIn(config.output.trustedHosts)
  return (request, plan, enforced) => new AnswerCheck({ config, schemas, isTrusted, request, plan, enforced })
}

interface Parts extends AnswerChecksParts {
  readonly isTrusted: (host: string) => boolean
  readonly request: ChatRequest
  readonly plan: Plan
  readonly enforced: boolean
}

/** The fields of a message that people are shown, as engines name them. */
const TEXT_FIELDS = ['content', 'reasoning_content', 'reasoning', 'refusal'] as const
type TextField = (typeof TEXT_FIELDS)[number]

export class AnswerCheck {
  readonly hold: boolean
  readonly #parts: Parts
  readonly #active: boolean
  readonly #memory: PromptMemory
  readonly #choices = new Map<number, ChoiceScan>()
  readonly #removed = new Map<TextRule, number>()
  readonly #wholeVerdicts: Verdict[] = []
  #problem: Problem | undefined
  /** The latest chunk: the mould for a chunk of our own. */
  #mould: ChatChunk = { choices: [] }

  constructor(parts: Parts) {
    this.#parts = parts
    this.hold = parts.plan.output === 'hold'
    const { links, secrets } = parts.config.output
    this.#active = links !== 'allow' || secrets !== 'allow'
    this.#memory = new PromptMemory(parts.request, parts.isTrusted)
  }

  get verdicts(): readonly Verdict[] {
    const removals = [...this.#removed].map(([check, times]): Verdict => {
      return { check, outcome: 'redacted', detail: times === 1 ? 'once' : `${times} times` }
    })
    return [...removals, ...this.#wholeVerdicts]
  }

  /** Passes a batch, the same object where nothing had to change; or names what must end the answer. */
  scan(batch: Batch): Batch | Problem {
    if (!this.#active || this.#passesPlain(batch)) return batch
    const out: AnswerEvent[] = []
    for (const event of batch) {
      if (event.type === 'chunk-delta') this.#scanChunk(event, out)
      else if (event.type === 'answer-whole') out.push(this.#scanWhole(event))
      else {
        if (isTerminal(event)) this.#flushInto(out)
        out.push(event)
      }
      if (this.#problem !== undefined) return this.#problem
    }
    return out
  }

  /** What is still held back, at the end. */
  flush(): Batch | Problem {
    const out: AnswerEvent[] = []
    this.#flushInto(out)
    return this.#problem ?? out
  }

  /** Checks a whole answer: its JSON against the schema, its tool calls against the tools. */
  async whole(batches: readonly Batch[]): Promise<WholeOutcome> {
    const { outcome, verdicts } = await checkWhole(this.#parts, batches)
    this.#wholeVerdicts.push(...verdicts)
    return outcome
  }

  /** The common batch: one choice, content only, nothing suspicious. Nothing is allocated for it but a rope. */
  #passesPlain(batch: Batch): boolean {
    let joined = ''
    for (const event of batch) {
      if (event.type !== 'chunk-delta') {
        if (event.type === 'answer-whole' || this.#holds()) return false
        continue
      }
      for (const choice of event.chunk.choices) {
        if (choice.index !== 0 || choice.finish_reason != null || choice.delta.tool_calls !== undefined) {
          if (choice.index !== 0 || this.#holds()) return false
        }
        if (choice.delta.reasoning_content || choice.delta['reasoning'] || choice.delta.refusal) return false
        if (choice.delta.content) joined += choice.delta.content
      }
      this.#mould = event.chunk
    }
    if (joined === '') return true
    const scanner = this.#choice(0).scanner('content')
    if (!scanner.isPlain(joined)) return false
    scanner.pass(joined)
    return true
  }

  #holds(): boolean {
    for (const choice of this.#choices.values()) if (choice.holds) return true
    return false
  }

  #choice(index: number): ChoiceScan {
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      choice = new ChoiceScan(() => this.#scanner())
      this.#choices.set(index, choice)
    }
    return choice
  }

  #scanner(): TextScanner {
    const { links, secrets } = this.#parts.config.output
    const rules = { links: links !== 'allow', secrets: secrets !== 'allow', found: this.#found }
    return new TextScanner(rules, this.#memory)
  }

  readonly #found = (rule: TextRule): void => {
    this.#removed.set(rule, (this.#removed.get(rule) ?? 0) + 1)
    const { links, secrets } = this.#parts.config.output
    const action = rule.startsWith('output.secret.') ? secrets : links
    if (action !== 'refuse') return
    this.#problem ??= {
      code: 'output_refused',
      message: `The rule ${rule} refused the answer: it holds ${describe(rule)}. Ask differently, or change guard.output in the configuration.`,
      rule,
    }
  }

  #scanChunk(event: ChunkDelta, out: AnswerEvent[]): void {
    this.#mould = event.chunk
    let changed = false
    const choices = event.chunk.choices.map((choice) => {
      const state = this.#choice(choice.index)
      const text = state.take(choice.delta)
      // A tool call or the end must not overtake what came before it.
      if (choice.finish_reason != null || (choice.delta.tool_calls?.length ?? 0) > 0) {
        if (state.holds) out.push(this.#own(choice.index, withBefore(text, state.flush()), undefined))
      }
      const logprobs = state.logprobs(choice, text.changed)
      if (!text.changed && logprobs === choice.logprobs) return choice
      changed = true
      return rebuilt(choice, { ...choice.delta, ...text.fields }, logprobs)
    })
    out.push(changed ? { type: 'chunk-delta', chunk: { ...event.chunk, choices } } : event)
  }

  #flushInto(out: AnswerEvent[]): void {
    for (const [index, state] of this.#choices) {
      if (state.holds) out.push(this.#own(index, state.flush(), state.logprobs(undefined, true)))
    }
  }

  #own(index: number, delta: Texts, logprobs: unknown): ChunkDelta {
    const { usage: _, ...mould } = this.#mould
    const choice = { index, delta, finish_reason: null, ...(logprobs == null ? {} : { logprobs }) }
    return { type: 'chunk-delta', chunk: { ...mould, choices: [choice] } }
  }

  #scanWhole(event: AnswerWhole): AnswerWhole {
    let changed = false
    const choices = event.completion.choices.map((choice) => {
      const fields: Texts = {}
      for (const field of TEXT_FIELDS) {
        const text = choice.message[field]
        if (typeof text !== 'string' || text === '') continue
        const scanner = this.#scanner()
        const screened = scanner.push(text) + scanner.flush()
        if (screened !== text) fields[field] = screened
      }
      if (Object.keys(fields).length === 0) return choice
      changed = true
      const message: WireMessage = { ...choice.message, ...fields }
      return { ...choice, message, ...(choice.logprobs == null ? {} : { logprobs: null }) }
    })
    if (!changed) return event
    const completion: ChatCompletion = { ...event.completion, choices }
    return { type: 'answer-whole', completion }
  }
}

type Delta = ChatChunk['choices'][number]

function rebuilt(choice: Delta, delta: WireMessage, logprobs: unknown): Delta {
  return logprobs === choice.logprobs ? { ...choice, delta } : { ...choice, delta, logprobs }
}

type Texts = Partial<Record<TextField, string>>

interface Taken {
  /** What each field of the delta says now; only fields that changed. */
  readonly fields: Texts
  changed: boolean
}

/** A chunk of our own goes before the one at hand, so what that one says of the same field moves into it. */
function withBefore(text: Taken, rest: Texts): Texts {
  for (const field of TEXT_FIELDS) {
    if (rest[field] === undefined) continue
    rest[field] = (text.fields[field] ?? '') + rest[field]
    text.fields[field] = ''
    text.changed = true
  }
  return rest
}

/** One choice: a scanner for each of its text fields, and the log-probabilities of text that is held back. */
class ChoiceScan {
  readonly #create: () => TextScanner
  readonly #scanners = new Map<TextField, TextScanner>()
  #heldLogprobs: unknown[] = []
  #lostText = false

  constructor(create: () => TextScanner) {
    this.#create = create
  }

  scanner(field: TextField): TextScanner {
    let scanner = this.#scanners.get(field)
    if (scanner === undefined) {
      scanner = this.#create()
      this.#scanners.set(field, scanner)
    }
    return scanner
  }

  get holds(): boolean {
    for (const scanner of this.#scanners.values()) if (scanner.held > 0) return true
    return false
  }

  take(delta: WireMessage): Taken {
    const taken: Taken = { fields: {}, changed: false }
    for (const field of TEXT_FIELDS) {
      const text = delta[field]
      if (typeof text !== 'string' || text === '') continue
      const scanner = this.scanner(field)
      const removals = scanner.removals
      const screened = scanner.push(text)
      if (scanner.removals > removals) this.#lostText = true
      if (screened === text) continue
      taken.fields[field] = screened
      taken.changed = true
    }
    return taken
  }

  flush(): Texts {
    const rest: Texts = {}
    for (const [field, scanner] of this.#scanners) {
      if (scanner.held === 0) continue
      const removals = scanner.removals
      rest[field] = scanner.flush()
      if (scanner.removals > removals) this.#lostText = true
    }
    return rest
  }

  /**
   * Log-probabilities spell the text token by token, so they wait while it is held back and are dropped with
   * what is removed. Returns what the chunk at hand should carry.
   */
  logprobs(choice: WireChoice | undefined, changed: boolean): unknown {
    const own = choice?.logprobs
    if (own == null && this.#heldLogprobs.length === 0) {
      this.#lostText = this.holds && this.#lostText
      return own
    }
    if (!changed && this.#heldLogprobs.length === 0 && !this.holds) return own
    this.#heldLogprobs.push(...tokensOf(own))
    if (this.holds) return null
    const tokens = this.#lostText ? [] : this.#heldLogprobs
    this.#heldLogprobs = []
    this.#lostText = false
    return tokens.length === 0 ? null : { content: tokens, refusal: null }
  }
}

function tokensOf(logprobs: unknown): readonly unknown[] {
  if (typeof logprobs !== 'object' || logprobs === null || !('content' in logprobs)) return []
  return Array.isArray(logprobs.content) ? logprobs.content : []
}

function describe(rule: TextRule): string {
  if (rule === 'output.link.data') return 'a link that carries data'
  if (rule === 'output.link.scheme') return 'a link that runs a script or opens a file'
  if (rule === 'output.image.remote') return 'an image that would be fetched from a host that is not trusted'
  return `what looks like a secret (${rule.slice('output.secret.'.length).replaceAll('_', ' ')})`
}
