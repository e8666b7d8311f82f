import { createInterface } from 'node:readline/promises'
import { UpshiftError } from '../contract/problem.ts'
import { UsageError, type VerbContext } from '../contract/verb.ts'

/** True where the owner agrees: by --yes, or by a word at a terminal. Throws UsageError where nobody can be asked. */
export async function agreed(context: VerbContext, question: string): Promise<boolean> {
  if (context.flags['yes'] === true) return true
  if (!('isTTY' in context.stdin) || context.stdin.isTTY !== true) {
    throw new UsageError('what is erased cannot be brought back: add --yes where nobody can be asked')
  }
  const asking = createInterface({ input: context.stdin, output: context.err })
  try {
    const answer = await asking.question(question, { signal: context.signal })
    return /^y(es)?$/i.test(answer.trim())
  } catch (cause) {
    if (context.signal.aborted) return false
    throw new UpshiftError(
      { code: 'internal', message: 'The question could not be asked: use --yes.' },
      cause,
    )
  } finally {
    asking.close()
  }
}
