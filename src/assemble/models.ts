import { join } from 'node:path'
import { loadConfig } from '../config/load.ts'
import { readSecretFile, resolveSecret } from '../config/secret.ts'
import { type Config, SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import { writeConfig } from '../config/write.ts'
import { createConnections } from '../engine/connections.ts'
import type { ModelPorts } from '../engine/ports.ts'
import { firstAnswerBy } from '../engine/setup/first-answer.ts'
import { discover } from '../fleet/discover.ts'
import { systemClock } from '../lib/clock.ts'

/** Where local models lie: as configured, else in the home. */
export function modelsFolder({ models, server }: Pick<Config, 'models' | 'server'>): string {
  return models.dir ?? join(server.home, 'models')
}

/** What the verbs about local models work with. Nothing is opened, and nobody is asked, before they need it. */
export async function openModels(around: Surroundings): Promise<ModelPorts> {
  const { config } = loadConfig(SECTIONS, around)
  const { models } = config
  const { env } = around
  const reference = models.token
  return {
    settings: {
      folder: modelsFolder(config),
      config: models,
      connections: {
        httpProxy: models.proxy ?? env['http_proxy'] ?? env['HTTP_PROXY'],
        httpsProxy: models.proxy ?? env['https_proxy'] ?? env['HTTPS_PROXY'],
        noProxy: env['no_proxy'] ?? env['NO_PROXY'],
      },
      token: () => reference && resolveSecret(reference, env, readSecretFile).secret,
      clock: systemClock,
      random: Math.random,
    },
    tiers: models.tiers,
    configure: (changes) => writeConfig(SECTIONS, around, changes),
    engines: async (signal) => {
      const connections = createConnections()
      try {
        const dispatcherFor = (url: string) => connections.dispatcherFor(new URL(url))
        return (await discover({ dispatcherFor, ownPort: config.server.port, signal })).found
      } finally {
        await connections.close()
      }
    },
    firstAnswer: firstAnswerBy({ config: config.llama, clock: systemClock, random: Math.random }),
  }
}
