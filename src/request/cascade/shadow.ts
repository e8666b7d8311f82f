import type { Way } from '../../contract/ask.ts'
import type { Escalation, Evidence, Judgement } from '../../contract/escalation.ts'
import type { Batch } from '../../contract/event.ts'
import type { Tier } from '../../contract/tier.ts'
import { assert } from '../../lib/assert.ts'
import { charsOf } from '../content.ts'
import { cutOff } from './heard.ts'
import type { Asking, JudgePort } from './way.ts'

/** What was seen of an answer as it went by. */
interface Seen {
  tier: Tier
  chars: number
  whole: boolean
}

/** The answer leaves as it comes, and beside it is written down what the judgement would have been. */
export function createShadow(asking: Asking, judge: JudgePort): Way {
  return async function* shadow(work) {
    const { escalation, tier } = work.plan
    assert(escalation !== undefined, 'only a plan that may shift up has a shadow')
    const seen: Seen = { tier, chars: 0, whole: true }
    const batches = asking(work, 'first')
    try {
      for (;;) {
        const { value: batch, done } = await batches.next()
        const [first] = batch
        if (first?.type === 'answer-start') seen.tier = first.tier
        seen.chars += charsOf(batch)
        seen.whole &&= !cutOff(batch)
        if (done === true) return judged(batch, judge, escalation, seen)
        yield batch
      }
    } finally {
      // Where the reader has left; after the end it does nothing.
      await batches.return([])
    }
  }
}

function judged(batch: Batch, judge: JudgePort, escalation: Escalation, { tier, chars, whole }: Seen): Batch {
  const last = batch.at(-1)
  if (last?.type !== 'answer-finish') return batch
  const up = tier === escalation.tier
  const evidence: Evidence | undefined = up ? undefined : { ...escalation.foreseen, chars, whole }
  const { segment, gain: prior, worthMicros, extraMicros } = escalation
  // Where the model that was drawn could not answer and another one did, there is nothing to learn from it.
  const drawn = escalation.drawn?.arm === (up ? 'strong' : 'cheap') ? escalation.drawn : undefined
  const judgement: Judgement = {
    segment,
    prior,
    worthMicros,
    extraMicros,
    ...judge.judge(escalation, evidence),
    done: up ? 'escalate' : 'accept',
    ...(evidence === undefined ? {} : { evidence }),
    ...(drawn === undefined ? {} : { drawn }),
  }
  return [...batch.slice(0, -1), { ...last, judged: judgement }]
}
