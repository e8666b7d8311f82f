import type { Way } from '../../contract/ask.ts'
import type { Evidence, Judgement } from '../../contract/escalation.ts'
import { assert } from '../../lib/assert.ts'
import { charsOf } from '../content.ts'
import { cutOff } from './heard.ts'
import type { Asking, JudgePort } from './way.ts'

/** The answer leaves as it comes, and beside it is written down what the judgement would have been. */
export function createShadow(asking: Asking, judge: JudgePort): Way {
  return async function* shadow(work) {
    const { escalation } = work.plan
    assert(escalation !== undefined, 'only a plan that may shift up has a shadow')
    let chars = 0
    let whole = true
    let tier = work.plan.tier
    for await (const batch of asking(work, 'first')) {
      const [first] = batch
      if (first?.type === 'answer-start') tier = first.tier
      chars += charsOf(batch)
      whole &&= !cutOff(batch)
      const last = batch.at(-1)
      if (last?.type !== 'answer-finish') {
        yield batch
        continue
      }
      const up = tier === escalation.tier
      const evidence: Evidence | undefined = up ? undefined : { ...escalation.foreseen, chars, whole }
      const { segment, gain: prior, worthMicros, extraMicros } = escalation
      // Where the model that was drawn could not answer and another one did, there is nothing to learn from it.
      const drawn = escalation.drawn?.arm === (up ? 'strong' : 'cheap') ? escalation.drawn : undefined
      const judged: Judgement = {
        segment,
        prior,
        worthMicros,
        extraMicros,
        ...judge.judge(escalation, evidence),
        done: up ? 'escalate' : 'accept',
        ...(evidence === undefined ? {} : { evidence }),
        ...(drawn === undefined ? {} : { drawn }),
      }
      yield [...batch.slice(0, -1), { ...last, judged }]
    }
  }
}
