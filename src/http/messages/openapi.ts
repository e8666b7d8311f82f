import { countRequestSchema, messagesRequestSchema } from '../../contract/messages.ts'
import { PROBLEM_CODES } from '../../contract/problem.ts'
import { jsonSchema } from '../json-schema.ts'
import { countReply } from './count.ts'

type Json = Record<string, unknown>

/** Either header brings the key. */
const SECURITY = [{ key: [] }, { apiKey: [] }]

/** The schemas that the operations name. */
export function messagesSchemas(): Json {
  return {
    MessagesRequest: jsonSchema(messagesRequestSchema, 'input'),
    CountTokensRequest: countSchema(),
    CountTokensReply: jsonSchema(countReply, 'output'),
    MessagesError: errorSchema(),
  }
}

/** What the document says of POST /v1/messages and its count_tokens. `head`: the headers of every answer. */
export function messagesPaths(head: Readonly<Json>): Json {
  const message = {
    type: 'object',
    description: "Anthropic's message, with Upshift's own field.",
    properties: { upshift: { $ref: '#/components/schemas/UpshiftSummary' } },
  }
  return {
    '/v1/messages': {
      post: operation('MessagesRequest', {
        summary: "Answer a request in Anthropic's Messages, by any engine.",
        description:
          'An engine of Anthropic gets the caller’s own body; for any other it is translated, and the verdicts name what that could not say.',
        parameters: [
          header('anthropic-version', 'Accepted whatever it says: the version that is spoken is 2023-06-01.'),
          header('anthropic-beta', 'Names of betas, for an engine of Anthropic.'),
        ],
        responses: {
          200: {
            description: 'The message: whole, or as server-sent events that end with message_stop.',
            headers: { 'request-id': { schema: { type: 'string' } }, ...head },
            content: {
              'application/json': { schema: message },
              'text/event-stream': { schema: { type: 'string' } },
            },
          },
        },
      }),
    },
    '/v1/messages/count_tokens': {
      post: operation('CountTokensRequest', {
        summary:
          'Count the tokens of a Messages request: by the engine where it counts, else an upper bound.',
        responses: {
          200: {
            description: 'The count, and whether it is an estimate.',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/CountTokensReply' } } },
          },
        },
      }),
    },
  }
}

/** The fields of a Messages request that have tokens. */
function countSchema(): Json {
  const fields = Object.keys(countRequestSchema.shape)
  const place = '#/components/schemas/MessagesRequest/properties'
  return {
    type: 'object',
    required: ['model', 'messages'],
    properties: Object.fromEntries(fields.map((field) => [field, { $ref: `${place}/${field}` }])),
  }
}

function operation(body: string, { responses, ...rest }: Json & { responses: Json }): Json {
  return {
    ...rest,
    security: SECURITY,
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${body}` } } },
    },
    responses: {
      ...responses,
      default: {
        description: 'What happened, why, and what to do.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/MessagesError' } } },
      },
    },
  }
}

function header(name: string, description: string): Json {
  return { name, in: 'header', description, schema: { type: 'string' } }
}

function errorSchema(): Json {
  return {
    type: 'object',
    required: ['type', 'error', 'request_id'],
    properties: {
      type: { const: 'error' },
      error: {
        type: 'object',
        required: ['type', 'message', 'code'],
        properties: {
          type: { type: 'string', description: 'Anthropic’s own type, such as rate_limit_error.' },
          message: { type: 'string' },
          code: { type: 'string', enum: PROBLEM_CODES, description: 'Upshift’s own code.' },
          param: { type: 'string' },
          rule: { type: 'string', description: 'The guard rule that refused.' },
        },
      },
      request_id: { type: 'string' },
    },
  }
}
