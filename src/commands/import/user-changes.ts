// What an import of users would change, and for whom to ask first.
import { createInterface } from 'node:readline/promises';
import { type CurrencyCode, currencies } from '../../domain/currency.ts';
import { userIdOf } from '../../domain/ids.ts';
import { formatHundredths, formatMinor } from '../../domain/money.ts';
import type { Problem, UserSettings } from '../../domain/types.ts';
import type { UsersPreview } from '../../ports/store/imports.ts';

type Change = UsersPreview['changes'][number];

/** What an import of users changes, for whom. */
export interface UserChanges {
  created: string[];
  changes: UsersPreview['changes'];
  unchanged: number;
}

export function changesOf(users: readonly UserSettings[], { known, changes }: UsersPreview): UserChanges {
  const ids = new Set(known.map(({ id }) => id));
  const fresh = users.filter(({ id }) => !ids.has(id));
  // A user has a row for each currency.
  const created = [...new Set(fresh.map(({ id }) => id))];
  return { created, changes, unchanged: users.length - fresh.length - changes.length };
}

/**
 * The rows of users who may be meant to be somebody else: a name that is another's id, where nothing says who is who. A
 * row with that id as its `client_id` in the same file says so.
 */
export function mistakable(
  file: string,
  users: readonly UserSettings[],
  lines: readonly number[],
  known: UsersPreview['known'],
): { wrong: Set<UserSettings>; problems: Problem[] } {
  const names = new Map(known.map(({ id, name }) => [id, name]));
  const ids = new Set(users.map(({ id }) => id));
  const problems: Problem[] = [];
  const wrong = new Set<UserSettings>();
  users.forEach((user, at) => {
    const derived = userIdOf(user.name);
    const other = names.get(derived);
    if (other === undefined) return;
    const reason =
      user.id === derived
        ? userIdOf(other) !== derived && `is the client_id of somebody else here: give this row a client_id of its own`
        : !ids.has(derived) && `is the name of ${derived}: write ${derived} as client_id, or give that row as well`;
    if (reason === false) return;
    wrong.add(user);
    problems.push({ file, line: lines[at] ?? 1, field: 'name', reason, value: user.name });
  });
  return { wrong, problems };
}

/** Whose messages would go elsewhere. */
export function numberChanges({ changes }: UserChanges): Change[] {
  return changes.filter((change) => change.numberChanges);
}

const MAX_SHOWN = 200;

/** Each user who changes, with what was and what is; numbers are masked, names are only said to differ. */
export function changesText({ created, changes, unchanged }: UserChanges): string[] {
  const shown = changes.slice(0, MAX_SHOWN).map((change) => `  ${change.userId}: ${fieldsText(change)}`);
  const more = changes.length - shown.length;
  return [
    `${created.length} new, ${changes.length} changed, ${unchanged} unchanged.`,
    ...shown,
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

export function fieldsText({ was, now, currency = 'INR' }: Change): string {
  const names = [...new Set([...Object.keys(was), ...Object.keys(now)])];
  const text = (name: string, value: unknown) => valueText(name, value, currency);
  const fields = names.map((name) => `${name} ${text(name, was[name])} → ${text(name, now[name])}`).join(', ');
  return currency === 'INR' ? fields : `in ${currency}: ${fields}`;
}

function valueText(name: string, value: unknown, currency: CurrencyCode): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'number' && /Minor$/.test(name)) return formatMinor(value, currencies[currency]);
  if (typeof value === 'number' && /Bps$|Centi$/.test(name)) return formatHundredths(value);
  return String(value);
}

/** Whether a person at the terminal agrees; null: nobody is there to ask. */
export async function agreed(question: string): Promise<boolean | null> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null;
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await ask.question(`${question} [y/N] `)).trim());
  } finally {
    ask.close();
  }
}
