import { isIP } from 'node:net'
import { type Refusal, refuse } from '../contract/problem.ts'

/**
 * A page that a browser was led to may send requests here under a name of its own (DNS rebinding). So the Host
 * must be a name that this server answers to, and an Origin, where there is one, must be the same.
 * Source: the Host and Origin checks that Ollama, Jupyter and the MCP transport rules settled on.
 */
export interface OriginRules {
  /** Beside loopback names: host names without port, lower case. */
  readonly hosts: readonly string[]
  /** Beside this server's own: whole origins, `https://app.example.com`. */
  readonly origins: readonly string[]
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

export class OriginCheck {
  readonly #rules: OriginRules
  /** The host that was answered to last: most often the next request names the same. */
  #answered: string | undefined

  constructor(rules: OriginRules) {
    this.#rules = rules
  }

  /** What is wrong with where a request comes from or goes to; undefined where it may be answered. */
  refusal(host: string | undefined, origin: string | undefined): Refusal | undefined {
    if (host === undefined || host !== this.#answered) {
      const name = hostName(host)
      if (name === undefined || !answersTo(this.#rules, name)) return strangeHost(host)
      this.#answered = host
    }
    if (origin === undefined || this.shares(origin)) return undefined
    // A page of this server's own: the same name and port that the request itself was sent to.
    if (origin === `http://${host}` || origin === `https://${host}`) return undefined
    return strangeOrigin(origin)
  }

  /** True for an origin that the configuration names. */
  shares(origin: string): boolean {
    return this.#rules.origins.includes(origin)
  }
}

function strangeHost(host: string | undefined): Refusal {
  const shown = JSON.stringify((host ?? '').slice(0, 100))
  return refuse(
    'host_not_allowed',
    `This server does not answer to the host ${shown}. Add it under server.hosts in upshift.yaml if it should.`,
  )
}

function strangeOrigin(origin: string): Refusal {
  const shown = JSON.stringify(origin.slice(0, 100))
  return refuse(
    'origin_not_allowed',
    `Pages from ${shown} may not call this server. Add that origin under server.origins in upshift.yaml if they should.`,
  )
}

/** An address in numbers cannot be rebound: only a name that an attacker owns can be made to point here. */
function answersTo(rules: OriginRules, name: string): boolean {
  return LOOPBACK.has(name) || isIP(name.replaceAll(/[[\]]/g, '')) !== 0 || rules.hosts.includes(name)
}

/** The name of `name`, `name:port`, `[v6]` or `[v6]:port`; undefined where it is none of these. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host ?? '')
  return match?.[1]?.toLowerCase()
}
