import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { operatorActions } from '../../../src/domain/actions.ts';
import { nowMs } from '../../support/builders.ts';
import { onEveryDatabase } from '../support/every-database.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../supabase/migrations');

test('every action the database records is documented, and no other', () => {
  const files = readdirSync(MIGRATIONS).filter((file) => file.endsWith('.sql'));
  const migrator = join(import.meta.dirname, '../../../src/adapters/store/migrate.ts');
  const text = [...files.map((file) => join(MIGRATIONS, file)), migrator]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const recorded = [...text.matchAll(/core\.(?:record_action|action_row)\([^,]*,\s*'([a-z_]+)'/g)].map(
    ([, name]) => name,
  );
  expect([...new Set(recorded)].toSorted()).toEqual(Object.keys(operatorActions).toSorted());
});

onEveryDatabase('the log of operator actions', ({ store, session, value }) => {
  const asha = { who: 'asha@office', how: 'cli' } as const;
  const halt = (target: string) =>
    store.call('halt', { scope: 'user', target, why: `drill ${target}`, by: asha, nowMs });
  const resume = (target: string) =>
    store.call('resume', { scope: 'user', target, why: 'over', by: { who: 'key:ds_4f6a', how: 'http' }, nowMs });
  const read = (filter: object = {}) =>
    store.call('read_actions', { beforeId: null, limit: 100, userId: null, action: null, sinceMs: null, ...filter });
  const verify = (kept: object = {}) => store.call('verify_actions', { keptId: null, keptHash: null, ...kept });
  const problems = async () => (await verify()).problems.map(({ id, kind }) => `${kind} ${id}`);
  const five = async () => {
    for (const target of ['u1', 'u2', 'u3', 'u4', 'u5']) await halt(target);
  };
  /** As whoever owns the server may: with the triggers out of the way. Everything is put back. */
  const tampered = async (sql: string, then: () => Promise<void>) => {
    await session.exec(`create temp table kept as select * from public.operator_actions;
      create temp table kept_head as select * from public.operator_action_head;
      set session_replication_role = replica; ${sql}`);
    try {
      await then();
    } finally {
      await session.exec(`delete from public.operator_actions; delete from public.operator_action_head;
        insert into public.operator_actions select * from kept; insert into public.operator_action_head select * from kept_head;
        drop table kept; drop table kept_head; set session_replication_role = origin`);
    }
  };

  test('who, how, what, on what, why and when stand there, and what was before', async () => {
    await halt('ravi');
    await resume('ravi');
    const [second, first] = await read();
    expect(first).toMatchObject({
      id: 1,
      ...asha,
      action: 'halt',
      target: 'user:ravi',
      userId: 'ravi',
      why: 'drill ravi',
    });
    expect(first).toMatchObject({ before: null, after: null, redactedBy: null });
    expect(second).toMatchObject({ id: 2, who: 'key:ds_4f6a', how: 'http', action: 'resume', why: 'over' });
    expect(second?.before).toEqual({ why: 'drill ravi', by: 'asha@office', atMs: nowMs });
    const databaseMs = Number(await value('select core.ms(core.database_now())'));
    expect(Math.abs(databaseMs - (first?.atMs ?? 0))).toBeLessThan(60_000);
  });

  test('what changed nothing leaves no row, and an act that is rolled back takes its row with it', async () => {
    await halt('ravi');
    expect(await halt('ravi')).toEqual({ changed: false });
    expect(await read()).toHaveLength(1);
    await expect(
      session.exec(`do $$ begin
        perform public.halt('{"scope": "all", "why": "w", "by": {"who": "me", "how": "cli"}, "nowMs": 1}');
        raise exception 'the transaction fails'; end $$`),
    ).rejects.toThrow('the transaction fails');
    expect(await read()).toHaveLength(1);
    expect(await value('select id from public.operator_action_head')).toEqual(expect.anything());
    expect(await verify()).toMatchObject({ rows: 1, headId: 1, problems: [] });
  });

  test.each(['{}', '{"by": "asha"}', '{"by": {"who": "", "how": "cli"}}', '{"by": {"who": "asha"}}'])(
    'an act nobody answers for is refused, and not done: %s',
    async (by) => {
      const args = { scope: 'all', why: 'w', nowMs: 1, ...JSON.parse(by) };
      await expect(session.query('select public.halt($1::jsonb)', [JSON.stringify(args)])).rejects.toMatchObject({
        code: expect.stringMatching(/^(PT400|23502)$/),
      });
      expect(await value('select count(*)::int from public.halts')).toBe(0);
    },
  );

  test('it is paged from the newest, and asked by user, action and time', async () => {
    await five();
    await resume('u2');
    expect((await read({ limit: 2 })).map(({ id }) => id)).toEqual([6, 5]);
    expect((await read({ limit: 2, beforeId: 5 })).map(({ id }) => id)).toEqual([4, 3]);
    expect((await read({ userId: 'u2' })).map(({ action }) => action)).toEqual(['resume', 'halt']);
    expect((await read({ action: 'resume' })).map(({ id }) => id)).toEqual([6]);
    expect(await read({ sinceMs: Date.UTC(2100, 0, 1) })).toEqual([]);
  });

  test('acts of the same moment get a number each, one after the other', async () => {
    await Promise.all(Array.from({ length: 12 }, (_, n) => halt(`u${n}`)));
    expect((await read()).map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, n) => 12 - n));
    expect(await problems()).toEqual([]);
  });

  test('nobody changes or removes a row, not even the owner', async () => {
    await halt('ravi');
    for (const sql of [
      "update public.operator_actions set why = 'another'",
      "update public.operator_actions set redacted_by = 2, hash = 'another'",
      'delete from public.operator_actions',
      'truncate public.operator_actions',
    ]) {
      await expect(session.exec(sql), sql).rejects.toMatchObject({ code: 'PT403' });
    }
  });

  const rehashed = (id: number) => `update public.operator_actions a set content_hash = core.action_content_hash(a)
    where id = ${id}; update public.operator_actions a set hash = core.action_hash(a) where id = ${id}`;
  const copy = (id: number) => `insert into public.operator_actions
    select (jsonb_populate_record(a, '{"id": ${id}}')).* from public.operator_actions a where id = 3`;
  test.each([
    ['a reason is changed', "update public.operator_actions set why = 'x' where id = 3", 'changed 3'],
    ['who did it is changed', "update public.operator_actions set who = 'ravi' where id = 1", 'changed 1'],
    ['a time is changed', "update public.operator_actions set at = at + interval '1 s' where id = 2", 'changed 2'],
    ['a way in is changed', "update public.operator_actions set how = 'service' where id = 4", 'changed 4'],
    ['a row is said to be redacted', 'update public.operator_actions set redacted_by = 4 where id = 2', 'changed 2'],
    [
      'a row and its hashes are changed',
      `update public.operator_actions set why = 'x' where id = 3; ${rehashed(3)}`,
      'changed 3',
    ],
    [
      'the newest row and its hashes are changed',
      `update public.operator_actions set why = 'x' where id = 5; ${rehashed(5)}`,
      'changed 5',
    ],
    ['a row is deleted', 'delete from public.operator_actions where id = 2', 'missing 2'],
    ['the first row is deleted', 'delete from public.operator_actions where id = 1', 'missing 1'],
    ['the last rows are deleted', 'delete from public.operator_actions where id > 3', 'missing 4'],
    ['all rows are deleted', 'delete from public.operator_actions', 'missing 1'],
    ['a row is added at the end', copy(6), 'added 6'],
    [
      'a row is put in between',
      `update public.operator_actions set id = -id - 1 where id > 3; update public.operator_actions set id = -id where id < 0; ${copy(4)}`,
      'changed 4',
    ],
    [
      'two rows change places',
      'update public.operator_actions set id = case id when 2 then -3 else -2 end where id in (2, 3); update public.operator_actions set id = -id where id < 0',
      'changed 2',
    ],
  ])('%s: the first bad row is named', async (_what, sql, first) => {
    await five();
    await tampered(sql, async () => expect((await problems())[0]).toBe(first));
    expect(await problems()).toEqual([]);
  });

  test('a chain that was made anew as a whole is found by a hash that was kept elsewhere', async () => {
    await five();
    const kept = await verify();
    await halt('u6');
    expect((await verify({ keptId: kept.headId, keptHash: kept.headHash })).problems).toEqual([]);
    const anew = `update public.operator_actions set why = 'x' where id = 4;
      update public.operator_actions a set content_hash = core.action_content_hash(a);
      do $$ begin for n in 1..6 loop
        update public.operator_actions a set
          previous_hash = coalesce((select b.hash from public.operator_actions b where b.id = n - 1), '') where id = n;
        update public.operator_actions a set hash = core.action_hash(a) where id = n; end loop; end $$;
      update public.operator_action_head set hash = (select hash from public.operator_actions where id = 6)`;
    await tampered(anew, async () => {
      expect(await problems()).toEqual([]);
      const problem = { id: 5, kind: 'not_as_kept' };
      expect((await verify({ keptId: kept.headId, keptHash: kept.headHash })).problems).toEqual([problem]);
    });
  });

  test('rows that were deleted at the end stay missing when acts go on', async () => {
    await five();
    await tampered(
      'delete from public.operator_actions where id > 3; set session_replication_role = origin',
      async () => {
        await halt('u6');
        expect((await read())[0]?.id).toBe(6);
        expect(await problems()).toEqual(['missing 4']);
        await session.exec('set session_replication_role = replica');
      },
    );
  });
});
