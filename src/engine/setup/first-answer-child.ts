import { availableParallelism } from 'node:os'
import { getLlama, LlamaChatSession, LlamaLogLevel } from 'node-llama-cpp'
import { type TrialReply, trialTask } from './first-answer.ts'

// The process that tries a model for `firstAnswerInChild`: one task comes over the channel, one reply goes back.

const CONTEXT_TOKENS = 512
const ANSWER_TOKENS = 32
const QUESTION = 'Say in one short sentence that you are ready.'

process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.once('message', async (message: unknown) => {
  const reply = await tried(message)
  process.send?.(reply, () => process.disconnect?.())
})

async function tried(message: unknown): Promise<TrialReply> {
  try {
    const { path } = trialTask.parse(message)
    // One processor is left to everybody else.
    const maxThreads = Math.max(1, availableParallelism() - 1)
    const llama = await getLlama({ gpu: false, build: 'never', maxThreads, logLevel: LlamaLogLevel.error })
    const model = await llama.loadModel({ modelPath: path })
    const context = await model.createContext({ contextSize: CONTEXT_TOKENS })
    const session = new LlamaChatSession({ contextSequence: context.getSequence() })
    let text = ''
    let tokens = 0
    let first = { at: process.hrtime.bigint(), tokens: 0 }
    let last = first.at
    await session.prompt(QUESTION, {
      maxTokens: ANSWER_TOKENS,
      // A model that thinks first is heard thinking: that is an answer too.
      onResponseChunk: (chunk) => {
        text += chunk.text
        tokens += chunk.tokens.length
        last = process.hrtime.bigint()
        // Reading the question and warming up are no measure of its speed, unless nothing else was heard.
        if (first.tokens === 0 && tokens > 0) first = { at: last, tokens }
      },
    })
    const seconds = Number(last - first.at) / 1e9
    return { type: 'said', text, tokensPerSecond: seconds > 0 ? (tokens - first.tokens) / seconds : 0 }
  } catch (error) {
    return { type: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}
