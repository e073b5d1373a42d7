import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { onEveryDatabase } from '../support/every-database.ts';

onEveryDatabase('the seed of a local stack', ({ session, value }) => {
  test('brings in what it names, through the functions, and doubles nothing when run again', async () => {
    const seed = readFileSync(resolve(import.meta.dirname, '../../../supabase/seed.sql'), 'utf8');
    await session.exec(seed);
    await session.exec(seed);
    expect(await value('select count(*)::int from public.users')).toBe(2);
    expect(await value('select count(*)::int from public.instruments where not assumed')).toBe(2);
    expect(await value('select sum(cash_minor)::int from public.accounts')).toBe(300_000_00);
  });
});
