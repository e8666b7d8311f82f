/** A POST as it goes over the wire, head and body. */
export function chatRequest(key: string, body: object): string {
  const text = JSON.stringify(body)
  return `${chatHead(key, Buffer.byteLength(text))}${text}`
}

/** The head alone: for a body that comes later. */
export function chatHead(
  key: string,
  length: number,
  headers: Readonly<Record<string, string>> = {},
): string {
  return postHead('/v1/chat/completions', key, length, headers)
}

function postHead(
  path: string,
  key: string,
  length: number,
  headers: Readonly<Record<string, string>>,
): string {
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${more.join('')}content-length: ${length}\r\n\r\n`
}

/** Any other POST with a JSON body. */
export function postRequest(path: string, key: string, body: object): string {
  const text = JSON.stringify(body)
  return `${postHead(path, key, Buffer.byteLength(text), {})}${text}`
}

export function getRequest(path: string, key?: string): string {
  const credential = key === undefined ? '' : `authorization: Bearer ${key}\r\n`
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${credential}\r\n`
}

/** A body for a scripted engine: its script is the last message. */
export function chatBody(script: string, stream: boolean, paddingBytes = 0, engine = 'scripted'): object {
  const padding = 'lorem ipsum '.repeat(paddingBytes / 12)
  const system = paddingBytes === 0 ? [] : [{ role: 'system', content: padding }]
  return { model: `${engine}/small`, stream, messages: [...system, { role: 'user', content: script }] }
}
