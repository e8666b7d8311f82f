import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../../contract/chat.ts'
import type { AnswerEvent, AnswerFinish } from '../../contract/event.ts'
import type { Passage } from '../../contract/passage.ts'
import { createExtractiveEngine, EXTRACTIVE_MODEL } from './engine.ts'
import { MAX_SENTENCES, selectQuotations, verify } from './select.ts'

const engine = createExtractiveEngine({ clock: { now: () => 1_700_000_000_000, elapsed: () => 0 } })
const VERSION = 'a'.repeat(64)

function passage(text: string, more: Partial<Passage> = {}): Passage {
  const start = more.start ?? 100
  const end = start + text.length
  const id = `page.md@${VERSION.slice(0, 12)}:${start}-${end}`
  return {
    id,
    document: 'page.md',
    headings: ['Page', 'Part'],
    version: VERSION,
    text,
    support: 0.9,
    ...more,
    start,
    end,
  }
}

async function ask(
  passages: readonly Passage[],
  more: Partial<ChatRequest> = {},
  maxOutputTokens = 4_096,
  signal = new AbortController().signal,
): Promise<AnswerEvent[]> {
  const request = {
    model: 'auto',
    messages: [{ role: 'user' as const, content: 'When is the cap reset?' }],
    ...more,
  }
  const events: AnswerEvent[] = []
  for await (const batch of engine.generate({ id: 'req_1', request, maxOutputTokens, passages, signal })) {
    assert.ok(batch.length > 0)
    events.push(...batch)
  }
  return events
}

function finishOf(events: readonly AnswerEvent[]): AnswerFinish {
  const last = events.at(-1)
  assert.ok(last?.type === 'answer-finish')
  return last
}

function textOf(events: readonly AnswerEvent[]): string {
  return events
    .map((event) => {
      if (event.type === 'chunk-delta') return event.chunk.choices[0]?.delta.content ?? ''
      return event.type === 'answer-whole' ? (event.completion.choices[0]?.message.content ?? '') : ''
    })
    .join('')
}

const CAP = passage('The cap is reset at midnight. Nobody can change that.')

test('an answer quotes the passage word for word and cites it', async () => {
  const events = await ask([CAP])
  const finish = finishOf(events)
  assert.equal(finish.declined, false)
  assert.equal(finish.costMicros, 0)
  assert.equal(finish.usage, undefined)
  assert.deepEqual(finish.citations, [
    {
      id: `page.md@${VERSION.slice(0, 12)}:100-153`,
      document: 'page.md',
      headings: ['Page', 'Part'],
      version: VERSION,
      start: 100,
      end: 153,
      quote: CAP.text,
    },
  ])
  assert.match(
    textOf(events),
    /^> The cap is reset at midnight\. Nobody can change that\. \[1\]\n\nSources\n/,
  )
  assert.match(textOf(events), /Page › Part \(page\.md\)\n {4}npx upshift cite page\.md@aaaaaaaaaaaa:100-153/)
  assert.deepEqual(
    finish.verdicts.map((verdict) => [verdict.check, verdict.outcome]),
    [['citation.verbatim', 'passed']],
  )
})

test('a streamed answer begins with the role, ends with a finish reason, and says the same', async () => {
  const events = await ask([CAP], { stream: true })
  const chunks = events.flatMap((event) => (event.type === 'chunk-delta' ? [event.chunk] : []))
  assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant')
  assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'stop')
  assert.ok(chunks.every((chunk) => chunk.model === EXTRACTIVE_MODEL && chunk['created'] === 1_700_000_000))
  assert.equal(textOf(events), textOf(await ask([CAP])))
  assert.equal(events.filter((event) => event.type === 'answer-finish').length, 1)
})

test('without a passage that is worth quoting the engine declines and says what to do', async () => {
  for (const passages of [[], [passage(CAP.text, { support: 0.49 })], [passage('   ')]]) {
    const events = await ask(passages)
    assert.equal(finishOf(events).declined, true)
    assert.deepEqual(finishOf(events).citations, [])
    assert.match(
      textOf(events),
      /declines.*without the mode `retrieve`.*no model is connected yet.*npx upshift engines allow NAME/s,
    )
    assert.ok(!textOf(events).includes('midnight'))
  }
})

