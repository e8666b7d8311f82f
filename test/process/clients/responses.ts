import assert from 'node:assert/strict'
import OpenAI from 'openai'
import type { Response, ResponseInput } from 'openai/resources/responses/responses'
import { CITY, type Client, cityOf, type Look, PERSON, STEPS_MAX } from './client.ts'
import { OpenAiClient } from './openai.ts'

/** The same library over its other API. A conversation is gone on with by its items where nothing streams, else by id. */
export class OpenAiResponsesClient implements Client {
  readonly name = 'openai over Responses'
  private readonly openai: OpenAI
  private readonly chat: OpenAiClient

  constructor(address: string, key: string) {
    this.openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 })
    this.chat = new OpenAiClient(address, key)
  }

  async say(model: string, prompt: string): Promise<string> {
    return (await this.openai.responses.create({ model, input: prompt })).output_text
  }

  async *stream(model: string, prompt: string, signal?: AbortSignal): AsyncGenerator<string> {
    const body = { model, input: prompt, stream: true } as const
    const events = await this.openai.responses.create(body, signal === undefined ? {} : { signal })
    for await (const event of events) if (event.type === 'response.output_text.delta') yield event.delta
    // The library ends an aborted stream without a word.
    signal?.throwIfAborted()
  }

  async useTools(model: string, prompt: string, streams: boolean, look: Look): Promise<string> {
    const parameters = { ...CITY, required: [...CITY.required] }
    const tools = [{ type: 'function', name: 'weather', parameters, strict: true } as const]
    let input: ResponseInput = [{ role: 'user', content: prompt }]
    let previous: string | undefined
    for (let step = 0; step < STEPS_MAX; step++) {
      const more = previous === undefined ? {} : { previous_response_id: previous }
      const body = { model, input, tools, ...more }
      const answer: Response = streams
        ? await this.openai.responses.stream(body).finalResponse()
        : await this.openai.responses.create(body)
      const calls = answer.output.filter((item) => item.type === 'function_call')
      if (calls.length === 0) return answer.output_text
      const outputs = calls.map((call) => {
        const output = look(cityOf(call.arguments))
        return { type: 'function_call_output', call_id: call.call_id, output } as const
      })
      if (streams) previous = answer.id
      input = streams ? outputs : [...input, ...calls, ...outputs]
    }
    throw new Error('it never stopped calling tools')
  }

  async person(model: string, prompt: string): Promise<unknown> {
    const format = { type: 'json_schema', name: 'person', strict: true, schema: PERSON } as const
    const answer = await this.openai.responses.parse({ model, input: prompt, text: { format } })
    assert.equal(answer.status, 'completed')
    return answer.output_parsed
  }

  failure(error: unknown, status: number): string {
    return this.chat.failure(error, status)
  }
}
