// The world one process of a week has, with the checks of every order in the moment it is sent.

import { z } from 'zod';
import { makeStore } from '../../../../src/adapters/store/store.ts';
import { DatabaseError } from '../../../../src/ports/database.ts';
import type { Arguments, Store, StoreFunction } from '../../../../src/ports/store/store.ts';
import type { OrderToStart, Venue } from '../../../../src/ports/venue.ts';
import type { Clock, World } from '../../../../src/ports/world.ts';
import type { AnyEvent } from '../../../support/any-event.ts';
import { checkCap, checkDayLoss, checkPaused, checkUse } from '../checks/deciding.ts';
import { quoteOn } from '../plan.ts';
import type { Week } from '../week.ts';
import type { WeekVenue } from './venue.ts';

/** One process: a command, a worker, a request. */
export interface Process {
  name: string;
  /** How far its clock is off. */
  skewMs: number;
  concurrency: number;
  /** It is killed at this call to the outside; null: it lives on. */
  killedAt: number | null;
  /** It is killed once its first order has arrived, before it hears so. */
  diesSending?: boolean;
  /** Done by somebody else just before the first call of a function. */
  between: Map<StoreFunction, () => Promise<void>>;
}

export type How = 'ended' | 'killed' | 'refused for its clock' | 'died';

/** Runs a process to its end, or until it is killed. It may only die of a database it has lost. */
export async function live(week: Week, process: Process, body: (world: World) => Promise<unknown>): Promise<How> {
  const killed = Promise.withResolvers<'killed'>();
  const end: End = { die: () => killed.resolve('killed'), underWay: new Set() };
  const ended = body(worldOf(week, process, end)).then(
    (): How => 'ended',
    (error: unknown): How => {
      if (isRefusedClock(process, error)) return 'refused for its clock';
      week.breaks('one failure stays one', `${process.name} died of ${error instanceof Error ? error.stack : error}`);
      return 'died';
    },
  );
  const how = await Promise.race([ended, killed.promise]);
  // What was under way arrives.
  await Promise.all(end.underWay);
  week.note(() => `${process.name} ${how}`);
  return how;
}

/** A process whose clock is off is told so. */
function isRefusedClock({ skewMs }: Process, error: unknown): boolean {
  return Math.abs(skewMs) > 60_000 && error instanceof DatabaseError && error.kind === 'refused';
}

/** Who is told when a process is killed, and what it had under way then. */
interface End {
  die(): void;
  underWay: Set<Promise<void>>;
}

function worldOf(week: Week, process: Process, end: End): World {
  const { clock: time, plant, venues } = week;
  const clock: Clock = {
    virtual: false,
    takesTurns: true,
    nowMs: () => time.nowMs + process.skewMs,
    async sleep(ms) {
      // A machine may always sleep longer; short polls would make weeks long and teach nothing.
      const longer = ms > 200 ? week.draw(`sleep ${process.name} ${time.nowMs}`).between(0, 60_000) : 0;
      time.nowMs += ms + longer;
    },
    every: () => () => undefined,
  };
  const outside = outsideOf(process, end);
  const store = storeOf(week, process, outside);
  const world: World = {
    store,
    clock,
    quotes: {
      read: async ({ signals, held }) => {
        const wanted = new Set([...signals, ...held].map(({ symbol }) => symbol));
        return [...wanted].map((symbol) => quoteOn(week.day.date, week.day.before, symbol, clock.nowMs()));
      },
    },
    venues: new Map([...venues].map(([name, venue]) => [name, venueOf(week, process, venue, outside)])),
    notifier: {
      name: 'simulated',
      send: async ({ messageId }) => ({ kind: 'sent', providerId: `m${messageId}` }),
    },
    operatorDays: async () => [],
    emit: (type) => hear(week, type),
  };
  return plant?.change ? plant.change(world) : world;
}

type Outside = <T>(perform: () => T | Promise<T>, isSend?: boolean) => Promise<T>;

/** Killed at its call: before it has gone out, or once it is done. From then on the process gets no answer any more. */
function outsideOf({ killedAt, diesSending = false }: Process, end: End): Outside {
  let made = 0;
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const arriving = <T>(perform: () => T | Promise<T>): Promise<T> => {
    const answer = (async () => perform())();
    const gone = answer.then(
      () => undefined,
      () => undefined,
    );
    end.underWay.add(gone);
    return answer.finally(() => end.underWay.delete(gone));
  };
  return async (perform, isSend = false) => {
    if (dead) return never;
    made += 1;
    if (diesSending && isSend) {
      dead = true;
      await arriving(perform).catch(() => undefined);
      end.die();
      return never;
    }
    if (killedAt === null || made < killedAt) return arriving(perform);
    // Whatever the far end says to it then, nobody hears it.
    if (made === killedAt && killedAt % 2 === 1) await arriving(perform).catch(() => undefined);
    end.die();
    return never;
  };
}

function storeOf(week: Week, process: Process, outside: Outside): Store {
  return {
    close: async () => undefined,
    async call(name, args) {
      const between = process.between.get(name);
      process.between.delete(name);
      if ('decisions' in args && Math.abs(process.skewMs) < 60_000) await checkDayLoss(week, args.decisions);
      await between?.();
      return outside(async () => {
        const answer = await emit(week, name, args);
        if (name.startsWith('read_')) await checkUse(week, args, answer);
        if (name === 'accept_page' || name === 'place_orders') {
          await checkPaused(week);
          await checkCap(week);
        }
        return answer;
      });
    },
  };
}

