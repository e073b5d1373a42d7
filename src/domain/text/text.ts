// Makes text from outside storable, harmless and short enough.
/** Whether text is such as every database, wire and screen can hold: well-formed, and without U+0000. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/**
 * Text as it can be held everywhere: half a surrogate pair and U+0000 become U+FFFD. Postgres refuses both in `text` and
 * `jsonb` (22P05, 22P02, 22021).
 */
export function storableText(text: string): string {
  return isStorable(text) ? text : text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** How a text's length is counted: UTF-16 units, unless it is for a screen that counts columns. */
export type SizeOf = (text: string) => number;

/** A letter with all its marks takes no more units than this on average; what is longer is not gone through. */
const UNITS_PER_GRAPHEME = 16;

const graphemes = new Intl.Segmenter('en');
const units: SizeOf = (text) => text.length;

/**
 * The one way a text from outside is shortened: to a size of at most `most`, `ending` included, between letters as a
 * person sees them (never inside a surrogate pair, an emoji or a letter and its marks). Whatever it is given, the answer
 * is well-formed. The work is bounded by `most`, not by the length of the text.
 */
export function cut(text: string, maxSize: number, ending = '…', sizeOf: SizeOf = units): string {
  const maxUnits = maxSize * UNITS_PER_GRAPHEME;
  const start = (text.length > maxUnits ? text.slice(0, maxUnits) : text).toWellFormed();
  if (text.length <= maxUnits && sizeOf(start) <= maxSize) return start;
  const room = maxSize - sizeOf(ending);
  const whole = firstOf(segmentsOf(start), room, sizeOf);
  // One letter may have more marks than there is room: then it is cut between code points.
  return `${(whole === '' ? firstOf(start, room, sizeOf) : whole).trimEnd()}${ending}`;
}

function* segmentsOf(text: string): Generator<string> {
  for (const { segment } of graphemes.segment(text)) yield segment;
}

function firstOf(segments: Iterable<string>, room: number, sizeOf: SizeOf): string {
  const kept: string[] = [];
  let left = room;
  for (const part of segments) {
    left -= sizeOf(part);
    if (left < 0) break;
    kept.push(part);
  }
  return kept.join('');
}

/** Control, invisible and private characters, and halves of pairs; joiners are none of these: Indian scripts need them. */
const unseen = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Text from outside as one harmless line: unseen characters become spaces, and of spaces in a row one stays. */
export function plainLine(text: string): string {
  return text.replace(unseen, ' ').replace(/\s+/gu, ' ').trim();
}
