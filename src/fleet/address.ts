import { isLoopback } from '../lib/loopback.ts'

/**
 * True where a URL cannot leave this machine. Any name or address but loopback is off it, a private network's
 * too: whoever owns that network may not own this prompt.
 */
export function onThisMachine(url: string): boolean {
  return isLoopback(new URL(url).hostname)
}

/** `http://127.0.0.1:11434`: where a URL connects to, without its path. */
export function originOf(url: string): string {
  return new URL(url).origin
}

/** A base URL without its trailing slash; an empty path is replaced by `defaultPath` (`/v1`). */
export function baseUrl(url: string, defaultPath: string): string {
  const parsed = new URL(url)
  const path = parsed.pathname.replace(/\/+$/, '')
  return `${parsed.origin}${path === '' ? defaultPath : path}`
}
