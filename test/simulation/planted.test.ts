import { describe, expect, test } from 'vitest';
import { freshPglite } from '../support/postgres.ts';
import { hunt } from './hunt.ts';
import { plantedBugs } from './planted.ts';

const SEARCHED = 400;

describe('the check of the promises catches a process that', () => {
  const seeds = Array.from({ length: SEARCHED }, (_, index) => index + 1);

  test.each(plantedBugs.map((bug) => [bug.name, bug] as const))(
    '%s',
    async (_name, bug) => {
      const ground = await freshPglite();
      try {
        // The seed that caught it last; where the code has changed since, it is searched for anew.
        const caught = (await hunt(ground, bug, [bug.seed, ...seeds])) ?? null;
        expect(caught, `not caught in ${SEARCHED} schedules`).not.toBeNull();
      } finally {
        await ground.close();
      }
    },
    240_000,
  );
});
