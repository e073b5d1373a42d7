// What the parts of a dumped schema have in common.

/** In the order of the file. */
export const SCHEMAS = ['public', 'core', 'paper_venue'];

/** A text under its comment, each line indented. */
export function commented(comment: string | undefined, text: string, indent: string): string {
  const lines = comment === undefined ? [] : comment.split('\n').map((line) => `-- ${line}`.trimEnd());
  return [...lines, text].map((line) => `${indent}${line}`).join('\n');
}
