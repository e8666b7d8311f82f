import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Waits until the names in a folder are on the disk: a file that was synced is lost with its name otherwise. */
export function syncFolder(folder: string): void {
  // Windows cannot open a folder; its file systems journal the name with the file.
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
