// Bugs of closings planted in weeks: what opens an account again, what may be closed, what counts in which closing.
import { edit, type PlantedBug } from '../../common/planting.ts';

/** Late facts meet closed books, and open orders a closing. */
export const plantedClosings: readonly PlantedBug[] = [
  {
    name: 'leaves an account closed when a fill of what is closed comes late',
    promise: /^closings (add up|as modelled)/,
    seed: 1,
    edits: [edit('core.reopen_closed_balances', 'where b.account_id = new.account_id', 'where false')],
  },
  {
    name: 'closes an account whose order is still open',
    promise: /^closings add up: an order of a closed account has ended/,
    seed: 11,
    edits: [
      edit('core.closable_accounts', 'where o.ended_at is null', 'where false'),
      edit('core.closable_accounts', 'and made.held_minor = 0', ''),
      edit('core.closable_accounts', 'made.cash_minor = made.earned_minor', 'true'),
    ],
  },
  {
    name: 'forgets at a closing what was closed before it',
    promise: /^(money|closings) adds? up: .*(position|cash)/,
    seed: 2,
    edits: [edit('core.positions_closed_on', 'c.through <= day', 'c.through = day')],
  },
  {
    name: 'counts in a closing what the one before has counted',
    promise: /^closings as modelled: cash of account/,
    seed: 2,
    edits: [
      edit('core.accounts_behind', 'coalesce(c.last_entry_id, 0)', '0'),
      edit('core.closable_accounts', 'made.cash_minor = made.earned_minor', 'true'),
    ],
  },
  {
    name: 'skips in the evening what an order was filled beyond since the last closing',
    promise: /^closings hide nothing: an order is filled for no more than it asked/,
    seed: 34,
    edits: [
      edit(
        'core.beyond_order_findings',
        'where o.filled_quantity > o.quantity',
        'where o.filled_quantity > o.quantity and (p).opening is null',
      ),
    ],
  },
  {
    name: 'closes what later orders were filled before one of the next day',
    promise: /^closings (add up|as modelled)/,
    seed: 189,
    edits: [
      edit(
        'core.cut_after',
        'f.order_id > cut.last_order_id offset 0',
        'f.order_id > cut.last_order_id and f.order_id <= next_day_ends offset 0',
      ),
    ],
  },
];
