import { join } from 'node:path'
import { expectFile, expectFolder } from '../store/kinds.ts'

const FILES = ['audit.key', 'audit.pub', 'snapshot.json', 'vault.key', 'vault.db', 'lock.db']
const FOLDERS = [
  ['log', /\.log$/],
  ['tree', /^(?:checkpoint|hashes)$/],
  ['vault', /\.vault$/],
] as const

/** Throws HomeError, naming it, where something else lies in the place of a file or folder of a home's record. */
export function expectRecord(home: string): void {
  for (const name of FILES) expectFile(join(home, name))
  for (const [name, files] of FOLDERS) expectFolder(join(home, name), files)
}
