import { serveTasks } from '../../lib/worker-task.ts'
import { schemaTask } from './task.ts'
import { performSchemaTask } from './validate.ts'

serveTasks((task) => performSchemaTask(schemaTask.parse(task)))
