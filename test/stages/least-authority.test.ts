// What a stage may not do, held by the compiler: each @ts-expect-error is an error of `npm run types` where it is none.
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { World } from '../../src/ports/world.ts';
import { accept } from '../../src/stages/accept/accept.ts';
import type { DecidedPage, DecidedUser } from '../../src/stages/decide/decided.ts';
import type { RunToDecide } from '../../src/stages/scan/request.ts';

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
    const { DecidedUser } = await import('../../src/stages/decide/decided.ts');
    expect(DecidedUser).toBeUndefined();
  });
});
