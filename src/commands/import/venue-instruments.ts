// npm run import -- instruments --venue V: a venue's own list of what can be traded there.
import { realClock } from '../../adapters/clock.ts';
import { moduleNamed, namesOf } from '../../adapters/venues/module.ts';
import { masterKeys, realVenues } from '../../compose/venues.ts';
import { targetOf } from '../../compose/world.ts';
import type { Config } from '../../config/config.ts';
import type { Actor } from '../../domain/actions.ts';
import type { Store } from '../../ports/store/store.ts';
import type { Venue, VenueInstrument, VenueRead, VenueRows } from '../../ports/venue.ts';
import { actorOf } from '../actor.ts';
import { showTarget, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';
import { batches, named } from './kinds.ts';

/** Listings nobody may enter from now on, and those that may be entered again. */
interface Written {
  restricted: string[];
  freed: string[];
}

interface VenueFlags {
  venue: string;
  by?: string;
  why?: string;
  json?: boolean;
}

/**
 * Brings in all instruments a venue lists; of those, nobody may enter what it does not trade, nor what is known of its
 * exchange and no longer listed. The list is asked for with the keys of a connected account: the first whose answer can
 * be read. Nothing is written where none can.
 */
export async function importVenueInstruments(config: Config, flags: VenueFlags): Promise<number | Refusal> {
  const { modules } = config.venues;
  const module = moduleNamed(modules, flags.venue);
  if (!module) return refusal('bad_flag', `There is no venue "${flags.venue}": it is one of ${namesOf(modules)}.`);
  if (!config.venues.setUp.has(flags.venue)) {
    return refusal('venue_not_set_up', `${module.addressSetting} is not set: ${flags.venue} can't be asked.`);
  }
  if (masterKeys(config) === null) {
    const message =
      "CREDENTIALS_KEY is not set: no account's keys can be opened, and the list is given to accounts only.";
    return refusal('no_credentials_key', message);
  }
  const target = targetOf(config, 'main');
  showTarget(target);
  return withStore(config, target, async (store) => {
    const { venues } = await realVenues({ config, store, clock: realClock(), mode: 'live' });
    const venue = venues.get(flags.venue);
    if (!venue) throw new Error(`${flags.venue} is set up and was not opened`);
    const list = await listOf(venue, store);
    if ('message' in list) return list;
    report(flags, list, await write(store, list.rows, actorOf(flags)));
    return 0;
  });
}

function report(flags: VenueFlags, list: VenueRows<VenueInstrument>, { restricted, freed }: Written): void {
  if (flags.json) {
    const unread = list.odd.map(({ listing, why }) => ({ symbol: listing?.symbol ?? null, why }));
    process.stdout.write(`${JSON.stringify({ imported: list.rows.length, restricted, freed, unread })}\n`);
    return;
  }
  const left = list.odd.length === 0 ? '' : ` ${list.odd.length} of its rows can't be read and were left out.`;
  process.stdout.write(
    `Imported ${list.rows.length} instruments of ${flags.venue}.${left}\n` +
      `Restricted, new or changed: ${named(restricted)}; free again: ${named(freed)}.\n`,
  );
}

async function listOf({ name, accountApi }: Venue, store: Store): Promise<VenueRows<VenueInstrument> | Refusal> {
  const read = accountApi?.instruments;
  if (!read) return refusal('no_list', `${name} publishes no list of instruments: import a file instead.`);
  const stored = await store.call('read_all_credentials', {});
  const connected = stored.filter(({ venue, mode }) => venue === name && mode === 'live');
  if (connected.length === 0) {
    const how = `npm run account -- connect --user U --venue ${name}`;
    return refusal(
      'not_connected',
      `No account is connected at ${name}, and its list is given to accounts only: ${how}.`,
    );
  }
  const failed: string[] = [];
  for (const { accountId, userId } of connected) {
    const answer: VenueRead<VenueRows<VenueInstrument>> = await read({ accountId, userId });
    if (answer.kind === 'read') return answer.value;
    failed.push(`${userId}: ${answer.kind === 'no_session' ? 'no session' : 'unreadable'} (${answer.reason})`);
  }
  const why = failed.slice(0, 3).join('; ');
  return refusal('list_unreadable', `The list of ${name} could not be read, so nothing was imported: ${why}.`);
}

async function write(store: Store, rows: readonly VenueInstrument[], by: Actor): Promise<Written> {
  const plain = { isin: null, freezeQuantity: null, fno: false };
  for (const batch of batches(rows)) {
    const instruments = batch.map((row) => ({ ...row, ...plain }));
    await store.call('import_instruments', { instruments, keeps: ['isin', 'freezeQuantity', 'fno'], by });
  }
  const exchange = rows[0]?.exchange ?? '';
  const listed = new Set(rows.map(({ symbol }) => symbol));
  const known = await store.call('read_listings', { symbols: null, exchange });
  const gone = known.filter(({ symbol }) => !listed.has(symbol));
  const restrictions = [
    ...rows.flatMap(({ symbol, restricted }) => (restricted === null ? [] : [{ exchange, symbol, restricted }])),
    ...gone.map(({ symbol }) => ({ exchange, symbol, restricted: 'it is no longer listed at its venue' })),
  ];
  // All of them in one call: what is traded again is free again.
  return store.call('import_restrictions', { restrictions, exchange, by });
}
