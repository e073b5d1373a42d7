// Bench case: our orders beside the same rows written by plain SQL, and beside pgbench.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openPostgresSession } from '../../../src/adapters/store/postgres.ts';
import type { SqlSession } from '../../../src/ports/database.ts';
import {
  type Bench,
  type BenchCase,
  clocked,
  figure,
  howOften,
  judged,
  median,
  notMeasured,
  type Row,
  repeated,
  scaled,
  times,
} from '../bench-case.ts';
import type { BenchDatabase } from '../core/databases.ts';
import { importDay } from '../core/day.ts';
import { throughOnce } from '../core/orders-through.ts';

const SIGNALS = 5;
const SHARE_OF_FLOOR = 0.55;
const TIMES_PGBENCH = 2;
const PGBENCH_CLIENTS = 8;
/** Accounts of one transaction of the floor: 500 orders, as we settle them. */
const ACCOUNTS_PER_BATCH = 100;
const LANES = 3;

/**
 * What no program on this machine can do faster: the rows a run leaves, copied by plain set-based SQL into tables with the same
 * indexes and checks. Nothing is decided, locked, parsed or sent there.
 */
export const floor: BenchCase = {
  name: 'floor',
  what: 'orders through, beside the same rows written by plain set-based SQL, and beside pgbench’s own transaction',
  async measure(bench) {
    const users = scaled(bench, 20_000, 2);
    const orders = users * SIGNALS;
    const prepared = await bench.server.prepared(({ store }) => importDay(store, users, SIGNALS));
    try {
      const goes = await repeated(bench, 'big', async () => {
        let floorMs = 0;
        const { ms } = await throughOnce(bench, prepared, orders, {
          after: async (database) => {
            floorMs = await writtenPlainly(database, orders);
          },
        });
        return { ms, floorMs };
      });
      const perSecond = (orders * 1000) / median(goes.map(({ ms }) => ms));
      const floorPerSecond = (orders * 1000) / median(goes.map(({ floorMs }) => floorMs));
      const ratio = perSecond / floorPerSecond;
      const own = judged(bench, {
        what: `${figure(orders)} orders through, beside their rows by plain SQL`,
        goal: `≥ ${SHARE_OF_FLOOR} × plain SQL`,
        result: `${figure(perSecond)}/s, plain SQL ${figure(floorPerSecond)}/s (${howOften(goes)})`,
        ratio: times(ratio),
        met: ratio >= SHARE_OF_FLOOR,
      });
      return [own, await besidePgbench(bench, perSecond)];
    } finally {
      await prepared.drop();
    }
  },
};

/** Columns an order has from its acceptance on, as it is written then; the rest of it is copied. */
const atFirst: Readonly<Record<string, string>> = {
  status: `'queued'`,
  reason: 'null',
  message: 'null',
  venue_order_id: 'null',
  filled_quantity: '0',
  filled_value_minor: '0',
  attempts: '0',
  mark_id: 'null',
  lease_until: 'null',
  next_lookup_at: 'null',
  submitted_at: 'null',
  ended_at: 'null',
};

/** Writes the run's rows once more, batch by batch, each in the three transactions an order needs: how long it took. */
async function writtenPlainly({ url, session }: BenchDatabase, orders: number): Promise<number> {
  const tables = ['decisions', 'orders', 'ledger_entries', 'order_events', 'fills', 'positions', 'accounts'];
  await session.exec(
    `create schema plain; ${tables.map((name) => copyOf(name)).join(' ')}
    insert into plain.accounts overriding system value select * from public.accounts;
    create table plain.of_account as select id as account_id, row_number() over (order by id) as n from public.accounts;
    create index on plain.of_account (n);
    create index on public.ledger_entries (order_id); create index on public.order_events (order_id);
    create index on public.fills (order_id); create index on public.decisions (account_id);
    create index on public.orders (account_id); vacuum analyze;`.replace(' vacuum analyze;', ''),
  );
  await session.exec('vacuum analyze');
  const [{ n: accounts = 0 } = {}] = await session.query('select count(*)::int as n from plain.of_account');
  const statements = await statementsOf(session);
  let next = 1;
  const { ms } = await clocked(() =>
    Promise.all(
      Array.from({ length: LANES }, async () => {
        const own = await openPostgresSession(url);
        for (let from = next; from <= Number(accounts); from = next) {
          next += ACCOUNTS_PER_BATCH;
          const range = `(select account_id from plain.of_account where n between ${from} and ${from + ACCOUNTS_PER_BATCH - 1})`;
          for (const transaction of statements) await own.exec(transaction.replaceAll('{range}', range));
        }
        await own.close();
      }),
    ),
  );
  const [{ n = 0 } = {}] = await session.query(`select count(*)::int as n from plain.orders where status = 'filled'`);
  if (n !== orders) throw new Error(`the plain SQL wrote ${n} orders, not ${orders}`);
  return ms;
}

