/** What one client library does against a server: the same few things for each, in its own way. */
export interface Client {
  readonly name: string
  /** One answer, whole. */
  say(model: string, prompt: string): Promise<string>
  /** One answer, piece by piece. */
  stream(model: string, prompt: string, signal?: AbortSignal): AsyncIterable<string>
  /** Offers the tool `weather`, answers every call of it with `look`, and returns the final text. */
  useTools(model: string, prompt: string, streams: boolean, look: Look): Promise<string>
  /** An answer that meets PERSON. */
  person(model: string, prompt: string): Promise<unknown>
  /** What an error says, where it is of the class that the library has for this status. */
  failure(error: unknown, status: number): string
}

export type Look = (city: string) => string

/** Maximum of requests that one use of tools may take. */
export const STEPS_MAX = 4

export const PERSON = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
} as const

export const CITY = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
} as const

/** The city in a tool call's arguments, as JSON text or as a value. */
export function cityOf(input: unknown): string {
  const value: unknown = typeof input === 'string' ? JSON.parse(input) : input
  if (typeof value !== 'object' || value === null || !('city' in value)) throw new TypeError('no city')
  return String(value.city)
}
