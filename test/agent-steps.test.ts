import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Closed } from '../src/contract/entry.ts'
import { Shelf } from './process/collection.ts'
import { entriesOf, readLog } from './process/log.ts'
import { chat, type Reply } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'
import { reply, respond, startUpstream, type Upstream } from './process/upstream.ts'

/** What a cheap answer was made from, and what an agent has been through, is evidence beside what was asked. */

const held = new AsyncDisposableStack()
let cheap: Upstream
let strong: Upstream
let server: RunningServer

const engine = ({ url }: Upstream, name: string, tier: string, usd: number) => ({
  kind: 'openai-compatible',
  urls: [url],
  models: [{ name, tier, price: { input: usd, output: usd, cachedInput: usd / 10 } }],
})

/** Going up takes a gain that no prompt here promises by itself, and the cheap answer is looked at every time. */
const ESCALATION = { leastGain: 0.35, sure: 1_000, second: false, explore: { share: 0 } }

before(async () => {
  cheap = held.use(await startUpstream(['small']))
  strong = held.use(await startUpstream(['large']))
  const engines = { a: engine(cheap, 'small', 'fast', 0.1), z: engine(strong, 'large', 'expert', 1) }
  server = held.use(await startServer({ config: configOf(engines, { route: { escalation: ESCALATION } }) }))
})
after(() => held.disposeAsync())

interface Call {
  readonly name: string
  readonly arguments: string
}
type Message = Readonly<Record<string, unknown>>

const call = (name: string, value: object): Call => ({ name, arguments: JSON.stringify(value) })

const TOOLS = ['search', 'read', 'list'].map((name) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: { of: { type: 'string' } } } },
}))

/** The next answer of an engine: a call, or words. */
function says(engineOf: Upstream, said: Call | string): void {
  engineOf.answer((response, received) => {
    if (typeof said === 'string') return respond(response, received, [said])
    const tool_calls = [{ id: `call_${received.roles.length}`, type: 'function', function: said }]
    const message = { role: 'assistant', content: null, tool_calls }
    reply(response, 200, { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] })
  })
}

function closedOf(answered: Reply): Closed {
  assert.equal(answered.status, 200, answered.text)
  const [closed] = entriesOf(server.home, 'closed', String(answered.headers['x-request-id']))
  assert.ok(closed?.judged !== undefined, 'what was judged is on record')
  return closed
}

/** An agent that keeps its conversation, as a client of Chat Completions does. */
class Agent {
  readonly messages: Message[] = [{ role: 'user', content: 'Which port does the service listen on?' }]

  async step() {
    const answered = await chat(server, { model: 'auto', messages: this.messages, tools: TOOLS })
    const closed = closedOf(answered)
    this.messages.push(JSON.parse(answered.text).choices[0].message)
    return { closed, judged: closed.judged, reason: String(answered.headers['x-upshift-reason']) }
  }

  hears(result: string): void {
    const calls = Object(this.messages.at(-1))['tool_calls']
    this.messages.push({ role: 'tool', tool_call_id: calls[0].id, content: result })
  }
}

test('an agent goes up for the step after one that failed, or that it repeats, and falls back for the next', async () => {
  const agent = new Agent()
  says(strong, call('list', { of: '/etc' }))

  says(cheap, call('search', { of: 'port' }))
  const first = await agent.step()
  assert.deepEqual([first.closed.model, first.judged?.evidence?.step], ['a/small', undefined])
  assert.doesNotMatch(first.reason, /step/)
  assert.equal(first.judged?.segment, 'fast>expert tools')

  agent.hears('Two files speak of it: service.conf and notes.txt')
  says(cheap, call('read', { of: 'service.conv' }))
  const second = await agent.step()
  assert.deepEqual([second.closed.model, second.judged?.evidence?.step], ['a/small', { number: 2 }])
  assert.match(second.reason, /^step 2: expected gain/)
  assert.equal(second.judged?.segment, 'fast>expert steps')

  agent.hears('Error: no such file: service.conv')
  says(cheap, call('read', { of: 'service.conf.bak' }))
  const third = await agent.step()
  assert.equal(third.closed.model, 'z/large')
  assert.deepEqual(third.judged?.evidence?.step, { number: 3, failed: 'error' })
  assert.match(third.reason, /^step 3: .*the last step failed: a tool said that it failed/)

  agent.hears('service.conf\nnotes.txt')
  says(cheap, call('search', { of: 'port' }))
  says(strong, call('read', { of: 'service.conf' }))
  const fourth = await agent.step()
  assert.deepEqual([fourth.closed.model, fourth.judged?.evidence?.repeats], ['z/large', true])
  assert.match(fourth.reason, /^step 4: .*it repeats an earlier call/)

  agent.hears('listen = 8443')
  says(cheap, 'The service listens on port 8443.')
  const fifth = await agent.step()
  assert.deepEqual([fifth.closed.model, fifth.judged?.action], ['a/small', 'accept'])
  assert.deepEqual(fifth.judged?.evidence?.step, { number: 5 })
  assert.match(fifth.reason, /^step 5: /)
})

