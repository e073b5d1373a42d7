import { expect, test } from 'vitest';
import { makeWorld } from '../../src/compose/world.ts';
import { readConfig } from '../../src/config/config.ts';
import { work } from '../../src/work.ts';
import { decideAll, openTestRun } from '../contract/support/test-run.ts';
import { setClock } from '../stages/support/clocks.ts';
import { storeOf } from '../stages/support/run-day.ts';
import { nowMs, quote, tradeDate, user } from '../support/builders.ts';
import { freshPglite } from '../support/postgres.ts';
import { numberOf, quick } from './fixtures.ts';

test('a provider who never answers delays no order, and its end is waited for when we stop', async () => {
  const database = await freshPglite();
  const store = storeOf(database);
  const users = ['asha', 'ravi'].map((id, index) => user(id, { whatsapp: numberOf(index) }));
  await decideAll(await openTestRun(store, { users }));
  const halt = { scope: 'user', target: 'ravi', why: 'test', by: { who: 'test', how: 'cli' }, nowMs } as const;
  await store.call('halt', halt);
  const read = readConfig({});
  if (read.kind !== 'config') throw new Error(read.problems.join('\n'));
  const target = { kind: 'embedded', path: null } as const;
  const options = { config: read.config, target, store, quotes: { read: async () => [] }, faults: null };
  const plain = await makeWorld({ ...options, clock: setClock(nowMs), emit: () => undefined });
  await plain.venues.get('paper')?.openMarket?.(tradeDate, [quote('TITAN')]);
  const sentTo: string[] = [];
  const answer = Promise.withResolvers<{ kind: 'sent'; providerId: string }>();
  const send = async ({ userId }: { userId: string }) => {
    sentTo.push(userId);
    return answer.promise;
  };
  const stop = new AbortController();
  const world = { ...plain, notifier: { name: 'mute', pace: quick, send } };
  const working = work(world, { concurrency: 4, stop: stop.signal, woken: () => new Promise(() => undefined) });
  const patience = { timeout: 20_000 };
  await expect.poll(() => sentTo, patience).toEqual(['asha']);

  await store.call('resume', halt);
  const orders = () => database.session.query('select user_id, status from public.orders order by user_id');
  await expect.poll(async () => (await orders()).map(({ status }) => status), patience).toEqual(['filled', 'filled']);
  const messages = () => database.session.query('select status from public.messages order by user_id');
  expect((await messages())[0]).toEqual({ status: 'sending' });

  stop.abort();
  answer.resolve({ kind: 'sent', providerId: 'SM1' });
  await working;
  expect((await messages())[0]).toEqual({ status: 'sent' });
  await database.close();
});
