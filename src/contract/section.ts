import * as z from 'zod'

/**
 * One part of upshift.yaml, declared by the feature that reads it. Every leaf carries
 * `.meta({ description, env })`; `env` names the environment variable that sets it, where there is one.
 * config/ gathers the sections: schema, documentation table, `config explain`.
 */
export interface Section<Shape extends z.ZodType = z.ZodType> {
  /** The key in upshift.yaml. */
  readonly name: string
  readonly summary: string
  readonly schema: Shape
}

declare module 'zod' {
  interface GlobalMeta {
    /** The environment variable that sets this value. A secret's `NAME` has `NAME_FILE` beside it. */
    env?: string
    /** The command line's flag that sets this value, without its dashes. */
    flag?: string
    /** True for a file or folder: `~/` and relative paths are resolved when the configuration is read. */
    path?: boolean
    /** True for a secret by reference; set by `secretSchema`. */
    secret?: boolean
  }
}

/** Where a secret lies. The configuration never holds the secret itself; config/secret.ts fetches it. */
export type SecretRef = { readonly env: string } | { readonly file: string }

/** A leaf that is a secret: `{ env: NAME }` or `{ file: PATH }`. The text itself is refused, unprinted. */
export const secretSchema = z
  .union(
    [
      z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/) }),
      z.strictObject({ file: z.string().min(1).max(4096) }),
    ],
    {
      error: (issue) =>
        typeof issue.input === 'string'
          ? 'is a secret and must not stand in the file as text: write { env: NAME } or { file: PATH }'
          : 'is a secret: write { env: NAME } or { file: PATH }',
    },
  )
  .meta({ secret: true })
