/**
 * DESIGN. A call that stands bare in a text, without a token that announces it, is one only where nothing but a
 * lead-in goes before it and nothing follows. A lead-in is short, and says that a call is made; a text that
 * explains how a call would be made shows an example, and nobody wants an example executed. The words below tell
 * the two apart in English; in other languages the length alone decides.
 */
const MAX_LEAD_IN_CHARS = 400

const EXPLAINS =
  /\b(?:examples?|e\.g|could|would|might|should|if|suppose|assum\w+|hypothetical\w*|illustrat\w+|demonstrat\w+|syntax|usage|format|template|sample|snippet|how (?:to|you)|you(?:'d| can| may| will| need)|like this|such as|as follows|looks? like|unable|cannot|can't|sorry)\b/i

/** Characters of a text's beginning that `mayLeadIn` needs to see. */
export const LEAD_IN_WINDOW = MAX_LEAD_IN_CHARS + 1

/** True where a bare call may follow this text. */
export function mayLeadIn(lead: string): boolean {
  const said = lead.trim()
  return said === '' || (said.length <= MAX_LEAD_IN_CHARS && !EXPLAINS.test(said))
}
