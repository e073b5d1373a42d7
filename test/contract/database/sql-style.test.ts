// The rules of the migrations' text: comments, sizes, reasons, and what the last line of a file does.
import { describe, expect, test } from 'vitest';
import { functionsIn } from '../../../scripts/schema/notes.ts';
import { readMigrations } from '../../../src/adapters/store/migrate.ts';

const MAX_COLUMNS = 109;
const MAX_LINES = 60;

const migrations = readMigrations();
const written = migrations.flatMap(({ sql }) => functionsIn(sql));

describe('the migrations', () => {
  test('have no line of more than 109 characters', () => {
    const long = migrations.flatMap(({ name, sql }) => {
      const lines = sql.split('\n').map((line, index) => ({ line, at: `${name}:${index + 1}` }));
      return lines.filter(({ line }) => [...line].length > MAX_COLUMNS).map(({ at }) => at);
    });
    expect(long).toEqual([]);
  });

  test('have a comment above every function', () => {
    expect(written.length).toBeGreaterThan(300);
    expect(written.filter(({ hasComment }) => !hasComment).map(({ name }) => name)).toEqual([]);
  });

  test('have no function of more than 60 lines', () => {
    expect(written.filter(({ lines }) => lines > MAX_LINES).map(({ name, lines }) => `${name}: ${lines}`)).toEqual([]);
  });

  test('give the measured reason of every planner switch, in the comment above its function', () => {
    const switched = written.filter(({ switches }) => switches.length > 0);
    expect(switched.length).toBeGreaterThan(0);
    const silent = switched.flatMap(({ name, switches, comment }) => {
      const problems = comment.replaceAll(/\n-- /g, ' ');
      const missing = switches.filter((one) => !problems.includes(one.replace(/ = .*/, '')));
      // A figure with its unit: `4,801,965 rows`, `3,000 ms`.
      return /\d (?:ms|rows)\b/.test(problems) ? missing.map((one) => `${name}: ${one}`) : [`${name}: no figure`];
    });
    expect(silent).toEqual([]);
  });

  test('switch compiling off where they switch a plan off: what is off costs ten billion, which would be compiled', () => {
    const compiled = written.filter(({ switches }) => {
      return switches.some((one) => /^enable_\w+ = off$/.test(one)) && !switches.includes('jit = off');
    });
    expect(compiled.map(({ name }) => name)).toEqual([]);
  });

  test('plan once per connection what every order goes through: Postgres plans a function in SQL at each call', () => {
    // A query that gives one value, has settings or rights of its own, or says it is more stable than what it calls, is
    // never made part of its caller's.
    const planned = ({ returns, language, settings, body }: SqlFunction): boolean => {
      const isOneValue = !/^(?:setof|table) /.test(returns);
      return language === 'sql' && (settings || (isOneValue && /\bfrom\b|\(select\b|\bclock_timestamp\(/.test(body)));
    };
    const all = new Map(migrations.flatMap(({ sql }) => sqlFunctionsIn(sql)).map((one) => [one.name, one]));
    const reached = new Set(['public.place_orders', 'public.read_order_inputs', 'public.read_prices']);
    for (const name of reached) {
      const { body = '' } = all.get(name) ?? {};
      for (const [called] of body.matchAll(/\b(?:core|public)\.\w+(?=\()/g)) if (all.has(called)) reached.add(called);
    }
    expect(reached.size).toBeGreaterThan(40);
    const anew = [...reached].flatMap((name) => [all.get(name)].filter((one) => one !== undefined && planned(one)));
    expect(anew.map((one) => one?.name)).toEqual([]);
  });

  test('are read right: a function that breaks each rule is found', () => {
    const body = Array.from({ length: MAX_LINES }, () => '  select 1;').join('\n');
    const head = 'create function core.bad(n bigint) returns void\nlanguage sql set jit = off as $$';
    const [found] = functionsIn(`\n${head}\n${body}\n$$;\n`);
    expect(found).toEqual({
      name: 'core.bad',
      lines: MAX_LINES + 3,
      hasComment: false,
      switches: ['jit = off'],
      comment: '',
    });
  });

  test('end with core.lock_down() as soon as there is one: a later file has to', () => {
    const since = migrations.findIndex(({ sql }) => sql.includes('create function core.lock_down()'));
    const later = migrations.slice(since + 1);
    expect(later.length).toBeGreaterThan(0);
    const open = later.filter(({ sql }) => !sql.trimEnd().endsWith('\nselect core.lock_down();'));
    expect(open.map(({ name }) => name)).toEqual([]);
  });
});

interface SqlFunction {
  name: string;
  returns: string;
  language: string;
  /** Whether it has settings of its own, or its owner's rights. */
  settings: boolean;
  /** Without comments. */
  body: string;
}

function sqlFunctionsIn(sql: string): SqlFunction[] {
  const written = sql.matchAll(
    /^create (?:or replace )?function ([\w.]+)\([^$]*?\)\s+returns ([^$]*?)\s*language (\w+)([^$]*)\$\$(.*?)\$\$;/gms,
  );
  return [...written].map(([, name = '', returns = '', language = '', attributes = '', body = '']) => {
    const settings = /\bset \w+ =|security definer/.test(attributes);
    return {
      name,
      returns,
      language,
      settings,
      body: body.replaceAll(/--.*$/gm, '').replaceAll(/extract\(\w+ from/g, '('),
    };
  });
}
