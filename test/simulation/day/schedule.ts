// Plays one trading day of a seed: processes, kills, faults, and the checks after every step.
import { createHash } from 'node:crypto';
import { isTerminal } from '../../../src/domain/order.ts';
import { DatabaseError } from '../../../src/ports/database.ts';
import type { World } from '../../../src/ports/world.ts';
import { run } from '../../../src/run.ts';
import type { RunRequest } from '../../../src/stages/scan/request.ts';
import { work } from '../../../src/work.ts';
import { violations } from '../../support/invariants.ts';
import { tester } from '../../support/tester.ts';
import { chanceOf } from '../common/chance.ts';
import { brokenHistories, type Ground } from '../common/ground.ts';
import { odditiesOf } from '../common/oddities.ts';
import { simulatedVenue } from '../common/venue.ts';
import { neighboursOf } from './checks/neighbours.ts';
import { promisesOf } from './checks/promises.ts';
import { operate } from './faults/adversary.ts';
import { outsideOf, undisturbed } from './faults/outside.ts';
import { holdRows } from './faults/outsider.ts';
import { type Plan, planOf, type WorkerPlan } from './plan.ts';
import { callNow, type Plant, type Scene } from './scene.ts';
import type { Life } from './turns/fates.ts';
import { turnsOf } from './turns/turns.ts';
import { worldOf } from './world.ts';

/** What became of one schedule. */
export interface Played {
  seed: number;
  /** Broken promises; empty is right. */
  broken: string[];
  log: string[];
  /** Of the whole log: the same seed gives the same. */
  hash: string;
  counts: ReadonlyMap<string, number>;
}

const CHAOS_STEPS = 2500;
const CALM_STEPS = 12_000;

/** Plays the schedule of a seed on an emptied database, until nothing is left to happen or a promise is broken. */
export async function playSchedule(ground: Ground, seed: number, plant: Plant | null = null): Promise<Played> {
  const counts = new Map<string, number>();
  const scene = sceneOf(ground, seed, plant, counts);
  const { turns, promises, plan, chance } = scene;
  await ground.empty(seed % 200 === 0);
  await prepare(scene);
  if (ground.outsider) holdRows(scene, ground.outsider);
  for (const one of plan.operator) operate(scene, one);
  for (const [index, worker] of plan.workers.entries()) hire(scene, worker, `w${index + 1}`);
  await turns.play(CHAOS_STEPS);
  turns.calm();
  await ground.outsider?.exec('rollback');
  if (promises.broken.length === 0) await comeToRest(scene, chance.happens(0.5));
  counts.set('steps', turns.steps());
  const log = [describe(plan), ...turns.log];
  const hash = createHash('sha256').update(log.join('\n')).digest('hex');
  return { seed, broken: promises.broken, log, hash, counts };
}

function sceneOf(ground: Ground, seed: number, plant: Plant | null, counts: Map<string, number>): Scene {
  const chance = chanceOf(seed);
  const drawn = planOf(chance);
  const outside = outsideOf(seed, drawn, ground.outsider !== undefined);
  const plan = outside.alone ? undisturbed(drawn) : drawn;
  const strange = chanceOf(seed ^ 0x57a0);
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const injected = (fault: string) => count(`fault ${fault}`);
  const turns = turnsOf({
    chance,
    startMs: plan.startMs,
    faultShare: plan.faultShare,
    freezeShare: plan.freezeShare,
    ...(outside.alone ? { laggardMs: 500 } : {}),
    injected,
    killed: (life) => ended.get(life)?.(),
    over: () => promises.broken.length > 0,
  });
  const oddities = odditiesOf(outside, strange, injected);
  const venues = new Map(plan.venues.map((one) => [one.name, simulatedVenue(one, chance, oddities, injected)]));
  const promises = promisesOf({ plan, venues, nowMs: turns.nowMs });
  const neighbours = neighboursOf({
    outside,
    isOdd: (name) =>
      [...venues.values()].some(({ book }) => book.some(({ order, odd }) => odd && order.clientOrderId === name)),
    breaks: (promise, what) => promises.broken.push(`${promise}: ${what}`),
  });
  const tables = { orders: [], fills: [], messages: [], runs: [], accounts: [], breakers: [] };
  return {
    ground,
    plan,
    outside,
    neighbours,
    chance,
    strange,
    turns,
    promises,
    venues,
    tables,
    plant,
    echoes: new Map(),
    count,
  };
}

