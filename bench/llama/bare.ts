import {
  getLlama,
  type LlamaContextSequence,
  LlamaLogLevel,
  type SequenceEvaluateOptions,
  type Token,
} from 'node-llama-cpp'

/** node-llama-cpp called bare, in a process of its own: what the engine's speed is compared with. */

/** What it is loaded with; the first message. */
export interface BareLoad {
  readonly path: string
  readonly threads: number
  readonly contextTokens: number
  readonly sequences: number
}

/** One measurement: so many sequences at once, so many tokens each. */
export interface BareRun {
  readonly prompts: readonly string[]
  readonly tokens: number
  readonly options: SequenceEvaluateOptions
}

/** From the first prompt to the last token, in which nothing is made of the tokens. */
export interface BareDone {
  readonly seconds: number
}

async function load({ path, threads, contextTokens, sequences }: BareLoad) {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
  })
  const model = await llama.loadModel({ modelPath: path })
  const context = await model.createContext({ contextSize: contextTokens, sequences, threads })
  return { model, sequences: Array.from({ length: sequences }, () => context.getSequence()) }
}

async function say(
  sequence: LlamaContextSequence,
  prompt: Token[],
  { tokens, options }: BareRun,
): Promise<void> {
  let said = 0
  for await (const _ of sequence.evaluate(prompt, options)) {
    said += 1
    if (said === tokens) return
  }
  throw new Error(`it ended after ${said} of ${tokens} tokens`)
}

if (import.meta.main) {
  let loaded: Awaited<ReturnType<typeof load>> | undefined
  process.on('message', async (message: BareLoad | BareRun) => {
    if ('path' in message) {
      loaded = await load(message)
      process.send?.({ seconds: 0 } satisfies BareDone)
      return
    }
    if (loaded === undefined) throw new Error('nothing is loaded')
    const { model, sequences } = loaded
    for (const sequence of sequences) await sequence.clearHistory()
    const prompts = message.prompts.map((prompt) => model.tokenize(prompt, true))
    const begun = performance.now()
    await Promise.all(
      prompts.map((prompt, index) => {
        const sequence = sequences[index]
        if (sequence === undefined)
          throw new Error(`${prompts.length} prompts for ${sequences.length} sequences`)
        return say(sequence, prompt, message)
      }),
    )
    process.send?.({ seconds: (performance.now() - begun) / 1_000 } satisfies BareDone)
  })
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
}
