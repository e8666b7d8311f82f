import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../contract/verb.ts'
import { HUB } from '../config.ts'

/** Where a model comes from. */
export type Source =
  | { readonly type: 'hub'; readonly repo: string; readonly revision: string; readonly path: string }
  | { readonly type: 'url'; readonly url: URL }
  | { readonly type: 'file'; readonly path: string }

/** One file of a model that is to be fetched. */
export interface WantedFile {
  readonly url: URL
  /** What it will be called in the models' folder. */
  readonly fileName: string
}

/** A model of more parts is not one that runs on a machine. */
const PARTS_MAX = 128

const NAME_CHARS_MAX = 120
/** A repository's owner or name, as Hugging Face takes them. */
const WORD = '[A-Za-z0-9][A-Za-z0-9_.-]{0,95}'
const HUB_SOURCE = new RegExp(
  `^hf:(?<repo>${WORD}/${WORD})(?:@(?<revision>[A-Za-z0-9][A-Za-z0-9_./-]{0,99}))?:(?<path>.{1,400})$`,
)
const PART = /-(\d{5})-of-(\d{5})$/

/** What stands on the command line, as a source. Throws UsageError. */
export function parseSource(text: string): Source {
  if (text.startsWith('hf:')) return hubSource(text)
  if (/^https?:/i.test(text)) return { type: 'url', url: webUrl(text) }
  if (/^file:/i.test(text) && URL.canParse(text)) return { type: 'file', path: fileURLToPath(text) }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text))
    throw new UsageError('a model comes from hf:OWNER/REPO:FILE, an http(s) address or a path')
  if (text === '') throw new UsageError('SOURCE is empty')
  return { type: 'file', path: resolve(text) }
}

function hubSource(text: string): Source {
  const { repo, revision = 'main', path = '' } = HUB_SOURCE.exec(text)?.groups ?? {}
  if (repo === undefined)
    throw new UsageError(
      'a model on Hugging Face is named hf:OWNER/REPO:FILE, as hf:Qwen/Qwen3-4B-GGUF:Qwen3-4B-Q4_K_M.gguf',
    )
  const steps = [...path.split('/'), ...revision.split('/')]
  if (steps.some((step) => step === '' || step === '.' || step === '..' || /[\u0000-\u001f\\]/.test(step)))
    throw new UsageError(`${JSON.stringify(path)} is no path in a repository`)
  return { type: 'hub', repo, revision, path }
}

function webUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw new UsageError('the address is no URL')
  if (url.username !== '' || url.password !== '')
    throw new UsageError('a password does not belong in an address: everybody on this machine can read it')
  // The page about a file, which is what a browser shows, is meant as the file.
  if (url.origin === HUB) url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, '$1/resolve/')
  url.hash = ''
  return url
}

/** The source as it is shown and kept: without a query, which may hold a signature. */
export function shownSource(source: Source): string {
  if (source.type === 'hub') return `hf:${source.repo}@${source.revision}:${source.path}`
  if (source.type === 'file') return source.path
  return `${source.url.origin}${source.url.pathname}`
}

/** The URL of a file on the hub. */
function hubUrl(mirror: URL, { repo, revision, path }: Extract<Source, { type: 'hub' }>): URL {
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const base = `${mirror.origin}${mirror.pathname.replace(/\/+$/, '')}`
  return new URL(`${base}/${repo}/resolve/${encodeURIComponent(revision)}/${encoded}`)
}

export interface Wanted<File> {
  /** What the model will be called. */
  readonly name: string
  /** All parts, in order. */
  readonly files: readonly File[]
}

/** What is to be fetched for a source on the network. Throws UsageError where no name can be made of it. */
export function wantedFiles(
  source: Extract<Source, { type: 'hub' | 'url' }>,
  mirror: URL,
  name?: string,
): Wanted<WantedFile> {
  const url = source.type === 'hub' ? hubUrl(mirror, source) : source.url
  const steps = url.pathname.split('/')
  const last = decoded(steps.pop() ?? '')
  return spread(last, name, (fileName, remote) => {
    const part = new URL(url)
    if (remote !== last) part.pathname = [...steps, encodeURIComponent(remote)].join('/')
    return { url: part, fileName }
  })
}

/** The files of a model on this machine. Throws UsageError where no name can be made of it. */
export function localFiles(
  path: string,
  name?: string,
): Wanted<{ readonly path: string; readonly fileName: string }> {
  return spread(basename(path), name, (fileName, from) => ({ path: join(path, '..', from), fileName }))
}

function spread<File>(
  last: string,
  given: string | undefined,
  make: (fileName: string, from: string) => File,
): Wanted<File> {
  const stem = last.replace(/\.gguf$/i, '')
  const ending = last.slice(stem.length)
  const part = PART.exec(stem)
  const whole = part === null ? stem : stem.slice(0, part.index)
  const name = given ?? whole.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  if (!isModelName(name)) {
    throw new UsageError(
      given === undefined
        ? `no name can be made of ${JSON.stringify(last)}: choose one with --name NAME`
        : `--name takes letters, digits, dots, dashes and underscores, at most ${NAME_CHARS_MAX}, not ${JSON.stringify(given)}`,
    )
  }
  if (part === null) return { name, files: [make(`${name}.gguf`, last)] }
  const count = Number(part[2])
  if (count < 1 || count > PARTS_MAX || Number(part[1]) > count)
    throw new UsageError(
      `${JSON.stringify(last)} is part ${Number(part[1])} of ${count}; at most ${PARTS_MAX} are taken`,
    )
  const files = Array.from({ length: count }, (_, index) => {
    const suffix = partSuffix(index + 1, count)
    return make(`${name}${suffix}.gguf`, `${whole}${suffix}${ending}`)
  })
  return { name, files }
}

function partSuffix(number: number, of: number): string {
  const five = (value: number): string => String(value).padStart(5, '0')
  return `-${five(number)}-of-${five(of)}`
}

/** True for what a model may be called: a file's name without surprises on any system. */
export function isModelName(name: string): boolean {
  return name.length <= NAME_CHARS_MAX && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && !name.endsWith('.')
}

/** The model that a file in the folder belongs to; undefined for what is no model's. */
export function modelOf(fileName: string): string | undefined {
  if (!fileName.endsWith('.gguf')) return undefined
  const stem = fileName.slice(0, -'.gguf'.length).replace(PART, '')
  return isModelName(stem) ? stem : undefined
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step)
  } catch {
    // Not a percent-encoding: it is taken as it stands.
    return step
  }
}
