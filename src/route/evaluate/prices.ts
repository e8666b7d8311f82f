/** List prices in USD per million tokens, and who makes the model. */
export interface Price {
  readonly input: number
  readonly output: number
}

interface Known {
  readonly name: RegExp
  readonly vendor: string
  /** Absent for open weights, which are priced by their size. */
  readonly price?: Price
}

/** The vendors' list prices of late 2024, when the public outcomes were recorded. The first match counts. */
const KNOWN: readonly Known[] = [
  { name: /^gpt-4o-mini/i, vendor: 'openai', price: { input: 0.15, output: 0.6 } },
  { name: /^gpt-4o-2024-05-13/i, vendor: 'openai', price: { input: 5, output: 15 } },
  { name: /^gpt-4o/i, vendor: 'openai', price: { input: 2.5, output: 10 } },
  { name: /^o1-mini/i, vendor: 'openai', price: { input: 3, output: 12 } },
  { name: /^o1-preview/i, vendor: 'openai', price: { input: 15, output: 60 } },
  { name: /^gpt-4-turbo|^gpt-4-(?:1106|0125)/i, vendor: 'openai', price: { input: 10, output: 30 } },
  { name: /^gpt-4/i, vendor: 'openai', price: { input: 30, output: 60 } },
  { name: /^gpt-3\.5/i, vendor: 'openai', price: { input: 0.5, output: 1.5 } },
  { name: /^claude-3-5-sonnet/i, vendor: 'anthropic', price: { input: 3, output: 15 } },
  { name: /^claude-3-5-haiku/i, vendor: 'anthropic', price: { input: 0.8, output: 4 } },
  { name: /^claude-3-opus/i, vendor: 'anthropic', price: { input: 15, output: 75 } },
  { name: /^claude-3-sonnet/i, vendor: 'anthropic', price: { input: 3, output: 15 } },
  { name: /^claude-3-haiku/i, vendor: 'anthropic', price: { input: 0.25, output: 1.25 } },
  { name: /^claude-2/i, vendor: 'anthropic', price: { input: 8, output: 24 } },
  { name: /^claude-instant/i, vendor: 'anthropic', price: { input: 0.8, output: 2.4 } },
  { name: /^gemini-1\.5-flash/i, vendor: 'google', price: { input: 0.075, output: 0.3 } },
  { name: /^gemini-1\.[05]-pro/i, vendor: 'google', price: { input: 1.25, output: 5 } },
  { name: /^deepseek/i, vendor: 'deepseek', price: { input: 0.14, output: 0.28 } },
  { name: /^mistral-large/i, vendor: 'mistral', price: { input: 2, output: 6 } },
  { name: /^reka-core/i, vendor: 'reka', price: { input: 2, output: 6 } },
  { name: /^jamba-1\.5-large/i, vendor: 'ai21', price: { input: 2, output: 8 } },
  { name: /^command-r-plus/i, vendor: 'cohere', price: { input: 2.5, output: 10 } },
  { name: /command-r/i, vendor: 'cohere', price: { input: 0.15, output: 0.6 } },
  { name: /llama/i, vendor: 'meta' },
  { name: /mistral|mixtral|mathstral/i, vendor: 'mistral' },
  { name: /qwen/i, vendor: 'alibaba' },
  { name: /gemma/i, vendor: 'google' },
  { name: /^yi-/i, vendor: '01.ai' },
  { name: /phi-3\S*-mini/i, vendor: 'microsoft', price: { input: 0.1, output: 0.1 } },
  { name: /athene/i, vendor: 'nexusflow' },
]

/** What hosts of open weights took in late 2024 by billions of parameters, input and output alike. */
const BY_SIZE: readonly { readonly billions: number; readonly usd: number }[] = [
  { billions: 4, usd: 0.1 },
  { billions: 16, usd: 0.2 },
  { billions: 41, usd: 0.8 },
  { billions: 80, usd: 0.9 },
  { billions: 110, usd: 1.2 },
  { billions: 500, usd: 3.5 },
]
const SIZE = /(?:^|[^\d.])(?:(\d+)x)?(\d+(?:\.\d+)?)b(?![a-z])/i

/** The price of a model by its name; undefined where nothing is known. */
export function listPrice(name: string): Price | undefined {
  const known = KNOWN.find((one) => one.name.test(name))
  if (known?.price !== undefined) return known.price
  const size = SIZE.exec(name)
  if (size === null) return undefined
  const billions = Number(size[1] ?? 1) * Number(size[2])
  const usd = BY_SIZE.find((one) => billions <= one.billions)?.usd
  return usd === undefined ? undefined : { input: usd, output: usd }
}

/** Who makes a model; its own name where nobody is known, so that two unknown ones count as two vendors. */
export function vendorOf(name: string): string {
  return KNOWN.find((one) => one.name.test(name))?.vendor ?? name.toLowerCase()
}
