import type { ExitCode, Verb, VerbContext } from '../../contract/verb.ts'
import { UsageError } from '../../contract/verb.ts'
import type { OpenModels } from '../ports.ts'
import { parseSha256 } from './checksum.ts'
import { shownBytes } from './figures.ts'
import { describeFacts } from './models.ts'
import { Progress } from './progress.ts'
import { type Pulled, pull } from './pull.ts'
import { parseSource } from './source.ts'

/** `upshift pull`: brings a model into the folder of models. */
export function pullVerb(open: OpenModels): Verb {
  return {
    name: 'pull',
    summary: 'Fetch a model in GGUF format, check it, and put it into the folder of models.',
    operands: 'SOURCE',
    options: {
      name: { type: 'string', value: 'NAME', summary: 'What to call it; default: as its file.' },
      sha256: {
        type: 'string',
        value: 'HEX',
        multiple: true,
        summary: 'What its bytes must add up to; for a model in parts once for each, in order.',
      },
    },
    details:
      'SOURCE is hf:OWNER/REPO:FILE (or hf:OWNER/REPO@REVISION:FILE) on Hugging Face, an http(s) address, or a path on ' +
      'this machine. Nothing is sent but the request for the file, and each host is named before it is contacted. A ' +
      'download that breaks off is taken up again by the same command. The file is compared with --sha256, else with ' +
      'the checksum that Hugging Face states, else with a file SOURCE.sha256 beside it; which of them it was is said. ' +
      'Of a model in parts (-00001-of-00003.gguf) all parts are fetched.',
    examples: [
      'upshift pull hf:Qwen/Qwen3-4B-GGUF:Qwen3-4B-Q4_K_M.gguf',
      'upshift pull https://models.example.com/small.gguf --name small',
      'upshift pull ~/Downloads/phi-4-q4.gguf',
    ],
    run: (context) => run(context, open),
  }
}

async function run(context: VerbContext, open: OpenModels): Promise<ExitCode> {
  const source = parseSource(context.args[0] ?? '')
  const name = context.flags['name']
  const request = { source, sha256: sha256Of(context), ...(typeof name === 'string' && { name }) }
  const { settings } = await open(context)
  const hosts: string[] = []
  const progress = new Progress({ err: context.err, clock: settings.clock, quiet: context.json })
  const began = settings.clock.elapsed()
  let pulled: Pulled
  try {
    pulled = await pull(request, settings, context.signal, (event) => {
      if (event.type === 'contacting') hosts.push(event.host)
      progress.tell(event)
    })
  } finally {
    progress.end()
  }
  const seconds = (settings.clock.elapsed() - began) / 1_000
  if (context.json) context.out.write(`${JSON.stringify(documentOf(pulled, hosts, seconds))}\n`)
  else {
    context.out.write(`${pulled.path}\n`)
    progress.say(wordsOf(pulled))
  }
  return 0
}

function sha256Of({ flags }: VerbContext): readonly string[] {
  const given = flags['sha256']
  const texts = Array.isArray(given) ? given : []
  return texts.map((text) => {
    const digits = parseSha256(String(text))
    if (digits === undefined) throw new UsageError('--sha256 takes the 64 hex digits of a SHA-256')
    return digits
  })
}

/** What `--json` prints: stable, one document. */
function documentOf({ manifest, path, already }: Pulled, hosts: readonly string[], seconds: number) {
  const { name, source, revision, verified, files, facts, pulledAt } = manifest
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { name, path, already, bytes, files, source, revision, verified, pulledAt, hosts, seconds, facts }
}

function wordsOf({ manifest, already }: Pulled): string {
  const { name, files, verified, facts, pulledAt } = manifest
  if (already) return `${name} is here already, since ${pulledAt}. Nothing was fetched.`
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const proof =
    verified === null ? 'compared with no checksum, because none is named' : `compared with the ${verified}`
  return `${name}: ${describeFacts(facts)}; ${shownBytes(bytes)}, ${proof}.`
}