const copyOf = (table: string): string =>
  `create table plain.${table} (like public.${table} including all) with (fillfactor = 50);`;

/** Accepted, marked, settled: each a transaction for the accounts of `{range}`. */
async function statementsOf(session: SqlSession): Promise<string[]> {
  const columns = (await columnsOf(session, 'orders')).filter((name) => name !== 'id');
  const first = columns.map((name) => atFirst[name] ?? name).join(', ');
  const own = (name: string) => `account_id in {range}${name}`;
  const ofOrders = 'order_id in (select id from public.orders where account_id in {range})';
  const copied = (table: string, where: string) =>
    `insert into plain.${table} overriding system value select * from public.${table} where ${where};`;
  const money = 'update plain.accounts a set held_minor = a.held_minor, cash_minor = a.cash_minor where id in {range};';
  const later = columns.filter((name) => name in atFirst);
  return [
    `begin; ${copied('decisions', own(''))}
     insert into plain.orders (id, ${columns.join(', ')}) overriding system value
       select id, ${first} from public.orders where ${own('')};
     ${copied('ledger_entries', `${own('')} and kind = 'hold'`)} ${copied('order_events', `${ofOrders} and to_status = 'queued'`)}
     ${money} commit;`,
    `begin; update plain.orders set status = 'submitting', attempts = attempts + 1 where ${own('')};
     ${copied('order_events', `${ofOrders} and to_status = 'submitting'`)} commit;`,
    `begin; update plain.orders o set ${later.map((name) => `${name} = was.${name}`).join(', ')}
       from public.orders was where was.id = o.id and o.account_id in {range};
     ${copied('order_events', `${ofOrders} and to_status not in ('queued', 'submitting')`)} ${copied('fills', ofOrders)}
     ${copied('ledger_entries', `${own('')} and kind <> 'hold' and order_id is not null`)} ${copied('positions', own(''))}
     ${money} commit;`,
  ];
}

async function columnsOf(session: SqlSession, table: string): Promise<string[]> {
  const rows = await session.query(
    `select attname as name from pg_attribute where attrelid = ('public.' || $1)::regclass and attnum > 0
     and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  );
  return rows.map(({ name }) => String(name));
}

/** pgbench's TPC-B-like transaction (five statements, one commit), from the programs of the server that is measured. */
async function besidePgbench(bench: Bench, ordersPerSecond: number): Promise<Row> {
  const what = `pgbench tpcb-like, ${PGBENCH_CLIENTS} clients`;
  const goal = `ours ≥ ${TIMES_PGBENCH} × its transactions/s`;
  const program = join(bench.server.build, 'pgbench');
  if (!existsSync(program)) return notMeasured(what, goal, 'these Postgres programs have no pgbench');
  const goes = await repeated(bench, 'big', () => pgbenchOnce(bench, program));
  const perSecond = median(goes);
  const ratio = ordersPerSecond / perSecond;
  const result = `${figure(perSecond)} transactions/s (${howOften(goes)})`;
  return judged(bench, { what, goal, result, ratio: times(ratio), met: ratio >= TIMES_PGBENCH });
}

async function pgbenchOnce(bench: Bench, program: string): Promise<number> {
  const database = await bench.server.blank();
  const started = promisify(execFile);
  try {
    await started(program, ['--initialize', '--quiet', '--scale=10', database.url]);
    const seconds = String(scaled(bench, 10));
    const run = ['--client', String(PGBENCH_CLIENTS), '--jobs=2', '--no-vacuum', '--time', seconds, database.url];
    const { stdout } = await started(program, run);
    const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
    if (tps === undefined) throw new Error(`pgbench printed no rate: ${stdout}`);
    return Number(tps);
  } finally {
    await database.close();
  }
}
