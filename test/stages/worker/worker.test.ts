import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listenForWork } from '../../../src/adapters/store/listener.ts';
import { istMs } from '../../../src/domain/market/india-time.ts';
import type { Clock } from '../../../src/ports/world.ts';
import { work } from '../../../src/work.ts';
import { decideAll, openTestRun } from '../../contract/support/test-run.ts';
import { quote, signal, tradeDate, user } from '../../support/builders.ts';
import { violations } from '../../support/invariants.ts';
import { freshPostgres, type TestPostgres } from '../../support/postgres.ts';
import { type CliSandbox, cliSandbox } from '../support/cli-sandbox.ts';
import { setClock } from '../support/clocks.ts';
import { messageRows, tally, venueBook } from '../support/database-state.ts';
import { reportOn } from '../support/report-shape.ts';
import { runId, storeOf } from '../support/run-day.ts';
import { workerWorld } from '../support/worker-world.ts';

let database: TestPostgres;
beforeEach(async () => {
  database = await freshPostgres();
});
afterEach(async () => {
  expect(await violations(database.session)).toEqual([]);
  expect(await database.call('check_books', {})).toEqual([]);
  await database.close();
});

const PEOPLE = 120;
const columns = 'name,whatsapp,capital,allocation_pct,leverage,max_open_positions,daily_loss_limit_pct,priority,venue';
const usersCsv = [
  columns,
  ...Array.from({ length: PEOPLE }, (_, n) => `User ${n},+9199999${10_000 + n},100000,20,5,,,,paper`),
];
const signalsCsv = `trade_date,rank,strategy,symbol,exchange,side,reference_price,stop_loss,target
${tradeDate},1,breakout-20d,TITAN,NSE,BUY,3564.80,,
${tradeDate},2,breakout-20d,SBICARD,NSE,BUY,800.00,,
`;
const pricesCsv = `date,symbol,open,high,low,close,volume
${tradeDate},TITAN,3564.80,3600.00,3500.00,3550.00,1000
${tradeDate},SBICARD,801.00,810.00,795.00,800.00,1000
`;
const faultsJson = JSON.stringify([
  { user: 'User 1', fault: 'reject', message: 'RMS: no' },
  { user: 'User 2', fault: 'delay', delayMs: 500 },
  { user: 'User 3', fault: 'timeout_after' },
]);

