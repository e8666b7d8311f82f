import * as z from 'zod'
import { serveTasks } from '../../lib/worker-task.ts'
import { cut } from '../chunk/cut.ts'
import { parse } from './parse/parse.ts'

const taskSchema = z.object({ bytes: z.instanceof(Uint8Array), mediaType: z.string() })

serveTasks(async (task) => {
  const { bytes, mediaType } = taskSchema.parse(task)
  const parsed = await parse(bytes, mediaType)
  const { text, title, charset } = parsed
  return { text, title, ...(charset !== undefined && { charset }), chunks: cut(parsed) }
})
