// Reads JSON of strangers within bounds, without losing digits of numbers.
/** Deeper than anything a venue, a provider or a client of ours has to say. */
const MAX_DEPTH = 64;

/**
 * JSON from outside: its value, or undefined for what is none or is nested deeper than `maxDepth`. What is parsed can be
 * gone through by recursion, which a hundred thousand brackets would end with a full stack. One pass before the parser's.
 */
export function parseJson(text: string, maxDepth = MAX_DEPTH): unknown {
  if (isDeeper(text, maxDepth)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

function isDeeper(text: string, maxDepth: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (unit === OPEN_LIST || unit === OPEN_OBJECT) {
      depth++;
      if (depth > maxDepth) return true;
    } else if (unit === CLOSE_LIST || unit === CLOSE_OBJECT) depth--;
  }
  return false;
}

/** Where the string that begins at a quote ends: at the next quote that is not escaped, or with the text. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** Whether a parsed value is nested deeper than `maxDepth`; level by level, so that no depth is too deep to be found. */
export function isNested(value: unknown, maxDepth: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= maxDepth; depth++) {
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
    if (level.length === 0) return false;
  }
  return true;
}
