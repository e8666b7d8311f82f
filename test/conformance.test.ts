import { after, before, describe, test } from 'node:test'
import type { Case } from './conformance/case.ts'
import { FORM_CASES } from './conformance/form-cases.ts'
import { GOING_ON_CASES } from './conformance/going-on-cases.ts'
import { LEAVING_CASES } from './conformance/leaving-cases.ts'
import { PROMPT_CASES } from './conformance/prompt-cases.ts'
import { SAMPLING_CASES } from './conformance/sampling-cases.ts'
import { SHAPE_CASES } from './conformance/shape-cases.ts'
import type { Subject } from './conformance/subject.ts'
import { ENGINES } from './conformance/subjects.ts'
import { VECTOR_CASES } from './conformance/vector-cases.ts'

/**
 * The same cases to every engine. Which of them an engine is asked is data: what it can (`Engine.can`) against what
 * the case needs.
 */

const CASES: readonly Case[] = [
  ...SHAPE_CASES,
  ...SAMPLING_CASES,
  ...PROMPT_CASES,
  ...FORM_CASES,
  ...VECTOR_CASES,
  ...LEAVING_CASES,
  ...GOING_ON_CASES,
]
const LIMIT = { timeout: 60_000 }

for (const { name: engine, can, start } of ENGINES) {
  describe(`conformance: ${engine}`, () => {
    let subject: Subject
    before(async () => {
      subject = await start()
    })
    after(() => subject[Symbol.asyncDispose]())

    for (const { name, needs, run } of CASES) {
      if (needs.every((one) => can.has(one))) test(name, LIMIT, () => run(subject))
    }
  })
}