/** Who is to be told when a process is gone. */
const ended = new WeakMap<Life, () => void>();

/** Rows that are there before the day begins. */
async function prepare(scene: Scene): Promise<void> {
  const { ground, plan } = scene;
  const { mode, startMs, users, signals, instruments, holdings } = plan;
  const nowMs = startMs - 1000;
  await ground.call('import_instruments', { by: tester, instruments }, nowMs);
  if (!plan.bringsFiles) await ground.call('import_signals', { by: tester, signals, source: 'simulation' }, nowMs);
  await ground.call('import_users', { by: tester, users, mode, source: 'simulation', nowMs }, nowMs);
  const venueOf = (userId: string) => users.find(({ id }) => id === userId)?.venue ?? '';
  const held = holdings.map(({ userId, symbol, quantity }) => {
    const account = { userId, venue: venueOf(userId), mode };
    const reference = `held-${symbol}`;
    return { ...account, exchange: 'NSE', symbol, quantity, priceMinor: 700_00, tradeDate: '2025-08-20', reference };
  });
  await ground.call('import_holdings', { holdings: held, nowMs }, nowMs);
  if (mode === 'paper') return;
  await ground.session.exec(`
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
      select id, 'deposit', capital_minor, 0, 'simulation', core.database_now() from public.accounts order by id;
    update public.accounts set cash_minor = capital_minor, not_ready = null, checked_for = '2025-08-28'`);
}

/** A worker's slot: whoever is in it and ends or dies is followed by another, as often as the plan says. */
function hire(scene: Scene, worker: WorkerPlan, slot: string): void {
  const { turns, chance, plan } = scene;
  const start = (life: number): void => {
    const scans = chance.happens(worker.scans);
    const name = `${slot}.${life}`;
    const next = (): void => {
      if (life < worker.lives)
        turns.at(turns.nowMs() + chance.between(200, 60_000), `${slot}.${life + 1} starts`, () => start(life + 1));
    };
    const one: Life = {
      name,
      alive: true,
      frozenUntilMs: 0,
      skewMs: worker.skewMs,
      virtual: false,
      concurrency: worker.concurrency,
    };
    live(
      scene,
      one,
      (world) => (scans ? run(world, requestOf(plan, worker.concurrency)) : drain(scene, world, worker.concurrency)),
      next,
    );
  };
  turns.at(plan.startMs + worker.startAfterMs, `${slot}.1 starts`, () => start(1));
}

/** One process from its start to its end. It may only die of a database it has lost; anything else is a bug. */
function live(scene: Scene, life: Life, body: (world: World) => Promise<unknown>, next: () => void): void {
  const { turns, promises, chance } = scene;
  let gone = false;
  const end = (): void => {
    if (gone) return;
    gone = true;
    next();
  };
  ended.set(life, end);
  body(worldOf(scene, life)).then(end, (error: unknown) => {
    if (!isLost(error, scene.neighbours.holdsAll())) promises.died(life.name, error);
    // What else it had under way may go on for a moment, or not.
    if (chance.happens(0.5)) turns.kill(life);
    end();
  });
}

/** Lost, or, where a stranger holds what every process needs, busy for longer than anybody waits. */
function isLost(error: unknown, mayBeBusy: boolean): boolean {
  // Frozen on its way for minutes, a call is refused by the database's clock: its process begins anew.
  if (error instanceof DatabaseError && error.code === 'PT425') return true;
  if (error instanceof DatabaseError) return error.kind === 'lost' || (mayBeBusy && error.kind === 'busy');
  return error instanceof Error && error.cause !== undefined && isLost(error.cause, mayBeBusy);
}

