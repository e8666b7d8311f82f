import type { ServerResponse } from 'node:http'
import { type AnthropicUpstream, messageEvents, type ScriptedBlock, say } from './anthropic.ts'
import { respond, toolCall, type Upstream } from './upstream.ts'

/** A tool call that a scripted model makes. */
export interface Called {
  readonly id: string
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/** The two kinds of engine behind the server, scripted with the same words. */
export interface Behind {
  readonly name: string
  readonly model: string
  /** Answers with this text, in pieces where it streams. */
  says(...pieces: readonly string[]): void
  /** Calls these tools; once their results are there, says what they were. */
  calls(calls: readonly Called[], told: (results: string) => readonly string[]): void
  /** Sends the first piece of a stream, and then nothing more. */
  stalls(piece: string): void
  /** The bodies that it got, as text. */
  bodies(): readonly string[]
  abandoned(): number
}

export class BehindChat implements Behind {
  readonly name = 'an OpenAI-compatible engine'
  readonly model: string
  private readonly upstream: Upstream

  constructor(model: string, upstream: Upstream) {
    this.model = model
    this.upstream = upstream
  }

  says(...pieces: readonly string[]): void {
    this.upstream.answer((response, request) => respond(response, request, pieces))
  }

  calls(calls: readonly Called[], told: (results: string) => readonly string[]): void {
    this.upstream.answer((response, request) => {
      const streams = request.body['stream'] === true
      const made = calls.map(({ id, name, args }, at) => toolCall(id, name, args, streams ? at : undefined))
      const results = JSON.stringify(request.body['messages'])
      respond(response, request, request.roles.includes('tool') ? told(results) : made)
    })
  }

  stalls(piece: string): void {
    this.upstream.answer((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const choices = [{ index: 0, delta: { role: 'assistant', content: piece }, finish_reason: null }]
      response.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices })}\n\n`)
    })
  }

  bodies(): readonly string[] {
    return this.upstream.received.map(({ body }) => JSON.stringify(body))
  }

  abandoned(): number {
    return this.upstream.abandoned
  }
}

export class BehindAnthropic implements Behind {
  readonly name = 'an engine of Anthropic'
  readonly model: string
  private readonly upstream: AnthropicUpstream

  constructor(model: string, upstream: AnthropicUpstream) {
    this.model = model
    this.upstream = upstream
  }

  says(...pieces: readonly string[]): void {
    this.upstream.answer((response, request) => say(response, [{ type: 'text', pieces }], {}, request))
  }

  calls(calls: readonly Called[], told: (results: string) => readonly string[]): void {
    const made = calls.map(({ id, name, args }): ScriptedBlock => {
      return { type: 'tool_use', id, name, pieces: halves(JSON.stringify(args)) }
    })
    this.upstream.answer((response, request) => {
      const asked = request.text.includes('"tool_result"')
      const blocks: readonly ScriptedBlock[] = asked
        ? [{ type: 'text', pieces: told(request.text) }]
        : [{ type: 'text', pieces: ['Let me look.'] }, ...made]
      say(response, blocks, {}, request)
    })
  }

  stalls(piece: string): void {
    this.upstream.answer((response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of stalled(piece)) response.write(event)
    })
  }

  bodies(): readonly string[] {
    return this.upstream.received.map(({ text }) => text)
  }

  abandoned(): number {
    return this.upstream.abandoned
  }
}

function stalled(piece: string): readonly string[] {
  return messageEvents([{ type: 'text', pieces: [piece] }]).slice(0, 4)
}

function halves(json: string): readonly string[] {
  const half = Math.ceil(json.length / 2)
  return [json.slice(0, half), json.slice(half)]
}
