const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Milliseconds of `90s`, `15m`, `12h`, `30d`, `2w` or `0`; undefined where the text is none of these. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = /^(\d{1,9})([smhdw])$/.exec(text)
  const unitMs = UNITS_MS[parts?.[2] ?? '']
  return unitMs === undefined ? undefined : Number(parts?.[1]) * unitMs
}
