/** A page as its server handed it over, unpacked. */
export interface FetchedPage {
  readonly content: Uint8Array
  /** As the server named it; empty where it did not. */
  readonly contentType: string
}

/** Fetches pages from addresses that the configuration allows, and from no others. */
export interface PageFetcher extends AsyncDisposable {
  /** Throws, in words for who wanted the page, where it is not allowed or not to be had. */
  fetch(url: string, signal: AbortSignal): Promise<FetchedPage>
}
