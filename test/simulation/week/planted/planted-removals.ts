// Bugs of removals planted in weeks whose closed days are removed: what may go, and what has to stay.
import { edit, type PlantedBug } from '../../common/planting.ts';

/** The tables let everything go: what the one function that removes does wrong is then in the books. */
const opened = edit(
  'core.refuse_removing_others',
  `if tg_argv[0] = 'run_id' then`,
  `if true then return null; elsif true then`,
);

export const plantedRemovals: readonly PlantedBug[] = [
  {
    name: 'removes orders of days that are not closed, and their tables do not let it',
    promise: /^removing ends: .* keeps its rows until their month is removed/,
    seed: 3,
    edits: [edit('core.remove_orders', 'where o.id <= upto', 'where true')],
  },
  {
    name: 'removes orders of days that are not closed, with what they were filled',
    promise: /^(money adds up|the model|closings)/,
    seed: 3,
    edits: [edit('core.remove_orders', 'where o.id <= upto', 'where true'), opened],
  },
  {
    name: 'removes a day on which an order is open and its account not closed',
    promise: /^(money adds up|the model|closings)/,
    seed: 11,
    edits: [
      edit('core.open_through', 'and o.id <= c.last_order_id))),', 'and false))),'),
      edit('core.open_through', 'where o.ended_at is null and', 'where false and'),
    ],
  },
  {
    name: 'forgets what the removed orders made of the cash',
    promise: /^(money|closings) adds? up/,
    seed: 9,
    edits: [edit('public.mark_removed', 'where e.order_id is not null group by', 'where false group by')],
  },
  {
    name: 'forgets the positions of what was removed',
    promise: /^(money adds up|the model|closings)/,
    seed: 9,
    edits: [
      edit(
        'core.positions_closed_on',
        'where c.through <= day',
        'where c.through <= day and c.through > core.removed_through()',
      ),
    ],
  },
];
