// Bugs of rate budgets planted in days: what was not used may not be taken for spent.
import type { Arguments } from '../../../../src/ports/store/store.ts';
import { edit, type PlantedBug, withStore } from '../../common/planting.ts';

/** Only where a venue counts lookups with orders. */
export const plantedRates: readonly PlantedBug[] = [
  {
    name: 'takes two uses of a budget for one lookup',
    promise: /^fills: \w+ \((working|partially_filled)\) filled/,
    seed: 27,
    calmSteps: 700,
    change: withStore((call) => ({
      async take_rates(args: Arguments['take_rates']) {
        const first = await call('take_rates', args);
        return first[0] === 0 ? call('take_rates', args) : first;
      },
    })),
  },
  {
    name: 'takes a budget for spent that is not',
    promise: /^fills: \w+ \((working|partially_filled)\) filled/,
    seed: 92,
    calmSteps: 700,
    edits: [edit('core.rate_wait_ms', `>= (limits ->> 'perDay')::bigint`, `>= (limits ->> 'perDay')::bigint / 2`)],
  },
];
