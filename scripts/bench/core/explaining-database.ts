// A database that explains the statements of chosen calls, for the stored query plans.
import pg from 'pg';
import { openPostgres } from '../../../src/adapters/store/postgres.ts';
import { callStatement } from '../../../src/adapters/store/sql-call.ts';
import type { Database } from '../../../src/ports/database.ts';

/** One call of a function, with the plan of every statement that ran inside it, innermost first. */
export interface Explained {
  name: string;
  text: string;
  statements: number;
  ms: number;
}

const EXPLAIN = `
load 'auto_explain';
set auto_explain.log_min_duration = -1;
set auto_explain.log_analyze = on;
set auto_explain.log_buffers = on;
set auto_explain.log_nested_statements = on;
set auto_explain.log_level = notice;
set client_min_messages = notice;
-- Known from Postgres 16 on; before it no parameters are logged.
select set_config('auto_explain.log_parameter_max_length', '0', false)
where current_setting('server_version_num')::integer >= 160000;
`;

/**
 * The product's database, of which the nth call of some functions is explained, with the arguments the product gave it.
 * All calls of such a function go over the connection that explains, so that its cached plans are as old as they would be.
 */
export async function explainingDatabase(
  url: string,
  nth: Readonly<Record<string, number>>,
): Promise<Database & { explained(): Explained[] }> {
  const pool = openPostgres({ url, max: 10 });
  const session = await explainingSession(url);
  const calls = new Map<string, number>();
  const explained: Explained[] = [];
  // One connection: its calls wait for each other.
  let last: Promise<unknown> = Promise.resolve();
  const call: Database['call'] = (name, args) => {
    if (!(name in nth)) return pool.call(name, args);
    const answer = last.then(async () => {
      const count = (calls.get(name) ?? 0) + 1;
      calls.set(name, count);
      if (count !== nth[name]) return session.ask(name, args);
      const { answer, ...rest } = await session.explain(name, args);
      explained.push(rest);
      return answer;
    });
    last = answer.catch(() => undefined);
    return answer;
  };
  return {
    call,
    explained: () => explained,
    async close() {
      await pool.close();
      await session.close();
    },
  };
}

async function explainingSession(url: string) {
  const client = new pg.Client({ connectionString: url });
  const notices: string[] = [];
  client.on('notice', ({ message = '' }) => notices.push(message));
  await client.connect();
  try {
    await client.query(EXPLAIN);
  } catch (error) {
    await client.end();
    throw error;
  }
  const ask = async (name: string, args: unknown): Promise<unknown> => {
    const { rows } = await client.query<{ answer: unknown }>(callStatement(name), [JSON.stringify(args)]);
    return rows[0]?.answer ?? null;
  };
  return {
    ask,
    async explain(name: string, args: unknown): Promise<Explained & { answer: unknown }> {
      await client.query('set auto_explain.log_min_duration = 0');
      notices.length = 0;
      const beganMs = performance.now();
      const answer = await ask(name, args);
      const ms = performance.now() - beganMs;
      const entries = notices.filter((notice) => notice.startsWith('duration:'));
      await client.query('set auto_explain.log_min_duration = -1');
      return { name, ms, statements: entries.length, text: textOf(name, args, entries), answer };
    },
    close: () => client.end(),
  };
}

/** The same statement may run once per row: the slowest time is given, with how often it ran. */
function textOf(name: string, args: unknown, entries: string[]): string {
  const sizes = Object.entries(args ?? {}).map(([key, value]) => {
    return Array.isArray(value) ? `${key}: ${value.length} items` : `${key}: ${JSON.stringify(value).slice(0, 80)}`;
  });
  const byStatement = Map.groupBy(entries, statementOf);
  const plans = [...byStatement.values()].map((same) => {
    const [slowest = ''] = same.toSorted((a, b) => msOf(b) - msOf(a));
    return same.length === 1 ? slowest : `ran ${same.length} times, slowest: ${slowest}`;
  });
  return [`${name} with ${sizes.join(', ')}`, ...plans].join('\n\n').concat('\n');
}

/** The statement itself, without the plan. */
function statementOf(entry: string): string {
  const lines = entry.split('\n').slice(1);
  return lines
    .slice(
      0,
      Math.max(
        1,
        lines.findIndex((line) => line.includes('(cost=')),
      ),
    )
    .join('\n');
}

function msOf(entry: string): number {
  return Number(/^duration: ([\d.]+) ms/.exec(entry)?.[1] ?? 0);
}
