import { type Logger, pino } from 'pino'

/** What the program says about itself, as JSON lines on stderr. Never a prompt, an answer or a secret. */
export type Logs = Logger

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const STDERR = 2

export function createLogs(level: LogLevel): Logs {
  return pino(
    { level, base: null, redact: ['*.authorization', '*.key', '*.secret'] },
    pino.destination(STDERR),
  )
}
