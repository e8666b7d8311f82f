import { setImmediate } from 'node:timers/promises'
import type { ChatChunk, ChatCompletion, ChatRequest, WireMessage } from '../../contract/chat.ts'
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
import { judgeAddress } from './address.ts'
import { ChoiceScan, looseFieldsOf, SIGNED_FIELD, TEXT_FIELDS, unsigned, withBefore } from './choice-scan.ts'
import { LooseFields } from './loose-fields.ts'
import { PromptMemory, trustIn } from './prompt.ts'
import { type AnswerRescue, createRescue } from './rescue/answer-rescue.ts'
import { isPlainText, type TextRule, TextScanner } from './text-scanner.ts'
import { checkWhole, type WholeOutcome } from './whole.ts'

/**
 * DESIGN. The output side of the guard, one object for one answer. `scan` is on the path of every streamed
 * token, so it first joins what a batch says and searches it once: where nothing can be the start of
 * anything, the batch goes on as the very same object with every event's `wire`. Only else are events looked
 * at one by one, and only what changes is rebuilt. Each text field of each choice has a scanner of its own,
 * and so has each string in its other fields (`LooseFields`: tool calls, reasoning details, images); what one
 * holds back leaves before anything of that choice that it would otherwise follow: a tool call, the finish
 * reason, the end. A long whole answer is screened in slices between which the event loop turns. Where tools are
 * offered, calls that the model only printed are made calls first, and then searched like any others.
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

export class AnswerCheck {
  readonly hold: boolean
  readonly #parts: Parts
  readonly #active: boolean
  readonly #memory: PromptMemory
  readonly #rescue: AnswerRescue | undefined
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
    this.#rescue = createRescue(parts.request, parts.config)
  }

  get verdicts(): readonly Verdict[] {
    const rescued = this.#rescue?.verdicts ?? NONE
    if (this.#removed.size === 0 && this.#wholeVerdicts.length === 0) return rescued
    const removals = [...this.#removed].map(([check, times]): Verdict => {
      return { check, outcome: 'redacted', detail: times === 1 ? 'once' : `${times} times` }
    })
    return [...rescued, ...removals, ...this.#wholeVerdicts]
  }

  /**
   * Passes a batch, the same object where nothing had to change; or names what must end the answer. A promise
   * only for a whole answer of more than 32,768 characters.
   */
  scan(batch: Batch): Scanned | Promise<Scanned> {
    return this.#screen(this.#rescue?.take(batch) ?? batch)
  }

  #screen(batch: Batch): Scanned | Promise<Scanned> {
    if (!this.#active || this.#passesPlain(batch)) return batch
    const steps = this.#steps(batch)
    const first = steps.next()
    return first.done === true ? first.value : finished(steps)
  }

  *#steps(batch: Batch): Steps<Scanned> {
    const out: AnswerEvent[] = []
    for (const event of batch) {
      if (event.type === 'chunk-delta') this.#scanChunk(event, out)
      else if (event.type === 'answer-whole') out.push(yield* this.#scanWhole(event))
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
    for (const event of this.#rescue?.flush() ?? []) {
      if (this.#active && event.type === 'chunk-delta') this.#scanChunk(event, out)
      else out.push(event)
    }
    this.#flushInto(out)
    return this.#problem ?? out
  }

  /** Checks a whole answer: its JSON against the schema, its tool calls against the tools. */
  async whole(batches: readonly Batch[]): Promise<WholeOutcome> {
    const { outcome, verdicts } = await checkWhole(this.#parts, batches)
    this.#wholeVerdicts.push(...verdicts)
    return outcome
  }

  /**
   * The common batch: a whole answer, or chunks of one choice with content only, and nothing suspicious. Nothing is
   * allocated for it but a rope.
   */
  #passesPlain(batch: Batch): boolean {
    let joined = ''
    for (const event of batch) {
      if (event.type === 'answer-whole') {
        if (!event.completion.choices.every(isPlainChoice)) return false
        continue
      }
      if (event.type !== 'chunk-delta') {
        if (this.#holds()) return false
        continue
      }
      for (const choice of event.chunk.choices) {
        if (choice.index !== 0 || (choice.finish_reason != null && this.#holds())) return false
        if (!saysContentOnly(choice.delta)) return false
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
      choice = new ChoiceScan(() => this.#scanner(true), this.#looseFields())
      this.#choices.set(index, choice)
    }
    return choice
  }

  /** `shown`: the text is for people, so links count. */
  #scanner(shown: boolean): TextScanner {
    const { links, secrets } = this.#parts.config.output
    const rules = { links: shown && links !== 'allow', secrets: secrets !== 'allow', found: this.#found }
    return new TextScanner(rules, this.#memory)
  }

  #looseFields(): LooseFields {
    return new LooseFields({
      scanner: (shown) => this.#scanner(shown),
      replaceImage: (address) => this.#replaceImage(address),
    })
  }

  #replaceImage(address: string): string | undefined {
    if (this.#parts.config.output.links === 'allow') return undefined
    const rule = judgeAddress(address, 'image', this.#memory)
    if (rule === undefined) return undefined
    this.#found(rule)
    return `[image removed: ${rule}]`
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
      const ends = choice.finish_reason != null
      const text = state.take(choice.delta)
      // A tool call, a signature or the end must not overtake what came before it.
      if ((ends || closesText(choice.delta)) && state.holdsText) {
        out.push(this.#own(choice.index, withBefore(text, state.flush()), undefined))
      }
      const loose = state.takeLoose(choice.delta, ends)
      if (ends) for (const rest of state.flushLoose()) out.push(this.#own(choice.index, rest, undefined))
      const logprobs = state.logprobs(choice, text.changed)
      if (!text.changed && loose === undefined && logprobs === choice.logprobs) return choice
      changed = true
      return rebuilt(choice, { ...choice.delta, ...loose, ...text.fields }, logprobs)
    })
    out.push(changed ? { type: 'chunk-delta', chunk: { ...event.chunk, choices } } : event)
  }

  #flushInto(out: AnswerEvent[]): void {
    for (const [index, state] of this.#choices) {
      if (state.holdsText) out.push(this.#own(index, state.flush(), state.logprobs(undefined, true)))
      for (const rest of state.flushLoose()) out.push(this.#own(index, rest, undefined))
    }
  }

  #own(index: number, delta: WireMessage, logprobs: unknown): ChunkDelta {
    const { usage: _, ...mould } = this.#mould
    const choice = { index, delta, finish_reason: null, ...(logprobs == null ? {} : { logprobs }) }
    return { type: 'chunk-delta', chunk: { ...mould, choices: [choice] } }
  }

  *#scanWhole(event: AnswerWhole): Steps<AnswerWhole> {
    const choices: WholeChoice[] = []
    let changed = false
    for (const choice of event.completion.choices) {
      const fields: Record<string, unknown> = {}
      for (const field of TEXT_FIELDS) {
        const text = choice.message[field]
        if (typeof text !== 'string' || text === '') continue
        if (text.length <= SLICE_CHARS && isPlainText(text)) continue
        const screened = yield* screenedInSlices(this.#scanner(true), text)
        if (screened !== text) fields[field] = screened
      }
      const respelled = Object.keys(fields).length > 0 && choice.logprobs != null
      let loose: LooseFields | undefined
      for (const field of looseFieldsOf(choice.message)) {
        loose ??= this.#looseFields()
        const value = choice.message[field]
        const screened = loose.take(field, value, true)
        if (screened !== value) fields[field] = field === SIGNED_FIELD ? unsigned(screened, value) : screened
      }
      const same = Object.keys(fields).length === 0
      changed ||= !same
      const message: WireMessage = same ? choice.message : { ...choice.message, ...fields }
      choices.push(same ? choice : { ...choice, message, ...(respelled ? { logprobs: null } : {}) })
    }
    if (!changed) return event
    const completion: ChatCompletion = { ...event.completion, choices }
    return { type: 'answer-whole', completion }
  }
}

type Scanned = Batch | Problem
/** Work that may be taken up again after a turn of the event loop. */
type Steps<T> = Generator<undefined, T, undefined>

const SLICE_CHARS = 32_768

function* screenedInSlices(scanner: TextScanner, text: string): Steps<string> {
  let screened = ''
  for (let at = 0; at < text.length; at += SLICE_CHARS) {
    if (at > 0) yield undefined
    screened += scanner.push(text.slice(at, at + SLICE_CHARS))
  }
  return screened + scanner.flush()
}

async function finished<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    await setImmediate()
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** Texts that need no closer look, and nothing else in which something may stand. */
function isPlainChoice({ message }: WholeChoice): boolean {
  if (looseFieldsOf(message).length > 0) return false
  for (const field of TEXT_FIELDS) {
    const text = message[field]
    if (typeof text === 'string' && (text.length > SLICE_CHARS || !isPlainText(text))) return false
  }
  return true
}

function closesText(delta: WireMessage): boolean {
  return (delta.tool_calls?.length ?? 0) > 0 || delta[SIGNED_FIELD] != null
}

function saysContentOnly(delta: WireMessage): boolean {
  for (const field in delta) {
    const value = delta[field]
    if (value == null || value === '' || field === 'role') continue
    if (field !== 'content' || typeof value !== 'string') return false
  }
  return true
}

type Delta = ChatChunk['choices'][number]
type WholeChoice = ChatCompletion['choices'][number]

const NONE: readonly Verdict[] = []

function rebuilt(choice: Delta, delta: WireMessage, logprobs: unknown): Delta {
  return logprobs === choice.logprobs ? { ...choice, delta } : { ...choice, delta, logprobs }
}

function describe(rule: TextRule): string {
  if (rule === 'output.link.data') return 'a link that carries data'
  if (rule === 'output.link.scheme') return 'a link that runs a script or opens a file'
  if (rule === 'output.image.remote') return 'an image that would be fetched from a host that is not trusted'
  return `what looks like a secret (${rule.slice('output.secret.'.length).replaceAll('_', ' ')})`
}