/** Processes on the test's database, on a machine whose clock stood at 09:20 of the day when the test began. */
function commands() {
  const { start, runAlone, file } = cliSandbox();
  const shiftMs = istMs(tradeDate, '09:20') - Math.floor(performance.timeOrigin + performance.now());
  const shift = `const now = Date.now; Date.now = () => now() + (${shiftMs});`;
  const env = {
    DATABASE_URL: database.url,
    EXECUTE: 'worker',
    CONCURRENCY: '4',
    LOG_LEVEL: 'info',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}`,
  };
  const flags = Object.entries({ signals: signalsCsv, users: usersCsv.join('\n'), prices: pricesCsv }).flatMap(
    ([name, content]) => [`--${name}`, file(`${name}.csv`, content)],
  );
  return {
    scan: () => runAlone(['scan', '--json', ...flags, '--faults', file('faults.json', faultsJson)], env),
    worker: () => start(['worker'], env),
  };
}

type Worker = ReturnType<CliSandbox['start']>;

/** Resolves when the worker's log has said a step so often. */
function logged({ child, ended }: Worker, event: string, times = 1): Promise<void> {
  let log = '';
  const reached = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: string) => {
      log += chunk;
      if (log.split(event).length > times) resolve();
    });
  });
  const over = ended.then(({ code, stderr }) => {
    throw new Error(`the worker ended with ${code} before its ${event} no. ${times}: ${stderr.slice(-2_000)}`);
  });
  // Once it was heard, the end is the test's business.
  over.catch(() => undefined);
  return Promise.race([reached, over]);
}

function stopped(worker: Worker): Promise<string> {
  worker.child.kill('SIGTERM');
  return endedWell(worker);
}

async function endedWell({ ended }: Worker): Promise<string> {
  // It ends itself with 1 where it could not finish in time.
  const { code, stderr } = await ended;
  expect(code, stderr.slice(-2_000)).toBe(0);
  return stderr;
}

async function until(sql: string, params: unknown[] = []): Promise<void> {
  for (let round = 0; round < 3_000; round += 1) {
    const [row] = await database.session.query(sql, params);
    if (row && Object.values(row)[0] === true) return;
    await pause(10);
  }
  throw new Error(`this never came true: ${sql}`);
}

/** The run is done, and everybody was notified: that goes on beside the orders. */
const dayIsOver = () =>
  until(
    `select state = 'done' and not exists (select from public.messages m where m.run_id = run.id
      and m.status in ('queued', 'sending')) from public.scan_runs run where run.id = $1`,
    [runId],
  );

async function statuses(): Promise<Record<string, number>> {
  const rows = await database.session.query('select status from public.orders');
  return tally(rows.map(({ status }) => String(status)));
}

const allEnded = { filled: 2 * PEOPLE - 2, rejected: 2 };

describe('a worker', { timeout: 120_000 }, () => {
  test('sends, settles and tells what the scan beside it only plans', async () => {
    const { scan, worker } = commands();
    const working = worker();
    await logged(working, 'SIGTERM or Ctrl-C stops');
    const { code, stdout, stderr } = await scan();
    expect(code).toBe(0);
    expect(reportOn(stdout).totals).toMatchObject({ users: PEOPLE, accepted: 2 * PEOPLE });
    for (const event of ['order_settled', 'order_looked_up', 'message_settled']) expect(stderr).not.toContain(event);
    await dayIsOver();
    const log = await stopped(working);
    expect(log.split('"order_settled"').length - 1).toBe(2 * PEOPLE);
    expect(log.split('"message_settled"').length - 1).toBe(PEOPLE);
    expect(await statuses()).toEqual(allEnded);
    expect(await venueBook(database.session)).toHaveLength(2 * PEOPLE);
    const messages = await messageRows(database.session);
    expect(messages).toHaveLength(PEOPLE);
    expect(messages.every(({ status }) => status === 'sent')).toBe(true);
  });

  test('stopped in the middle hears the venue out, leaves nothing leased, and another goes on at once', async () => {
    const { scan, worker } = commands();
    const planned = await scan();
    expect(reportOn(planned.stdout).totals).toMatchObject({ queued: 2 * PEOPLE, messages: { queued: PEOPLE } });
    // The venue answers nobody while its book is locked: orders are certainly with it when the stop comes.
    await database.session.exec('begin; lock table paper_venue.orders in exclusive mode');
    const first = worker();
    await until(`select count(*) > 0 from (select pg_stat_clear_snapshot()) fresh, pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%paper_venue_submit%'`);
    first.child.kill('SIGTERM');
    await database.session.exec('commit');
    await endedWell(first);

    const left = await statuses();
    expect(left['queued']).toBeGreaterThan(0);
    expect(left['submitting']).toBeUndefined();
    const leased = await database.session.query('select id from public.orders where lease_until is not null');
    expect(leased).toEqual([]);

    const second = worker();
    await dayIsOver();
    await stopped(second);
    expect(await statuses()).toEqual(allEnded);
    const book = await venueBook(database.session);
    expect(book).toHaveLength(2 * PEOPLE);
    const attempts = await database.session.query('select distinct attempts from public.orders');
    expect(attempts).toEqual([{ attempts: 1 }]);
    expect(await messageRows(database.session)).toHaveLength(PEOPLE);
  });
});

describe('an idle worker that never polls', { timeout: 30_000 }, () => {
  const startMs = istMs(tradeDate, '09:20');

  /** A clock on which no pause ever ends; `slept` hears of each that begins. */
  function stillClock(slept: () => void): Clock {
    const sleep = (): Promise<void> => {
      slept();
      return new Promise(() => undefined);
    };
    return { ...setClock(startMs), sleep };
  }

  async function oneOrder(symbol: string): Promise<void> {
    const id = `XNSE:${tradeDate}:open:paper:${symbol}`;
    const testRun = await openTestRun(storeOf(database), {
      runId: id,
      signals: [signal(symbol)],
      users: [user('asha')],
    });
    await database.call('paper_venue_prepare', { tradeDate, quotes: [quote(symbol)], faults: [] });
    await decideAll(testRun);
  }

  test('is woken by each run that is decided, by way of the database', async () => {
    const listener = await listenForWork(database.url);
    const stop = new AbortController();
    let idle = Promise.withResolvers<void>();
    const clock = stillClock(() => idle.resolve());
    const world = await workerWorld(storeOf(database), database.url, clock);
    const working = work(world, { concurrency: 4, stop: stop.signal, woken: () => listener.next() });
    /** Each round of the worker ends in a pause that never ends: only the database can have begun the next. */
    const round = async (): Promise<void> => {
      // Whatever ends the worker early ends the wait for it.
      await Promise.race([idle.promise, working]);
      idle = Promise.withResolvers();
    };
    await round();
    for (const [index, symbol] of ['FIRST', 'SECOND'].entries()) {
      await oneOrder(symbol);
      while ((await statuses())['filled'] !== index + 1) await round();
    }
    stop.abort();
    await working;
    await listener.close();
  });

  test('does not miss what was decided while it was busy', async () => {
    const listener = await listenForWork(database.url);
    await oneOrder('MEANWHILE');
    await listener.next();
    await listener.close();
  });
});