/** A worker that never scans: it works off what is there until it is told to stop. */
function drain({ turns, chance }: Scene, world: World, concurrency: number): Promise<void> {
  const stop = new AbortController();
  turns.at(turns.nowMs() + chance.between(1000, chance.pick([10_000, 90_000])), '', () => stop.abort());
  return work(world, { concurrency, stop: stop.signal, woken: () => new Promise(() => undefined) });
}

function requestOf({ mode, limits, bringsFiles, signals, users }: Plan, concurrency: number): RunRequest {
  const files = { signalsSource: 'import:signals.csv', usersSource: 'import:users.csv', instruments: [], problems: [] };
  return {
    mode,
    dryRun: false,
    expectPlan: null,
    waitMs: 60_000,
    cutOffTime: '09:35:00',
    limits,
    concurrency,
    inline: true,
    inputs: { ...files, by: tester, signals: bringsFiles ? signals : null, users: bringsFiles ? users : null },
  };
}

/** Everything goes right from now on, and somebody comes back until nothing is open. */
async function comeToRest(scene: Scene, resumes: boolean): Promise<void> {
  const { turns, promises, plan, ground, plant } = scene;
  if (resumes) {
    for (const { scope, target } of promises.standing()) {
      const lifted = {
        scope,
        target,
        why: 'simulated',
        by: { who: 'operator', how: 'cli' } as const,
        nowMs: turns.nowMs(),
      };
      await callNow(scene, 'resume', lifted);
      promises.resumed(scope, target);
    }
  }
  const last: Life = { name: 'last', alive: true, frozenUntilMs: 0, skewMs: 0, virtual: true, concurrency: 8 };
  const stop = new AbortController();
  const body = async (world: World): Promise<void> => {
    await run(world, requestOf(plan, 8));
    watch(60);
    await work(world, { concurrency: 8, stop: stop.signal, woken: () => new Promise(() => undefined) });
  };
  // A worker does not stop by itself: it is stopped when nothing is left, or when nothing moves any more.
  const watch = (rounds: number): void => {
    if (rounds === 0 || isQuiet(scene)) stop.abort();
    else turns.at(turns.nowMs() + 30_000, '', () => watch(rounds - 1));
  };
  live(scene, last, body, () => undefined);
  const rests = await turns.play(plant?.calmSteps ?? CALM_STEPS);
  if (promises.broken.length > 0) return;
  // Then what it still has open says why.
  if (!rests) promises.broken.push('at rest: it never comes to rest');
  promises.atRest();
  scene.neighbours.atRest(scene.tables);
  for (const what of await brokenHistories(ground)) promises.broken.push(`terminal: ${what}`);
  for (const what of await violations(ground.session)) promises.broken.push(`money adds up: ${what}`);
}

function isQuiet({ tables }: Scene): boolean {
  const openOrder = tables.orders.some(({ status, nextLookupMs }) => {
    return ['queued', 'submitting'].includes(status) || (!isTerminal(status) && nextLookupMs !== null);
  });
  return (
    !openOrder &&
    tables.messages.every(({ status }) => status !== 'queued' && status !== 'sending') &&
    tables.runs.every(({ state }) => state === 'done')
  );
}

function describe({ mode, users, signals, venues, workers, faultShare, freezeShare }: Plan): string {
  const kinds = venues.map(
    ({ name, capabilities, trouble, spell }) =>
      `${name} ${JSON.stringify(capabilities)} trouble ${trouble} spell ${spell?.kind ?? 'none'}`,
  );
  return `${mode}, ${users.length} users × ${signals.length} signals, ${workers.length} workers, faults ${faultShare}, freezes ${freezeShare}, ${kinds.join('; ')}`;
}
