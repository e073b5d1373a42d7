// The HTTP client of Alpaca: an account’s keys, one request, and what its answer comes to.
import { z } from 'zod';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, CredentialsOf } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import type { Answered, WayOut } from '../http.ts';
import { type ReadAs, readerOf, replyOf, sendTo, type VenueReply, type VenueRequest } from '../reply.ts';
import { storedFor } from '../stored-credentials.ts';
import { type AlpacaKeys, alpacaCredentials } from './credentials.ts';

/** Where `trade_updates` come: at the trading API's own address, paper or live (wss://api.alpaca.markets/stream). */
export function alpacaStreamUrl(baseUrl: string): string {
  return `${baseUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/stream`;
}

/** How this process reaches Alpaca. */
export interface AlpacaClientOptions {
  /** Of the trading API, paper or live. */
  baseUrl: string;
  /** Of the market data. */
  dataUrl: string;
  credentials: CredentialsOf;
  clock: Clock;
  /** The account's way out. */
  fetchFor: (account: AccountAtVenue) => WayOut;
  timeoutMs: number;
}

/** `data`: asked of the market data. */
export type AlpacaRequest = VenueRequest & { data?: true };

/** What Alpaca answered; `code` is its own number (null: it gave none), `duplicate`: another order has this id. */
export type AlpacaReply = VenueReply<AlpacaError>;
export interface AlpacaError {
  status: number;
  code: number | null;
  message: string;
  duplicate: boolean;
}

/** Says one thing to Alpaca in an account's name, once. Without keys nothing is said. */
export async function ask(
  wire: AlpacaClientOptions,
  account: AccountAtVenue,
  asked: AlpacaRequest,
): Promise<AlpacaReply> {
  const found = await keysOf(wire.credentials, account);
  if (found.kind !== 'keys') return found;
  const { keyId, secretKey } = found.keys;
  const secretHeaders = { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey };
  const base = asked.data ? wire.dataUrl : wire.baseUrl;
  return replyOf(
    await sendTo(base, wire.fetchFor(account), asked, wire.timeoutMs, { headers: {}, secretHeaders }),
    answeredWith,
  );
}

const refused = z.object({ code: z.int().nullish(), message: z.string() });

function answeredWith({ status, text, json }: Answered): AlpacaReply {
  // Documented: over the limit is turned away at the door, with the second it opens again.
  if (status === 429) return { kind: 'rate_limited' };
  if (status === 204 && text === '') return { kind: 'data', data: undefined };
  if (status === 200 && json !== undefined) return { kind: 'data', data: json };
  const bad = refused.safeParse(json);
  if (status < 400 || !bad.success) {
    return { kind: 'odd', reason: status === 200 ? 'unreadable_answer' : `http_${status}` };
  }
  const { code, message } = bad.data;
  // The words are dropped: they may name the key. 403 is also «buying power», but then it has a code.
  const keysRefused = status === 401 || (status === 403 && !code && /forbidden|unauthori[sz]ed/i.test(message));
  if (keysRefused) return { kind: 'no_session', reason: 'keys_refused' };
  // Its code, 40010001, is the one of every fault of a request: the words alone tell it.
  const duplicate = /client[ _-]?order[ _-]?id.{0,200}unique/i.test(message);
  return { kind: 'error', status, code: code ?? null, message: untrustedText(message), duplicate };
}

/** An error in its own words, for a reason. */
export function wordsOf({ status, message }: Pick<AlpacaError, 'status' | 'message'>): string {
  return untrustedText(`http_${status}: ${message}`);
}

export const readAs: ReadAs<AlpacaError> = readerOf(wordsOf);

type Keys =
  | { kind: 'keys'; keys: AlpacaKeys }
  | { kind: 'no_session'; reason: string }
  | { kind: 'not_sent'; reason: string };

/** The account's keys, decrypted for this one use. */
export async function keysOf(credentials: CredentialsOf, account: AccountAtVenue): Promise<Keys> {
  const stored = await storedFor(credentials, account, alpacaCredentials);
  if (stored.kind !== 'stored') return stored;
  return { kind: 'keys', keys: stored.value };
}
