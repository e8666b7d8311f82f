/**
 * Completes package-lock.json after `npm install`. No dependency.
 *
 * npm leaves an optional package out of the lockfile where the registry at hand does not serve it (a mirror
 * without the binaries of other platforms), and then `npm ci` refuses that lockfile on every machine. This
 * adds what npm left out: the exact version that its dependent names, and the platform, read from the name,
 * so that no other platform fetches it. Such an entry has no integrity; only development tools may need one.
 *
 *   node bin/lockfile.mjs [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PATH = fileURLToPath(new URL('../package-lock.json', import.meta.url))
const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']
const EXACT = /^\d+\.\d+\.\d+/

/** The entries that `packages` lacks, by their place. Throws where a name does not tell its platform. */
function missingEntries(packages) {
  const missing = {}
  for (const [place, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const own = `node_modules/${name}`
      if (packages[`${place}/${own}`] || packages[own]) continue
      if (!entry.dev)
        throw new Error(`${name} is needed at run time: lock it against a registry that serves it`)
      missing[own] = { ...platformOf(name, version), dev: true, optional: true }
    }
  }
  return missing
}

function platformOf(name, version) {
  const words = name.split('/').at(-1).split('-')
  const system = SYSTEMS.find((one) => words.includes(one))
  const processor = PROCESSORS.find((one) => words.includes(one))
  if (!system || !processor || !EXACT.test(version)) {
    throw new Error(`${name}@${version}: the name does not tell its platform; lock it by hand`)
  }
  const libc = words.some((word) => word.startsWith('musl')) ? { libc: ['musl'] } : {}
  return { version, cpu: [processor], ...libc, os: [system] }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(PATH, 'utf8'))
  const missing = missingEntries(lock.packages)
  const names = Object.keys(missing)
  if (process.argv.includes('--check')) {
    process.stderr.write(`${names.length} optional packages are not locked\n`)
    process.exitCode = names.length === 0 ? 0 : 1
  } else {
    const all = Object.entries({ ...lock.packages, ...missing })
    all.sort(([one], [other]) => one.localeCompare(other, 'en'))
    writeFileSync(PATH, `${JSON.stringify({ ...lock, packages: Object.fromEntries(all) }, null, 2)}\n`)
    process.stderr.write(`locked ${names.length} optional packages more\n`)
  }
}
