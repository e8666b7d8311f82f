import * as z from 'zod'
import { systemClock } from '../../lib/clock.ts'
import { serveTasks } from '../../lib/worker-task.ts'
import { DamagedError } from '../../store/open.ts'
import type { FileCheck } from './check.ts'
import { Collections } from './collections.ts'

const taskSchema = z.object({ path: z.string() })

serveTasks((task): FileCheck => {
  const { path } = taskSchema.parse(task)
  try {
    using collections = new Collections(path, systemClock)
    collections.check()
    return { type: 'sound' }
  } catch (error) {
    // A file that another process holds, or that a newer version wrote, must not be told as one to move aside.
    const type = error instanceof DamagedError ? 'damaged' : 'unopened'
    return { type, why: error instanceof Error ? error.message : String(error) }
  }
})
