import type { VerbContext } from '../contract/verb.ts'
import type { PullSettings } from './pull/pull.ts'

/** What the verbs about local models need of the rest of the program. */
export interface ModelPorts {
  readonly settings: PullSettings
}

export type OpenModels = (context: VerbContext) => Promise<ModelPorts>
