import type { Limits } from './budget.ts'
import type { Scope } from './caller.ts'
import type { Judgement } from './escalation.ts'
import type { Verdict } from './event.ts'
import type { Plan } from './plan.ts'
import type { ProblemCode } from './problem.ts'
import type { Tier } from './tier.ts'
import type { EngineStats, Usage } from './usage.ts'

/** Where an encrypted text lies in the vault, and what it must hash to. The log itself never holds text. */
export interface TextRef {
  /** Number of the vault's file. */
  readonly file: number
  /** Byte at which the frame begins. */
  readonly at: number
  /** Length of the frame, header included. */
  readonly bytes: number
  /** SHA-256 of the frame, base64url. */
  readonly sha256: string
}

/**
 * The key may read the answer again, and go on from it, until it expires: a response, `resp_` and the rest of the
 * request's id.
 */
export interface ResponseMark {
  /** The request that it goes on from. */
  readonly previous?: string
}

/** Written before the first dispatch. An `opened` without its `closed` means that the process died. */
export interface Opened {
  readonly type: 'opened'
  readonly id: string
  readonly parent?: string
  readonly key: string
  /** Pseudonym of the person or key that the text is about, `sub_…`: erasing the subject leaves it meaningless. */
  readonly subject?: string
  readonly bytes: number
  readonly plan: Plan
  /** The request's body as it arrived. */
  readonly prompt?: TextRef
  /** Absent: the answer cannot be asked for again. */
  readonly response?: ResponseMark
}

/** How one turn ended: its own outcome, usage and cost. */
export interface Settlement {
  readonly turn: number
  readonly engine: string
  readonly model: string
  readonly tier: Tier
  readonly outcome: 'ok' | ProblemCode
  readonly usage?: Usage
  /** What the provider bills, micro-dollars; absent where nobody knows: then the whole hold counts. */
  readonly costMicros?: number
  /** The engine stated no usage and the figures are Upshift's own, by the rule in docs/budgets.md. */
  readonly estimated?: true
  readonly firstTokenMs?: number
  readonly totalMs: number
  readonly engineStats?: EngineStats
}

/** One turn of the attempt loop, written when it begins. */
export interface Attempted {
  readonly type: 'attempt'
  readonly id: string
  readonly turn: number
  readonly model: string
  readonly engine: string
  readonly replica: string
  readonly offMachine: boolean
  /**
   * Why this turn was needed. `continue`: the one before it died in the middle of its answer. `evidence`: a second
   * cheap model, to compare the first one's answer with. `escalate`: the tier above. `evaluate`: a model that says
   * which of two answers is right.
   */
  readonly cause:
    | 'first'
    | 'retry'
    | 'failover'
    | 'repair'
    | 'continue'
    | 'evidence'
    | 'escalate'
    | 'evaluate'
  /** Worst case held against the engine's cap and the key's budget, micro-dollars; absent where unpriced. */
  readonly heldMicros?: number
  /** Worst case of tokens. */
  readonly heldTokens?: number
  /** How the turns before it ended. Each settlement stands in the log once. */
  readonly settled?: readonly Settlement[]
}

/** Written before the finish event leaves. */
export interface Closed {
  readonly type: 'closed'
  readonly id: string
  readonly outcome: 'answered' | 'declined' | 'failed' | 'aborted'
  readonly code?: ProblemCode
  readonly model?: string
  readonly usage?: Usage
  /** What the providers bill for all turns together; absent where a part is unknown. */
  readonly costMicros?: number
  /** What the caller is charged: the turn that was delivered, its prompt counted once, and what it was judged by. */
  readonly chargedMicros?: number
  readonly firstTokenMs?: number
  readonly totalMs: number
  readonly verdicts?: readonly Verdict[]
  readonly judged?: Judgement
  /** Ids of the passages that the answer quotes. */
  readonly sources?: readonly string[]
  /** How the turns ended that no `attempt` has told. */
  readonly settled?: readonly Settlement[]
  /** What was answered, as far as it left. */
  readonly answer?: TextRef
}

/** A known caller was refused before any dispatch. */
export interface Refused {
  readonly type: 'refused'
  readonly id: string
  /** The request that it was made for, where a way made it. */
  readonly parent?: string
  readonly key: string
  readonly code: ProblemCode
  readonly rule?: string
}

