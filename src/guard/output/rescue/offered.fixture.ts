import { OfferedTools, type ToolShape } from './offered.ts'

const text = { type: 'string' }
const whole = { type: 'integer' }

/** Tools of a small house: what tests of the rescue offer. */
export const TOOLS: readonly ToolShape[] = [
  {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: text, days: whole, unit: { type: 'string', enum: ['Celsius', 'Fahrenheit'] } },
      required: ['city'],
    },
  },
  {
    name: 'math.gcd',
    parameters: { type: 'object', properties: { a: whole, b: whole }, required: ['a', 'b'] },
  },
  {
    name: 'light.set',
    parameters: {
      type: 'object',
      properties: { room: text, level: { type: 'number' }, on: { type: 'boolean' } },
      required: ['room', 'on'],
      additionalProperties: false,
    },
  },
  {
    name: 'send_mail',
    parameters: {
      type: 'object',
      properties: {
        to: { type: 'array', items: text },
        body: text,
        options: { type: 'object', properties: { urgent: { type: 'boolean' }, tries: whole } },
      },
      required: ['to', 'body'],
    },
  },
  { name: 'list_files', parameters: { type: 'object', properties: {} } },
]

export function offered(tools: readonly ToolShape[] = TOOLS): OfferedTools {
  return new OfferedTools(tools)
}