test('a passage whose text is not what its span says is not quoted', async () => {
  const events = await ask([{ ...CAP, end: CAP.end + 5 }])
  assert.equal(finishOf(events).declined, true)
  assert.equal(finishOf(events).verdicts[0]?.outcome, 'failed')
})

test('the quotation begins at the focus where one was found', () => {
  const text = 'First paragraph here.\n\nSecond paragraph tells it. And goes on.'
  const from = 100 + text.indexOf('Second')
  const [citation] = selectQuotations('?', [passage(text, { focus: { start: from, end: from + 10 } })])
  assert.equal(citation?.quote, 'Second paragraph tells it. And goes on.')
})

test('a declined question is told the nearest pages with their files', async () => {
  const events = await ask([passage(CAP.text, { support: 0.3 })])
  assert.match(textOf(events), /nearest pages are:\n\n- Page › Part \(page\.md\)\n/)
})

test('another passage is quoted only where it says the words of the question that the first one says', () => {
  const near = passage('The cap is reset by nobody else.', { start: 900, support: 0.85 })
  const other = passage('Money is counted every night.', { start: 500, support: 0.85 })
  const far = passage('The cap is reset, some say.', { start: 1_300, support: 0.6 })
  const quotes = selectQuotations('When is the cap reset?', [CAP, other, near, far]).map((one) => one.quote)
  assert.deepEqual(quotes, [CAP.text, near.text])
})

test('a passage of which nothing can be quoted alone gives way to the next one', () => {
  const bare = passage('The cap is reset like this:', { start: 900, support: 0.95 })
  assert.deepEqual(
    selectQuotations('When is the cap reset?', [bare, CAP]).map((one) => one.quote),
    [CAP.text],
  )
  assert.deepEqual(selectQuotations('When is the cap reset?', [bare]), [])
})

test('quotations are verbatim and bounded whatever the passages are', () => {
  const texts = fc.array(
    fc.constantFrom(
      'One. Two. Three! Four? Five.',
      '- a\n- b',
      '```\nx\n```',
      '| a |\n| b |',
      'So:',
      '',
      '😀. é.',
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  const one = fc.record({
    text: texts.map((all) => all.join('\n\n')),
    support: fc.double({ min: 0, max: 1, noNaN: true }),
    start: fc.nat(1_000),
    focus: fc.option(fc.tuple(fc.nat(80), fc.nat(80))),
  })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), fc.string(), (drawn, question) => {
      const passages = drawn.map(({ focus, ...rest }) =>
        passage(rest.text, {
          ...rest,
          ...(focus === null
            ? {}
            : { focus: { start: rest.start + focus[0], end: rest.start + focus[0] + focus[1] } }),
        }),
      )
      const citations = selectQuotations(question, passages)
      assert.ok(citations.length <= MAX_SENTENCES)
      for (const citation of citations) {
        assert.ok(verify(citation, passages))
        assert.ok(!citation.quote.endsWith(':'), 'what a colon announces is quoted with it')
      }
    }),
  )
})

test('a limit on output drops whole quotations and never cuts one', async () => {
  const events = await ask([CAP], {}, 10)
  assert.equal(textOf(events), '')
  assert.deepEqual(finishOf(events).citations, [])
  const whole = events.find((event) => event.type === 'answer-whole')
  assert.equal(whole?.completion.choices[0]?.finish_reason, 'length')
})

test('fields that a quoting engine cannot apply are reported as skipped', async () => {
  const events = await ask([CAP], { n: 2, response_format: { type: 'json_object' } })
  const skipped = finishOf(events).verdicts.find((verdict) => verdict.outcome === 'skipped')
  assert.match(skipped?.detail ?? '', /n, response_format/)
})

test('a caller who has gone gets the one terminal event and nothing else', async () => {
  const events = await ask([CAP], { stream: true }, 4_096, AbortSignal.abort())
  assert.deepEqual(
    events.map((event) => event.type === 'answer-error' && event.problem.code),
    ['client_closed'],
  )
})
