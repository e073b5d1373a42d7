// Corruptions of orders.
import { account, type Corruption, order, share } from './rows.ts';

const owner = "an order is of its account's user, venue and mode";
const made = 'an order is what was decided';
const named = 'a client order id is made of its account and signal';
const both = 'an accepted decision has its order, and an order its decision';
const summed = 'what an order filled is the sum of its fills';
const held = 'what an order holds is entered, and given back at its end';
const dated = 'an order is held when it is made and closed when it ends';
const times = "an order's times follow one another";
const ofItsOrder = 'a fill is of the account, share and side of its order';
const ahead = "nothing is ahead of the database's clock";

const isThere = 'an order names rows that are there';
/** A row that is not there, in each column that names one: no foreign key asks. */
const orphans: Corruption[] = [
  ['orders', `run_id = 'gone'`, order('asha', 'TITAN'), isThere],
  ['orders', `signal_id = 'gone'`, order('asha', 'TITAN'), isThere],
  ['orders', `user_id = 'gone'`, order('asha', 'TITAN'), isThere],
  ['orders', 'account_id = 999', order('asha', 'TITAN'), isThere],
  ['orders', 'instrument_id = 999', order('asha', 'TITAN'), isThere],
  ['orders', 'rate_id = 999', order('asha', 'TITAN'), isThere],
  ...['run_id', 'signal_id', 'user_id'].map((name): Corruption => {
    return ['order_requests', `${name} = 'gone'`, 'true', 'a request names its decision'];
  }),
  [
    ...(['order_requests', `limits = '{"symbolCapMinor": 1}'`, 'true'] as const),
    'no more of a share is bought in a day than its cap',
  ],
];

const orders: Corruption[] = [
  ['orders', `client_order_id = 'aaaaaaaaaaaaaaaaaaaa'`, order('asha', 'TITAN'), named],
  ['orders', `run_id = 'sales'`, order('asha', 'TITAN'), both],
  ['orders', `signal_id = 'NSE:2025-08-28:breakout-20d:TITAN:SELL'`, order('asha', 'INFY'), both],
  ['orders', `user_id = 'meera'`, order('asha', 'TITAN'), owner],
  ['orders', `account_id = ${account('meera')}`, order('asha', 'TITAN'), 'an entry is of the account of its order'],
  [
    ...(['orders', `instrument_id = ${share('INFY')}`, order('asha', 'TITAN')] as const),
    'an order is for the share and on the side of its signal',
  ],
  ['orders', `venue = 'kite'`, order('asha', 'TITAN'), owner],
  ['orders', 'position = position + 1', order('asha', 'TITAN'), made],
  ['orders', 'queue_position = queue_position + 1', order('asha', 'TITAN'), made],
  ['orders', `side = 'SELL'`, order('asha', 'TITAN'), 'an order is for the share and on the side of its signal'],
  ['orders', 'quantity = quantity + 1', order('asha', 'TITAN'), made],
  ['orders', 'quantity = 9', order('asha', 'TITAN'), 'an order is filled for no more than it asked'],
  ['orders', 'decision_price_minor = decision_price_minor + 1', order('asha', 'TITAN'), made],
  [
    ...(['orders', 'limit_price_minor = 2 * limit_price_minor', order('asha', 'TITAN')] as const),
    "an order's limit is near the price it was decided at",
  ],
  [
    ...(['orders', 'limit_price_minor = limit_price_minor + 10', order('devi', 'INFY')] as const),
    'an order holds what it may cost at most',
  ],
  ['orders', 'limit_price_minor = 100_49', order('asha', 'TITAN'), 'an order is filled at its limit or better'],
  ['orders', 'leverage_centi = 200', order('meera', 'TITAN'), 'an order holds what it may cost at most'],
  ['orders', `product = 'delivery'`, order('meera', 'TITAN'), 'a buy with leverage is of margin, another is delivered'],
  ['orders', `product = 'mtf'`, order('asha', 'TITAN', 'SELL'), ofItsOrder],
  [
    ...(['orders', 'rate_id = 12', order('asha', 'TITAN')] as const),
    'an order is charged at the rate of its side and product on its day',
  ],
  [
    // The same leg in force on the same day, of New York.
    ...(['orders', 'rate_id = 121', order('asha', 'TITAN')] as const),
    'an order is charged at the rate of its side and product on its day',
  ],
  ['orders', 'hold_minor = hold_minor + 1', order('devi', 'INFY'), held],
  ['orders', 'hold_minor = hold_minor - 1', order('asha', 'TITAN'), held],
  [
    ...(['orders', 'charges_minor = charges_minor + 1', order('asha', 'TITAN')] as const),
    'the charges of an order are those of what it filled, or may fill',
  ],
  [
    ...(['orders', 'charges_minor = 0', order('devi', 'INFY')] as const),
    'the charges of an order are those of what it filled, or may fill',
  ],
  ['orders', `status = 'rejected'`, order('kabir', 'TITAN'), "an order's status is the last of its history"],
  ['orders', `status = 'filled'`, order('asha', 'INFY'), "an order's status says what was filled"],
  ['orders', 'filled_quantity = filled_quantity - 1', order('asha', 'TITAN'), summed],
  ['orders', 'filled_value_minor = filled_value_minor + 1', order('asha', 'TITAN'), summed],
  [
    'orders',
    'released_minor = released_minor + 1',
    order('asha', 'TITAN', 'SELL'),
    'what an order gave back is what its fills did',
  ],
  ['orders', 'late_fill = not late_fill', order('kabir', 'TITAN'), 'an order says whether a fill came late'],
  ['orders', 'attempts = 0', order('asha', 'TITAN'), times],
  ['orders', 'attempts = 0', order('lata', 'INFY'), 'an order was submitted as often as its history says, or more'],
  [
    ...(['orders', `send_before = send_before - interval '1 minute'`, order('devi', 'INFY')] as const),
    "an order is sent before its signal's time is over",
  ],
  [
    ...(['orders', `send_before = send_before - interval '1 hour'`, order('devi', 'INFY')] as const),
    'nothing waits to be sent when its time is over',
  ],
  ['orders', `created_at = created_at - interval '1 minute'`, order('asha', 'TITAN'), dated],
  ['orders', 'submitted_at = null', order('asha', 'TITAN'), times],
  ['orders', `submitted_at = submitted_at - interval '1 day'`, order('asha', 'TITAN'), times],
  ['orders', `ended_at = ended_at - interval '1 minute'`, order('asha', 'TITAN'), dated],
  [
    'orders',
    `ended_at = null, status = 'working'`,
    order('kabir', 'TITAN'),
    'an order is held once and closed once when it has ended',
  ],
  [
    ...(['orders', `changed_at = changed_at - interval '1 day'`, order('asha', 'TITAN')] as const),
    'an order changed last when its history says, or later',
  ],
  ['orders', `changed_at = changed_at + interval '1 day'`, order('asha', 'TITAN'), ahead],
  ['orders', `next_lookup_at = next_lookup_at + interval '3 days'`, order('devi', 'TITAN'), ahead],
  ['orders', `next_attempt_at = next_attempt_at + interval '3 days'`, order('devi', 'INFY'), ahead],
];

export const ofOrders: readonly Corruption[] = [...orders, ...orphans];
