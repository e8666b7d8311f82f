import type * as z from 'zod'
import { chatRequestSchema } from '../contract/chat.ts'
import { embedRequestSchema } from '../contract/embed.ts'
import { PROBLEM_CODES, problemRow } from '../contract/problem.ts'
import type { Route } from '../contract/route.ts'
import { jsonSchema } from './json-schema.ts'
import { messagesPaths, messagesSchemas } from './messages/openapi.ts'
import { responsesRequestSchema } from './responses/wire.ts'
import { summarySchema } from './summary.ts'

/** The API as an OpenAPI 3.1 document, made from the same routes and schemas that the server runs. */
export function openApiDocument(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const one of routes) {
    const path = one.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operation(one) }
  }
  for (const one of ANSWERING) paths[one.path] = { post: answeringOperation(one) }
  paths['/v1/embeddings'] = { post: embedOperation() }
  Object.assign(paths, messagesPaths(headOfAnswers()))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Upshift',
      version,
      summary: 'The cheapest thing that will do, with proof.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths: Object.fromEntries(Object.entries(paths).sort(([left], [right]) => left.localeCompare(right))),
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: {
        ChatRequest: jsonSchema(chatRequestSchema, 'input'),
        EmbeddingRequest: jsonSchema(embedRequestSchema, 'input'),
        ResponsesRequest: jsonSchema(responsesRequestSchema, 'input'),
        UpshiftSummary: jsonSchema(summarySchema, 'output'),
        Error: errorSchema(),
        ...messagesSchemas(),
      },
    },
  }
}

function operation(one: Route): Record<string, unknown> {
  const parameters = [...pathParameters(one.path), ...queryParameters(one.parameters)]
  const type = one.text ?? 'application/json'
  return {
    summary: one.summary,
    ...(one.access === 'public' || one.access === 'local' ? {} : { security: [{ key: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(one.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(one.body, 'input') } },
          },
        }),
    responses: {
      200: { description: one.summary, content: { [type]: { schema: jsonSchema(one.answers, 'output') } } },
      default: errorResponse(),
    },
  }
}

function pathParameters(path: string): Record<string, unknown>[] {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1])
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
}

function queryParameters(declared: z.ZodObject | undefined): Record<string, unknown>[] {
  if (declared === undefined) return []
  return Object.entries(declared.shape).map(([name, schema]) => {
    const { description, ...rest } = jsonSchema(schema, 'input')
    return { name, in: 'query', description, schema: rest }
  })
}

const HEAD = ['x-request-id', 'x-upshift-mode', 'x-upshift-tier', 'x-upshift-model', 'x-upshift-reason']

function headOfAnswers(): Record<string, unknown> {
  return Object.fromEntries(HEAD.map((name) => [name, { schema: { type: 'string' } }]))
}

interface Answering {
  readonly path: string
  readonly summary: string
  /** The schema of its request, by its name among the components. */
  readonly request: string
  readonly answer: string
  readonly stream: string
}

const ANSWERING: readonly Answering[] = [
  {
    path: '/v1/chat/completions',
    summary: 'Answer a chat request: the cheapest model that will do, within the caller’s scope.',
    request: 'ChatRequest',
    answer: "OpenAI's chat.completion as the engine sent it, with Upshift's own field.",
    stream: 'server-sent events that end with [DONE]',
  },
  {
    path: '/v1/responses',
    summary: 'The same in the form of OpenAI’s Responses API; the answer can be stored, and gone on from.',
    request: 'ResponsesRequest',
    answer: "OpenAI's response object, with Upshift's own field.",
    stream: 'server-sent events, the last of which is response.completed, .incomplete or .failed',
  },
]

function answeringOperation({ summary, request, answer, stream }: Answering): Record<string, unknown> {
  const whole = {
    type: 'object',
    description: answer,
    properties: { upshift: { $ref: '#/components/schemas/UpshiftSummary' } },
  }
  return {
    summary,
    description: 'Fields that are not named here reach the engine as they came.',
    security: [{ key: [] }],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${request}` } } },
    },
    responses: {
      200: {
        description: `The answer: whole, or as ${stream}.`,
        headers: headOfAnswers(),
        content: {
          'application/json': { schema: whole },
          'text/event-stream': { schema: { type: 'string' } },
        },
      },
      default: errorResponse(),
    },
  }
}

function embedOperation(): Record<string, unknown> {
  const embedding = {
    description: 'Numbers, or float32 in little-endian order as base64, as `encoding_format` says.',
    oneOf: [{ type: 'array', items: { type: 'number' } }, { type: 'string' }],
  }
  const item = {
    type: 'object',
    required: ['object', 'index', 'embedding'],
    properties: { object: { const: 'embedding' }, index: { type: 'integer' }, embedding },
  }
  const count = { type: 'integer' }
  const usage = { type: 'object', properties: { prompt_tokens: count, total_tokens: count } }
  const list = {
    type: 'object',
    required: ['object', 'data', 'model', 'usage', 'upshift'],
    properties: {
      object: { const: 'list' },
      data: { type: 'array', items: item, description: 'One for each input, in their order.' },
      model: { type: 'string' },
      usage,
      upshift: { $ref: '#/components/schemas/UpshiftSummary' },
    },
  }
  return {
    summary: 'Make vectors of texts, with one model, which is never replaced by another.',
    description: 'Fields that are not named here reach the engine as they came.',
    security: [{ key: [] }],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/EmbeddingRequest' } } },
    },
    responses: {
      200: {
        description: 'The vectors, in the order of the inputs.',
        headers: headOfAnswers(),
        content: { 'application/json': { schema: list } },
      },
      default: errorResponse(),
    },
  }
}

function errorResponse(): Record<string, unknown> {
  return {
    description: 'What happened, why, and what to do.',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  }
}

function errorSchema(): Record<string, unknown> {
  const rows = PROBLEM_CODES.map((code) => `- \`${code}\`: ${problemRow(code).status}`)
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'code', 'param', 'request_id'],
        properties: {
          message: { type: 'string' },
          type: { type: 'string' },
          code: {
            type: 'string',
            enum: PROBLEM_CODES,
            description: `The code and its status:\n${rows.join('\n')}`,
          },
          param: { type: ['string', 'null'] },
          rule: { type: 'string', description: 'The guard rule that refused.' },
          request_id: { type: 'string' },
        },
      },
    },
  }
}
