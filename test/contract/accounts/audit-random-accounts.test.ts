import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differences } from '../../support/audit-differences.ts';
import { onEveryDatabase } from '../support/every-database.ts';
import { anyStep, RandomAccount } from '../support/random-account.ts';

onEveryDatabase('the books of any life', ({ store }) => {
  let accounts = 0;

  test('are what its facts come to, after every step', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 6, maxLength: 24 }), async (steps) => {
        accounts += 1;
        const account = new RandomAccount(store, `user-${accounts}`);
        for (const event of steps) {
          await account.take(event);
          expect(await differences(store, account.userId)).toEqual([]);
        }
      }),
      { numRuns: 10, interruptAfterTimeLimit: 100_000 },
    );
  }, 120_000);
});
