// The world one process of a simulated day has: store, venues, quotes and chat, through which faults come in.
import { cachedCalendars } from '../../../src/adapters/sessions.ts';
import type { Quote } from '../../../src/domain/types.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { Answer, Arguments, Store, StoreFunction } from '../../../src/ports/store/store.ts';
import type { LookupOutcome, OrderToStart, SubmitOutcome, Venue } from '../../../src/ports/venue.ts';
import type { Clock, QuotesWanted, SendOutcome, World } from '../../../src/ports/world.ts';
import { reported } from '../../../src/stages/execute/outcome.ts';
import type { Booked, SimulatedVenue } from '../common/venue.ts';
import type { Promises } from './checks/promises.ts';
import { atTheWorstMoment, echo, echoLater } from './faults/adversary.ts';
import { drawnFault, errorOf, errorOfRows, patiently, SILENCE_MS } from './faults/database-faults.ts';
import { callNow, ifTaken, markedBy, type Scene } from './scene.ts';
import type { Life } from './turns/fates.ts';

/** Rows that come in no promised order, in one that does not depend on where the database keeps them. */
function inOrder(answer: unknown): unknown {
  if (!Array.isArray(answer)) return answer;
  const key = (row: unknown) => (row instanceof Object && 'orderId' in row ? Number(row.orderId) : null);
  return answer.every((row) => key(row) !== null) ? answer.toSorted((a, b) => Number(key(a)) - Number(key(b))) : answer;
}

/** The world as one process has it: real stages on top, and every call waits for its turn. */
export function worldOf(scene: Scene, life: Life): World {
  const { turns, plant, venues } = scene;
  const store = storeOf(scene, life);
  const nowMs = () => turns.nowMs() + life.skewMs;
  const clock: Clock = {
    virtual: life.virtual,
    nowMs,
    sleep: (ms) => turns.sleep(life, ms),
    every: (periodMs, beat) => (life.virtual ? () => undefined : turns.every(life, periodMs, beat)),
  };
  const load = (exchange: string) => store.call('read_calendar_days', { exchange });
  const world: World = {
    store,
    clock,
    quotes: { read: (wanted) => ask<Quote[]>(scene, life, 'quotes', 'prices', () => quotesFor(scene, wanted)) },
    venues: new Map([...venues.values()].map((venue) => [venue.plan.name, venueOf(scene, life, venue)])),
    notifier: { name: 'simulated', send: notifierOf(scene, life) },
    operatorDays: cachedCalendars({ clock, load, ttlMs: 60_000 }),
    emit: scene.neighbours.emit,
  };
  return plant?.change ? plant.change(world) : world;
}

async function ask<T>(
  { turns }: Scene,
  life: Life,
  kind: 'store' | 'quotes',
  what: string,
  perform: () => Promise<T> | T,
): Promise<T> {
  const question = { kind, what, perform: async () => perform(), lost: null, withinMs: 12_000, straysMs: 40_000 };
  return (await turns.ask(life, question)) as T;
}

function storeOf(scene: Scene, life: Life): Store {
  /** A connection that says nothing is noticed only after a while. */
  const silently = async (error: unknown): Promise<never> => {
    if (error instanceof DatabaseError && error.code === 'ETIMEDOUT') await scene.turns.sleep(life, SILENCE_MS);
    throw error;
  };
  return {
    async call(name, args, options = {}) {
      const what = `${name} ${brief(args)}`;
      const once = () => ask(scene, life, 'store', what, () => atDatabase(scene, life, name, args));
      const answer = await patiently(
        options,
        (ms) => scene.turns.sleep(life, ms),
        () => once().catch(silently),
      );
      if ('uses' in args && Array.isArray(answer)) scene.promises.rates.heard(args.uses, answer);
      return (name === 'claim_lookups' ? inOrder(answer) : answer) as typeof answer;
    },
    close: async () => undefined,
  };
}

