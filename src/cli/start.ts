import type { ExitCode } from '../contract/verb.ts'
import { createCatalogue } from './catalogue.ts'
import { type OpenedPort, runCli, type ServerWhere } from './shell.ts'

/** What the process was started with. */
export interface Invocation {
  /** The words after the program's name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly homedir: string
  readonly version: string
}

/** Runs one command in this process and sets its exit code; Ctrl-C aborts it, a second one ends it at once. */
export async function startCommand(invocation: Invocation): Promise<void> {
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort(new Error('interrupted'))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  process.exitCode = await runCli({
    argv: invocation.argv,
    env: invocation.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    signal: interrupted.signal,
    catalogue: createCatalogue({ serve: () => serve(invocation) }),
    version: invocation.version,
    openServer: (where) => openServer(invocation, where),
  })
  process.off('SIGINT', interrupt)
  process.off('SIGTERM', interrupt)
  // A question that was not read to its end must not keep the process waiting for more.
  process.stdin.unref?.()
}

async function serve(invocation: Invocation): Promise<ExitCode> {
  const { startServer } = await import('../assemble/start.ts')
  await startServer(invocation)
  return process.exitCode === undefined || process.exitCode === 0 ? 0 : 1
}

async function openServer(invocation: Invocation, where: ServerWhere): Promise<OpenedPort> {
  const [offline, { createLogs }] = await Promise.all([
    import('../assemble/offline.ts'),
    import('../observe/logs.ts'),
  ])
  const { env, cwd, homedir, version } = invocation
  const flags = { home: where.home, config: where.config }
  const opened = await offline.openServer({
    around: { flags, env, cwd, homedir },
    version,
    logs: createLogs('warn'),
  })
  return Object.assign(opened, { listens: opened.config.server })
}
