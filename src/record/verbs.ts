import type { Verb } from '../contract/verb.ts'
import { verbs as audit } from './audit/verbs.ts'
import { verbs as backup } from './backup/verbs.ts'
import { verbs as index } from './index/verbs.ts'

export const verbs: readonly Verb[] = [...index, ...audit, ...backup]
