/** Longer answers are compared by their beginning: agreement is about short results, and work stays bounded. */
export const COMPARED_CHARS = 2_000

const WRAPPERS: readonly RegExp[] = [
  /^\$\$([^$]*)\$\$$/,
  /^\$([^$]*)\$$/,
  /^\\\((.*)\\\)$/s,
  /^\\\[(.*)\\\]$/s,
  /^\\boxed\{(.*)\}$/s,
  /^\\(?:text|mathrm|mathbf|textbf)\{([^{}]*)\}$/,
  /^"([^"]*)"$/,
  /^'([^']*)'$/,
  /^`([^`]*)`$/,
]
const WRAPPED_MAX = 4
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/
const THOUSANDS = /^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/

/**
 * The form in which two models' answers are compared: LaTeX and quotation marks around the whole taken off, lower
 * case, blanks out, numbers as numbers (`1,000.0` is `1000`, `\frac{1}{2}` is `1/2`). Undefined where there is no
 * answer. Two wrong answers may be equal, and two right ones in unlike words differ: agreement is evidence, no proof.
 */
export function normaliseAnswer(answer: unknown): string | undefined {
  if (answer === null || answer === undefined) return undefined
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer)
  const bare = unwrapped(text.slice(0, COMPARED_CHARS).trim())
  const plain = bare
    .replace(/\\(?:left|right|displaystyle|limits)(?![a-z])/g, '')
    .replace(/\\[dt]frac/g, '\\frac')
    .replace(/\\frac\{([^{}]*)\}\{([^{}]*)\}/g, '$1/$2')
    .replace(/\\frac(\d)(\d)/g, '$1/$2')
    .replace(/\\text\{([^{}]*)\}/g, '$1')
    .replace(/\^\\circ|\^\{\\circ\}|°|\\[!,;: ]|\\?%|\\?\$/g, '')
    .replace(/\s+/g, '')
    .toLowerCase()
    .replace(/\.$/, '')
  return numeral(plain)
}

function unwrapped(text: string): string {
  let inner = text
  for (let times = 0; times < WRAPPED_MAX; times++) {
    const found = WRAPPERS.map((wrapper) => wrapper.exec(inner)?.[1]).find((one) => one !== undefined)
    if (found === undefined) return inner
    inner = found.trim()
  }
  return inner
}

function numeral(text: string): string {
  const digits = THOUSANDS.test(text) ? text.replaceAll(',', '') : text
  if (!NUMBER.test(digits)) return text
  const value = Number(digits)
  return Number.isFinite(value) ? String(value === 0 ? 0 : value) : text
}
