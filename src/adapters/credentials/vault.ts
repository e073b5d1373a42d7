// Keeps the sealed credentials of accounts in the database, and moves them to a new master key.
import type { Actor } from '../../domain/actions.ts';
import type { Store } from '../../ports/store/store.ts';
import { type Opened, type RecordOwner, type Vault, VaultError } from '../../ports/vault.ts';
import type { Clock } from '../../ports/world.ts';
import { type MasterKeys, rewrap, seal, unseal } from './envelope.ts';

export interface VaultOptions {
  store: Store;
  clock: Pick<Clock, 'nowMs'>;
  keys: MasterKeys;
  /** Whoever writes by hand; null: the service, which keeps what logins made. */
  by: Actor | null;
}

/** The secrets in the database, sealed. Nothing that was opened is kept here. */
export function storeVault({ store, clock, keys, by }: VaultOptions): Vault {
  return {
    async read(owner): Promise<Opened | null> {
      const record = await store.call('read_credentials', { accountId: owner.accountId });
      if (!record) return null;
      return { userId: record.userId, secrets: unseal(keys, owner, record), version: record.wrappedKey };
    },
    async write(owner, secrets, replaces) {
      const { accountId } = owner;
      const record = seal(keys, owner, secrets);
      const nowMs = clock.nowMs();
      const { kind } = await store.call('store_credentials', { accountId, ...record, replaces, nowMs, by });
      return kind;
    },
  };
}

export interface Rotated {
  /** Now under the current master key. */
  rewrapped: number;
  /** Were under it already. */
  current: number;
  /** Opened by no key that is here, with why. */
  failed: { accountId: number; why: string }[];
}

/** Wraps every record by the current master key. May be done again, and while everything runs. */
export async function rotate(options: VaultOptions): Promise<Rotated> {
  const done: Rotated = { rewrapped: 0, current: 0, failed: [] };
  for (const { accountId } of await options.store.call('read_all_credentials', {})) {
    try {
      const kind = await rotateOne(options, accountId);
      done[kind] += 1;
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      done.failed.push({ accountId, why: error.message });
    }
  }
  return done;
}

export interface Inspected {
  /** Open with the current master key; with an old one only. */
  current: number;
  old: number;
  failed: { userId: string; venue: string; why: string }[];
}

/** Opens every record and forgets what is in it: which key does it, and what opens with none. Changes nothing. */
export async function inspect({ store, keys }: Pick<VaultOptions, 'store' | 'keys'>): Promise<Inspected> {
  const inspected: Inspected = { current: 0, old: 0, failed: [] };
  for (const { accountId, userId, venue, mode, ...record } of await store.call('read_all_credentials', {})) {
    const owner: RecordOwner = { accountId, venue, mode };
    try {
      unseal(keys, owner, record);
      inspected[rewrap(keys, owner, record) === null ? 'current' : 'old'] += 1;
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      inspected.failed.push({ userId, venue, why: error.message });
    }
  }
  return inspected;
}

async function rotateOne(
  { store, clock, keys, by }: VaultOptions,
  accountId: number,
): Promise<'rewrapped' | 'current'> {
  for (;;) {
    const record = await store.call('read_credentials', { accountId });
    if (!record) return 'current';
    const owner: RecordOwner = { accountId, venue: record.venue, mode: record.mode };
    const fresh = rewrap(keys, owner, record);
    if (!fresh) return 'current';
    const write = { accountId, ...fresh, replaces: record.wrappedKey, nowMs: clock.nowMs(), by };
    // `changed`: somebody logged in meanwhile, with whichever key their process has. It is read again.
    if ((await store.call('store_credentials', write)).kind === 'stored') return 'rewrapped';
  }
}
