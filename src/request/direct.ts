import type { Way } from '../contract/ask.ts'
import type { ChatRequest } from '../contract/chat.ts'
import { attempts, type RequestKind } from './attempt.ts'
import { createShadow } from './cascade/shadow.ts'
import { type Asking, createCascade, type JudgePort } from './cascade/way.ts'
import { asSpoken } from './native.ts'
import type { AttemptPorts } from './ports.ts'
import { RetryBudget } from './retry.ts'
import { Turn } from './turn.ts'
import { cacheLifeOf, promptTokensBound } from './worst-case.ts'

/**
 * The way `direct`: a chat request is sent to a model, and what it says goes on as it comes, checked; or, where the plan
 * may shift up, it is looked at first.
 */
export function createDirect(ports: AttemptPorts, judge: JudgePort): Way {
  const budget = new RetryBudget(ports.bounds.retryShare)
  const chat: RequestKind<ChatRequest> = {
    worst: (next) => ({
      promptTokensBound: promptTokensBound(next),
      cache: cacheLifeOf(next.request),
      choices: next.request.n ?? 1,
    }),
    spoken: asSpoken,
    turn: (parts) => new Turn(ports, parts),
  }
  const asking: Asking = (work, cause) => attempts(ports, budget, chat, work, cause)
  const cascade = createCascade(asking, judge, ports.random)
  const shadow = createShadow(asking, judge)
  return (work) => {
    const order = work.plan.escalation?.order
    if (order === undefined) return asking(work, 'first')
    return order === 'shadow' ? shadow(work) : cascade(work)
  }
}
