// Makes text from outside such as the database can hold.
import { isStorable, storableText } from '../../domain/text/text.ts';

/**
 * The arguments of a function as jsonb can hold them: every string, names of fields included, well-formed and without
 * U+0000 (`storableText`). Clean arguments come back as the same object, and nothing is copied: that is the usual case,
 * and costs less than making JSON of them.
 */
export function storable(args: unknown): unknown {
  return isClean(args) ? args : cleaned(args);
}

function isClean(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isClean);
  for (const name in value) {
    if (!isStorable(name) || !isClean(Reflect.get(value, name))) return false;
  }
  return true;
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cleaned);
  // Made of entries, so that a field named __proto__ stays a field.
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [storableText(name), cleaned(of)]));
}
