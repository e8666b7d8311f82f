import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** The folders that hold code of ours. */
const FOLDERS = ['bin', 'src', 'test', 'bench'] as const

const CODE = /\.(ts|mts|cts|js|mjs|cjs)$/

/** Every code file below `root`, by walking the folders: `path → text`, paths with `/`. */
export function readTree(root: string): Record<string, string> {
  const files: Record<string, string> = {}
  for (const folder of FOLDERS) {
    if (!existsSync(join(root, folder))) continue
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !CODE.test(entry.name)) continue
      const path = join(entry.parentPath, entry.name)
      files[relative(root, path).split(sep).join('/')] = readFileSync(path, 'utf8')
    }
  }
  return files
}

/** The same set as git knows it, tracked or new; null where this is no clone or git is not installed. */
export function gitPaths(root: string): string[] | null {
  if (!existsSync(join(root, '.git'))) return null
  const words = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', ...FOLDERS]
  const git = spawnSync('git', words, { cwd: root, encoding: 'utf8' })
  if (git.status !== 0) return null
  return git.stdout.split('\0').filter((path) => CODE.test(path) && existsSync(join(root, path)))
}
