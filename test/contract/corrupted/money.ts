// Corruptions of accounts, positions, fills and ledger entries.
import { account, type Corruption, ofOrder, order, position, share } from './rows.ts';

const asha = `user_id = 'asha'`;
const owner = "an order is of its account's user, venue and mode";
const named = 'a client order id is made of its account and signal';
const folded = 'a position is what its fills make';
const worth = 'a fill is worth its quantity at its price';
const summed = 'what an order filled is the sum of its fills';
const held = 'what an order holds is entered, and given back at its end';
const dated = 'an order is held when it is made and closed when it ends';
const ofItsOrder = 'a fill is of the account, share and side of its order';
const lateOnce = 'what came late is entered once, for its order';
const ahead = "nothing is ahead of the database's clock";

const accounts: Corruption[] = [
  ['accounts', `user_id = 'nobody'`, asha, owner],
  ['accounts', `venue = 'kite'`, asha, named],
  ['accounts', `mode = 'live'`, asha, owner],
  ['accounts', `currency = 'USD'`, asha, 'an order is in the currency of its account'],
  ['accounts', 'cash_minor = cash_minor + 1', asha, 'cash is the sum of its entries'],
  ['accounts', 'cash_minor = cash_minor - 1', asha, 'cash is what was paid in and what orders made of it'],
  ['accounts', 'cash_minor = -1', `user_id = 'bina'`, 'cash is the sum of its entries'],
  ['accounts', 'held_minor = held_minor + 1', asha, 'held is the sum of its entries'],
  ['accounts', 'held_minor = 0', `user_id = 'devi'`, 'held is the open holds'],
  ['accounts', 'not_ready = null', `user_id = 'bina'`, 'an account stays blocked until somebody has seen why'],
  ['accounts', `checked_at = core.database_now() + interval '1 hour'`, asha, ahead],
  ['accounts', `checked_for = '2025-10-01'`, asha, ahead],
];

const positions: Corruption[] = [
  ['positions', `account_id = ${account('devi')}`, position('asha', 'TITAN'), folded],
  ['positions', `instrument_id = ${share('HDFC')}`, position('asha', 'TITAN'), folded],
  [
    'positions',
    `instrument_id = ${share('AAPL')}`,
    position('asha', 'TITAN'),
    'a position is in the currency of its account',
  ],
  ['positions', `product = 'mtf'`, position('asha', 'TITAN'), folded],
  ['positions', 'quantity = quantity + 1', position('asha', 'TITAN'), folded],
  ['positions', 'quantity = -1', position('asha', 'TITAN'), 'nothing is held below zero'],
  ['positions', 'cost_minor = cost_minor + 1', position('asha', 'TITAN'), folded],
  ['positions', 'margin_minor = margin_minor - 1', position('meera', 'TITAN'), folded],
  ['positions', 'margin_minor = cost_minor + 1', position('meera', 'TITAN'), 'a position binds no more than it cost'],
  ['positions', 'margin_minor = -1', position('meera', 'TITAN'), 'a position binds no more than it cost'],
  [
    ...(['positions', `last_filled_at = last_filled_at - interval '1 second'`, position('asha', 'TITAN')] as const),
    'a position ends with its last fill',
  ],
];

const fills: Corruption[] = [
  [
    'fills',
    `order_id = (select id from public.orders where ${order('meera', 'TITAN')})`,
    `venue_fill_id = 'a1'`,
    summed,
  ],
  ['fills', `account_id = ${account('meera')}`, `venue_fill_id = 'a1'`, ofItsOrder],
  ['fills', `instrument_id = ${share('INFY')}`, `venue_fill_id = 'a1'`, ofItsOrder],
  ['fills', `product = 'mtf'`, `venue_fill_id = 'a1'`, ofItsOrder],
  ['fills', `side = 'SELL'`, `venue_fill_id = 'a1'`, ofItsOrder],
  ['fills', "corrects = null, venue_fill_id = 'x'", `quantity = 8`, summed],
  [
    'fills',
    `corrects = (select id from public.fills where venue_fill_id = 'a1')`,
    'quantity = 8',
    'a correction is of a fill of its order, at its time',
  ],
  ['fills', 'quantity = quantity + 1', `venue_fill_id = 'a1'`, summed],
  ['fills', 'quantity = quantity + 1', `source = 'external'`, folded],
  ['fills', 'price_minor = price_minor + 1', `venue_fill_id = 'a1'`, worth],
  ['fills', 'price_minor = price_minor + 1', `source = 'external'`, worth],
  ['fills', 'value_minor = value_minor + 1', `venue_fill_id = 'a1'`, summed],
  ['fills', 'value_minor = value_minor + 1', `source = 'external'`, folded],
  ['fills', 'realised_minor = realised_minor + 1', `venue_fill_id = 's1'`, 'fills realised what their position did'],
  [
    'fills',
    'realised_minor = realised_minor + 1',
    `venue_fill_id = 's1'`,
    'the entries of an order are what its fills cost',
  ],
  [
    'fills',
    'freed_margin_minor = freed_margin_minor - 1',
    `venue_fill_id = 's1'`,
    'fills freed what their position no longer binds',
  ],
  ['fills', 'late = not late', `venue_fill_id = 'a1'`, lateOnce],
  ['fills', 'late = not late', `venue_fill_id = 'late'`, lateOnce],
  ['fills', 'trade_date = trade_date - 1', `venue_fill_id = 'a1'`, 'a fill counts for the day of its order'],
  [
    'fills',
    `filled_at = filled_at - interval '1 day'`,
    `venue_fill_id = 'a1'`,
    'an order is filled only after it was made',
  ],
  ['fills', `filled_at = filled_at + interval '7 minutes'`, `venue_fill_id = 'a2'`, folded],
  ['fills', `booked_at = booked_at + interval '1 day'`, `venue_fill_id = 'a1'`, ahead],
];

