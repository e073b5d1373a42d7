// What a stage may not do, held by the compiler: each @ts-expect-error is an error of `npm run types` where it is none.
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { StoreOf } from '../../src/ports/deps.ts';
import type { Store } from '../../src/ports/store/store.ts';
import type { World } from '../../src/ports/world.ts';
import type { RunDeps } from '../../src/run.ts';
import { accept } from '../../src/stages/accept/accept.ts';
import type { AccountsDeps, ReadyDeps, SyncDeps } from '../../src/stages/accounts/deps.ts';
import type { DecidedPage, DecidedUser } from '../../src/stages/decide/decide.ts';
import type { DecideDeps } from '../../src/stages/decide/deps.ts';
import type { ExecuteDeps } from '../../src/stages/execute/deps.ts';
import type { CallbackDeps, NotifyDeps } from '../../src/stages/notify/deps.ts';
import type { ScanDeps } from '../../src/stages/scan/deps.ts';
import type { RunToDecide } from '../../src/stages/scan/request.ts';
import type { WorkDeps } from '../../src/work.ts';

describe('accept takes what decide has decided', () => {
  test('and no object that only looks like it', () => {
    const alike = (real: DecidedUser) => ({
      account: real.account,
      decisions: real.decisions,
      toAccept: () => real.toAccept(),
    });
    expectTypeOf<ReturnType<typeof alike>>().not.toExtend<DecidedUser>();
    // A copy with other decisions is none either.
    expectTypeOf((real: DecidedUser) => ({ ...real, decisions: [] })).returns.not.toExtend<DecidedUser>();
    expectTypeOf<keyof ReturnType<typeof alike>>().toEqualTypeOf<keyof DecidedUser>();
    const forged = async (world: World, run: RunToDecide, real: DecidedUser) => {
      const page: DecidedPage = [real];
      async function* pages() {
        yield [alike(real)];
      }
      async function* decided() {
        yield page;
      }
      await accept(world, run, decided());
      // @ts-expect-error: made by hand
      await accept(world, run, pages());
    };
    expect(forged).toBeInstanceOf(Function);
  });

  test('and nobody else can make one', async () => {
    // @ts-expect-error: the class is exported as a type only
    const { DecidedUser } = await import('../../src/stages/decide/decide.ts');
    expect(DecidedUser).toBeUndefined();
  });
});

describe('a stage calls what it is given', () => {
  test('a store that takes few functions takes no other, and is no store that takes more', () => {
    const calls = async ({ store }: ScanDeps) => {
      await store.call('read_run', { runId: '' });
      // @ts-expect-error: scan opens nothing
      await store.call('open_run', { runId: '' });
    };
    expect(calls).toBeInstanceOf(Function);
    expectTypeOf<Store>().toExtend<StoreOf<'read_run' | 'open_run'>>();
    expectTypeOf<StoreOf<'read_run' | 'open_run'>>().toExtend<StoreOf<'read_run'>>();
    expectTypeOf<StoreOf<'read_run'>>().not.toExtend<StoreOf<'read_run' | 'open_run'>>();
    expectTypeOf<StoreOf<'read_run'>>().not.toExtend<Store>();
  });

  test('the world has all that any of them needs', () => {
    expectTypeOf<World>().toExtend<RunDeps & WorkDeps & ReadyDeps & SyncDeps & CallbackDeps>();
  });

  test('nobody but execute can send an order, and nobody but notify a message', () => {
    const reach = async (decide: DecideDeps, accounts: AccountsDeps, callback: CallbackDeps) => {
      const venues = [decide.venues.get('kite'), accounts.venues.get('kite')] as const;
      // @ts-expect-error: decide asks a venue for margins only
      await venues[0]?.accountApi?.cancel;
      // @ts-expect-error: the checks of accounts read
      await venues[1]?.accountApi?.cancel;
      // @ts-expect-error: what a provider says is booked, not answered
      await callback.notifier.send;
    };
    expect(reach).toBeInstanceOf(Function);
    expectTypeOf<DecideDeps['venues']>().not.toExtend<ExecuteDeps['venues']>();
    expectTypeOf<AccountsDeps['venues']>().not.toExtend<ExecuteDeps['venues']>();
    expectTypeOf<DecideDeps>().not.toExtend<{ notifier: unknown }>();
    expectTypeOf<ExecuteDeps>().not.toExtend<{ notifier: unknown }>();
    expectTypeOf<CallbackDeps['notifier']>().not.toExtend<NotifyDeps['notifier']>();
    expectTypeOf<NotifyDeps>().not.toExtend<{ venues: unknown }>();
  });
});
