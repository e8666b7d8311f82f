import type { Answer } from '../../contract/ask.ts'
import type { AnswerFinish, AnswerWhole, Batch, Verdict } from '../../contract/event.ts'
import { isRefusal, type Problem, type Refusal } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import { bearer } from '../credential.ts'
import type { Body, Dialect, Spoken, Writer } from '../dialect.ts'
import { invalidRequest } from '../invalid.ts'
import { namedInResponses } from '../named.ts'
import { wireProblem } from '../problem.ts'
import { summarise } from '../summary.ts'
import { fetchHistory, type History, ownHistory } from './history.ts'
import { type Begun, endOf, responseObject } from './object.ts'
import { outputOf, saidIn } from './output.ts'
import { translate } from './request.ts'
import type { ResponsesPort } from './stored.ts'
import { ResponseStream } from './stream.ts'
import { unserved } from './unserved.ts'
import { type ResponsesRequest, responsesRequestSchema } from './wire.ts'

/**
 * OpenAI's Responses API over the one path. What is asked is translated here, once, and what is answered is written
 * in its events and objects. An answer is stored by being recorded: its request is marked, and its texts are the ones
 * that the vault keeps anyway.
 */
export function responsesDialect(port: ResponsesPort): Dialect {
  return {
    path: '/v1/responses',
    credentialOf: bearer,
    read: (body) => read(port, body),
    problem: wireProblem,
  }
}

function read(port: ResponsesPort, body: Body): Spoken | Refusal | Promise<Spoken | Refusal> {
  const parsed = responsesRequestSchema.safeParse(body.value)
  if (!parsed.success) return invalidRequest(parsed.error)
  const request = parsed.data
  const refusal = unserved(request)
  if (refusal !== undefined) return refusal
  const own = ownHistory(request)
  if (own !== undefined) return spoken(port, body, request, own)
  assert(body.caller !== null, 'who has no key was stopped at the door')
  return fetchHistory(port, request, body.caller.key, body.signal).then((history) =>
    isRefusal(history) ? history : spoken(port, body, request, history),
  )
}

function spoken(
  port: ResponsesPort,
  body: Body,
  request: ResponsesRequest,
  history: History,
): Spoken | Refusal {
  const translated = translate(request, history)
  if (isRefusal(translated)) return translated
  const asked = request.store !== false
  const stored = asked && port.keepsTexts
  const verdicts = asked && !stored ? [...translated.verdicts, UNSTORED] : translated.verdicts
  const { previous } = history
  return {
    ask: {
      request: translated.request,
      bytes: body.bytes + history.bytes,
      ...(verdicts.length === 0 ? {} : { verdicts }),
      ...(stored ? { response: previous === undefined ? {} : { previous } } : {}),
    },
    named: namedInResponses,
    writer: (answer) => new ResponsesWriter(port, { requestId: body.id, request, stored }, answer),
  }
}

const UNSTORED: Verdict = {
  check: 'store',
  outcome: 'skipped',
  detail: 'this server keeps no texts (record.texts: none), so the response cannot be asked for again',
}

class ResponsesWriter implements Writer {
  readonly #port: ResponsesPort
  readonly #begun: Begun
  readonly #answer: Answer
  readonly #stream: ResponseStream

  constructor(port: ResponsesPort, of: Omit<Begun, 'model'>, answer: Answer) {
    this.#port = port
    this.#begun = { ...of, model: answer.start.model }
    this.#answer = answer
    this.#stream = new ResponseStream({
      begun: this.#begun,
      now: () => port.now(),
      summary: (finish) => this.#summary(finish),
    })
  }

  get over(): Problem | undefined {
    return this.#stream.over
  }

  batch(batch: Batch): string {
    return this.#stream.batch(batch)
  }

  whole({ completion }: AnswerWhole, finish: AnswerFinish): string {
    const said = saidIn(completion)
    const end = endOf(said.finish)
    const tier = completion['service_tier']
    const standing = {
      ...end,
      output: outputOf(said, this.#begun.requestId, end.status),
      usage: finish.usage,
      ...(end.status === 'completed' ? { completedAt: this.#port.now() } : {}),
      ...(typeof tier === 'string' ? { serviceTier: tier } : {}),
    }
    return JSON.stringify(responseObject(this.#begun, standing, this.#summary(finish)))
  }

  #summary(finish: AnswerFinish): ReturnType<typeof summarise> {
    const { plan, start } = this.#answer
    return summarise(this.#begun.requestId, plan, start, finish)
  }
}
