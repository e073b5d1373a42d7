// Markdown tables for the generated documents.
/** A Markdown table; a `|` or a line break in a cell does not end it. */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellOf).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---|').join('')}`, ...rows.map(line)].join('\n');
}

function cellOf(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll(/(?<!\\)\|/g, '\\|');
}

/** `a`, `b` and `c` as code. */
export function asCode(codes: readonly string[]): string {
  return codes.map((word) => `\`${word}\``).join(', ');
}
