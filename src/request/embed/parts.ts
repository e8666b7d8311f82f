import type { EmbedBounds, EmbedInput } from '../../contract/embed.ts'

/** UTF-8 bytes that a token counts as, where a part is bounded by bytes. */
const BYTES_PER_TOKEN = 4

/** The inputs from `from` on in their order, in parts that keep the bounds. One that exceeds them alone is a part. */
export function* partsOf(
  inputs: readonly EmbedInput[],
  from: number,
  bounds: EmbedBounds,
): Generator<readonly EmbedInput[]> {
  let part: EmbedInput[] = []
  let bytes = 0
  for (let at = from; at < inputs.length; at++) {
    const input = inputs[at] as EmbedInput // at < inputs.length
    const more = typeof input === 'string' ? Buffer.byteLength(input) : input.length * BYTES_PER_TOKEN
    if (part.length > 0 && (part.length === bounds.inputs || bytes + more > bounds.bytes)) {
      yield part
      part = []
      bytes = 0
    }
    part.push(input)
    bytes += more
  }
  if (part.length > 0) yield part
}
