import type { Verb } from '../contract/verb.ts'
import type { ReadPrintedCalls } from '../evaluate/toolcalls/port.ts'
import { toolcallsVerb } from '../evaluate/toolcalls/verb.ts'
import { OfferedTools } from '../guard/output/rescue/offered.ts'
import { rescueText } from '../guard/output/rescue/text-rescue.ts'

/** The rescue as it runs in the guard, over one whole text. */
export const readPrintedCalls: ReadPrintedCalls = (text, tools) =>
  rescueText(text, new OfferedTools(tools))?.calls

/** What measures parts of Upshift on recorded data: joined here, because a feature does not know another. */
export const verbs: readonly Verb[] = [toolcallsVerb(readPrintedCalls)]