const GUIDE = `The pump is oiled every 500 hours with mineral oil of grade 46.

Its inlet fitting is tightened by hand, and a whistling sound means that it draws air.

The housing is opened only by the maker, who also keeps the seals and sends them on demand.

The motor runs on three phases and is cooled by the water that it lifts, so that it must never stand dry for longer than a minute. In winter the water is let out through the plug below the housing.`

test('an answer that does not stand in the context that its caller gave goes up, and one that does stays', async () => {
  const messages = [
    { role: 'user', content: `Context:\n${GUIDE}\n\nQuestion: What does the pump need from its keeper?` },
  ]
  says(strong, 'The strong one has spoken.')
  says(cheap, 'It needs mineral oil of grade 46 every 500 hours. The inlet fitting is tightened by hand.')
  const kept = await chat(server, { model: 'auto', messages })
  const grounded = closedOf(kept)
  assert.deepEqual([grounded.model, grounded.judged?.evidence?.grounding], ['a/small', 1])
  assert.match(String(kept.headers['x-upshift-reason']), /1\.00 of it grounded/)

  says(
    cheap,
    'Flush the gearbox weekly using synthetic grease. Replace filters after 90 days of winter storage.',
  )
  const invented = closedOf(await chat(server, { model: 'auto', messages }))
  assert.equal(invented.judged?.evidence?.grounding, 0)
  assert.ok((invented.judged?.gain ?? 0) > (grounded.judged?.gain ?? 1))
  assert.ok((invented.judged?.gain ?? 0) > (invented.judged?.prior ?? 1))

  const plain = [{ role: 'user', content: 'Name a river of Norway.' }]
  says(cheap, 'The Glomma.')
  assert.equal(
    closedOf(await chat(server, { model: 'auto', messages: plain })).judged?.evidence?.grounding,
    undefined,
  )
})

test('over a collection the share of sentences that true quotations carry decides who answers', async () => {
  const shelf = held.use(new Shelf())
  await shelf.add(server.home, 'manuals', { 'pumps.md': `# Pumps\n\n${GUIDE}\n` })
  const ask = async () => {
    const asked = { model: 'auto', messages: [{ role: 'user', content: 'How often is the pump oiled?' }] }
    const answered = await chat(server, { ...asked, upshift: { collection: 'manuals' } })
    assert.equal(answered.status, 200, answered.text)
    const parent = String(answered.headers['x-request-id'])
    const child = readLog(server.home).findLast((entry) => entry.type === 'opened' && entry.parent === parent)
    assert.ok(child?.type === 'opened')
    const [closed] = entriesOf(server.home, 'closed', child.id)
    return { text: String(JSON.parse(answered.text).choices[0].message.content), closed }
  }
  const quoted = 'It is oiled every 500 hours [1 "The pump is oiled every 500 hours"].'
  says(strong, `The keeper oils it every 500 hours [1 "The pump is oiled every 500 hours"].`)
  says(cheap, quoted)
  const true1 = await ask()
  assert.deepEqual([true1.closed?.model, true1.closed?.judged?.evidence?.grounding], ['a/small', 1])
  assert.equal(true1.closed?.judged?.segment, 'fast>expert passages')

  says(cheap, 'It is oiled every 300 hours [1 "The pump is oiled every 300 hours"].')
  const lie = await ask()
  assert.equal(lie.closed?.judged?.evidence?.grounding, 0)
  assert.ok((lie.closed?.judged?.gain ?? 0) > (true1.closed?.judged?.gain ?? 1))
  assert.equal(lie.closed?.model, 'z/large', lie.closed?.judged?.reason)
  assert.match(lie.text, /every 500 hours/)
})
