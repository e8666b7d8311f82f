import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { watchLauncher } from './launcher.ts'

test('where no launcher holds the other end of a pipe nobody is watched, and the word for it is not passed on', () => {
  const file = openSync(import.meta.filename, 'r')
  const gone = () => assert.fail('nobody was watched')
  for (const said of [undefined, '', 'three', '0', '2', '-1', '3.5', '999999', String(file)]) {
    const env: NodeJS.ProcessEnv = {
      ...(said !== undefined && { UPSHIFT_LAUNCHER_FD: said }),
      OTHER: 'stays',
    }
    watchLauncher(env, gone)
    assert.deepEqual(env, { OTHER: 'stays' })
  }
  closeSync(file)
})