/** The call has arrived, and the database is in whatever mood it is. */
async function atDatabase<F extends StoreFunction>(
  scene: Scene,
  life: Life,
  name: F,
  args: Arguments[F],
): Promise<Answer<F>> {
  const { outside, strange, turns } = scene;
  const tooMuch = errorOfRows(outside, name, args);
  if (tooMuch) scene.count('fault statement_limit_by_size');
  if (tooMuch) throw tooMuch;
  const fault = !turns.isCalm() && strange.happens(outside.faultShare) ? drawnFault(strange) : null;
  if (fault) scene.count(`fault ${fault}`);
  if (fault && !fault.endsWith('_after')) throw errorOf(fault, name);
  const found = await callNow(scene, name, args);
  if (fault) throw errorOf(fault, name);
  if (name.startsWith('claim_') && Array.isArray(found) && found.length > 0) atTheWorstMoment(scene, life);
  for (const orderId of markedBy(name, args, found)) echo(scene, orderId);
  if (name === 'take_orders' || name === 'mark_resend' || name === 'read_accounts') atTheWorstMoment(scene, life);
  if (name === 'settle_orders' && 'outcomes' in args) echoLater(scene, args.outcomes);
  return found;
}

/** Claim ids are drawn at random by the code itself: the log has to be the same every time. */
function brief(args: object): string {
  const text = JSON.stringify(args, (key, value: unknown) =>
    /^(claimIds?|markId|judgeId)$/.test(key) ? undefined : value,
  );
  return text.length > 240 ? `${text.slice(0, 240)}…` : text;
}

function venueOf(scene: Scene, life: Life, venue: SimulatedVenue): Venue {
  const { turns, promises } = scene;
  const { name, capabilities } = venue.plan;
  const itsNowMs = () => turns.nowMs() + life.skewMs;
  const neither = !capabilities.refusesDuplicates && !capabilities.missIsProof;
  const submit = async (order: OrderToStart): Promise<SubmitOutcome> => {
    let sent: ReturnType<Promises['leaves']> | null = null;
    const outcome = await turns.ask(life, {
      kind: 'submit',
      what: `${name} submit ${order.clientOrderId}`,
      lost: { kind: 'unknown', reason: 'timeout' } satisfies SubmitOutcome,
      withinMs: 10_000,
      straysMs: neither ? 400_000 : 0,
      leaves() {
        scene.count('orders sent');
        sent = promises.leaves(order, name, itsNowMs());
      },
      dropped() {
        if (sent) sent.underWay = false;
      },
      async perform() {
        if (sent) Object.assign(sent, { underWay: false, outcome: { kind: 'thrown' } });
        if (isHung(scene, order)) {
          if (sent) sent.outcome = silence;
          return silence;
        }
        const before = venue.book.length;
        try {
          const answer = venue.submit(order, turns.nowMs());
          if (sent) sent.outcome = answer;
          if (answer.kind !== 'acknowledged') atTheWorstMoment(scene, life);
          return answer;
        } finally {
          for (const booked of venue.book.slice(before)) postBack(scene, venue, booked);
        }
      },
    });
    if (outcome === silence) await turns.sleep(life, HANGS_MS);
    return outcome as SubmitOutcome;
  };
  return {
    name,
    capabilities,
    async submit(order) {
      // Asking again about one that is unknown is part of its lookup, and takes no slot.
      const takesSlot = scene.tables.orders.some(({ id, status }) => id === order.orderId && status === 'submitting');
      if (!takesSlot) return submit(order);
      promises.occupies(life.name, order, 1, life.concurrency);
      return submit(order).finally(() => promises.occupies(life.name, order, -1, life.concurrency));
    },
    async lookup(order) {
      promises.rates.asks({ venue: name, accountId: order.accountId });
      const outcome = await turns.ask(life, {
        kind: 'lookup',
        what: `${name} lookup ${order.clientOrderId}`,
        lost: { kind: 'unreadable', reason: 'timeout' } satisfies LookupOutcome,
        withinMs: 10_000,
        straysMs: 0,
        async perform() {
          scene.count('lookups');
          if (isHung(scene, order)) return { kind: 'unreadable', reason: 'timeout' } satisfies LookupOutcome;
          const answer = venue.lookup(order, turns.nowMs());
          if (answer.kind === 'missing') promises.missed(order, name);
          if (answer.kind === 'missing') atTheWorstMoment(scene, life);
          return answer;
        },
      });
      return outcome as LookupOutcome;
    },
  };
}

