import { baseUrl } from './address.ts'
import { KINDS, type Kind, PROFILES } from './profiles.ts'

/** A cloud engine whose key lies in the environment: listed, and off until its owner allows it. */
export interface EnvironmentEngine {
  readonly kind: Kind
  readonly baseUrl: string
  /** The variable that holds the key; its value is read only when it is needed. */
  readonly keyName: string
  readonly key: () => string
  /** The variable that moved the address, where one did. */
  readonly urlName: string | undefined
}

/**
 * The cloud engines whose keys stand in `env` (handed in: the environment itself is read by the configuration).
 * Nothing is sent and no name is looked up. An address that is not a URL is left out with a reason.
 */
export function environmentEngines(env: Readonly<Record<string, string | undefined>>): {
  readonly engines: readonly EnvironmentEngine[]
  readonly ignored: readonly string[]
} {
  const engines: EnvironmentEngine[] = []
  const ignored: string[] = []
  for (const kind of KINDS) {
    const profile = PROFILES[kind]
    const keyName = profile.keyNames.find((name) => env[name]?.trim())
    if (keyName === undefined || profile.defaultUrl === undefined) continue
    const moved = profile.urlName === undefined ? undefined : env[profile.urlName]?.trim() || undefined
    if (moved !== undefined && !isHttpUrl(moved)) {
      ignored.push(
        `${kind}: ${profile.urlName} is not an http(s) URL without a user name, so the engine is left out`,
      )
      continue
    }
    engines.push({
      kind,
      baseUrl: baseUrl(moved ?? profile.defaultUrl, new URL(profile.defaultUrl).pathname),
      keyName,
      key: () => env[keyName]?.trim() ?? '',
      urlName: moved === undefined ? undefined : profile.urlName,
    })
  }
  return { engines, ignored }
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}
