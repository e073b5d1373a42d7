import { z } from 'zod';
import { othersWords } from '../../../domain/secrets.ts';
import type { AccountAtVenue, CredentialsOf, VenueRead } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import { type Answered, type MayLeave, type Spoken, speak, type WayOut } from '../http.ts';
import { storedFor } from '../stored-credentials.ts';

/** Where Alpaca's market data is (docs.alpaca.markets), for paper and live keys alike. */
export const alpacaDataUrl = 'https://data.alpaca.markets';

/** Where `trade_updates` come: at the trading API's own address, paper or live (wss://api.alpaca.markets/stream). */
export function alpacaStreamUrl(baseUrl: string): string {
  return `${baseUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/stream`;
}

/** How this process reaches Alpaca. */
export interface AlpacaWire {
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

const key = z.string().regex(/^[\x21-\x7e]+$/);

/** What is stored for an account. The pair is the session: it does not end by itself. */
export const alpacaCredentials = z.object({ keyId: key, secretKey: key });
export type AlpacaKeys = z.infer<typeof alpacaCredentials>;

export interface AlpacaAsk {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  json?: unknown;
  /** Asked of the market data. */
  data?: true;
  mayLeave?: MayLeave;
}

/**
 * What Alpaca said. `error` is an error it wrote itself, `code` its own number (null: it gave none); `odd` everything
 * that is neither its data nor its error, silence included; `not_sent`: no byte of it went out.
 */
export type AlpacaSaid =
  | { kind: 'data'; data: unknown }
  | { kind: 'error'; status: number; code: number | null; message: string; duplicate: boolean }
  | { kind: 'no_session'; reason: string }
  | { kind: 'rate_limited' }
  | { kind: 'not_sent'; reason: string }
  | { kind: 'odd'; reason: string };

/** Says one thing to Alpaca in an account's name, once. Without keys nothing is said. */
export async function ask(wire: AlpacaWire, account: AccountAtVenue, asked: AlpacaAsk): Promise<AlpacaSaid> {
  const keys = await keysOf(wire.credentials, account);
  if (keys.kind !== 'keys') return keys;
  const { keyId, secretKey } = keys.keys;
  const headers: Record<string, string> = { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey };
  const base = asked.data ? wire.dataUrl : wire.baseUrl;
  const request = { method: asked.method, url: `${base.replace(/\/$/, '')}${asked.path}`, headers };
  const { json, mayLeave } = asked;
  if (json === undefined) return said(await speak(wire.fetchFor(account), request, wire.timeoutMs, mayLeave));
  headers['Content-Type'] = 'application/json';
  const written = { ...request, body: JSON.stringify(json) };
  return said(await speak(wire.fetchFor(account), written, wire.timeoutMs, mayLeave));
}

const refused = z.object({ code: z.int().nullish(), message: z.string() });

function said(spoken: Spoken): AlpacaSaid {
  if (spoken.kind === 'not_sent') return spoken;
  if (spoken.kind === 'silent') return { kind: 'odd', reason: spoken.reason };
  return answeredWith(spoken);
}

function answeredWith({ status, text, json }: Answered): AlpacaSaid {
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
  return { kind: 'error', status, code: code ?? null, message: othersWords(message), duplicate };
}

/** Data of a shape, or why there is none. */
export function readAs<T>(alpaca: AlpacaSaid, shape: z.ZodType<T>): VenueRead<T> {
  if (alpaca.kind === 'no_session') return alpaca;
  if (alpaca.kind === 'rate_limited') return { kind: 'unreadable', reason: 'rate_limited' };
  if (alpaca.kind === 'error') return { kind: 'unreadable', reason: worded(alpaca) };
  if (alpaca.kind !== 'data') return { kind: 'unreadable', reason: alpaca.reason };
  const read = shape.safeParse(alpaca.data);
  return read.success ? { kind: 'read', value: read.data } : { kind: 'unreadable', reason: 'unreadable_answer' };
}

/** An error of Alpaca's as a reason. */
export function worded({ status, message }: Extract<AlpacaSaid, { kind: 'error' }>): string {
  return othersWords(`http_${status}: ${message}`);
}

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
