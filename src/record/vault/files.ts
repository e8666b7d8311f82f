import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing } from '../../lib/missing.ts'

/** One file of texts: `000001.vault`. It begins with a line that names its format and its UTC day; frames follow. */
export interface VaultFile {
  /** Its number: `file` of every TextRef into it. */
  readonly file: number
  readonly name: string
  readonly path: string
  /** UTC day on which its texts were kept: 20261121. */
  readonly day: number
  readonly bytes: number
}

const NAME = /^(\d{6,})\.vault$/
const HEADER = /^upshift-vault 1 (\d{8})\n$/

/** Bytes of a file's first line. */
const FILE_HEADER_BYTES = 25

export function vaultFileName(file: number): string {
  return `${String(file).padStart(6, '0')}.vault`
}

export function vaultFileHeader(day: number): Buffer {
  return Buffer.from(`upshift-vault 1 ${day}\n`, 'latin1')
}

/** The files of a folder, the oldest first; none where there is no folder. A file without its whole first line holds no text and is left out. */
export function listVaultFiles(folder: string): VaultFile[] {
  const files: VaultFile[] = []
  for (const file of vaultFileNumbers(folder)) {
    const name = vaultFileName(file)
    const path = join(folder, name)
    const day = dayOf(path)
    if (day !== undefined) files.push({ file, name, path, day, bytes: statSync(path).size })
  }
  return files.sort((one, other) => one.file - other.file)
}

/** The numbers that are taken, also by files that hold no text. */
export function vaultFileNumbers(folder: string): number[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  return names.flatMap((name) => {
    const match = NAME.exec(name)
    return match === null ? [] : [Number(match[1])]
  })
}

function dayOf(path: string): number | undefined {
  const header = Buffer.alloc(FILE_HEADER_BYTES)
  const descriptor = openSync(path, 'r')
  try {
    readSync(descriptor, header, 0, FILE_HEADER_BYTES, 0)
  } finally {
    closeSync(descriptor)
  }
  const match = HEADER.exec(header.toString('latin1'))
  return match === null ? undefined : Number(match[1])
}
