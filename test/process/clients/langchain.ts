import assert from 'node:assert/strict'
import { type AIMessageChunk, type BaseMessage, HumanMessage, ToolMessage } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import { CITY, type Client, cityOf, type Look, PERSON, STEPS_MAX } from './client.ts'

/** What LangChain adds to the error of the library below it. Source: `wrapOpenAIClientError` of @langchain/openai. */
const LANGCHAIN_CODES: Readonly<Record<number, string>> = {
  401: 'MODEL_AUTHENTICATION',
  404: 'MODEL_NOT_FOUND',
  429: 'MODEL_RATE_LIMIT',
}

export class LangChainClient implements Client {
  readonly name: string = '@langchain/openai'
  protected readonly useResponsesApi: boolean = false
  private readonly address: string
  private readonly key: string

  constructor(address: string, key: string) {
    this.address = address
    this.key = key
  }

  async say(model: string, prompt: string): Promise<string> {
    return (await this.model(model).invoke(prompt)).text
  }

  async *stream(model: string, prompt: string, signal?: AbortSignal): AsyncGenerator<string> {
    const pieces = await this.model(model).stream(prompt, signal === undefined ? {} : { signal })
    for await (const piece of pieces) if (piece.text !== '') yield piece.text
    signal?.throwIfAborted()
  }

  async useTools(model: string, prompt: string, streams: boolean, look: Look): Promise<string> {
    const weather = { type: 'function', function: { name: 'weather', parameters: CITY } } as const
    const bound = this.model(model).bindTools([weather])
    const messages: BaseMessage[] = [new HumanMessage(prompt)]
    for (let step = 0; step < STEPS_MAX; step++) {
      const answer = streams ? await whole(await bound.stream(messages)) : await bound.invoke(messages)
      if (!answer.tool_calls?.length) return answer.text
      messages.push(answer)
      for (const { id, args } of answer.tool_calls) {
        messages.push(new ToolMessage({ tool_call_id: id ?? '', content: look(cityOf(args)) }))
      }
    }
    throw new Error('it never stopped calling tools')
  }

  async person(model: string, prompt: string): Promise<unknown> {
    const options = { name: 'person', method: 'jsonSchema', strict: true } as const
    return await this.model(model)
      .withStructuredOutput({ ...PERSON }, options)
      .invoke(prompt)
  }

  failure(error: unknown, status: number): string {
    assert.ok(error instanceof Error && 'status' in error, String(error))
    assert.equal(error.status, status)
    const code = 'lc_error_code' in error ? error.lc_error_code : undefined
    assert.equal(code, LANGCHAIN_CODES[status])
    return error.message
  }

  private model(model: string): ChatOpenAI {
    const configuration = { baseURL: `${this.address}/v1` }
    const { useResponsesApi } = this
    return new ChatOpenAI({ model, apiKey: this.key, maxRetries: 0, configuration, useResponsesApi })
  }
}

export class LangChainResponsesClient extends LangChainClient {
  override readonly name = '@langchain/openai over Responses'
  protected override readonly useResponsesApi = true
}

async function whole(pieces: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let all: AIMessageChunk | undefined
  for await (const piece of pieces) all = all === undefined ? piece : all.concat(piece)
  assert.ok(all)
  return all
}
