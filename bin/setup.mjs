/**
 * Set-up of a clone: the locked packages, and proof that the pinned Node runs. No dependency, and no syntax
 * newer than Node 18.
 *
 * DESIGN. What is installed is read from npm's own account (node_modules/.package-lock.json, which npm writes
 * last), compared with package-lock.json; so an install made by hand counts, and a torn one does not. A stamp
 * saves the comparison and the proof on later starts. Two set-ups at once are kept apart by a lock outside
 * node_modules, because `npm ci` empties that folder. All chatter goes to stderr: stdout is the program's.
 *
 *   node bin/setup.mjs [--omit=dev]
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { acquireLock } from './lock.mjs'
import {
  absence,
  findPinned,
  noNodeAdvice,
  OLDEST_NODE_MAJOR,
  runningMajor,
  StartError,
  whyNotRunning,
} from './pinned.mjs'

const STAMP = 'node_modules/.upshift-setup.json'
const TAIL_CHARACTERS = 20_000

/**
 * Brings `root` to the locked state, or throws StartError with what to do.
 * @param {{ root: string, omitDev: boolean }} options a full install also satisfies `omitDev`
 * @returns {Promise<'current' | 'verified' | 'installed'>}
 */
export async function setUp({ root, omitDev }) {
  const lockText = read(join(root, 'package-lock.json'))
  if (!lockText) {
    throw new StartError(
      `upshift: ${join(root, 'package-lock.json')} is missing: take a whole clone and start again.`,
    )
  }
  const hash = createHash('sha256').update(lockText).digest('hex')
  if (stampFits(root, hash, omitDev)) return 'current'

  const release = await acquireLock(join(root, '.cache', 'setup.lock'), say)
  try {
    if (stampFits(root, hash, omitDev)) return 'current'
    const missing = firstMissing(root, lockText, omitDev)
    if (missing) {
      say(
        `${existsSync(join(root, 'node_modules')) ? 'packages have changed' : 'first start'}, installing the locked packages (${missing}) …`,
      )
      await install(root, omitDev, release.helpedBy)
      const still = firstMissing(root, lockText, omitDev)
      if (still)
        throw new StartError(
          `upshift: npm reported success, yet ${still}. Remove node_modules and start again.`,
        )
    }
    const node = provenNode(root)
    const full = firstMissing(root, lockText, false) === null
    writeFileSync(join(root, STAMP), `${JSON.stringify({ lock: hash, full, node, platform: platform() })}\n`)
    return missing ? 'installed' : 'verified'
  } finally {
    release()
  }
}

function say(text) {
  process.stderr.write(`upshift: ${text}\n`)
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw new StartError(`upshift: cannot read ${path}: ${error.message}`)
  }
}

function platform() {
  return `${process.platform}-${process.arch}`
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null
  } catch {
    return null // torn by a crash: as good as absent, and rewritten
  }
}

function stampFits(root, hash, omitDev) {
  const stamp = parsed(read(join(root, STAMP)))
  if (!stamp || stamp.lock !== hash || stamp.platform !== platform()) return false
  if (!omitDev && !stamp.full) return false
  return stamp.node === null ? runningMajor() >= OLDEST_NODE_MAJOR : findPinned(root)?.version === stamp.node
}

/** Names the first locked package that npm has not installed in its locked version, or null. */
function firstMissing(root, lockText, omitDev) {
  const locked = parsed(lockText)
  if (!locked?.packages)
    throw new StartError('upshift: package-lock.json is not valid: restore it from the repository.')
  const installed = parsed(read(join(root, 'node_modules', '.package-lock.json')))
  if (!installed?.packages) return 'nothing is installed yet'
  const pinned = findPinned(root)
  for (const [path, entry] of Object.entries(locked.packages)) {
    if (path === '' || (omitDev && (entry.dev || entry.devOptional))) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const have = installed.packages[path]
    // npm leaves out an optional package that is for another platform.
    if (entry.optional && !have && !pinned?.path.includes(`${sep}${name}${sep}`)) continue
    if (!have || have.version !== entry.version || have.integrity !== entry.integrity) {
      return `${name} ${entry.version} is not installed`
    }
    if (!existsSync(join(root, path, 'package.json'))) return `${name} is not in its place`
  }
  return null
}

