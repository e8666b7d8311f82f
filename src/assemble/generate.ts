import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readJson } from '../contract/reply.ts'
import { openServer } from './offline.ts'

/** The API's description as it is committed, for people and for tools that read it without a server. */
export const OPENAPI_FILE = new URL('../../docs/openapi.json', import.meta.url)

/** The text of docs/openapi.json, as a server of this source describes itself. */
export async function generatedOpenApi(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'upshift-openapi-'))
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  try {
    const flags = { home: join(home, 'home') }
    const around = { flags, env: { UPSHIFT_DISCOVER: 'false' }, cwd: home, homedir: home }
    await using server = await openServer({ around, version: String(manifest.version) })
    return `${JSON.stringify(await readJson(await server.call('GET', '/openapi.json')), null, 2)}\n`
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  writeFileSync(OPENAPI_FILE, await generatedOpenApi())
  process.stdout.write(`written: ${fileURLToPath(OPENAPI_FILE)}\n`)
}
