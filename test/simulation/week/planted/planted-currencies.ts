// Bugs planted in weeks that mix the money of two currencies.
import { edit, type PlantedBug } from '../../common/planting.ts';

/** Where an account in dollars is taken for one in rupees, or the other way round. */
export const plantedCurrencies: readonly PlantedBug[] = [
  {
    name: 'trades with an account in another currency',
    promise: /^money adds up: (an order|a position) is in the currency of its account/,
    seed: 3,
    edits: [
      edit('core.trades_in', `a.currency = core.currency_of(run ->> 'runId')`, 'true'),
      edit('public.read_accounts', 'coalesce(a.currency, ', `coalesce(core.currency_of(args ->> 'runId'), `),
      edit('core.recheck_inputs', 'and t.currency = f.currency', ''),
    ],
  },
  {
    name: 'counts what all accounts of a person have as available, whatever their currency',
    promise: /^(a refusal says why|money adds up|one failure stays one)/,
    seed: 187,
    edits: [
      edit(
        'core.recheck_inputs',
        'a.cash_minor - a.held_minor as available_minor',
        `(select sum(one.cash_minor - one.held_minor) from public.accounts one where one.user_id = a.user_id
          and one.mode = a.mode)::bigint as available_minor`,
      ),
      edit(
        'public.read_accounts',
        'coalesce(a.cash_minor - a.held_minor, 0)',
        `coalesce((select sum(one.cash_minor - one.held_minor) from public.accounts one where one.user_id = a.user_id
          and one.mode = a.mode)::bigint, 0)`,
      ),
    ],
  },
  {
    name: 'books money into the first account there, whatever its currency',
    promise: /^money adds up: people moved/,
    seed: 71,
    edits: [
      edit(
        'public.move_cash',
        `and a.currency = coalesce(args ->> 'currency', a.currency) order by a.venue, a.currency)`,
        'order by a.currency desc limit 1)',
      ),
    ],
  },
  {
    name: 'charges New York’s sales as India’s',
    promise: /^money adds up: .*is charged by a rate in/,
    seed: 3,
    edits: [edit('core.charging_exchange', `then 'US'`, `then 'NSE'`)],
  },
];
