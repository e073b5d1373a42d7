// The HTTP client of Alpaca: an account’s keys, one request, and what its answer comes to.
import { z } from 'zod';
import { untrustedText } from '../../../domain/text/secrets.ts';
import type { AccountAtVenue, CredentialsOf } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import type { HttpReply, WayOut } from '../http.ts';
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

/** Sends one request to Alpaca in an account's name, once. Without keys nothing is sent. */
export async function callAlpaca(
  options: AlpacaClientOptions,
  account: AccountAtVenue,
  request: AlpacaRequest,
): Promise<AlpacaReply> {
  const opened = await keysOf(options.credentials, account);
  if (opened.kind !== 'keys') return opened;
  const { keyId, secretKey } = opened.keys;
  const secretHeaders = { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey };
  const base = request.data ? options.dataUrl : options.baseUrl;
  return replyOf(
    await sendTo(base, options.fetchFor(account), request, options.timeoutMs, { headers: {}, secretHeaders }),
    answeredWith,
  );
}

const errorShape = z.object({ code: z.int().nullish(), message: z.string() });

function answeredWith({ status, text, json }: HttpReply): AlpacaReply {
  // Documented: over the limit is turned away before anything is done, with the second it opens again.
  if (status === 429) return { kind: 'rate_limited' };
  if (status === 204 && text === '') return { kind: 'data', data: undefined };
  if (status === 200 && json !== undefined) return { kind: 'data', data: json };
  const failure = errorShape.safeParse(json);
  if (status < 400 || !failure.success) {
    return { kind: 'odd', reason: status === 200 ? 'unreadable_answer' : `http_${status}` };
  }
  const { code, message } = failure.data;
  // The text is dropped: it may name the key. 403 is also «buying power», but then it has a code.
  const keysRejected = status === 401 || (status === 403 && !code && /forbidden|unauthori[sz]ed/i.test(message));
  if (keysRejected) return { kind: 'no_session', reason: 'keys_refused' };
  // Its code, 40010001, is the one of every fault of a request: only its text says which.
  const duplicate = /client[ _-]?order[ _-]?id.{0,200}unique/i.test(message);
  return { kind: 'error', status, code: code ?? null, message: untrustedText(message), duplicate };
}

/** An error as text, for a reason. */
export function errorText({ status, message }: Pick<AlpacaError, 'status' | 'message'>): string {
  return untrustedText(`http_${status}: ${message}`);
}

export const readAs: ReadAs<AlpacaError> = readerOf(errorText);

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
