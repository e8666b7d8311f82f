import { section as caller } from '../caller/config.ts'
import { section as models } from '../engine/config.ts'
import { section as llama } from '../engine/llama/config.ts'
import { section as fleet } from '../fleet/config.ts'
import { section as govern } from '../govern/config.ts'
import { section as guard } from '../guard/config.ts'
import { section as knowledge } from '../knowledge/config.ts'
import { section as record } from '../record/config.ts'
import { section as route } from '../route/config.ts'
import { section as server } from './server.ts'
import type { ConfigOf, Sections } from './shape.ts'

/** All sections of upshift.yaml, in the order in which the documentation shows them. */
export const SECTIONS = {
  server,
  caller,
  guard,
  route,
  fleet,
  llama,
  models,
  knowledge,
  record,
  govern,
} satisfies Sections

/** The whole configuration, as `loadConfig(SECTIONS, …)` returns it. */
export type Config = ConfigOf<typeof SECTIONS>
