import { closeSync, fdatasyncSync, fstatSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { TextRef } from '../../contract/entry.ts'
import { isMissing } from '../../lib/missing.ts'
import { vaultFileName } from './files.ts'
import { FRAME_HEADER_BYTES } from './frame.ts'

/**
 * Overwrites one kept text with zeros, on the disk when it returns; its frame's header stays, so that the file can be
 * walked. For a text that goes while its subject stays: whose key is destroyed needs none of this. Safe to repeat;
 * false where its file went before, or ends before the text.
 */
export function wipeText(folder: string, { file, at, bytes }: TextRef): boolean {
  let descriptor: number
  try {
    descriptor = openSync(join(folder, vaultFileName(file)), 'r+')
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
  try {
    if (bytes < FRAME_HEADER_BYTES || fstatSync(descriptor).size < at + bytes) return false
    writeSync(descriptor, Buffer.alloc(bytes - FRAME_HEADER_BYTES), 0, undefined, at + FRAME_HEADER_BYTES)
    fdatasyncSync(descriptor)
    return true
  } finally {
    closeSync(descriptor)
  }
}

/** True for a frame whose text was overwritten; what is encrypted is no row of zeros. */
export function isWiped(frame: Uint8Array): boolean {
  if (frame.length <= FRAME_HEADER_BYTES) return false
  return frame.subarray(FRAME_HEADER_BYTES).every((byte) => byte === 0)
}
