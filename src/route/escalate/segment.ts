import type { Ask } from '../../contract/ask.ts'
import type { Tier } from '../../contract/tier.ts'
import { kindOfTask } from '../features.ts'
import type { Asked } from './asked.ts'

/** Under what a request is counted: which step up, and what kind of task. Few, so that each gets its outcomes. */
export function segmentOf({ request, passages }: Ask, asked: Asked, cheap: Tier, strong: Tier): string {
  const tools = (request.tools?.length ?? 0) > 0
  const kind =
    passages !== undefined
      ? 'passages'
      : asked.step !== undefined
        ? 'steps'
        : tools
          ? 'tools'
          : kindOfTask(asked.question)
  return `${cheap}>${strong} ${kind}`
}
