import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findSecrets, SECRET_MARKERS, SECRET_SIGNS } from './secrets.ts'

// Made here, piece by piece, so that no scanner of this repository takes them for real.
const body = (length: number): string => 'aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY'.repeat(9).slice(0, length)
const hex = (length: number): string => '3f2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c'.repeat(2).slice(0, length)
const upper = 'Z3XQ7LMN2OPR5TUV'
const jwt = [
  Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url'),
  Buffer.from('{"sub":"1234567890"}').toString('base64url'),
  body(43),
].join('.')

const SECRETS: readonly [string, string][] = [
  ['aws_access_key', `AKIA${upper}`],
  ['aws_access_key', `ASIA${upper}`],
  ['aws_secret_key', `aws_secret_access_key = ${body(40)}`],
  ['aws_secret_key', `"SecretAccessKey": "${body(40)}"`],
  ['github_token', `ghp_${body(36)}`],
  ['github_token', `github_pat_${body(60)}`],
  ['gitlab_token', `glpat-${body(20)}`],
  ['openai_key', `sk-proj-${body(48)}`],
  ['openai_key', `sk-${body(48)}`],
  ['anthropic_key', `sk-ant-api03-${body(80)}`],
  ['xai_key', `xai-${body(80)}`],
  ['google_key', `AIza${body(35)}`],
  ['slack_token', `xoxb-${body(30)}`],
  ['stripe_key', `sk_live_${body(24)}`],
  ['npm_token', `npm_${body(36)}`],
  ['huggingface_token', `hf_${body(34)}`],
  ['upshift_key', `upk_${body(32)}`],
  ['jwt', jwt],
  ['jwt', `${jwt}.${body(22)}.${body(22)}`],
  ['openai_key', `sk-${hex(32)}`],
  ['openai_key', `sk-or-v1-${hex(64)}`],
  ['groq_key', `gsk_${body(52)}`],
  ['stripe_key', `sk_test_${body(24)}`],
  ['stripe_key', `rk_test_${body(24)}`],
  ['sendgrid_key', `SG.${body(22)}.${body(43)}`],
  ['google_oauth', `ya29.a0${body(60)}`],
  ['azure_key', `AccountKey=${body(86)}==`],
  ['azure_key', `SharedAccessKey=${body(43)}=`],
  ['private_key', `-----BEGIN PRIVATE KEY-----\n${body(64)}\n${body(64)}\n-----END PRIVATE KEY-----`],
  ['url_password', 'postgres://app:hunter2X9@db.corp.io/app'],
  ['private_key', `-----BEGIN OPENSSH PRIVATE KEY-----\n${body(64)}`],
]

test('every kind of secret is found in the middle of a text, from its marker to its end', () => {
  for (const [kind, secret] of SECRETS) {
    const text = `Here it is: ${secret}`
    const found = findSecrets(`${text} and so on.`)
    assert.deepEqual(
      found.map((one) => one.kind),
      [kind],
      secret,
    )
    const { start, body: from, end } = found[0] ?? assert.fail()
    assert.ok(start < from && from < end && start >= 'Here it is: '.length - 1)
  }
})

test('what only looks like a secret is not found', () => {
  for (const text of [
    'AKIAIOSFODNN7EXAMPLE',
    `xsk-${body(48)}`,
    `AKIA${upper}9`,
    'AKIA in a sentence, ASIA PACIFIC',
    'sk-your-key-here-please-0000',
    'sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    'a task-oriented, risk-averse-approach-to-everything-2024',
    'class="sk-loading-spinner-container-2"',
    `ghp_${'x'.repeat(36)}`,
    `sk-${'a'.repeat(40)}`,
    `sk-${'0'.repeat(40)}`,
    'sk-deadbeef-and-beef-and-a-bad-decade-0',
    'SG.2 and SG. Singapore',
    `SG.${body(22)}.${body(44)}`,
    'AccountKey=your-account-key',
    'npm_config_registry and npm_lifecycle_event',
    'eyJ is how base64 of {" begins',
    'eyJhbGciOiJIUzI1NiJ9.only-two-parts-here-x',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
    'A file that begins with -----BEGIN PRIVATE KEY----- is a key.',
    'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    'the secret_access_key is in the vault',
    'postgres://user:password@prod.corp.io/db',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a shell script
    'postgres://app:${PASSWORD}@db.corp.io/db',
    'redis://app:hunter2X9@localhost:6379',
    'https://example.com:8080/a@b',
  ]) {
    assert.deepEqual(findSecrets(text), [], text)
  }
})

