// Listens to Alpaca’s stream of order updates, which says what to look up.
import type { Agent } from 'node:http';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { parseJson } from '../../../domain/text/json.ts';
import type { AccountAtVenue, CredentialsOf, StreamHandlers, UpdatedOrder } from '../../../ports/venue.ts';
import type { Clock } from '../../../ports/world.ts';
import { venueId } from '../bounds.ts';
import type { StreamWayOut } from '../module.ts';
import { keysOf } from './client.ts';
import type { AlpacaKeys } from './credentials.ts';

export interface AlpacaUpdatesOptions extends StreamHandlers {
  /** That of the venue's own address: `alpacaStreamUrl`. */
  streamUrl: string;
  account: AccountAtVenue;
  credentials: CredentialsOf;
  clock: Clock;
  agentFor: StreamWayOut;
  /** First pause before it is tried again, doubling up to the longest. */
  pausesMs?: { first: number; longest: number };
  /** A connection that shows no life in this time is given up. */
  beatMs?: number;
}

const defaultPausesMs = { first: 1_000, longest: 60_000 };
const DEFAULT_BEAT_MS = 20_000;
const CLOSE_WITHIN_MS = 500;
const MAX_MESSAGE_BYTES = 1_000_000;

/**
 * Listens to an account's `trade_updates` and names the order to look up. Connects again whenever it is lost, with new
 * keys if there are. Give its end a name: `close` resolves when nothing of it is left. On a virtual clock it never tries
 * again: no time passes there.
 */
export function alpacaUpdates(options: AlpacaUpdatesOptions): { close(): Promise<void> } {
  const stop = new AbortController();
  const running = keepListening(options, stop.signal);
  return {
    close() {
      stop.abort();
      return running;
    },
  };
}

const update = z.object({
  stream: z.literal('trade_updates'),
  data: z.object({ order: z.object({ id: venueId, client_order_id: z.string().min(1).max(128) }) }),
});

/** Which order a message of the stream is about; null: about none. Nothing else of it is believed. */
export function readUpdate(raw: string): UpdatedOrder | null {
  const read = update.safeParse(parseJson(raw));
  if (!read.success) return null;
  const { id: venueOrderId, client_order_id: clientOrderId } = read.data.data.order;
  return { venueOrderId, clientOrderId };
}

/** How a connection ended; `held`: it had listened for a whole beat. */
interface Ended {
  reason: string;
  held: boolean;
}

async function keepListening(options: AlpacaUpdatesOptions, stop: AbortSignal): Promise<void> {
  const { first, longest } = options.pausesMs ?? defaultPausesMs;
  for (let failures = 0; !stop.aborted; failures++) {
    const { reason, held } = await connection(options, stop);
    if (stop.aborted) return;
    if (held) failures = 0;
    // Keys that are refused are so until somebody changes them.
    const pauseMs = reason === 'keys_refused' ? longest : Math.min(first * 2 ** failures, longest);
    // Up to half as long again, each account its own share: an outage ends for all at once.
    const againInMs = pauseMs + Math.floor((pauseMs * ((options.account.accountId * 7919) % 1000)) / 2000);
    options.onState({ kind: 'lost', reason, againInMs });
    await pause(options.clock, againInMs, stop);
  }
}

/** One connection by the account's own way out, with the keys it has now. */
async function connection(options: AlpacaUpdatesOptions, stop: AbortSignal): Promise<Ended> {
  const over = new AbortController();
  try {
    const prepared = await unlessStopped(prepare(options, over.signal), stop);
    if (prepared === null) return { reason: 'stopped', held: false };
    if (prepared.kind !== 'ready') return { reason: prepared.reason, held: false };
    return await listen(options, prepared.keys, prepared.agent, stop);
  } finally {
    over.abort();
  }
}

type Prepared = { kind: 'ready'; keys: AlpacaKeys; agent: Agent | undefined } | { kind: 'missing'; reason: string };

async function prepare({ credentials, account, agentFor }: AlpacaUpdatesOptions, over: AbortSignal): Promise<Prepared> {
  const opened = await keysOf(credentials, account);
  if (opened.kind !== 'keys') return { kind: 'missing', reason: opened.reason };
  try {
    return { kind: 'ready', keys: opened.keys, agent: await agentFor(account, over) };
  } catch {
    // Its text may hold the proxy's password.
    return { kind: 'missing', reason: 'no_way_out' };
  }
}

