import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

/**
 * A folder or file of benchmark data below $UPSHIFT_DATA (../shared/data where unset). The data is not part of the
 * project; where it is missing the process says so and ends with 1.
 */
export function benchData(...parts: readonly string[]): string {
  const path = join(resolve(process.env['UPSHIFT_DATA'] ?? '../shared/data'), ...parts)
  if (existsSync(path)) return path
  process.stderr.write(`The data is missing: ${path}. Set UPSHIFT_DATA to the folder above ${parts[0]}/.\n`)
  process.exit(1)
}
