import { loadConfig } from '../config/load.ts'
import { SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'

/** The home's folder as configured, without opening it: for commands that read its files. */
export async function homeOf(around: Surroundings): Promise<string> {
  return loadConfig(SECTIONS, around).config.server.home
}

/** Whether the configuration names a reranker. */
export async function reranksOf(around: Surroundings): Promise<boolean> {
  return loadConfig(SECTIONS, around).config.knowledge.rerank !== undefined
}