/** The facts of orders are told in the week's own grouping and order; everything else as it is asked. */
async function emit<F extends StoreFunction>(week: Week, name: F, args: Arguments[F]) {
  const { grouping, store } = week;
  if (grouping === 'as it comes' || /^(read|claim|mark|take)_/.test(name)) return store.call(name, args);
  if (grouping === 'twice') {
    await store.call(name, args);
    return store.call(name, args);
  }
  if (name !== 'settle_orders' || !('outcomes' in args)) return store.call(name, args);
  const outcomes = grouping === 'backwards' ? args.outcomes.toReversed() : args.outcomes;
  if (grouping === 'backwards') return store.call(name, { ...args, outcomes });
  for (const outcome of outcomes.slice(0, -1)) await store.call(name, { ...args, outcomes: [outcome] });
  return store.call(name, { ...args, outcomes: outcomes.slice(-1) });
}

/** The store as a person's command has it: at the far end, at this moment. */
export function farEnd(week: Pick<Week, 'ground' | 'clock' | 'note' | 'count'>, wrote: () => void): Store {
  const call = async (name: string, args: unknown): Promise<unknown> => {
    if (!name.startsWith('read_')) wrote();
    week.count('store calls');
    const answer = await week.ground.callUnseen(name, args, week.clock.nowMs);
    week.note(() => `${name} ${brief(args)} → ${brief(answer)}`);
    return answer;
  };
  return makeStore({ call, close: async () => undefined }, { patient: false });
}

/** Claim ids are drawn at random by the code itself: the log has to be the same every time. */
function brief(value: unknown): string {
  const text = JSON.stringify(value, (key, part: unknown) =>
    /^(claimIds?|markId|judgeId)$/.test(key) ? undefined : part,
  );
  return text === undefined ? '' : text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function hear(week: Week, { type, alert, clientOrderId, about }: AnyEvent): void {
  if (!alert) return;
  week.count(`told ${type}`);
  week.note(() => `ALERT ${type} ${clientOrderId ?? ''}`);
  if (typeof clientOrderId === 'string') week.alerted.add(clientOrderId);
  if (type === 'beyond_exact_numbers') for (const userId of String(about).split(', ')) week.alertedUsers.add(userId);
}

function venueOf(week: Week, process: Process, venue: WeekVenue, outside: Outside): Venue {
  const { name, capabilities } = venue.plan;
  return {
    name,
    capabilities,
    ...(name === 'paper' ? {} : { accountApi: venue.accountApi(() => week.clock.nowMs) }),
    submit: (order) =>
      outside(async () => {
        await checkSend(week, process, order, name);
        week.count('orders sent');
        if (order.exchange === 'US') week.count('orders sent in dollars');
        const outcome = venue.submit(order, week.clock.nowMs);
        week.note(() => `${name} submit ${order.clientOrderId} → ${brief(outcome)}`);
        return outcome;
      }, true),
    lookup: (order) =>
      outside(() => {
        week.count('lookups');
        const outcome = venue.lookup(order, week.clock.nowMs);
        week.note(() => `${name} lookup ${order.clientOrderId} → ${brief(outcome)}`);
        return outcome;
      }),
  };
}

const orderFacts = z.object({
  status: z.string(),
  venue: z.string(),
  accountVenue: z.string(),
  sendBeforeMs: z.coerce.number(),
  halted: z.boolean(),
  earlier: z.boolean(),
});
const ORDER_FACTS_SQL = `select json_build_object('status', o.status, 'venue', o.venue, 'accountVenue',
    core.order_venue(a.mode, a.venue), 'sendBeforeMs', core.ms(o.send_before), 'halted', core.halted_for(o) is not null,
    'earlier', run.trade_date < $2::date) as found
  from public.orders o join public.accounts a on a.id = o.account_id join public.scan_runs run on run.id = o.run_id
  where o.client_order_id = $1`;

/** Whatever may be wrong with a send can be seen in the moment it leaves. */
async function checkSend(week: Week, process: Process, order: OrderToStart, venue: string): Promise<void> {
  const { clientOrderId: name, userId } = order;
  const [row] = await week.ground.session.query(ORDER_FACTS_SQL, [name, week.day.date]);
  if (!row) return week.breaks('write first', `${venue} hears of ${name}, which is not in our table`);
  const { status, venue: its, accountVenue, sendBeforeMs, halted, earlier } = orderFacts.parse(row['found']);
  if (status !== 'submitting' && status !== 'unknown')
    week.breaks('write first', `${name} is sent while it is ${status}`);
  if (its !== venue || accountVenue !== venue)
    week.breaks('its own venue', `${name} of ${accountVenue} goes to ${venue}`);
  if (week.paused.has(userId)) week.breaks('the switch', `${name} is sent though ${userId} is paused`);
  if (order.side === 'BUY' && week.denied.get(userId) === order.symbol) {
    week.breaks('the switch', `${name} is sent though ${userId} may not buy ${order.symbol}`);
  }
  if (halted) week.breaks('the switch', `${name} is sent during a halt`);
  if (earlier) week.breaks('send before', `${name} of an earlier day is sent`);
  const later = Math.max(week.clock.nowMs, week.clock.nowMs + process.skewMs);
  if (later >= sendBeforeMs) week.breaks('send before', `${name} is sent too late`);
}
