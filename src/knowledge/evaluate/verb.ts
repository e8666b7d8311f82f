import { type ExitCode, UsageError, type Verb, type VerbContext } from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import { textTable } from '../../lib/table.ts'
import { serverEmbedder } from '../vectors/embedder.ts'
import { type Evaluation, evaluate } from './evaluate.ts'

export const evaluateVerb: Verb = {
  name: 'knowledge evaluate',
  summary: "Measure retrieval on a folder of records, queries and judgements in BEIR's layout.",
  options: {
    dir: {
      type: 'string',
      value: 'DIR',
      summary: 'The folder: corpus.jsonl, queries.jsonl and qrels/test.tsv, gzipped if you like.',
    },
    embeddings: {
      type: 'string',
      value: 'MODEL',
      summary:
        'Search with vectors of this model too: of the running server, or of one that the command opens.',
    },
  },
  details:
    'The records become a collection in a temporary file, which tunes itself on the records alone; only then are queries and judgements read. Prints nDCG@10, recall@100, MRR@10, speed, size and the settings that the tuning chose.',
  examples: ['upshift knowledge evaluate --dir ./scifact --json'],
  run: runEvaluate,
}

async function runEvaluate(context: VerbContext): Promise<ExitCode> {
  const folder = context.flags['dir']
  if (typeof folder !== 'string' || context.args.length > 0) {
    throw new UsageError('knowledge evaluate takes --dir DIR, and --embeddings MODEL if you like.')
  }
  const { embeddings } = context.flags
  const engine =
    typeof embeddings === 'string'
      ? { embedder: serverEmbedder(() => context.server(), embeddings), signal: context.signal }
      : undefined
  const evaluation = await evaluate(folder, systemClock, engine)
  context.out.write(context.json ? `${JSON.stringify(evaluation, null, 2)}\n` : evaluationText(evaluation))
  return 0
}

const MIB = 1024 * 1024

function evaluationText(evaluation: Evaluation): string {
  const { settings, tuning } = evaluation
  const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`
  const verdict =
    tuning.kept === undefined
      ? `${tuning.before.toFixed(3)} → ${tuning.after.toFixed(3)} nDCG on ${tuning.heldOut} held-out queries`
      : `the defaults: ${tuning.kept === 'too-few-queries' ? 'too few queries could be made' : 'nothing was better on held-out queries'}`
  return textTable(
    ['FIGURE', 'VALUE'],
    [
      ['nDCG@10', evaluation.ndcg10.toFixed(4)],
      ['recall@100', evaluation.recall100.toFixed(4)],
      ['MRR@10', evaluation.mrr10.toFixed(4)],
      ['records, documents', `${evaluation.records}, ${evaluation.documents}`],
      ['queries', String(evaluation.queries)],
      ['queries a second', evaluation.queriesPerSecond.toFixed(0)],
      ['95 % of them within', ms(evaluation.p95Ms)],
      ['size of the file', `${(evaluation.indexBytes / MIB).toFixed(1)} MiB`],
      [
        'read, indexed, tuned in',
        [evaluation.readMs, evaluation.indexMs, evaluation.tuneMs].map(ms).join(', '),
      ],
      [
        'settings',
        Object.entries(settings)
          .map(([name, value]) => `${name} ${value}`)
          .join(', '),
      ],
      ['tuned by itself', verdict],
      ...(evaluation.vectors === undefined
        ? []
        : [
            [
              'vectors',
              `${evaluation.vectors.model}, made in ${ms(evaluation.vectors.embedMs)}, weight ${evaluation.vectors.weight}`,
            ],
          ]),
      [
        `nDCG@10 of BM25, ${evaluation.vectors === undefined ? 'semantics' : 'vectors'}, both`,
        Object.values(evaluation.parts)
          .map((one) => one.toFixed(4))
          .join(', '),
      ],
    ],
  )
}
