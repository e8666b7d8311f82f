import * as z from 'zod'
import { systemClock } from '../../lib/clock.ts'
import { serveTasks } from '../../lib/worker-task.ts'
import { Collections } from './collections.ts'

const taskSchema = z.object({ path: z.string() })

serveTasks((task) => {
  using collections = new Collections(taskSchema.parse(task).path, systemClock)
  collections.check()
})
