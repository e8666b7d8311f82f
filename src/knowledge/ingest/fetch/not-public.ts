/** A name or address that leads into a private network, where only a public one is allowed. */
export class NotPublic extends Error {
  override readonly name = 'NotPublic'

  constructor(host: string) {
    super(
      `${host} lies in a private network or on this machine; if that is meant, name the address in knowledge.privateUrls`,
    )
  }
}
