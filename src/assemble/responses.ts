import type { Config } from '../config/sections.ts'
import { isRefusal } from '../contract/problem.ts'
import type { ResponsesPort } from '../http/responses/stored.ts'
import { systemClock } from '../lib/clock.ts'
import { DAY_MS } from '../lib/utc.ts'
import { Fair } from '../record/index/fair.ts'
import type { RecordParts } from './record.ts'

/** Conversations of one key that may be looked up at once: half of what the follower lets wait. */
const LOOKUPS_PER_KEY_MAX = 128

/** Stored responses, as record and vault hold them. */
export function createResponses(config: () => Config, record: RecordParts): ResponsesPort {
  const fair = new Fair(LOOKUPS_PER_KEY_MAX)
  return {
    // Whether texts are kept is settled at the start.
    keepsTexts: config().record.texts === 'keep',
    chain: async ({ id, key, links }) => {
      const {
        guard: { bounds },
        record: { responses },
      } = config()
      const kept = {
        count: responses.perKey,
        bytes: responses.bytesPerKey,
        since: systemClock.now() - responses.days * DAY_MS,
      }
      const query = { type: 'response', id, key, kept, links, bytes: bounds.maxBodyBytes } as const
      const reply = await fair.ask(key, () => record.follower.ask('index', query))
      if (isRefusal(reply)) return reply
      if (reply.type !== 'response') throw new Error(`a response was asked for, and ${reply.type} came`)
      return reply
    },
    remove: ({ id, key }) => record.recorder.append({ type: 'response-deleted', id, key }),
    now: () => systemClock.now(),
  }
}
