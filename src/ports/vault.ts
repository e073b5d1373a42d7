import type { Mode } from '../domain/words.ts';

/** The account a sealed record belongs to: it opens for no other. */
export interface RecordOwner {
  accountId: number;
  venue: string;
  mode: Mode;
}

/** Opened for one use. `version` says which record it was, for who writes it back changed. */
export interface Opened {
  secrets: unknown;
  version: string;
}

/** Where the secrets of accounts at venues lie. What is read here is used once and kept by nobody. */
export interface Vault {
  /**
   * null: nothing is stored.
   * @throws VaultError when the record does not open; DatabaseError
   */
  read(owner: RecordOwner): Promise<Opened | null>;
  /** `replaces`: the version that was read; null: whatever is there. `changed`: somebody else wrote in between. */
  write(
    owner: RecordOwner,
    secrets: unknown,
    replaces: string | null,
  ): Promise<'stored' | 'changed' | 'no_such_account'>;
}

/** A record does not open: another master key, or not the record of this account. It says nothing of what is in it. */
export class VaultError extends Error {
  override name = 'VaultError';
}

/** What came of a login in the browser. `reason` is a short code. */
export type LoginEnd =
  | { kind: 'open'; untilMs: number | null }
  | { kind: 'not_connected' }
  | { kind: 'somebody_else' }
  | { kind: 'refused'; reason: string }
  | { kind: 'unreadable'; reason: string };

/** A venue where a person logs in with a browser, and which tells us by itself what happens to orders. */
export interface VenueDoor {
  /** Where the account's user logs in; it brings him back with `state`. null: nothing is stored for the account. */
  loginUrl(accountId: number, state: string): Promise<string | null>;
  /** Makes a session of what the login brought back, and stores it. */
  finishLogin(accountId: number, requestToken: string): Promise<LoginEnd>;
  /** A push. Nothing of it is believed but that its order is to be looked up now. */
  hear(raw: string): Promise<'due' | 'not_ours' | 'bad_checksum'>;
}