test('several secrets are found in order and do not overlap', () => {
  const text = SECRETS.map(([, secret]) => secret).join('\n')
  const found = findSecrets(text)
  assert.equal(found.length, SECRETS.length)
  for (const [at, one] of found.entries()) assert.ok(at === 0 || one.start >= (found[at - 1]?.end ?? 0))
})

test('arbitrary text is read without a throw', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom('AKIA', 'eyJ', '-----BEGIN ', '://', ':', '@'))),
      (all) => {
        for (const { start, body: from, end } of findSecrets(all.join('')))
          assert.ok(start < from && from < end)
      },
    ),
  )
})

test('the quick look says of every text what the search for markers says', () => {
  const markers = SECRETS.map(([, secret]) => secret.slice(0, 21))
  const more = [
    'gho_',
    'ghu_',
    'ghs_',
    'ghr_',
    'rk_live',
    'xoxa-',
    'xoxp-',
    'xoxr-',
    'xoxs-',
    'SECRET_ACCESS_KEY',
  ]
  const spelled = ['secretAccessKey', 'Secret_Access_Key', 'secret_accesskey', 'SecretAccesskey']
  const pieces = [...markers, ...more, ...spelled].flatMap((marker) =>
    Array.from({ length: marker.length }, (_, cut) => [marker.slice(0, cut), marker.slice(cut)]).flat(),
  )
  const [sign, marker] = [new RegExp(SECRET_SIGNS), new RegExp(SECRET_MARKERS)]
  for (const piece of pieces) assert.equal(sign.test(piece), marker.test(piece), piece)
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 2 }))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (all) => {
      const text = all.join('')
      assert.equal(sign.test(text), marker.test(text), text)
    }),
    { numRuns: 20_000 },
  )
})

test('a secret is found right behind an escape of the text around it', () => {
  for (const escaped of ['\\n', '\\t', '\\r', '\\b', '\\f', '\\u003d', '\\u000a', '%3D', '%0a', '%20']) {
    for (const [kind, secret] of SECRETS) {
      const found = findSecrets(`{"text":"the key:${escaped}${secret}"}`)
      assert.deepEqual(
        found.map((one) => one.kind),
        [kind],
        `${escaped}${secret}`,
      )
    }
  }
})

test('a marker that nobody writes by chance needs no boundary before it', () => {
  for (const secret of [`AKIA${upper}`, `ghp_${body(36)}`, `github_pat_${body(60)}`]) {
    for (const before of ['x', 'key', '_', '7']) assert.equal(findSecrets(before + secret).length, 1, before)
  }
})

test('a web token of five parts is found to its end, and without the full stop of the sentence', () => {
  const text = `${jwt}.${body(22)}.${body(22)}`
  assert.equal(findSecrets(`It is ${text}.`)[0]?.end, 6 + text.length)
  assert.equal(findSecrets(`It is ${jwt}.`)[0]?.end, 6 + jwt.length)
})

/** Read again from each beginning, a megabyte of these took minutes; the runner's limit would stop it. */
const HOSTILE_LIMIT_MS = 60_000

test('a megabyte of nothing but beginnings of secrets is read through, and no secret is found in it', {
  timeout: HOSTILE_LIMIT_MS,
}, () => {
  const beginnings = [
    'eyJ.',
    'eyJ-',
    'eyJ_',
    'xoxb--',
    'sk-',
    'glpat-',
    'ya29.',
    'SG.',
    '://',
    '-----',
    'AccountKey=',
  ]
  for (const beginning of [...beginnings, '-----BEGIN PRIVATE KEY-----', 'secretaccesskey', 'A', '1 ']) {
    const text = filled(beginning, 1_048_576)
    assert.deepEqual(
      findSecrets(text).map((one) => text.slice(one.start, one.start + 40)),
      [],
      beginning,
    )
  }
})

function filled(pattern: string, chars: number): string {
  return pattern.repeat(Math.ceil(chars / pattern.length)).slice(0, chars)
}
