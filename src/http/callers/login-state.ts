// Signs and reads the state that binds a browser login to one account.
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Which account a login in the browser is for. It can not be made up, and is good until then. */
export interface LoginState {
  venue: string;
  accountId: number;
  untilMs: number;
}

/** The state as it travels: three plain parts and their HMAC-SHA-256. */
export function signedState(key: Buffer, state: LoginState): string {
  const { accountId, untilMs } = state;
  return `${accountId}.${untilMs}.${signatureOf(key, state).toString('base64url')}`;
}

/** null: it was not signed by us, is for another venue, or is over. */
export function readState(key: Buffer, venue: string, text: string, nowMs: number): LoginState | null {
  const [, account = '', until = '', signature = ''] = /^(\d{1,15})\.(\d{1,15})\.([\w-]{43})$/.exec(text) ?? [];
  const state = { venue, accountId: Number(account), untilMs: Number(until) };
  const actual = Buffer.from(signature, 'base64url');
  const expected = signatureOf(key, state);
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return null;
  return nowMs < state.untilMs ? state : null;
}

/** Where a person begins a login: it sends them on to the venue, which sends them back here. */
export function loginLink(publicUrl: string, key: Buffer, state: LoginState): string {
  const query = new URLSearchParams({ state: signedState(key, state) });
  return `${publicUrl}/api/venues/${encodeURIComponent(state.venue)}/login?${query}`;
}

function signatureOf(key: Buffer, { venue, accountId, untilMs }: LoginState): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([venue, accountId, untilMs]))
    .digest();
}
