#!/usr/bin/env node
/**
 * The command `upshift`. No dependency, and no syntax newer than Node 18, so that it can explain itself on
 * whatever Node it meets. In a clone it installs what is missing and runs the source; in an installed
 * package it runs the built JavaScript. `npx upshift` in a clone comes here before and after the install:
 * npm links the root package into its cache, with no network, and puts the clone's own Node first on PATH.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { handOver, StartError } from './pinned.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src', 'main.ts')

try {
  if (existsSync(source)) {
    const { setUp } = await import('./setup.mjs')
    await setUp({ root, omitDev: true })
    await handOver(root, source)
  } else {
    await handOver(root, join(root, 'dist', 'main.js'))
  }
} catch (error) {
  if (!(error instanceof StartError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
