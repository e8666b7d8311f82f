import assert from 'node:assert/strict'
import { test } from 'node:test'
import { docxOf, pageOf, pdfOf } from './made.fixture.ts'
import { parse } from './parse.ts'

const utf16 = (text: string, mark = ''): Buffer => Buffer.from(mark + text, 'utf16le')

test('text is read in the encoding that it is in, and the encoding is stated', async () => {
  const german = 'Das Öl ist heiß – und dünn.'
  const russian = Buffer.from('cff0e8e2e5f22c20ede0f1eef120eef2eaf0fbe2e0e5f2f1ff20eff0e8ff', 'hex')
  const japanese = Buffer.from('837c83938376820d0a82cd8d8282a282c582b78142'.replace('820d0a', ''), 'hex')
  const cases: readonly (readonly [Buffer, RegExp, string | undefined])[] = [
    [Buffer.from(`\ufeff${german}`), /^Das Öl/, undefined],
    [utf16(german, '\ufeff'), /^Das Öl.*heiß – und dünn\.$/, 'utf-16le'],
    [utf16(german, '\ufeff').swap16(), /^Das Öl.*heiß/, 'utf-16be'],
    [utf16('Plain words without a mark.'), /^Plain words without a mark\.$/, 'utf-16le'],
    [Buffer.from('Das Öl ist heiß.', 'latin1'), /^Das Öl ist heiß\.$/, 'windows-1252'],
    [russian, /^Привет, насос/, 'windows-1251'],
    [japanese, /^ポンプは高いです。$/, 'shift_jis'],
  ]
  for (const [bytes, text, charset] of cases) {
    const parsed = await parse(new Uint8Array(bytes), 'text/plain')
    assert.match(parsed.text, text)
    assert.equal(parsed.charset, charset)
  }
  const page = Buffer.from('<meta charset="iso-8859-2"><p>S\xb3owo', 'latin1')
  assert.deepEqual((await parse(new Uint8Array(page), 'text/html')).text, 'Słowo')
})

test('mail is read with who, when and what, its text and its attachments', async () => {
  const pdf = pdfOf([pageOf([10, 700, 'Torque is 12 Nm.'])]).toString('base64')
  const broken = Buffer.from('no archive').toString('base64')
  const part = (type: string, name: string, body: string) =>
    `--x\r\nContent-Type: ${type}; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n`
  const mail = [
    'From: Ada <ada@example.org>\r\nTo: Bob <bob@example.org>\r\nDate: Mon, 4 Mar 2024 10:00:00 +0000',
    'Subject: =?utf-8?Q?The_p=C3=BCmp?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n',
    '--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>It <b>leaks</b>.</p>\r\n',
    part('application/pdf', 'torque.pdf', pdf) +
      part('application/zip', 'all.docx', broken) +
      part('image/png', 'p.png', broken),
    '--x--\r\n',
  ].join('\r\n')
  const { text, title, blocks } = await parse(new TextEncoder().encode(mail), 'message/rfc822')
  assert.equal(title, 'The pümp')
  assert.match(
    text,
    /^The pümp\n\nFrom: Ada <ada@example\.org>\nTo: Bob <bob@example\.org>\nDate: 2024-03-04/,
  )
  assert.match(text, /It leaks\.\n\nAttachment: torque\.pdf\n\nTorque is 12 Nm\.\n\nAttachment: all\.docx/)
  assert.match(text, /all\.docx\n\nIt was not read: it is damaged.*\n\nAttachment: p\.png$/)
  const spans = blocks.map(({ start, end }) => text.slice(start, end))
  assert.ok(spans.includes('Torque is 12 Nm.'))
  assert.ok(blocks.every(({ page }) => page === undefined))
  await assert.rejects(parse(new Uint8Array(docxOf('')), 'message/rfc822'))
})
