// Plants each bug of a week, and demands that a seed catches it by the promise it breaks.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshPostgres } from '../../../support/postgres.ts';
import { type Ground, groundOn } from '../../common/ground.ts';
import { huntInWeeks } from '../play.ts';
import { plantedInWeeks } from './planted.ts';
import { plantedRemovals } from './planted-removals.ts';

const SEARCHED = 80;

describe('the check of simulated weeks catches a bug that', () => {
  const seeds = Array.from({ length: SEARCHED }, (_, index) => index + 1);
  const freshGround = async () => groundOn(await freshPostgres());
  let shared: Ground;
  beforeAll(async () => {
    shared = await freshGround();
  });
  afterAll(() => shared.close());

  test.each(plantedInWeeks.map((bug) => [bug.name, bug] as const))(
    '%s',
    async (_name, bug) => {
      const ground = bug.sql ? await freshGround() : shared;
      try {
        // The seed that caught it last; where the code has changed since, it is searched for anew.
        const caught = await huntInWeeks(ground, bug, [bug.seed, ...seeds]);
        expect(caught, `not caught in ${SEARCHED} weeks`).not.toBeNull();
      } finally {
        if (ground !== shared) await ground.close();
      }
    },
    240_000,
  );

  test.each(plantedRemovals.map((bug) => [bug.name, bug] as const))(
    '%s',
    async (_name, bug) => {
      const caught = await huntInWeeks(shared, bug, [bug.seed, ...seeds], { calm: true, removes: true });
      expect(caught, `not caught in ${SEARCHED} weeks`).not.toBeNull();
    },
    240_000,
  );
});