/** A caller's judgement of an answer. */
export interface Feedback {
  readonly type: 'feedback'
  /** `fb_…` */
  readonly id: string
  /** The request that is judged. */
  readonly request: string
  readonly key: string
  /** Pseudonym of the subject of the request that is judged. */
  readonly subject?: string
  /** −1 (useless) to 1 (right). */
  readonly score?: number
  readonly correction?: TextRef
}

/** A key has taken back one of its responses: it is not found from here on. Its texts stay with its request. */
export interface ResponseDeleted {
  readonly type: 'response-deleted'
  /** The request. */
  readonly id: string
  readonly key: string
}

export interface KeyChanged {
  readonly type: 'key-changed'
  readonly key: string
  readonly change: 'created' | 'revoked' | 'rotated' | 'limited'
  readonly by: string
  readonly scope?: Scope
  readonly limits?: Limits
}

export interface PolicyChanged {
  readonly type: 'policy-changed'
  readonly what: string
  readonly to: string
  readonly by: string
}

/** A process has opened the home for writing. What was open before it is lost: its holds count whole. */
export interface Started {
  readonly type: 'started'
  readonly version: string
  /** Bytes of a torn last line that were cut away, after a crash in the middle of a write. */
  readonly cutBytes?: number
  /** How many entries were there when their tree was gone: it is made anew over them, whatever they were before. */
  readonly signedAnew?: number
}

/** A subject is being erased. Without its `erasure-done` a crash came between, and the next start ends it. */
export interface ErasureBegun {
  readonly type: 'erasure-begun'
  /** `era_…` */
  readonly id: string
  readonly subject: string
  readonly by: string
}

export interface ErasureDone {
  readonly type: 'erasure-done'
  readonly id: string
  readonly subject: string
  /** What the byte scan of the home found of the subject's texts; absent where it could not be repeated after a crash. */
  readonly scan?: {
    readonly files: number
    readonly bytes: number
    readonly probes: number
    readonly found: number
  }
}

/** A document of a collection is being forgotten. Without its `forget-done` a crash came between. */
export interface ForgetBegun {
  readonly type: 'forget-begun'
  /** `fgt_…` */
  readonly id: string
  readonly collection: string
  /** The number of its source: never a name. */
  readonly origin: number
  readonly by: string
}

/** These requests quoted it: the answers that were kept of them are overwritten. */
export interface TextsWiped {
  readonly type: 'texts-wiped'
  /** Of the forgetting. */
  readonly id: string
  readonly requests: readonly string[]
}

export interface ForgetDone {
  readonly type: 'forget-done'
  readonly id: string
  readonly collection: string
  readonly origin: number
  /** As of an erasure; absent where it could not be repeated after a crash. */
  readonly scan?: NonNullable<ErasureDone['scan']>
}

/** Files went by the retention policy. Their leaf hashes stay in the tree. */
export interface Expired {
  readonly type: 'expired'
  readonly what: 'entries' | 'texts'
  readonly files: readonly string[]
  /** Sequence numbers of the entries that went with the files, both included; absent for texts. */
  readonly first?: number
  readonly last?: number
  /** For texts: entries older than this moment have lost theirs, milliseconds since the epoch. */
  readonly before: number
  /** The signed checkpoint that covered them when they went. */
  readonly checkpoint: string
}

/** Format 1 wrote each turn's end as an entry of its own. */
export interface Settled extends Omit<Settlement, 'model' | 'tier'> {
  readonly type: 'settled'
  readonly id: string
}

/** What the one log holds; the writer adds `seq` and `at`. */
export type Entry =
  | Opened
  | Attempted
  | Closed
  | Refused
  | Feedback
  | ResponseDeleted
  | KeyChanged
  | PolicyChanged
  | Started
  | ErasureBegun
  | ErasureDone
  | ForgetBegun
  | TextsWiped
  | ForgetDone
  | Expired

export type Stamped<E extends Entry | Settled = Entry | Settled> = E & {
  /** Position in the log, from 0, without gaps: also the leaf's index in the tree. */
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** A text to be kept beside an entry, encrypted for its subject. */
export interface Keep {
  /** Whom it is about: the request's `user`, else the key's id. Never written down as it is. */
  readonly subject: string
  readonly text: Uint8Array | string
}