/** How long a venue's adapter waits for an answer. */
const HANGS_MS = 10_000;
const silence = { kind: 'unknown', reason: 'timeout' } satisfies SubmitOutcome;

/** Whether this client's broker session hangs now. */
function isHung({ plan: { hung }, turns, count }: Scene, { userId }: { userId: string }): boolean {
  const hangs = hung?.userId === userId && turns.nowMs() >= hung.fromMs && turns.nowMs() < hung.untilMs;
  if (hangs) count('fault hung_account');
  return hangs;
}

/** The venue tells by itself of some things, late and sometimes twice; of a fill after its last word always. */
function postBack(scene: Scene, venue: SimulatedVenue, booked: Booked): void {
  const { turns, chance } = scene;
  const endMs = booked.life.at(-1)?.fromMs ?? 0;
  const emit = async (): Promise<void> => {
    const row = scene.tables.orders.find(({ clientOrderId }) => clientOrderId === booked.order.clientOrderId);
    if (!row) return;
    scene.count('venue messages');
    const nowMs = turns.nowMs();
    const settlement = reported({ ...row, orderId: row.id }, venue.report(booked, nowMs), nowMs);
    await ifTaken(callNow(scene, 'settle_orders', { outcomes: [settlement], nowMs }));
  };
  const what = `${venue.plan.name} tells of ${booked.order.clientOrderId}`;
  for (const { atMs } of [...booked.fills, { atMs: endMs }]) {
    const mustBeSent = atMs > endMs;
    while (mustBeSent || chance.happens(0.2)) {
      turns.at(atMs + chance.between(1, 60_000), what, emit);
      if (mustBeSent) break;
    }
  }
}

function notifierOf(scene: Scene, life: Life): World['notifier']['send'] {
  const { turns, promises, chance } = scene;
  return async (message) => {
    const outcome = await turns.ask(life, {
      kind: 'send',
      what: `message ${message.messageId}`,
      lost: { kind: 'unknown', reason: 'timeout' } satisfies SendOutcome,
      withinMs: 10_000,
      straysMs: 0,
      leaves: () => promises.sends(message, turns.nowMs() + life.skewMs),
      async perform(): Promise<SendOutcome> {
        scene.count('messages sent');
        const share = chance.below(20);
        if (share === 0) throw new Error('the chat stumbled');
        if (share === 1) return { kind: 'failed', reason: 'not a chat number' };
        if (share === 2) return { kind: 'unknown', reason: 'timeout' };
        return { kind: 'sent', providerId: `m${message.messageId}` };
      },
    });
    return outcome as SendOutcome;
  };
}

/** Prices wander, may be old already, and may be missing. */
function quotesFor({ chance, turns, count }: Scene, { signals }: QuotesWanted): Quote[] {
  return signals.flatMap(({ exchange, symbol, referencePriceMinor }) => {
    if (chance.happens(0.03)) return [];
    const priceMinor = referencePriceMinor + chance.between(-200, 200) * Math.floor(referencePriceMinor / 20_000);
    const ageMs = chance.happens(0.1) ? chance.between(40_000, 70_000) : chance.between(0, 2000);
    if (ageMs > 60_000) count('fault stale_price');
    const unknown = { previousCloseMinor: null, lowerCircuitMinor: null, upperCircuitMinor: null };
    return [{ exchange, symbol, priceMinor, ...unknown, atMs: turns.nowMs() - ageMs }];
  });
}
