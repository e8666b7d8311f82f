import type { ChatRequest } from '../../contract/chat.ts'
import { lastQuestion } from '../../contract/text.ts'
import type { Tier } from '../../contract/tier.ts'
import { kindOfTask } from '../features.ts'

/** Under what a request is counted: which step up, and what kind of task. Few, so that each gets its outcomes. */
export function segmentOf(request: ChatRequest, cheap: Tier, strong: Tier): string {
  const tools = (request.tools?.length ?? 0) > 0
  return `${cheap}>${strong} ${tools ? 'tools' : kindOfTask(lastQuestion(request))}`
}
