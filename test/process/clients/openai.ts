import assert from 'node:assert/strict'
import OpenAI from 'openai'
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions'
import { CITY, type Client, cityOf, type Look, PERSON, STEPS_MAX } from './client.ts'

/** The class that the library raises for a status. Source: `APIError.generate` of openai. */
function classOf(status: number): abstract new (...args: never) => Error {
  if (status === 400) return OpenAI.BadRequestError
  if (status === 401) return OpenAI.AuthenticationError
  if (status === 403) return OpenAI.PermissionDeniedError
  if (status === 404) return OpenAI.NotFoundError
  if (status === 429) return OpenAI.RateLimitError
  return status >= 500 ? OpenAI.InternalServerError : OpenAI.APIError
}

export class OpenAiClient implements Client {
  readonly name = 'openai'
  private readonly openai: OpenAI

  constructor(address: string, key: string) {
    this.openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 })
  }

  async say(model: string, prompt: string): Promise<string> {
    const messages = [{ role: 'user', content: prompt } as const]
    const answer = await this.openai.chat.completions.create({ model, messages })
    return answer.choices[0]?.message.content ?? ''
  }

  async *stream(model: string, prompt: string, signal?: AbortSignal): AsyncGenerator<string> {
    const messages = [{ role: 'user', content: prompt } as const]
    const body = { model, messages, stream: true } as const
    const chunks = await this.openai.chat.completions.create(body, signal === undefined ? {} : { signal })
    for await (const chunk of chunks) {
      const text = chunk.choices[0]?.delta.content
      if (text) yield text
    }
    // The library ends an aborted stream without a word.
    signal?.throwIfAborted()
  }

  async useTools(model: string, prompt: string, streams: boolean, look: Look): Promise<string> {
    const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: prompt }]
    const weather = { name: 'weather', parameters: CITY }
    for (let step = 0; step < STEPS_MAX; step++) {
      const body = { model, messages, tools: [{ type: 'function', function: weather } as const] }
      const answer = streams
        ? await this.openai.chat.completions.stream(body).finalChatCompletion()
        : await this.openai.chat.completions.create(body)
      const message = answer.choices[0]?.message
      assert.ok(message)
      if (!message.tool_calls?.length) return message.content ?? ''
      messages.push(message)
      for (const call of message.tool_calls) {
        assert.equal(call.type, 'function')
        if (call.type !== 'function') continue
        messages.push({ role: 'tool', tool_call_id: call.id, content: look(cityOf(call.function.arguments)) })
      }
    }
    throw new Error('it never stopped calling tools')
  }

  async person(model: string, prompt: string): Promise<unknown> {
    const answer = await this.openai.chat.completions.parse({
      model,
      messages: [{ role: 'user', content: prompt }],
      response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: PERSON } },
    })
    return JSON.parse(answer.choices[0]?.message.content ?? '')
  }

  failure(error: unknown, status: number): string {
    assert.ok(error instanceof classOf(status), `${String(error)} is of another class`)
    assert.ok(error instanceof OpenAI.APIError)
    assert.equal(error.status, status)
    assert.match(error.requestID ?? '', /^req_/)
    return error.message
  }
}
