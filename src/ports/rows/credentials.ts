// Shapes and arguments about accounts at venues and their sealed secrets.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import { mode } from './rows.ts';

export interface CredentialArguments {
  open_account: { userId: string; venue: string; mode: string; by: Actor };
  store_credentials: {
    accountId: number;
    keyId: string;
    wrappedKey: string;
    sealed: string;
    /** The wrapped key of the record that was read before; null: whichever is there. */
    replaces: string | null;
    nowMs: number;
    /** null: a session that the account's own login made. */
    by: Actor | null;
  };
  read_credentials: { accountId: number };
  read_all_credentials: Record<string, never>;
  find_venue_order: { venue: string; venueOrderId: string; clientOrderId: string };
  find_venue_orders: { venue: string; orders: { venueOrderId: string; clientOrderId: string }[] };
  request_lookup: { orderId: number; nowMs: number };
}

/** `tradesAt`: the venue the user's orders go to. `no_sizing`: they have no account whose settings could be taken. */
export const openedAccount = z.union([
  z.object({ kind: z.literal('open'), accountId: z.int(), created: z.boolean(), tradesAt: z.string() }),
  z.object({ kind: z.literal('no_such_user') }),
  z.object({ kind: z.literal('no_sizing') }),
]);

export const storedCredentials = z.object({ kind: z.enum(['stored', 'changed', 'no_such_account']) });

export const credentials = z.object({
  accountId: z.int(),
  userId: z.string(),
  venue: z.string(),
  mode,
  keyId: z.string(),
  wrappedKey: z.string(),
  sealed: z.string(),
  storedAtMs: z.int(),
});

export const venueOrder = z.object({ orderId: z.int(), accountId: z.int(), userId: z.string() });
