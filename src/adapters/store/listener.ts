// Listens to the database’s notifications of new work and of changed orders.
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { connectionTo } from './postgres-pool.ts';

export interface Listener {
  /** Resolves at the next notification, or at once if one came since; never, where nobody can listen (poolers). */
  next(): Promise<void>;
  /** Whether it has had no connection to listen on for a while. */
  isLost(): boolean;
  close(): Promise<void>;
}

/** A connection that has gone silent is noticed within two of these. */
const PING_MS = 5_000;
const ANSWER_WITHIN_MS = 3_000;
/** Between two tries to connect: 1 s, 2 s … 30 s; who listens polls meanwhile. */
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
/** So long without a connection is no hiccup. */
const LOST_AFTER_MS = 10_000;

/** Hears of orders to send. */
export function listenForWork(url: string): Promise<Listener> {
  return listen(url, 'daily_scan_work');
}

/** Hears of changes of orders' statuses. */
export function listenForOrders(url: string): Promise<Listener> {
  return listen(url, 'daily_scan_orders');
}

/**
 * Listens on a connection of its own, from the first try on until it is closed: one that can't be had, is ended, goes
 * silent, or is to a server that became a standby is replaced. Notifications are hints: who does not get them polls, so
 * none of this is an error. It resolves after its first try.
 */
async function listen(url: string, channel: string): Promise<Listener> {
  let coming = Promise.withResolvers<void>();
  let notified = false;
  const over = new AbortController();
  const tried = Promise.withResolvers<void>();
  let lost = false;
  let losing: NodeJS.Timeout | undefined;

  const wake = (): void => {
    notified = true;
    coming.resolve();
  };
  const keepListening = async (): Promise<void> => {
    let pauseMs = FIRST_PAUSE_MS;
    for (let first = true; !over.signal.aborted; first = false) {
      await listenOnce(url, channel, over.signal, wake, () => {
        clearTimeout(losing);
        [lost, losing] = [false, undefined];
        pauseMs = FIRST_PAUSE_MS;
        tried.resolve();
        // A notification may have come while nobody listened.
        if (!first) wake();
      });
      losing ??= setTimeout(() => {
        lost = true;
      }, LOST_AFTER_MS).unref();
      tried.resolve();
      await pause(pauseMs, undefined, { ref: false, signal: over.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  };
  const ended = keepListening();
  await tried.promise;
  return {
    // Who gave up waiting shares the promise with who waits now: a notification is kept until somebody asks again.
    async next() {
      if (!notified) return coming.promise;
      notified = false;
      coming = Promise.withResolvers();
    },
    isLost: () => lost,
    async close() {
      over.abort();
      clearTimeout(losing);
      await ended;
    },
  };
}

/** One connection, until it is no good any more or it is over. Whatever ends it is no error. */
async function listenOnce(
  url: string,
  channel: string,
  over: AbortSignal,
  wake: () => void,
  onListening: () => void,
): Promise<void> {
  const client = new pg.Client({ ...connectionTo(url), query_timeout: ANSWER_WITHIN_MS });
  const gone = new AbortController();
  const end = AbortSignal.any([over, gone.signal]);
  client.on('notification', wake);
  client.on('error', () => gone.abort());
  client.on('end', () => gone.abort());
  try {
    await client.connect();
    // A standby refuses this.
    await client.query(`listen ${channel}`);
    onListening();
    while (!end.aborted) {
      await pause(PING_MS, undefined, { ref: false, signal: end });
      const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
      if (rows[0]?.standby === true) return;
    }
  } catch {
    // Polling covers it until there is the next one.
  } finally {
    // Without a message to the other side, which may not be there.
    client.connection.stream.destroy();
  }
}
