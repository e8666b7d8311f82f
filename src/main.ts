import { readFileSync } from 'node:fs'
import { enableCompileCache, getCompileCacheDir } from 'node:module'
import { homedir } from 'node:os'
import { dirname } from 'node:path'
import { setFlagsFromString } from 'node:v8'

// This thread has its young generation already. As long as the flag of `start` stands, each thread that is started later
// gets one of the same size, whatever its `resourceLimits` say.
setFlagsFromString('--max-semi-space-size=0')
// A job of V8's first optimizing compiler is freed where it is finished. By default it waits until nothing is left to
// compile, and when a server warms up 40 MB of such jobs wait, in holes that malloc gives back to nobody.
setFlagsFromString('--no-maglev-destroy-on-background')

// Before anything else is loaded: from the second start on, nothing is compiled again, nor its types stripped; in
// the threads that are started later neither, which read where the cache lies from the environment.
enableCompileCache()
const cache = getCompileCacheDir()
if (cache !== undefined) process.env['NODE_COMPILE_CACHE'] ??= dirname(cache)

/** The program `upshift`: `serve`, also without any word, is the server; every other word is a command. */
const { interruptSignal } = await import('./cli/interrupt.ts')
const { watchLauncher } = await import('./cli/launcher.ts')
const { splitVerb } = await import('./cli/words.ts')

const argv = process.argv.length > 2 ? process.argv.slice(2) : ['serve']
// The server drains at a SIGINT, a command ends.
const signal =
  splitVerb(argv, ['serve']).verb === 'serve'
    ? new AbortController().signal
    : interruptSignal({
        listen: (heard) => process.on('SIGINT', heard),
        elapsed: () => performance.now(),
        end: () => {
          if (process.exitCode === undefined) process.stderr.write('upshift: interrupted.\n')
          process.exit(130)
        },
      })

// A launcher that was killed could hand no signal on: its end is a Ctrl-C, at which a server drains and a command ends.
watchLauncher(process.env, () => process.kill(process.pid, 'SIGINT'))

const { runCli } = await import('./cli/shell.ts')
const { createCatalogue } = await import('./cli/catalogue.ts')

const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const version =
  typeof manifest === 'object' && manifest && 'version' in manifest ? String(manifest.version) : '?'

function around(flags: Readonly<Record<string, unknown>>) {
  const known = ['host', 'port', 'home', 'config'].flatMap((name) => {
    const value = flags[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return { flags: Object.fromEntries(known), env: process.env, cwd: process.cwd(), homedir: homedir() }
}

process.exitCode = await runCli({
  argv,
  program: import.meta.url.endsWith('/src/main.ts') ? 'npx upshift' : 'upshift',
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  signal,
  version,
  catalogue: createCatalogue({
    serve: async (context) =>
      (await import('./assemble/start.ts')).startServer(around(context.flags), version, context),
    doctor: async (context) =>
      (await import('./assemble/doctor/report.ts')).runDoctor(context, around(context.flags)),
    models: async (context) => (await import('./assemble/models.ts')).openModels(around(context.flags)),
  }),
  homeOf: async (where) => (await import('./assemble/where.ts')).homeOf(around({ ...where })),
  reranksOf: async (where) => (await import('./assemble/where.ts')).reranksOf(around({ ...where })),
  pagesOf: async (where) => (await import('./assemble/pages.ts')).openPages(around({ ...where })),
  openServer: async (where) =>
    (await import('./assemble/offline.ts')).openServer({ around: around({ ...where }), version }),
})
