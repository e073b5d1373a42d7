// What processes do in a week: scan, work, check readiness, compare books, place single orders.

import { xnse } from '../../../../src/domain/market/market.ts';
import type { Mode, Side } from '../../../../src/domain/types.ts';
import type { StoreFunction } from '../../../../src/ports/store/store.ts';
import { run } from '../../../../src/run.ts';
import type { OrderRequest } from '../../../../src/stages/accept/order-inputs.ts';
import { sync } from '../../../../src/stages/accounts/evening-sync.ts';
import { ready } from '../../../../src/stages/accounts/readiness.ts';
import { work } from '../../../../src/work.ts';
import { placeOrders } from '../../../support/place-orders.ts';
import { tester } from '../../../support/tester.ts';
import { absurdRequests } from '../absurd.ts';
import { checkVerdicts } from '../checks/limits.ts';
import { priceOn, symbols, type WeekUser } from '../plan.ts';
import type { Week } from '../week.ts';
import { type How, live, type Process } from '../world/process.ts';
import { changeSomething } from './people.ts';

/** Between reading and writing, or writing and speaking, the worst that may change. */
const moments = [
  ['open_run', 'leverage'],
  ['read_accounts', 'venue'],
  ['read_accounts', 'venue'],
  ['accept_page', 'pause'],
  ['accept_page', 'deny'],
  ['accept_page', 'venue'],
  ['accept_page', 'capital'],
  ['place_orders', 'pause'],
  ['place_orders', 'leverage'],
  ['take_orders', 'pause'],
  ['take_orders', 'halt'],
  ['settle_orders', 'leverage'],
] as const;

/** A process that is drawn by its name: how fast it is, when it is killed, what somebody does in the middle of it. */
export function processOf(week: Week, name: string): Process {
  const chance = week.draw(`process ${name}`);
  const { plan } = week;
  const killedAt = chance.happens(plan.killShare) ? chance.between(1, chance.pick([10, 40])) : null;
  const between = new Map<StoreFunction, () => Promise<void>>();
  if (chance.happens(plan.betweenShare)) {
    const [moment, what] = chance.pick(moments);
    between.set(moment, () => changeSomething(week, `between ${name}`, what));
  }
  if (killedAt !== null) week.count('fault killed');
  return { name, skewMs: 0, concurrency: chance.pick([1, 2, 8]), killedAt, between };
}

/** Another of the same, to whom nothing happens. */
export function calm(name: string): Process {
  return { name, skewMs: 0, concurrency: 4, killedAt: null, between: new Map() };
}

export async function scan(week: Week, process: Process, mode: Mode, market = xnse): Promise<How> {
  const { plan } = week;
  const inputs = {
    signalsSource: '',
    usersSource: '',
    instruments: [],
    signals: null,
    users: null,
    problems: [],
    by: tester,
  };
  return live(week, process, (world) =>
    run(world, {
      ...{ market, mode, dryRun: false, expectPlan: null, waitMs: 20_000, limits: plan.limits },
      cutOffTime: `${market.slots.open.cutOff}:00`,
      ...{ concurrency: process.concurrency, inline: true, onlyCounts: true, inputs: inputs },
    }),
  );
}

/** A worker that comes by for a while. */
export async function workFor(week: Week, process: Process, forMs: number): Promise<void> {
  const stop = new AbortController();
  const untilMs = week.clock.nowMs + forMs;
  await live(week, process, (world) => {
    const clock = {
      ...world.clock,
      async sleep(ms: number): Promise<void> {
        await world.clock.sleep(ms);
        if (week.clock.nowMs >= untilMs) stop.abort();
      },
    };
    const { concurrency } = process;
    return work({ ...world, clock }, { concurrency, stop: stop.signal, woken: () => new Promise(() => undefined) });
  });
}

export async function checkReadiness(week: Week, process: Process): Promise<void> {
  const { concurrency, skewMs, between } = process;
  const undisturbed = skewMs === 0 && between.size === 0;
  const how = await live(week, process, (world) => ready(world, { mode: 'live', concurrency }));
  if (how === 'ended' && undisturbed) await checkVerdicts(week);
}

export async function compareBooks(week: Week, process: Process): Promise<void> {
  await live(week, process, (world) => sync(world, { mode: 'live', concurrency: process.concurrency }));
}

/** Somebody asks for single orders: mostly sound ones, some twice under the same key. */
export async function askForOrders(week: Week, process: Process, mode: Mode): Promise<void> {
  const { draw, plan, day } = week;
  const chance = draw(`orders ${process.name}`);
  const users = plan.users.filter((one) => one.mode === mode);
  if (users.length === 0) return;
  const { accounts, positions } = await week.rows();
  const requests: OrderRequest[] = Array.from({ length: chance.between(1, 3) }, (_, index) => {
    const { settings } = chance.pick(users);
    const side: Side = chance.happens(0.5) ? 'SELL' : 'BUY';
    const account = accounts.find(
      ({ userId, venue, currency }) => userId === settings.id && venue === settings.venue && currency === 'INR',
    );
    const has = positions.filter(({ accountId, quantity }) => accountId === account?.id && quantity > 0n);
    const held = symbols.filter((one) => has.some(({ symbol }) => symbol === one.symbol));
    const { symbol, tickMinor } = chance.pick(side === 'SELL' && held.length > 0 ? held : symbols);
    const marketMinor = priceOn(day.date, symbol);
    const limitPriceMinor = chance.happens(0.3) ? marketMinor - (marketMinor % tickMinor) : null;
    const quantity = chance.happens(0.6) ? chance.between(1, 12) : null;
    const order = { userId: settings.id, exchange: 'NSE', symbol, side, quantity, limitPriceMinor };
    const bodyHash = JSON.stringify(order);
    return { principal: settings.id, key: `${day.date} ${process.name} ${index}`, bodyHash, order, by: null };
  });
  requests.push(...rushOf(week, process, users), ...absurdRequests(week, process.name, mode));
  week.count('single orders asked for');
  await live(week, process, (world) => placeOrders(world, { mode, limits: plan.limits }, requests));
  if (chance.happens(0.2)) {
    await live(week, { ...calm(`${process.name} again`), skewMs: process.skewMs }, (world) =>
      placeOrders(world, { mode, limits: plan.limits }, requests),
    );
  }
}

/** Where a symbol has a cap everybody may want it at once, at any price: more than there is room for. */
function rushOf({ draw, plan, day, count }: Week, { name }: Process, users: readonly WeekUser[]): OrderRequest[] {
  const chance = draw(`rush ${name}`);
  if (plan.limits.symbolCapMinor === null || !chance.happens(0.5)) return [];
  const { symbol, tickMinor } = chance.pick(symbols);
  const marketMinor = priceOn(day.date, symbol);
  const namedMinor = Math.floor((marketMinor * 1.1) / tickMinor) * tickMinor;
  count('everybody wants one share');
  return users.map(({ settings: { id: userId } }) => {
    const limitPriceMinor = chance.happens(0.6) ? namedMinor : null;
    const quantity = Math.floor(chance.between(5_000_00, 30_000_00) / marketMinor);
    const order = { userId, exchange: 'NSE', symbol, side: 'BUY' as const, quantity, limitPriceMinor };
    return { principal: userId, key: `${day.date} ${name} rush`, bodyHash: JSON.stringify(order), order, by: null };
  });
}
