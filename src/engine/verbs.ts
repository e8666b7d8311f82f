import type { Verb } from '../contract/verb.ts'
import type { OpenModels } from './ports.ts'
import { modelVerbs } from './pull/models.ts'
import { pullVerb } from './pull/verb.ts'
import { setupVerb } from './setup/setup.ts'

export type { OpenModels } from './ports.ts'

/** The verbs about local models. */
export function createVerbs(open: OpenModels): readonly Verb[] {
  return [setupVerb(open), pullVerb(open), ...modelVerbs(open)]
}