/** What is known of a connection while it stands. */
interface Life extends Ended {
  listening: boolean;
  /** Something came since the last beat. */
  alive: boolean;
}

/** One connection, from its opening to its end. */
function listen(
  options: AlpacaUpdatesOptions,
  keys: AlpacaKeys,
  agent: Agent | undefined,
  stop: AbortSignal,
): Promise<Ended> {
  const { clock, beatMs = DEFAULT_BEAT_MS } = options;
  return new Promise((resolve) => {
    if (stop.aborted) return resolve({ reason: 'stopped', held: false });
    const limits = { handshakeTimeout: beatMs, maxPayload: MAX_MESSAGE_BYTES };
    const socket = new WebSocket(options.streamUrl, agent ? { ...limits, agent } : limits);
    const life: Life = { listening: false, alive: true, held: false, reason: 'connection_lost' };
    const stopBeat = clock.every(beatMs, () => {
      if (!life.listening || !life.alive) return giveUp(socket, life, 'silent');
      Object.assign(life, { held: true, alive: false });
      socket.ping();
    });
    let stopWaiting: (() => void) | null = null;
    const leave = () => {
      stopWaiting = clock.every(CLOSE_WITHIN_MS, () => socket.terminate());
      socket.close();
    };
    stop.addEventListener('abort', leave, { once: true });
    socket.on('open', () => {
      socket.send(JSON.stringify({ action: 'authenticate', data: { key_id: keys.keyId, secret_key: keys.secretKey } }));
    });
    socket.on('pong', () => Object.assign(life, { alive: true }));
    // Text, or JSON in binary frames, as the paper address sends it.
    socket.on('message', (data) =>
      handleMessage(options, socket, life, Buffer.isBuffer(data) ? data.toString('utf8') : ''),
    );
    // Of the venue, or of the proxy that refuses the tunnel.
    socket.on('unexpected-response', (_request, { statusCode }) => giveUp(socket, life, `http_${statusCode}`));
    // `close` follows; the text may hold an address with secrets of the way out.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      stopBeat();
      stopWaiting?.();
      stop.removeEventListener('abort', leave);
      resolve({ reason: life.reason, held: life.held });
    });
  });
}

function giveUp(socket: WebSocket, life: Life, reason: string): void {
  life.reason = reason;
  socket.terminate();
}

function handleMessage({ onUpdate, onState }: AlpacaUpdatesOptions, socket: WebSocket, life: Life, raw: string): void {
  life.alive = true;
  const order = readUpdate(raw);
  const answer = answerOf(raw);
  if (order) {
    onUpdate(order);
  } else if (answer === 'authorized') {
    socket.send(JSON.stringify({ action: 'listen', data: { streams: ['trade_updates'] } }));
  } else if (answer === 'listening') {
    life.listening = true;
    onState({ kind: 'listening' });
  } else if (answer !== null) giveUp(socket, life, answer);
}

const authorization = z.object({ stream: z.literal('authorization'), data: z.object({ status: z.string() }) });
const listening = z.object({ stream: z.literal('listening'), data: z.object({ streams: z.array(z.string()) }) });

/** What the stream answers to keys and to `listen`; null: something else. */
function answerOf(raw: string): 'authorized' | 'keys_refused' | 'listening' | 'not_offered' | null {
  const json = parseJson(raw);
  const login = authorization.safeParse(json);
  if (login.success) return login.data.data.status === 'authorized' ? 'authorized' : 'keys_refused';
  const list = listening.safeParse(json);
  if (!list.success) return null;
  return list.data.data.streams.includes('trade_updates') ? 'listening' : 'not_offered';
}

/** Something that is waited for, but not beyond the end of everything; null: that came first. */
function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const leave = () => resolve(null);
    stop.addEventListener('abort', leave, { once: true });
    if (stop.aborted) leave();
    work.then(resolve, reject).finally(() => stop.removeEventListener('abort', leave));
  });
}

/** A pause that the end of everything cuts short. */
function pause(clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stopWaiting = clock.every(ms, done);
    stop.addEventListener('abort', done, { once: true });
    if (stop.aborted) done();
    function done() {
      stopWaiting();
      stop.removeEventListener('abort', done);
      resolve();
    }
  });
}
