import type { EmbedCall, EmbedEnd } from '../../contract/embed.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { timedOut } from '../../lib/timed-out.ts'
import type { Heard, Host } from './host.ts'

const NOTHING = { promptTokens: 0, completionTokens: 0 }

/** One call that embeds: resolves with what the process says, or at once where the caller leaves or time is over. */
export function embedOn(host: Host, id: string, call: EmbedCall, clock: Clock): Promise<EmbedEnd> {
  return new Promise((resolve) => {
    const end = (ended: EmbedEnd): void => {
      clearTimeout(timer)
      call.signal.removeEventListener('abort', aborted)
      host.cancel(id)
      resolve(ended)
    }
    const fail = (problem: Problem): void => end({ type: 'failed', problem, usage: NOTHING })
    const late = (): void => {
      const message =
        'The time for this request was over before the vectors were made. Ask for less, or allow more time.'
      fail({ code: 'deadline_exceeded', message })
    }
    const aborted = (): void => {
      if (timedOut(call.signal)) late()
      else fail({ code: 'client_closed', message: 'The caller went away before the vectors were made.' })
    }
    const leftMs = call.deadline - clock.elapsed()
    const timer = setTimeout(late, Math.max(0, leftMs))
    if (call.signal.aborted || leftMs <= 0) {
      if (call.signal.aborted) aborted()
      else late()
      return
    }
    call.signal.addEventListener('abort', aborted, { once: true })
    host.submit({ type: 'embed', id, inputs: call.inputs }, (heard) => {
      const ended = endOf(heard)
      if (ended !== undefined) end(ended)
    })
  })
}

/** Nothing of it costs anything, and what is lost is made again: usage is told where vectors are. */
function endOf(heard: Heard): EmbedEnd | undefined {
  switch (heard.type) {
    case 'embedded': {
      const usage = { promptTokens: heard.promptTokens, completionTokens: 0 }
      return { type: 'embedded', vectors: heard.vectors, usage, verdicts: [] }
    }
    case 'refused': {
      const { code, message, param, retryAfterMs } = heard
      const more = {
        ...(param === undefined ? {} : { param }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      }
      return { type: 'failed', problem: { code, message, ...more }, usage: NOTHING }
    }
    case 'lost':
    case 'unreadable':
      return {
        type: 'failed',
        problem: { code: 'upstream_failed', message: `The vectors were lost: ${heard.why}.` },
        usage: NOTHING,
      }
    case 'unloadable':
      return {
        type: 'failed',
        problem: {
          code: 'no_model',
          message: `llama.cpp does not take the model: ${heard.why}. Get its file again.`,
        },
        usage: NOTHING,
      }
    default:
      return undefined
  }
}
