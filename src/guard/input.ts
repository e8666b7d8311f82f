import type { ChatRequest } from '../contract/chat.ts'
import { type EmbedRequest, inputsOf } from '../contract/embed.ts'
import type { Verdict } from '../contract/event.ts'
import type { NativeRequest } from '../contract/native.ts'
import { isRefusal, type Refusal, refuse } from '../contract/problem.ts'
import { textChars } from '../contract/text.ts'
import { type Action, type GuardConfig, PII_KINDS, type PiiKind } from './config.ts'
import { isMedia } from './media.ts'
import { findPii } from './pii.ts'
import { plainView } from './plain-view.ts'
import { findSecrets } from './secrets.ts'
import { type Span, withoutOverlaps } from './spans.ts'
import { textRuns } from './text-runs.ts'

/** Structurally what the path asks of the guard's input side. */
export interface InputAdmitted<R = ChatRequest> {
  readonly type: 'admitted'
  /** The same object where nothing had to be changed; else a copy that shares what was not changed. */
  readonly request: R
  readonly verdicts: readonly Verdict[]
}

export interface InputGuard {
  /** Bounds, and the rules that hold everywhere. `bytes`: the request's JSON on the wire. */
  admit(request: ChatRequest, bytes: number): InputAdmitted | Refusal
  /** The rules for a request that is about to leave this machine. */
  outbound(request: ChatRequest): InputAdmitted | Refusal
  /** The same two for what is to be embedded. */
  readonly embedding: {
    admit(request: EmbedRequest, bytes: number): InputAdmitted<EmbedRequest> | Refusal
    outbound(request: EmbedRequest): InputAdmitted<EmbedRequest> | Refusal
  }
}

export function createInputGuard(config: GuardConfig): InputGuard {
  const everywhere = rulesFor(config, false)
  const leaving = rulesFor(config, true)
  return {
    admit: (request, bytes) =>
      overBounds(request, bytes, config) ?? screen(request, request.native, everywhere, config),
    outbound: (request) => screen(request, request.native, leaving, config),
    embedding: {
      admit: (request, bytes) => {
        return overInputs(request, bytes, config) ?? screenInputs(request, everywhere, config)
      },
      outbound: (request) => screenInputs(request, leaving, config),
    },
  }
}

interface Rules {
  readonly secrets: Action
  readonly pii: Readonly<Partial<Record<PiiKind, Action>>>
  /** The kinds whose action is not `allow`. */
  readonly kinds: readonly PiiKind[]
  readonly idle: boolean
}

function rulesFor(config: GuardConfig, leaving: boolean): Rules {
  const { secrets, pii } = config.input
  const kinds = PII_KINDS.filter((kind) => {
    return pii[kind].action !== 'allow' && (leaving || pii[kind].applies === 'everywhere')
  })
  const here = leaving ? secrets : 'allow'
  const actions = Object.fromEntries(kinds.map((kind) => [kind, pii[kind].action]))
  return { secrets: here, pii: actions, kinds, idle: kinds.length === 0 && here === 'allow' }
}

function overBounds(request: ChatRequest, bytes: number, config: GuardConfig): Refusal | undefined {
  const { maxBodyBytes, maxMessages, maxTextChars } = config.bounds
  if (bytes > maxBodyBytes) return tooManyBytes(bytes, maxBodyBytes)
  if (request.messages.length > maxMessages) {
    return refuse(
      'too_many_messages',
      `The request has ${request.messages.length} messages and at most ${maxMessages} are accepted (guard.bounds.maxMessages): drop or summarise the oldest.`,
      { param: 'messages' },
    )
  }
  // A character is at least one byte of the body, so a small body needs no count.
  if (bytes > maxTextChars && textChars(request) > maxTextChars) {
    return refuse(
      'body_too_large',
      `The messages hold more than ${maxTextChars} characters of text (guard.bounds.maxTextChars): send less, or raise the bound.`,
      { param: 'messages' },
    )
  }
  return undefined
}

function tooManyBytes(bytes: number, bound: number): Refusal {
  return refuse(
    'body_too_large',
    `The request has ${bytes} bytes and at most ${bound} are accepted (guard.bounds.maxBodyBytes): send less, or raise the bound.`,
  )
}

function overInputs(request: EmbedRequest, bytes: number, config: GuardConfig): Refusal | undefined {
  const { maxBodyBytes, maxTextChars } = config.bounds
  if (bytes > maxBodyBytes) return tooManyBytes(bytes, maxBodyBytes)
  if (bytes <= maxTextChars) return undefined
  let chars = 0
  for (const input of inputsOf(request)) if (typeof input === 'string') chars += input.length
  if (chars <= maxTextChars) return undefined
  return refuse(
    'body_too_large',
    `The inputs hold more than ${maxTextChars} characters of text (guard.bounds.maxTextChars): send fewer at once, or raise the bound.`,
    { param: 'input' },
  )
}

const CLEAN: readonly Verdict[] = []