/** Runs `npm ci`; its words go to stderr, and a failure is told apart by them. */
async function install(root, omitDev, helpedBy) {
  const npm = findNpm(root)
  const words = [
    'ci',
    omitDev ? '--omit=dev' : '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    // `npm pack --dry-run` hands its own wish on to every npm below it.
    '--no-dry-run',
  ]
  // No locked package needs an install script; none gets to run one. Warnings that a package wants a newer
  // Node than npm's are beside the point: the pinned Node runs them.
  const args = [...npm.args, ...words, '--ignore-scripts', '--loglevel=error']
  const child = spawn(npm.command, args, {
    cwd: root,
    env: { ...process.env, PATH: outsidePath(root) },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: npm.shell,
  })
  helpedBy(child.pid)
  let tail = ''
  const pass = (chunk) => {
    process.stderr.write(chunk)
    tail = (tail + chunk).slice(-TAIL_CHARACTERS)
  }
  child.stdout.on('data', pass)
  child.stderr.on('data', pass)
  const forward = (signal) => child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward)
  const end = await new Promise((done) => {
    child.on('error', (error) => done({ error }))
    child.on('close', (code, signal) => done({ code, signal }))
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, forward)
  if (end.code !== 0) throw new StartError(installAdvice(root, end, tail))
}

function installAdvice(root, end, tail) {
  const again = 'and start again; nothing else has been changed.'
  if (end.error?.code === 'ENOENT') {
    return `upshift: npm was not found, so the locked packages cannot be installed. Install npm (it comes with Node; on Debian: apt-get install npm) ${again}`
  }
  if (end.error) return `upshift: npm does not start: ${end.error.message}. Mend that ${again}`
  if (end.signal) return `upshift: the installation was stopped by ${end.signal}. Start again to finish it.`
  if (
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED)\b/.test(
      tail,
    )
  ) {
    return `upshift: npm could not reach its registry (its words are above). Check the network, the proxy and \`npm config get registry\` ${again}`
  }
  if (/\b(EACCES|EPERM|EROFS)\b/.test(tail)) {
    return `upshift: ${root} cannot be written to by this user. Give it the right owner, or take a clone of your own, ${again}`
  }
  if (/\bENOSPC\b/.test(tail)) return `upshift: the disk is full. Free about 400 MB ${again}`
  if (/\b(EUSAGE|EINTEGRITY)\b/.test(tail)) {
    return `upshift: package-lock.json does not fit package.json or what the registry serves (npm's words are above). Restore both files from the repository ${again}`
  }
  return `upshift: \`npm ci\` failed with code ${end.code}; its words are above. npm 9 or newer is needed (\`npm --version\`). Mend that ${again}`
}

/**
 * The npm that is running us, else the one on PATH. Never by a Node inside the node_modules that `npm ci`
 * is about to empty.
 */
function findNpm(root) {
  const running = process.env.npm_execpath
  const node = [process.env.npm_node_execpath, process.execPath].find((path) => path && !isInside(root, path))
  if (running && node && /^np[mx]-cli\.js$/.test(basename(running))) {
    const cli = join(dirname(running), 'npm-cli.js')
    if (existsSync(cli)) return { command: node, args: [cli], shell: false }
  }
  return { command: 'npm', args: [], shell: process.platform === 'win32' }
}

function isInside(root, path) {
  return resolve(path).startsWith(join(resolve(root), 'node_modules') + sep)
}

function outsidePath(root) {
  const parts = (process.env.PATH ?? '').split(delimiter)
  return parts.filter((part) => !isInside(root, part)).join(delimiter)
}

/** The version of the pinned Node once it has been seen to run; null where our own Node serves instead. */
function provenNode(root) {
  const node = findPinned(root)
  const reason = node ? whyNotRunning(node) : absence()
  if (reason === null) return node.version
  if (runningMajor() >= OLDEST_NODE_MAJOR) {
    if (node)
      say(
        `the pinned Node does not run here (${reason}); this Node ${process.versions.node} is new enough and serves.`,
      )
    return null
  }
  throw new StartError(
    noNodeAdvice(node ? `The pinned Node at ${node.path} does not run here: ${reason}.` : reason),
  )
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const root = fileURLToPath(new URL('..', import.meta.url))
    await setUp({ root, omitDev: process.argv.includes('--omit=dev') })
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}
