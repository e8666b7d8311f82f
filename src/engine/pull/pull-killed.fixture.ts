import { Puller } from './puller.fixture.ts'

// A process that pulls URL into FOLDER, for being killed in the middle of it.

const [folder = '', url = ''] = process.argv.slice(2)
const puller = new Puller(new URL(url).origin, { stallMs: 60_000 })
puller[Symbol.dispose]()
puller.settings = { ...puller.settings, folder }
await puller.pull(url)
