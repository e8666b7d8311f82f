import { Readable } from 'node:stream'
import * as z from 'zod'
import { isRefusal } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'
import { type BackupPorts, backUp } from './backup.ts'
import { type BackupEvent, backupBody } from './wire.ts'

/** The owner's endpoint that copies the home while it serves. */
export function backupRoutes(ports: BackupPorts): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/admin/backup',
      access: 'owner',
      summary: 'Copies the home into a folder of this machine; answers with a JSON line for every step.',
      body: backupBody,
      answers: z.instanceof(Readable),
      text: 'application/x-ndjson',
      handle: ({ body }) => {
        const events = backUp(ports, body)
        return isRefusal(events) ? events : Readable.from(lines(events), { objectMode: false })
      },
    }),
  ]
}

async function* lines(events: AsyncGenerator<BackupEvent>): AsyncGenerator<string> {
  for await (const event of events) yield `${JSON.stringify(event)}\n`
}
