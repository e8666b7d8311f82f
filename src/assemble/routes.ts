import { keyRoutes } from '../caller/routes.ts'
import type { Config } from '../config/sections.ts'
import type { Handle } from '../contract/ask.ts'
import type { EmbedRequest } from '../contract/embed.ts'
import type { Route } from '../contract/route.ts'
import { fleetRoutes } from '../fleet/routes.ts'
import { governRoutes } from '../govern/routes.ts'
import { ownRoutes } from '../http/own.ts'
import { responseRoutes } from '../http/responses/routes.ts'
import type { ResponsesPort } from '../http/responses/stored.ts'
import { knowledgeRoutes } from '../knowledge/routes.ts'
import { vectorRoutes } from '../knowledge/vectors/routes.ts'
import { systemClock } from '../lib/clock.ts'
import type { Turns } from '../lib/turns.ts'
import type { Metrics } from '../observe/metrics.ts'
import { auditRoutes } from '../record/audit/routes.ts'
import { backupRoutes } from '../record/backup/routes.ts'
import { indexRoutes } from '../record/index/routes.ts'
import type { UsedPrior } from '../route/escalate/used-prior.ts'
import { ROUTING_POLICY } from '../route/online/fold.ts'
import { routingRoutes } from '../route/online/report.ts'
import { modelRoutes } from '../route/routes.ts'
import { doctorRoutes } from './doctor/routes.ts'
import type { Governing } from './govern.ts'
import type { Parts } from './parts.ts'
import { type Reloading, reloadRoutes } from './reload.ts'
import { embedTexts } from './retrieval.ts'

export interface RouteParts {
  /** The one that is in force. */
  readonly config: () => Config
  readonly parts: Parts
  readonly embed: Handle<EmbedRequest>
  readonly governing: Governing
  readonly responses: ResponsesPort
  readonly turns: Turns
  readonly metrics: Metrics
  readonly version: string
  readonly prior: UsedPrior
  readonly reloading: Pick<Reloading, 'reload'>
  readonly state: { readonly draining: boolean; readonly address: string }
}

/** Every route of the server but those that answer. */
export function allRoutes(all: RouteParts): readonly Route[] {
  const { config, parts, governing, metrics, version, state } = all
  const features = [
    ...keyRoutes(parts.keys, parts.ledger),
    ...fleetRoutes(parts.fleet),
    ...knowledgeRoutes(parts.handbook, parts.library),
    ...vectorRoutes({ embed: (model, texts, by) => embedTexts(all.embed, model, texts, by) }),
    ...modelRoutes(
      () => config().route,
      () => parts.fleet.models(),
    ),
    ...routingRoutes({
      learned: parts.record.found.routing,
      now: systemClock.now,
      takeBack: (to, by) =>
        parts.record.recorder.append({ type: 'policy-changed', what: ROUTING_POLICY, to, by }),
    }),
    ...recordRoutes(all),
    ...responseRoutes(all.responses),
    ...governRoutes(governing),
    ...doctorRoutes(parts, { governing, version, config, prior: all.prior }),
    ...reloadRoutes(all.reloading),
  ]
  const notReady = () => {
    const { broken } = parts.record.log
    return [...(state.draining ? ['the server is draining'] : []), ...(broken === undefined ? [] : [broken])]
  }
  return [
    ...features,
    ...ownRoutes({ version, address: () => state.address, notReady, metrics, routes: features }),
  ]
}

function recordRoutes({ config, parts, turns, version }: RouteParts): readonly Route[] {
  const { follower, recorder, vault, log } = parts.record
  return [
    ...indexRoutes({
      ask: (query) => follower.ask('index', query),
      caughtUp: async () => void (await follower.ask('caught-up', null)),
      record: (entry, keep) => recorder.append(entry, keep),
      nameOf: (subject) => vault.nameOf(subject),
      keepsTexts: config().record.texts === 'keep',
      clock: systemClock,
    }),
    ...auditRoutes({ newest: () => follower.newest }),
    ...backupRoutes({
      home: parts.paths.home,
      version,
      clock: systemClock,
      turns,
      checkpoint: () => follower.ask('checkpoint', null),
      settle: () => log.sync(),
    }),
  ]
}
