// How wide a text is on a terminal, and cutting or padding it to a width.
import { oneLine } from '../domain/messages/summary.ts';
import { cut } from '../domain/text/text.ts';

/**
 * Columns a text takes on a terminal, the way wcwidth counts: marks above and below their character (Devanagari vowel
 * signs such as ु, the virama) and joiners take none, East Asian wide characters and emoji two, all else, ₹ too, one.
 */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) continue;
    width += wide.test(character) ? 2 : 1;
  }
  return width;
}

/** Text from outside made harmless and cut with … to at most `columns` columns, never inside a grapheme. */
export function fitted(text: string, columns: number): string {
  const clean = oneLine(text, 400);
  return cut(clean, columns, '…', displayWidth);
}

/** The text with spaces up to `columns` columns; a longer one stays as it is. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}\u{20000}-\u{3fffd}]/u;
