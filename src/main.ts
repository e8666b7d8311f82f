import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'

// Before anything else is loaded: from the second start on, nothing is compiled again.
enableCompileCache()

/** The program `upshift`: `serve`, also without any word, is the server; every other word is a command. */
const { runCli } = await import('./cli/shell.ts')
const { createCatalogue } = await import('./cli/catalogue.ts')

const argv = process.argv.length > 2 ? process.argv.slice(2) : ['serve']
const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const version =
  typeof manifest === 'object' && manifest && 'version' in manifest ? String(manifest.version) : '?'
const interrupt = new AbortController()
// The server drains at a SIGINT, a command ends: whoever listens first decides, so this one is for commands.
if (argv[0] !== 'serve') process.once('SIGINT', () => interrupt.abort())

function around(flags: Readonly<Record<string, unknown>>) {
  const known = ['host', 'port', 'home', 'config'].flatMap((name) => {
    const value = flags[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return { flags: Object.fromEntries(known), env: process.env, cwd: process.cwd(), homedir: homedir() }
}

process.exitCode = await runCli({
  argv,
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  signal: interrupt.signal,
  version,
  catalogue: createCatalogue({
    serve: async ({ flags, out }) =>
      (await import('./assemble/start.ts')).startServer(around(flags), version, out),
    doctor: async (context) =>
      (await import('./assemble/doctor-report.ts')).runDoctor(context, around(context.flags)),
  }),
  openServer: async (where) =>
    (await import('./assemble/offline.ts')).openServer({ around: around({ ...where }), version }),
})
