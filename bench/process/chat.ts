/** A POST as it goes over the wire, head and body. */
export function chatRequest(key: string, body: object): string {
  const text = JSON.stringify(body)
  return `${chatHead(key, Buffer.byteLength(text))}${text}`
}

/** The head alone: for a body that comes later. */
export function chatHead(key: string, length: number): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`
}

export function getRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`
}

/** A body for a scripted engine: its script is the last message. */
export function chatBody(script: string, stream: boolean, paddingBytes = 0, engine = 'scripted'): object {
  const padding = 'lorem ipsum '.repeat(paddingBytes / 12)
  const system = paddingBytes === 0 ? [] : [{ role: 'system', content: padding }]
  return { model: `${engine}/small`, stream, messages: [...system, { role: 'user', content: script }] }
}