/** No rule can read tokens: whoever relies on the rules is told. */
const UNREAD: Verdict = {
  check: 'input',
  outcome: 'skipped',
  detail: 'tokens were not looked into for secrets and personal data: send the texts themselves',
}

function screenInputs(
  request: EmbedRequest,
  rules: Rules,
  config: GuardConfig,
): InputAdmitted<EmbedRequest> | Refusal {
  const screened = screen(request, undefined, rules, config)
  if (rules.idle || isRefusal(screened) || inputsOf(request).every((input) => typeof input === 'string')) {
    return screened
  }
  return { ...screened, verdicts: [...screened.verdicts, UNREAD] }
}

/** @param native - the caller's own body, where the request is a translation of it */
function screen<R extends object>(
  request: R,
  native: NativeRequest | undefined,
  rules: Rules,
  config: GuardConfig,
): InputAdmitted<R> | Refusal {
  if (rules.idle) return { type: 'admitted', request, verdicts: CLEAN }
  const walk = new Walk(rules, config.bounds.maxDepth)
  const screened = native === undefined ? walk.object(request, '', 0) : walk.twice(request, native)
  if (walk.refusal !== undefined) return walk.refusal
  if (screened === request) return { type: 'admitted', request, verdicts: CLEAN }
  const verdicts = [...walk.redacted].map(([check, times]): Verdict => {
    return { check, outcome: 'redacted', detail: times === 1 ? 'once' : `${times} times` }
  })
  // Only strings have changed, none of them one that a schema bounds, so it still is what it was.
  return { type: 'admitted', request: screened as R, verdicts }
}

/** Fields whose text describes the request's form: secrets are looked for there, personal data is not. */
const FORM_FIELDS = new Set(['tools', 'response_format', 'model', 'tool_choice', 'output_config'])
/**
 * Where media lie in a request, and what an engine has signed. Scanning base64 costs much and finds only chance;
 * anything else is text.
 */
const MEDIA_FIELDS = new Set(['url', 'data', 'file_data', 'signature'])
/** No key of a message is this long; one that is may be a secret itself. */
const SCANNED_KEY_CHARS = 16
const MAX_SHOWN_KEY_CHARS = 64
const SHORTEST = 7

/**
 * One walk over everything that an engine would receive, unknown fields included. It copies only the way
 * down to what changes.
 */
class Walk {
  readonly redacted = new Map<string, number>()
  refusal: Refusal | undefined
  readonly #rules: Rules
  readonly #maxDepth: number
  #inForm = false
  /** What became of each text of the caller's own body, while its translation is walked. */
  #known: Map<string, string> | undefined
  #translated = false

  constructor(rules: Rules, maxDepth: number) {
    this.#rules = rules
    this.#maxDepth = maxDepth
  }

  /**
   * A request that was translated at the edge: first the caller's own body, so that what is refused or redacted is
   * named and counted where the caller put it; then the translation, whose texts are mostly the same ones.
   */
  twice(request: { readonly native?: unknown }, native: NativeRequest): object {
    this.#known = new Map()
    const body = this.object(native.body, '', 0)
    this.#translated = true
    const { native: _, ...translation } = request
    const screened = this.object(translation, '', 0)
    if (body === native.body && screened === translation) return request
    return { ...screened, native: { ...native, body } }
  }

  object(record: object, path: string, depth: number): object {
    let changed: [string, unknown][] | undefined
    const keys = Object.keys(record)
    for (let at = 0; at < keys.length && this.refusal === undefined; at++) {
      const key = keys[at] as keyof typeof record // at < keys.length
      const value: unknown = record[key]
      if (depth === 0) this.#inForm = FORM_FIELDS.has(key)
      const screened = this.#value(value, path, key, depth)
      if (String(key).length >= SCANNED_KEY_CHARS) this.#key(key, path)
      if (screened === value) continue
      changed ??= Object.entries(record)
      changed[at] = [key, screened]
    }
    // fromEntries defines own fields, so a field named __proto__ stays a field.
    return changed === undefined ? record : Object.fromEntries(changed)
  }

