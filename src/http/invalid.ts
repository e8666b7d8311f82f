import type * as z from 'zod'
import { type Refusal, refuse } from '../contract/problem.ts'

/** Turns zod's findings into one sentence about the first field that is wrong. */
export function invalidRequest(error: z.ZodError): Refusal {
  const issue = mostTelling(error.issues)
  const param = pathText(issue?.path ?? [])
  const what = issue?.message ?? 'it does not have the shape of a request'
  const message = param === '' ? `The request is not valid: ${what}.` : `${param} is not valid: ${what}.`
  return refuse(
    'invalid_request',
    `${message} See /openapi.json for what is accepted.`,
    param === '' ? {} : { param },
  )
}

type Issue = z.core.$ZodIssue

/** In a union, the branch that got furthest says what the caller most likely meant. */
function mostTelling(issues: readonly Issue[]): Issue | undefined {
  const [first] = issues
  if (first?.code !== 'invalid_union' || first.errors.length === 0) return first
  let best: Issue | undefined
  for (const branch of first.errors) {
    const inner = mostTelling(branch)
    if (inner !== undefined && (best === undefined || inner.path.length > best.path.length)) best = inner
  }
  if (best === undefined || best.path.length === 0) return first
  return { ...best, path: [...first.path, ...best.path] }
}

/** `messages[2].content`, as OpenAI writes it. */
function pathText(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? String(part) : `.${String(part)}`
  }
  return text.slice(0, 200)
}
