// One live account each at simulated Kite and Lemonn, with funds and holdings a test sets.

import { onScreenNotifier } from '../../../src/adapters/notifiers/on-screen.ts';
import type { UserSettings } from '../../../src/domain/types.ts';
import type { World } from '../../../src/ports/world.ts';
import { type KiteExchange, openKiteExchange } from '../../simulators/venues/kite-exchange.ts';
import { type LemonnExchange, openLemonnExchange } from '../../simulators/venues/lemonn-exchange.ts';
import type { AnyEvent } from '../../support/any-event.ts';
import { instrument, user } from '../../support/builders.ts';
import { emptyDatabase } from '../../support/databases/empty.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { tester } from '../../support/tester.ts';
import { type JumpingClock, jumpingClock } from './clocks.ts';
import { storeOf } from './run-day.ts';

export interface Held {
  symbol: string;
  quantity: number;
  /** 0: the venue does not know. */
  averagePrice: number;
  exchange?: string;
}

/** What both venues say of their one account. */
export interface AtVenue {
  cash: number;
  /** Default: the cash. */
  available?: number;
  /** Of it blocked for derivatives, as Kite says. */
  span?: number;
  held: Held[];
  /** Bought today, outright, at Kite. */
  boughtToday?: Held[];
}

/** Two loopback exchanges with their real adapters, each with one live account: Asha's at Kite, Ravi's at Lemonn. */
export interface VenueBooks {
  world: World;
  clock: JumpingClock;
  kite: KiteExchange;
  lemonn: LemonnExchange;
  events: AnyEvent[];
  /** Sets the pages of both. */
  say(of: AtVenue): void;
  close(): Promise<void>;
}

export const people: UserSettings[] = [user('asha', { venue: 'kite' }), user('ravi', { venue: 'lemonn' })];

export async function openVenueBooks(
  database: TestDatabase,
  atMs: number,
  users: UserSettings[] = people,
): Promise<VenueBooks> {
  await emptyDatabase(database.session);
  const store = storeOf(database);
  const clock = jumpingClock(atMs);
  const [kite, lemonn] = [await openKiteExchange(clock), await openLemonnExchange(clock)];
  await store.call('import_users', { by: tester, users, mode: 'live', source: 'test', nowMs: atMs });
  const instruments = [instrument('TITAN', { isin: 'INE280A01028' }), instrument('INFY')];
  await store.call('import_instruments', { by: tester, instruments });
  const events: AnyEvent[] = [];
  const world: World = {
    ...{ store, clock, quotes: { read: async () => [] }, notifier: onScreenNotifier(), operatorDays: async () => [] },
    venues: new Map([kite, lemonn].map(({ name, venue }) => [name, venue])),
    addressOf: async () => 'confirmed',
    emit: (event) => events.push(event),
  };
  kite.pages['GET /user/profile'] = { user_id: 'AB1234' };
  const say = (of: AtVenue) => {
    Object.assign(kite.pages, kitePages(of));
    Object.assign(lemonn.pages, lemonnPages(of));
  };
  say({ cash: 0, held: [] });
  const close = async () => void (await Promise.all([kite.close(), lemonn.close()]));
  return { world, clock, kite, lemonn, events: events, say, close };
}

function kitePages({ cash, available = cash, span = 0, held, boughtToday = [] }: AtVenue) {
  const money = { net: available, available: { cash, live_balance: available }, utilised: { span } };
  return {
    'GET /user/margins/equity': { enabled: true, ...money },
    'GET /portfolio/holdings': held.map(({ symbol, quantity, averagePrice, exchange = 'NSE' }) => ({
      ...{ exchange, tradingsymbol: symbol, opening_quantity: quantity, average_price: averagePrice, mtf: null },
    })),
    'GET /portfolio/positions': {
      net: boughtToday.map(({ symbol, quantity, averagePrice }) => ({
        ...{ exchange: 'NSE', tradingsymbol: symbol, product: 'CNC', day_buy_quantity: quantity },
        ...{ day_buy_value: quantity * averagePrice, day_sell_quantity: 0 },
      })),
    },
  };
}

function lemonnPages({ cash, available = cash, held, boughtToday = [] }: AtVenue) {
  const row = ({ symbol, averagePrice, exchange = 'NSE' }: Held) => ({
    exchangeSegment: exchange,
    symbol,
    averagePrice,
  });
  return {
    'GET /funds': { funds: { availableBalance: String(available), cashBalance: String(cash) } },
    'GET /holdings': { holdings: held.map((one) => ({ ...row(one), quantity: one.quantity })) },
    'GET /positions': {
      positions: boughtToday.map((one) => ({ ...row(one), productType: 'DELIVERY', netQuantity: one.quantity })),
    },
  };
}
