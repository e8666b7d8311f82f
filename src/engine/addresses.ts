/** Where requests of one base URL go. */
export interface Address {
  readonly url: URL
  readonly origin: string
  readonly path: string
}

/** Base URLs that are kept taken apart: as many as there may be origins, and a few that were changed. */
const ADDRESSES_MAX = 4_096

/** Base URLs, each taken apart once, with the path of one endpoint below them. */
export class Addresses {
  readonly #endpoint: string
  readonly #known = new Map<string, Address>()

  /** @param endpoint - without a slash at either end, such as `chat/completions` */
  constructor(endpoint: string) {
    this.#endpoint = endpoint
  }

  of(baseUrl: string): Address {
    const known = this.#known.get(baseUrl)
    if (known !== undefined) return known
    const url = new URL(baseUrl)
    // A query in the base URL stays (Azure's `api-version`); its user name and password are not used.
    const path = `${url.pathname.replace(/\/+$/, '')}/${this.#endpoint}${url.search}`
    const address: Address = { url, origin: url.origin, path }
    if (this.#known.size >= ADDRESSES_MAX) this.#known.clear()
    this.#known.set(baseUrl, address)
    return address
  }
}
