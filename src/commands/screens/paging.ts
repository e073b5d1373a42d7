// Reads --limit and --after of the commands that print pages.
import { type Refusal, refusal } from '../refusal.ts';

export interface PageFlags {
  limit?: string;
  after?: string;
}

const MAX_LIMIT = 1_000;

/** `--limit` as a number, 1 to 1,000. */
export function limitOf(limit: string | undefined, otherwise: number): number | Refusal {
  const many = limit === undefined ? otherwise : Number(limit);
  if (Number.isInteger(many) && many >= 1 && many <= MAX_LIMIT) return many;
  return refusal('bad_flag', `--limit is a whole number from 1 to ${MAX_LIMIT}, not ${limit}.`);
}

/** A page of users: how many, after which queue position of the run. */
export function pageOf({ limit, after }: PageFlags, otherwise: number): { limit: number; after: number } | Refusal {
  const many = limitOf(limit, otherwise);
  if (typeof many !== 'number') return many;
  if (after !== undefined && !/^\d{1,9}$/.test(after)) {
    return refusal('bad_flag', `--after is the number a page before ended with, not ${after}.`);
  }
  return { limit: many, after: Number(after ?? 0) };
}
