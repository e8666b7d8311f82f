import assert from 'node:assert/strict'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai'
import { CITY, type Client, cityOf, type Look, PERSON, STEPS_MAX } from './client.ts'

export class AiSdkClient implements Client {
  readonly name = 'ai with @ai-sdk/openai-compatible'
  private readonly provider: ReturnType<typeof createOpenAICompatible>

  constructor(address: string, key: string) {
    const baseURL = `${address}/v1`
    const settings = { name: 'upshift', baseURL, apiKey: key, supportsStructuredOutputs: true }
    this.provider = createOpenAICompatible(settings)
  }

  async say(model: string, prompt: string): Promise<string> {
    const { text } = await generateText({ model: this.provider(model), prompt, maxRetries: 0 })
    return text
  }

  async *stream(model: string, prompt: string, abortSignal?: AbortSignal): AsyncGenerator<string> {
    const more = abortSignal === undefined ? {} : { abortSignal }
    const errors: unknown[] = []
    const onError = ({ error }: { readonly error: unknown }): void => void errors.push(error)
    const { stream } = streamText({ model: this.provider(model), prompt, maxRetries: 0, onError, ...more })
    for await (const part of stream) {
      if (part.type === 'text-delta') yield part.text
      else if (part.type === 'error') throw part.error
    }
    abortSignal?.throwIfAborted()
    if (errors.length > 0) throw errors[0]
  }

  async useTools(model: string, prompt: string, streams: boolean, look: Look): Promise<string> {
    const inputSchema = jsonSchema<{ city: string }>(CITY)
    const weather = tool({ inputSchema, execute: (input) => Promise.resolve(look(cityOf(input))) })
    const stopWhen = isStepCount(STEPS_MAX)
    const call = { model: this.provider(model), prompt, maxRetries: 0, tools: { weather }, stopWhen }
    if (streams) return await streamText(call).text
    const { text } = await generateText(call)
    return text
  }

  async person(model: string, prompt: string): Promise<unknown> {
    const output = Output.object({ schema: jsonSchema(PERSON), name: 'person' })
    const answer = await generateText({ model: this.provider(model), prompt, maxRetries: 0, output })
    return answer.output
  }

  failure(error: unknown, status: number): string {
    assert.ok(APICallError.isInstance(error), `${String(error)} is no APICallError`)
    assert.equal(error.statusCode, status)
    assert.match(error.responseHeaders?.['x-request-id'] ?? '', /^req_/)
    return error.message
  }
}