  #value(value: unknown, path: string, key: string, depth: number): unknown {
    if (typeof value === 'string') {
      if (value.length < SHORTEST || (MEDIA_FIELDS.has(key) && isMedia(value))) return value
      return this.#text(value, path, key)
    }
    if (typeof value !== 'object' || value === null) return value
    if (depth >= this.#maxDepth) {
      const message = `The request nests deeper than ${this.#maxDepth} levels (guard.bounds.maxDepth): flatten it.`
      this.refusal ??= refuse('too_deep', message)
      return value
    }
    return Array.isArray(value)
      ? this.#array(value, join(path, key), depth + 1)
      : this.object(value, join(path, key), depth + 1)
  }

  #array(list: readonly unknown[], path: string, depth: number): readonly unknown[] {
    let changed: unknown[] | undefined
    const joined = this.#joined(list, path)
    for (let at = 0; at < list.length && this.refusal === undefined; at++) {
      const part = joined?.get(at) ?? list[at]
      const screened = this.#value(part, `${path}[${at}]`, '', depth)
      if (screened === list[at]) continue
      changed ??= [...list]
      changed[at] = screened
    }
    return changed ?? list
  }

  /** Text parts side by side are read as one text by the model, so what lies across them is found too. */
  #joined(list: readonly unknown[], path: string): ReadonlyMap<number, unknown> | undefined {
    let screened: Map<number, unknown> | undefined
    for (const run of textRuns(list)) {
      const findings = this.#findings(run.text).filter((finding) => run.isAcross(finding))
      if (findings.length === 0) continue
      const stop = findings.find((finding) => finding.action === 'refuse')
      if (stop !== undefined) this.#refuse(stop.rule, `${path}[${run.partAt(stop.start)}].text`)
      screened ??= new Map()
      for (const [at, part] of run.without(withoutOverlaps(findings))) screened.set(at, part)
      for (const { rule } of withoutOverlaps(findings)) this.#count(rule)
    }
    return screened
  }

  /** The name of a field cannot be redacted, so a secret there is refused under either action. */
  #key(key: string, path: string): void {
    const [secret] = this.#rules.secrets === 'allow' ? [] : findSecrets(key)
    if (secret !== undefined)
      this.#refuse(`input.secret.${secret.kind}`, path === '' ? 'a field’s name' : path)
  }

  #refuse(rule: string, param: string): void {
    this.refusal ??= refuse(
      'guard_refused',
      `The rule ${rule} refused the request: ${param} holds what looks like ${describe(rule)}. Take it out, use an engine on this machine, or change guard.input in the configuration.`,
      { rule, param },
    )
  }

  #text(text: string, parent: string, key: string): string {
    // In the form, and in JSON, the same text is read by other rules.
    const known = this.#inForm || key === 'arguments' ? undefined : this.#known
    if (known === undefined) return this.#screened(text, parent, key)
    const before = this.#translated ? known.get(text) : undefined
    if (before !== undefined) return before
    const screened = this.#screened(text, parent, key)
    known.set(text, screened)
    return screened
  }

  #screened(text: string, parent: string, key: string): string {
    const spans = this.#findings(text)
    if (spans.length === 0) return text
    const stop = spans.find((span) => span.action === 'refuse')
    if (stop !== undefined) {
      this.#refuse(stop.rule, join(parent, key))
      return text
    }
    return this.#redact(text, spans, key === 'arguments')
  }

  /** What the rules find in the text as it stands, then what they find in its plain view. */
  #findings(text: string): readonly Finding[] {
    const found: Finding[] = []
    this.#find(text, (start, end, rule, action, label) => found.push({ start, end, rule, action, label }))
    const view = plainView(text)
    if (view === undefined) return found
    this.#find(view.text, (start, end, rule, action, label) => {
      const span = { start: view.toOriginal(start), end: view.toOriginal(end) }
      found.push({ ...span, rule, action, label })
    })
    return found
  }

  #find(
    text: string,
    tell: (start: number, end: number, rule: string, action: Action, label: string) => void,
  ): void {
    const { secrets, kinds, pii } = this.#rules
    if (secrets !== 'allow') {
      for (const { kind, start, end } of findSecrets(text)) {
        tell(start, end, `input.secret.${kind}`, secrets, '[secret]')
      }
    }
    if (this.#inForm || kinds.length === 0) return
    for (const { kind, start, end } of findPii(text, kinds)) {
      tell(start, end, `input.pii.${kind}`, pii[kind] ?? 'allow', `[${kind}]`)
    }
  }

  #count(rule: string): void {
    if (this.#translated) return
    this.redacted.set(rule, (this.redacted.get(rule) ?? 0) + 1)
  }

  /** `json`: the text is JSON, so a number that is replaced becomes a string. */
  #redact(text: string, spans: readonly Finding[], json: boolean): string {
    let redacted = ''
    let from = 0
    let quoted = false
    for (const span of withoutOverlaps(spans)) {
      const between = text.slice(from, span.start)
      if (json) quoted = endsInString(between, quoted)
      redacted += between + (json && !quoted ? `"${span.label}"` : span.label)
      from = span.end
      this.#count(span.rule)
    }
    return redacted + text.slice(from)
  }
}

interface Finding extends Span {
  readonly rule: string
  readonly action: Action
  readonly label: string
}

function join(path: string, key: string): string {
  if (key === '') return path
  const shown = key.length > MAX_SHOWN_KEY_CHARS ? `${key.slice(0, MAX_SHOWN_KEY_CHARS)}…` : key
  return path === '' ? shown : `${path}.${shown}`
}

function describe(rule: string): string {
  const [, family = '', kind = ''] = rule.split('.')
  const words = kind.replaceAll('_', ' ')
  return family === 'secret' ? `a secret (${words})` : `personal data (${words})`
}

/** Whether a piece of JSON that began inside a string, or did not, ends inside one. */
function endsInString(piece: string, began: boolean): boolean {
  let inside = began
  for (let at = 0; at < piece.length; at++) {
    const char = piece.charCodeAt(at)
    if (char === 0x5c) at++
    else if (char === 0x22) inside = !inside
  }
  return inside
}
