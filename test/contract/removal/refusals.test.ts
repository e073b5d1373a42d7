// What is too recent, open, wrong or under a legal hold keeps its records.
import { expect, test } from 'vitest';
import { addDays } from '../../../src/domain/market/india-time.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { by, manifestHash, removalScene, today, yearsLater } from './scene.ts';

onEveryDatabase('removal is refused', (ground) => {
  const { store, session } = ground;
  const { close, mark, page, counted, closedDay } = removalScene(ground);

  test.each<[string, object, () => Promise<unknown>]>([
    ['is not closed', { kind: 'not_closed' }, () => mark(addDays(today, 1))],
    [
      'is not eight financial years old',
      { kind: 'too_recent' },
      () => mark(today, manifestHash, yearsLater(8, '03-31')),
    ],
    [
      'is not as old as a setting asks for',
      { kind: 'too_recent' },
      () => mark(today, manifestHash, yearsLater(10), 12),
    ],
    ['is asked for by less than the law', { kind: 'too_recent' }, () => mark(today, manifestHash, yearsLater(3), 1)],
    [
      'comes after a closing that has its records',
      { kind: 'earlier_first', through: today },
      async () => {
        await close(addDays(today, 1));
        return mark(addDays(today, 1));
      },
    ],
    [
      'is under a legal hold',
      { kind: 'legal_hold', why: by.why },
      async () => {
        expect(await store.call('set_legal_hold', { isOn: true, by })).toEqual({ changed: true });
        expect(await store.call('set_legal_hold', { isOn: true, by })).toEqual({ changed: false });
        return mark();
      },
    ],
    [
      'has a run that is not done',
      { kind: 'open', open: [{ kind: 'run', count: 1 }] },
      async () => {
        await session.exec(`update public.scan_runs set state = 'decided', done_at = null`);
        return mark();
      },
    ],
    [
      'has a message nobody knows of',
      { kind: 'open', open: [{ kind: 'message', count: 1 }] },
      async () => {
        await session.exec(`update public.messages set status = 'unknown'`);
        return mark();
      },
    ],
    [
      'has an account that was opened again',
      { kind: 'open', open: [{ kind: 'account', count: 1 }] },
      async () => {
        await session.exec('delete from public.closed_balances');
        return mark();
      },
    ],
    [
      'does not add up',
      { kind: 'not_adding_up', findings: expect.arrayContaining([]) },
      async () => {
        await session.exec('begin; update public.closed_balances set cash_minor = cash_minor + 1');
        return mark().finally(() => session.exec('rollback'));
      },
    ],
  ])('a day that %s keeps its records', async (_what, refusal, ask) => {
    const { runId } = await closedDay();
    const all = await counted();
    const answer = await ask();
    expect(answer).toMatchObject(refusal);
    await page().catch(() => null);
    expect(await counted()).toEqual(all);
    await session.exec(`update public.messages set status = 'delivered';
      update public.scan_runs set state = 'done', done_at = decided_at where id = '${runId}'`);
  });
});