const entries: Corruption[] = [
  [
    'ledger_entries',
    `account_id = ${account('meera')}`,
    `${ofOrder('asha', 'TITAN')} and kind = 'post'`,
    'an entry is of the account of its order',
  ],
  [
    ...(['ledger_entries', `order_id = (select id from public.orders where ${order('devi', 'TITAN')})`] as const),
    `${ofOrder('asha', 'TITAN')} and kind = 'post'`,
    'an order is held once and closed once when it has ended',
  ],
  [
    'ledger_entries',
    `fill_id = (select id from public.fills where venue_fill_id = 'a1')`,
    `kind = 'late_post' and ${ofOrder('kabir', 'TITAN')}`,
    lateOnce,
  ],
  [
    'ledger_entries',
    `kind = 'post'`,
    `kind = 'void' and ${ofOrder('meera', 'INFY')}`,
    'an order is posted if it was filled before its end, else voided',
  ],
  [
    'ledger_entries',
    'cash_delta_minor = cash_delta_minor + 1',
    `kind = 'deposit' and account_id = ${account('devi')}`,
    'cash is the sum of its entries',
  ],
  [
    'ledger_entries',
    'cash_delta_minor = cash_delta_minor + 1',
    `${ofOrder('asha', 'TITAN')} and kind = 'post'`,
    'the entries of an order are what its fills cost',
  ],
  ['ledger_entries', 'held_delta_minor = held_delta_minor + 1', `${ofOrder('asha', 'TITAN')} and kind = 'hold'`, held],
  ['ledger_entries', `at = at - interval '1 minute'`, `${ofOrder('asha', 'TITAN')} and kind = 'hold'`, dated],
  ['ledger_entries', `at = at - interval '1 minute'`, `${ofOrder('asha', 'TITAN')} and kind = 'post'`, dated],
  [
    'ledger_entries',
    `at = at - interval '1 day'`,
    `kind = 'late_post'`,
    'what came late is entered after the end of its order',
  ],
  ['ledger_entries', `at = at + interval '1 day'`, `reference = 'deposit'`, ahead],
];

const fillNames = 'a fill names rows that are there';
const entryNames = 'an entry names rows that are there';
const positionNames = 'a position names rows that are there';
/** A row that is not there, in each column that names one: no foreign key asks. */
const orphans: Corruption[] = [
  ['fills', 'order_id = 999', `venue_fill_id = 'a1'`, fillNames],
  ['fills', 'account_id = 999', `venue_fill_id = 'a1'`, fillNames],
  ['fills', 'instrument_id = 999', `venue_fill_id = 'a1'`, fillNames],
  ['fills', 'corrects = 999', 'quantity = 8', fillNames],
  ['ledger_entries', 'account_id = 999', `reference = 'deposit'`, entryNames],
  ['ledger_entries', 'order_id = 999', `${ofOrder('asha', 'TITAN')} and kind = 'post'`, entryNames],
  ['ledger_entries', 'fill_id = 999', `kind = 'late_post' and ${ofOrder('kabir', 'TITAN')}`, entryNames],
  ['positions', 'account_id = 999', position('asha', 'TITAN'), positionNames],
  ['positions', 'instrument_id = 999', position('asha', 'TITAN'), positionNames],
];

export const ofMoney: readonly Corruption[] = [...accounts, ...positions, ...fills, ...entries, ...orphans];
