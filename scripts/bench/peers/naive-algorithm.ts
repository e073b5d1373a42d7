// The algorithm one would write first, to measure ours against.
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { BenchDatabase } from '../core/databases.ts';

// NOT the product: the algorithm one would write first, as the brief of a fan-out suggests it, to be measured beside
// ours. It has tables of its own in the same database, with fewer indexes, no triggers and no event history; it is
// neither safe to repeat nor to run twice, and what crashes in the middle is lost.

const TABLES = `
create schema naive;
create table naive.users as select id, active, trading_enabled from public.users;
alter table naive.users add primary key (id);
create table naive.accounts as select user_id, capital_minor, allocation_bps, cash_minor, held_minor from public.accounts;
alter table naive.accounts add primary key (user_id);
create table naive.prices as select symbol, open_minor as price_minor from public.daily_prices;
alter table naive.prices add primary key (symbol);
create table naive.positions (user_id text, symbol text, quantity bigint, primary key (user_id, symbol));
create table naive.orders (id bigint generated always as identity primary key, user_id text, symbol text,
  quantity bigint, price_minor bigint, status text);
create table naive.ledger (id bigint generated always as identity primary key, order_id bigint, held_delta_minor bigint);
analyze;
`;

export interface Naive {
  users: string[];
  symbols: string[];
  /** One order of one user, from the first question to the venue's answer. */
  place(user: string, symbol: string): Promise<void>;
  clear(): Promise<void>;
  /** @throws Error if not so many orders were filled */
  mustHave(orders: number): Promise<void>;
  close(): Promise<void>;
}

/** The naive algorithm on a day that was imported: as many connections as the product has. */
export async function openNaive({ url, session }: BenchDatabase, signals: number, latencyMs: number): Promise<Naive> {
  await session.exec(TABLES);
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const users = await session.query('select id from naive.users order by id');
  return {
    users: users.map(({ id }) => String(id)),
    symbols: Array.from({ length: signals }, (_, index) => `S${index + 1}`),
    place: (user, symbol) => placeOne(pool, user, symbol, latencyMs),
    clear: () => session.exec('truncate naive.orders, naive.ledger, naive.positions'),
    async mustHave(orders) {
      const [row] = await session.query("select count(*)::int as n from naive.orders where status = 'filled'");
      if (row?.['n'] !== orders) throw new Error(`the naive algorithm filled ${row?.['n']} orders, not ${orders}`);
    },
    close: () => ended(pool),
  };
}

/**
 * Ends a pool and its connections. `pool.end()` alone answers while they are still open: the database is dropped next, and
 * one that hears of it then ends the process by an 'error' nobody listens to.
 */
async function ended(pool: pg.Pool): Promise<void> {
  let open = pool.totalCount;
  const closed = new Promise<void>((resolve) => {
    if (open === 0) resolve();
    pool.on('remove', () => {
      open -= 1;
      if (open === 0) resolve();
    });
  });
  await pool.end();
  await closed;
}

async function placeOne(pool: pg.Pool, user: string, symbol: string, latencyMs: number): Promise<void> {
  const eligible = await pool.query('select 1 from naive.users where id = $1 and active and trading_enabled', [user]);
  if (eligible.rows.length === 0) return;
  const held = await pool.query('select 1 from naive.positions where user_id = $1 and symbol = $2', [user, symbol]);
  if (held.rows.length > 0) return;
  const quantity = await sizeOf(pool, user, symbol);
  if (quantity === null) return;
  const orderId = await written(pool, user, symbol, quantity);
  await pause(latencyMs); // the venue
  await pool.query("update naive.orders set status = 'filled' where id = $1", [orderId]);
}

interface Size {
  quantity: number;
  priceMinor: number;
}

async function sizeOf(pool: pg.Pool, user: string, symbol: string): Promise<Size | null> {
  const price = await pool.query<{ price_minor: string }>('select price_minor from naive.prices where symbol = $1', [
    symbol,
  ]);
  const account = await pool.query<{ budget_minor: string; available_minor: string }>(
    `select capital_minor * allocation_bps / 10000 as budget_minor, cash_minor - held_minor as available_minor
     from naive.accounts where user_id = $1`,
    [user],
  );
  const [quoted, money] = [price.rows[0], account.rows[0]];
  if (!quoted || !money) return null;
  const priceMinor = Number(quoted.price_minor);
  const quantity = Math.floor(Number(money.budget_minor) / priceMinor);
  return quantity > 0 && quantity * priceMinor <= Number(money.available_minor) ? { quantity, priceMinor } : null;
}

/** The order and the money it holds, in one transaction. */
async function written(pool: pg.Pool, user: string, symbol: string, { quantity, priceMinor }: Size): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query<{ id: string }>(
      `insert into naive.orders (user_id, symbol, quantity, price_minor, status) values ($1, $2, $3, $4, 'queued')
       returning id`,
      [user, symbol, quantity, priceMinor],
    );
    const id = rows[0]?.id ?? '';
    const value = quantity * priceMinor;
    await client.query('update naive.accounts set held_minor = held_minor + $2 where user_id = $1', [user, value]);
    await client.query('insert into naive.ledger (order_id, held_delta_minor) values ($1, $2)', [id, value]);
    await client.query('commit');
    return id;
  } finally {
    client.release();
  }
}
