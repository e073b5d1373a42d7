// The store: every function of the database in one table, and how it is called.
import type { z } from 'zod';
import { DEFAULT_LIMIT_MS } from '../database.ts';
import { access } from './access.ts';
import { accounts } from './accounts.ts';
import { closingsOfBooks } from './books/closings.ts';
import { removal } from './books/removal.ts';
import { imports } from './imports.ts';
import { messages } from './messages.ts';
import { money } from './money.ts';
import { orders } from './orders.ts';
import { reports } from './reports.ts';
import { runs } from './runs.ts';
import type { Call } from './shapes.ts';
import { singleOrders } from './single-orders.ts';
import { watch } from './watch.ts';

/** Every function of the database. Nothing else is ever called. */
export const storeFunctions = {
  ...runs,
  ...orders,
  ...singleOrders,
  ...messages,
  ...accounts,
  ...closingsOfBooks,
  ...removal,
  ...money,
  ...imports,
  ...access,
  ...reports,
  ...watch,
};

type StoreFunctions = typeof storeFunctions;
export type StoreFunction = keyof StoreFunctions;

/** What each function is called with. Business time is always part of it. */
export type Arguments = { [F in StoreFunction]: NonNullable<StoreFunctions[F]['args']> };
export type Answer<F extends StoreFunction> = z.infer<StoreFunctions[F]['answer']>;

const LONG_LIMIT_MS = 60_000;

const byName: ReadonlyMap<string, Call<unknown, z.ZodType>> = new Map(Object.entries(storeFunctions));

/**
 * How long a call of this function may take. The migration of the grants says the same on the functions themselves, for
 * PostgREST; a test compares the two.
 */
export function limitMsOf(name: string): number {
  return byName.get(name)?.isLong ? LONG_LIMIT_MS : DEFAULT_LIMIT_MS;
}

/** The arguments of a function as the database takes them. */
export function encoded(name: string, args: object): object {
  return byName.get(name)?.encoded?.(args) ?? args;
}

/** Whether it is a list or report. */
export function isReport(name: string): boolean {
  return byName.get(name)?.isReport ?? false;
}

export interface CallOptions {
  /**
   * After which errors the call is made again for a while, before the error is thrown. Default: whatever is not refused.
   * `lost`: who splits a batch wants to know at once that it is busy. `never`: who has a way of its own.
   */
  repeat?: 'lost or busy' | 'lost' | 'never';
}

/** All state, behind named functions that take and give JSON. Each may be repeated after a lost answer. */
export interface Store {
  /** @throws DatabaseError when the database refuses, is busy or lost; Error (a bug) when the answer has another shape. */
  call<F extends StoreFunction>(name: F, args: Arguments[F], options?: CallOptions): Promise<Answer<F>>;
  close(): Promise<void>;
}
