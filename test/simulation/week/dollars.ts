// Accounts in dollars, in some of the weeks: New York's runs in the evenings beside India's in the mornings.
import { signalIdOf, userIdOf } from '../../../src/domain/ids.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import { marketOfCurrency, msIn, tradingDay } from '../../../src/domain/market/session.ts';
import type { ListedInstrument, Signal } from '../../../src/domain/types.ts';
import type { OrderRequest } from '../../../src/stages/accept/order-inputs.ts';
import { placeOrders } from '../../support/place-orders.ts';
import { calm, processOf, scan, workFor } from './actions/acts.ts';
import { dollarShares, drawn, NEW_YORK_ENDS, priceOn, type WeekPlan, type WeekUser } from './plan.ts';
import type { Week } from './week.ts';
import { live } from './world/process.ts';

const newYork = marketOfCurrency('USD');

export const dollarInstruments: ListedInstrument[] = dollarShares.map(({ symbol, tickMinor }) => {
  const rest = { isin: null, name: symbol, lotSize: 1, freezeQuantity: null, fno: false, restricted: null };
  return { exchange: 'US', symbol, tickMinor, ...rest };
});

/**
 * On paper: of those with rupees there most have dollars, too, each as an account of its own; one has only dollars. Beside
 * the others, so that these do the same with them and without.
 */
export function withDollars(plan: WeekPlan, seed: number): WeekPlan {
  const { happens, pick } = drawn(seed, 'abroad');
  if (!happens(0.35)) return plan;
  const own: Omit<WeekUser['settings'], 'id' | 'name' | 'whatsapp'> = {
    ...{
      currency: 'USD',
      venue: 'paper',
      capitalMinor: pick([2_000_00, 10_000_00]),
      allocationBps: pick([1000, 3000]),
    },
    ...{ leverageCenti: 100, maxOpenPositions: pick([null, 2]), dailyLossLimitBps: null, priority: 100 },
    ...{ maxOrdersPerDay: null, maxOrderValueMinor: null, active: true, tradingEnabled: true },
  };
  const both = plan.users.filter(({ mode }) => mode === 'paper' && happens(0.7));
  const abroad = { id: userIdOf('Dana Fox'), name: 'Dana Fox', whatsapp: '+12025550143' };
  const people = [...both.map(({ settings: { id, name, whatsapp } }) => ({ id, name, whatsapp })), abroad];
  return { ...plan, dollars: people.map((one) => ({ mode: 'paper', settings: { ...one, ...own } })) };
}

/** What New York's run of a day is of. */
export function dollarSignalsOn(seed: number, date: string): Signal[] {
  const chance = drawn(seed, `dollar signals ${date}`);
  return dollarShares.flatMap(({ symbol }, index) => {
    const side = chance.happens(0.4) ? 'SELL' : 'BUY';
    if (!chance.happens(0.7)) return [];
    const named = { exchange: 'US', tradeDate: date, strategy: 'us-momentum', symbol, side } as const;
    const prices = { referencePriceMinor: priceOn(date, symbol), stopLossMinor: null, targetMinor: null };
    return [{ id: signalIdOf(named), rank: index + 1, ...named, ...prices, validUntilMs: null }];
  });
}

/** An evening of New York: its run, single orders, and who ends what is left of it. */
export function planNewYork(week: Week): void {
  const { date } = week.day;
  if (week.plan.dollars.length === 0 || tradingDay(newYork, date).kind !== 'open') return;
  const at = (time: string, what: string, act: () => Promise<void>) => week.at(msIn(newYork, date, time), what, act);
  const name = `scan new york ${date}`;
  at('09:35', 'scan new york', async () => {
    if ((await scan(week, processOf(week, name), 'paper', newYork)) !== 'ended') week.count('fault killed_in_new_york');
  });
  if (week.draw(name).happens(0.7))
    at('09:41', 'scan new york again', async () => void (await scan(week, calm(`${name} again`), 'paper', newYork)));
  if (week.draw(`orders ${name}`).happens(0.6)) at('10:30', 'orders in dollars', () => askInDollars(week));
  week.at(istMs(date, NEW_YORK_ENDS) + 60_000, 'a worker after New York', () => {
    week.count('evenings of New York');
    return workFor(week, calm(`worker new york ${date}`), 600_000);
  });
}

async function askInDollars(week: Week): Promise<void> {
  const { day, plan, draw } = week;
  const { pick, between, happens } = draw(`dollar orders ${day.date}`);
  const requests: OrderRequest[] = Array.from({ length: between(1, 3) }, (_, index) => {
    const { symbol } = pick(dollarShares);
    const { id: userId } = pick(plan.dollars).settings;
    const side = pick(['BUY', 'SELL'] as const);
    const limitPriceMinor = happens(0.3) ? priceOn(day.date, symbol) : null;
    const order = { userId, exchange: 'US', symbol, side, quantity: pick([null, between(1, 9)]), limitPriceMinor };
    return { principal: userId, key: `${day.date} dollars ${index}`, bodyHash: JSON.stringify(order), order, by: null };
  });
  const process = processOf(week, `dollar orders ${day.date}`);
  week.count('single orders in dollars');
  await live(week, process, (world) => placeOrders(world, { mode: 'paper', limits: plan.limits }, requests));
  await workFor(week, calm(`worker of ${process.name}`), 30_000);
}
