// Corruptions of closings: of kabir and meera, who are closed after a busy day.
import { account, type Corruption, share } from './rows.ts';

const kabir = `account_id = ${account('kabir')}`;
const titan = `${kabir} and instrument_id = ${share('TITAN')}`;
const folded = 'a position is what its fills make';
const cash = 'cash is the sum of its entries';
const held = 'an order is held once and closed once when it has ended';
const closed = 'a closed position is what its fills make';
const entered = 'closed cash is the sum of its entries';

/** What the evening's check finds at once. */
export const ofClosings: readonly Corruption[] = [
  ['closings', 'last_order_id = last_order_id - 5', 'true', held],
  ['closings', 'through = through + 1', 'true', cash],
  ['closings', 'last_entry_id = 0', 'true', cash],
  ['closings', 'last_fill_id = 0', 'true', folded],
  ['closed_balances', 'cash_minor = cash_minor + 1', kabir, cash],
  ['closed_balances', `account_id = ${account('asha')}`, kabir, cash],
  ['closed_balances', 'through = through + 1', kabir, folded],
  ['closed_positions', `account_id = ${account('meera')}`, titan, folded],
  ['closed_positions', `instrument_id = ${share('HDFC')}`, titan, folded],
  ['closed_positions', `product = 'mtf'`, titan, folded],
  ['closed_positions', 'through = through + 1', titan, folded],
  ['closed_positions', 'quantity = quantity + 1', titan, folded],
  ['closed_positions', 'cost_minor = cost_minor + 1', titan, folded],
  ['closed_positions', 'margin_minor = margin_minor - 1', titan, folded],
  [
    'closed_positions',
    `last_filled_at = last_filled_at + interval '1 second'`,
    titan,
    'a position ends with its last fill',
  ],
];

/** What only computing the closing anew finds. */
export const onlyInFull: readonly Corruption[] = [
  ['closed_positions', 'realised_minor = realised_minor + 1', `${kabir} and realised_minor <> 0`, closed],
  ['closed_positions', 'freed_margin_minor = freed_margin_minor + 1', titan, closed],
  ['closings', 'seen_entry_id = 9, last_entry_id = 0', 'true', entered],
  ['closings', 'seen_fill_id = 0, last_fill_id = 0', 'true', closed],
];

export const closingExceptions: Readonly<Record<string, string>> = {
  'closings.closed_at': 'when it was made last; nothing is computed from it',
};
