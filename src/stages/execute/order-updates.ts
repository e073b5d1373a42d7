// Listens to the order updates that venues push, and looks those orders up at once.
import type { Mode } from '../../domain/types.ts';
import type { Deps } from '../../ports/deps.ts';
import type { AccountAtVenue, UpdatedOrder, Venue } from '../../ports/venue.ts';
import type { ListenDeps } from './deps.ts';

export interface ListenOptions {
  /** Whose updates: of the accounts of this mode. */
  mode: Mode;
  stop: AbortSignal;
  /** Called when an order became due to be looked up. */
  wake: () => void;
}

/** How late an account that was connected, changed or disconnected is noticed. */
const FOLLOW_EVERY_MS = 60_000;
/** An update may come before the answer to its order is booked: then it is tried once more. */
const RETRY_PAUSE_MS = 500;

type Listener = NonNullable<Venue['listen']>;

/** What is listened to; `version` is that of the account's credentials. */
interface Stream {
  version: string;
  close(): Promise<void>;
}

/**
 * Listens to each connected account whose venue pushes updates, until it is stopped; accounts that are connected, changed
 * or disconnected meanwhile are followed. An update makes its order due to be looked up, and nothing else of it is
 * believed. Never throws: what is not heard is found by looking orders up, later.
 */
export async function listen(deps: ListenDeps, options: ListenOptions): Promise<void> {
  const listeners = new Map<string, Listener>();
  for (const { name, listen: listener } of deps.venues.values()) if (listener) listeners.set(name, listener);
  if (listeners.size === 0) return;
  const streams = new Map<number, Stream>();
  const underWay = new Set<Promise<void>>();
  const open = (venue: string, account: AccountAtVenue, listener: Listener) =>
    listener(account, {
      onUpdate(order) {
        const handling = handleUpdate(deps, options, venue, account, order).finally(() => underWay.delete(handling));
        underWay.add(handling);
      },
      onState(state) {
        const whose = { venue, ...account };
        if (state.kind === 'listening') deps.emit({ type: 'stream_listening', ...whose });
        else deps.emit({ type: 'stream_lost', ...whose, reason: state.reason, againInMs: state.againInMs });
      },
    });
  while (!options.stop.aborted) {
    await follow(deps, options, listeners, streams, open).catch((error: unknown) =>
      deps.emit({ type: 'streams_read_failed', error }),
    );
    await pause(deps, options.stop);
  }
  await Promise.all([...streams.values()].map((stream) => stream.close()));
  await Promise.all(underWay);
}

type Open = (venue: string, account: AccountAtVenue, listener: Listener) => { close(): Promise<void> };

/** Brings the streams to what is stored now: one per connected account, begun anew where its credentials changed. */
async function follow(
  { store }: ListenDeps,
  { mode, stop }: ListenOptions,
  listeners: ReadonlyMap<string, Listener>,
  streams: Map<number, Stream>,
  open: Open,
): Promise<void> {
  const stored = await store.call('read_all_credentials', {});
  const wanted = new Map(stored.filter((one) => one.mode === mode).map((one) => [one.accountId, one]));
  const outdated = [...streams].filter(([accountId, { version }]) => wanted.get(accountId)?.wrappedKey !== version);
  for (const [accountId] of outdated) streams.delete(accountId);
  await Promise.all(outdated.map(([, stream]) => stream.close()));
  for (const { accountId, userId, venue, wrappedKey: version } of wanted.values()) {
    const listener = listeners.get(venue);
    if (!listener || streams.has(accountId) || stop.aborted) continue;
    streams.set(accountId, { version, ...open(venue, { accountId, userId }, listener) });
  }
}

async function handleUpdate(
  { store, clock, emit }: ListenDeps,
  { wake, stop }: ListenOptions,
  venue: string,
  { accountId, userId }: AccountAtVenue,
  { clientOrderId, venueOrderId }: UpdatedOrder,
): Promise<void> {
  try {
    const order = await store.call('find_venue_order', { venue, clientOrderId, venueOrderId });
    if (order?.accountId !== accountId) return;
    const { orderId } = order;
    const lookUpNow = async () => (await store.call('request_lookup', { orderId, nowMs: clock.nowMs() })).due;
    let due = await lookUpNow();
    if (!due && !stop.aborted) {
      await clock.sleep(RETRY_PAUSE_MS);
      due = await lookUpNow();
    }
    emit({ type: 'stream_update', venue, userId, orderId, clientOrderId, due });
    if (due) wake();
  } catch (error) {
    emit({ type: 'stream_update_lost', venue, userId, clientOrderId, error });
  }
}

/** Until accounts are looked for again, or the stop. On a virtual clock only the stop comes. */
function pause({ clock }: Deps<'clock'>, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stopWaiting = clock.every(FOLLOW_EVERY_MS, done);
    stop.addEventListener('abort', done, { once: true });
    if (stop.aborted) done();
    function done() {
      stopWaiting();
      stop.removeEventListener('abort', done);
      resolve();
    }
  });
}
