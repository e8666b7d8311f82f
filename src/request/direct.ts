import type { Way } from '../contract/ask.ts'
import type { ChatRequest } from '../contract/chat.ts'
import { attempts, type RequestKind } from './attempt.ts'
import { asSpoken } from './native.ts'
import type { AttemptPorts } from './ports.ts'
import { RetryBudget } from './retry.ts'
import { Turn } from './turn.ts'
import { cacheLifeOf, promptTokensBound } from './worst-case.ts'

/** The way `direct`: a chat request is sent to a model, and what it says goes on as it comes, checked. */
export function createDirect(ports: AttemptPorts): Way {
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
  return (work) => attempts(ports, budget, chat, work)
}
