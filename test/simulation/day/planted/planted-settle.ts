// Bugs planted in how a batch is settled in one statement: the checks have to catch every one.
import { edit, type PlantedBug } from '../../common/planting.ts';

export const plantedInSettling: readonly PlantedBug[] = [
  {
    name: 'counts a fill twice in its order',
    promise: /^(fills|money adds up)/,
    seed: 1,
    edits: [
      edit(
        'core.settle_at_once',
        'filled_value_minor = value_minor,',
        'filled_value_minor = value_minor + more_minor,',
      ),
    ],
  },
  {
    name: 'releases the hold of an order twice',
    promise: /^money adds up/,
    seed: 2,
    edits: [edit('core.settle_at_once', 'sum(held_delta_minor) as held', '2 * sum(held_delta_minor) as held')],
  },
  {
    name: 'forgets the margin of what it buys',
    promise: /^money adds up/,
    seed: 1,
    edits: [edit('core.judge_outcomes', 'core.margin_on(before_minor + more_minor,', 'core.margin_on(before_minor,')],
  },
  {
    name: 'forgets the margin a sale frees',
    promise: /^(money adds up|the books)/,
    seed: 1,
    edits: [edit('core.settle_at_once', 'else -freed_minor end', 'else 0 end')],
  },
];
