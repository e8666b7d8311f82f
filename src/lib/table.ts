/**
 * Rows under a head, columns padded to their widest cell, two spaces between; the last column is not padded.
 * Control characters are shown as `?`: a name must not move the terminal's cursor. Ends with a newline.
 */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((cells) =>
    cells.map((cell) => cell.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')),
  )
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => [...(cells[column] ?? '')].length)))
  const padded = (cell: string, column: number): string =>
    column === head.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - [...cell].length)
  return lines.map((cells) => `${cells.map(padded).join('  ').trimEnd()}\n`).join('')
}
