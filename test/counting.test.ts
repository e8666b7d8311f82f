import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { routingReply } from '../src/route/online/report.ts'
import { get } from './process/admin.ts'
import { startAnthropic } from './process/anthropic.ts'
import { entriesOf } from './process/log.ts'
import { send } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'

/** Counting tokens answers nothing, and so nothing of it is counted as routing. */

const held = new AsyncDisposableStack()
after(() => held.disposeAsync())

test('where only tokens are counted, no decision between two tiers stands in the record or in the report', async () => {
  const claude = held.use(await startAnthropic(['small', 'large']))
  const priced = (name: string, tier: string, usd: number) => ({
    name,
    tier,
    price: { input: usd, output: usd },
  })
  const engine = {
    kind: 'anthropic',
    url: claude.url,
    models: [priced('small', 'fast', 0.1), priced('large', 'expert', 2)],
  }
  const route = { escalation: { explore: { share: 1, usdPerDay: 100 } } }
  const server = held.use(await startServer({ config: configOf({ claude: engine }, { route }) }))
  const messages = [{ role: 'user', content: 'What is 4 times 3, plus 4?' }]
  const body = JSON.stringify({ model: 'auto', messages })
  for (let nth = 0; nth < 3; nth++) {
    const counted = await send(server, { path: '/v1/messages/count_tokens', body })
    const { input_tokens: tokens, upshift } = JSON.parse(counted.text)
    assert.deepEqual([counted.status, tokens], [200, 42])
    const [opened] = entriesOf(server.home, 'opened', upshift.request_id)
    assert.deepEqual(
      [opened?.plan.candidates, opened?.plan.reasons.at(-1)],
      [['claude/small'], 'only its tokens were counted'],
    )
    assert.ok(opened?.plan.reasons.some((reason) => reason.includes('is expected to gain')))
    assert.deepEqual([opened?.plan.escalation, opened?.plan.decided], [undefined, undefined])
  }
  const { segments } = routingReply.parse(JSON.parse((await get(server, '/v1/admin/routing')).text))
  assert.deepEqual(segments, [])
})
