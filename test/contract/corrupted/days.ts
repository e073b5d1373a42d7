// Corruptions of decisions, runs and messages.
import { account, type Corruption, decision, order } from './rows.ts';

const asha = `user_id = 'asha'`;
const firstSent = `provider_id = 'SM0'`;
const owner = "an order is of its account's user, venue and mode";
const made = 'an order is what was decided';
const both = 'an accepted decision has its order, and an order its decision';
const ahead = "nothing is ahead of the database's clock";
const isThere = 'what a run froze is there';
const messageNames = 'a message names rows that are there';
const planned = "a run's plan hash is that of its decisions";
const froze = 'a decision is of the place and account its run froze';
const runDay = 'a run is opened, decided and done in this order, on its day';
const everybody = 'every signal of a decided run has a decision for every user';
const summary = 'every user of a decided run has one summary';
const message = 'a message is as its history says';

const denied = decision('insufficient_funds', 'TITAN');
const beyond = 'a denial says what was beyond which limit';
const decisions: Corruption[] = [
  ['decisions', `run_id = 'planned'`, decision('asha', 'TITAN'), everybody],
  ['decisions', `signal_id = 'other'`, decision('asha', 'TITAN'), both],
  ['decisions', `user_id = 'nobody'`, decision('asha', 'TITAN'), both],
  ['decisions', 'account_id = account_id + 1000', decision('asha', 'TITAN'), froze],
  ['decisions', 'position = position + 1', denied, froze],
  ['decisions', 'queue_position = queue_position + 1', denied, froze],
  ['decisions', `outcome = 'skipped'`, denied, planned],
  [
    ...(['decisions', `outcome = 'skipped', reason = 'working_order', quantity = 0, hold_minor = 0`] as const),
    ...([decision('asha', 'TITAN'), both] as const),
  ],
  ['decisions', `reason = 'cut_off'`, denied, planned],
  ['decisions', `limit_value = '10000000.00'`, denied, beyond],
  ['decisions', 'limit_value = null', denied, beyond],
  ['decisions', `limit_value = '5.00'`, decision('asha', 'TITAN'), 'an accepted decision names no reason and no limit'],
  ['decisions', `actual_value = '9.99'`, denied, beyond],
  ['decisions', `actual_value = '5000.01'`, decision('below_min_value', 'TITAN'), beyond],
  ['decisions', `actual_value = '0'`, decision('max_open_positions', 'TITAN'), beyond],
  ['decisions', `actual_value = '-999.99'`, decision('daily_loss_limit', 'TITAN'), beyond],
  ['decisions', `actual_value = '2.99'`, decision('price_outside_band', 'TITAN'), beyond],
  ['decisions', `actual_value = '1000.00'`, decision('symbol_cap', 'TITAN'), beyond],
  ['decisions', 'quantity = quantity + 1', decision('asha', 'TITAN'), made],
  ['decisions', 'price_minor = price_minor + 1', decision('asha', 'TITAN'), made],
  ['decisions', 'price_minor = price_minor + 1', denied, planned],
  ['decisions', 'hold_minor = hold_minor + 1', decision('asha', 'TITAN'), made],
];

const runs: Corruption[] = [
  ['scan_runs', `id = 'renamed'`, `id = 'first'`, 'a fill counts for the day of its order'],
  ['scan_runs', 'trade_date = trade_date - 1', `id = 'first'`, runDay],
  ['scan_runs', `mode = 'live'`, `id = 'first'`, owner],
  ['scan_runs', `state = 'done', done_at = core.database_now()`, `id = 'first'`, 'a run that is done has nothing open'],
  [
    'scan_runs',
    `limits = limits || '{"symbolCapMinor": 100000}'`,
    `id = 'first'`,
    'no more of a share is bought in a day than its cap',
  ],
  ['scan_runs', `cut_off_at = cut_off_at - interval '1 hour'`, `id = 'planned'`, 'no run is planned after its cut-off'],
  ['scan_runs', `cut_off_at = cut_off_at + interval '1 day'`, `id = 'first'`, runDay],
  [
    'scan_runs',
    `takes_orders_until = takes_orders_until - interval '1 minute'`,
    `takes_orders_until is not null`,
    runDay,
  ],
  ['scan_runs', `opened_at = opened_at + interval '1 hour'`, `id = 'first'`, runDay],
  ['scan_runs', `recorded_at = recorded_at + interval '1 hour'`, `id = 'first'`, ahead],
  ['scan_runs', `decided_at = decided_at - interval '1 hour'`, `id = 'first'`, runDay],
  ['scan_runs', `done_at = done_at - interval '1 hour'`, `id = 'sales'`, runDay],
  ['scan_runs', `plan_hash = 'other'`, `id = 'first'`, planned],
  ['run_signals', `run_id = 'gone'`, `run_id = 'first'`, isThere],
  ['run_signals', `signal_id = 'gone'`, `signal_id like '%:TITAN:SELL'`, isThere],
  ['run_signals', 'position = position + 1000', `run_id = 'first'`, froze],
  [
    ...(['run_signals', `send_before = send_before + interval '1 hour'`, `run_id = 'first'`] as const),
    "an order is sent before its signal's time is over",
  ],
  ['run_users', `run_id = 'gone'`, `run_id = 'first' and user_id = 'devi'`, isThere],
  ['run_users', `run_id = 'planned'`, `run_id = 'first' and user_id = 'devi'`, everybody],
  ['run_users', 'queue_position = queue_position + 1000', `run_id = 'first' and ${asha}`, froze],
  ['run_users', `user_id = 'nobody'`, `run_id = 'first' and ${asha}`, "a user's account in a run is theirs"],
  [
    'run_users',
    `account_id = ${account('meera')}`,
    `run_id = 'first' and ${asha}`,
    "a user's account in a run is theirs",
  ],
  [
    'run_users',
    'decided_at = null',
    `run_id = 'first' and ${asha}`,
    'every user of a decided run is decided, while it was open',
  ],
  [
    'run_users',
    `decided_at = decided_at - interval '1 hour'`,
    `run_id = 'first' and ${asha}`,
    'every user of a decided run is decided, while it was open',
  ],
];

const messages: Corruption[] = [
  ['messages', `run_id = 'gone'`, `run_id = 'first' and user_id = 'devi'`, messageNames],
  ['messages', `run_id = 'planned'`, `run_id = 'first' and user_id = 'devi'`, summary],
  ['messages', 'first_order_id = first_order_id + 1000', 'first_order_id is not null', messageNames],
  ['messages', `user_id = 'nobody'`, firstSent, 'a message is to a user of its run'],
  ['messages', `kind = 'correction'`, firstSent, summary],
  ['messages', `status = 'sent'`, firstSent, message],
  ['messages', `status = 'delivered', text = ''`, `run_id = 'first' and status = 'queued'`, message],
  ['messages', `provider_status = 'sent'`, firstSent, message],
  [
    'messages',
    'first_order_id = first_order_id + 1000',
    'first_order_id is not null',
    'a single order has a message that tells of it',
  ],
  [
    'messages',
    `first_order_id = (select id from public.orders where ${order('meera', 'INFY')})`,
    'first_order_id is not null',
    'a message is to a user of its run',
  ],
  ['messages', 'attempts = 0', firstSent, message],
  ['messages', `due_at = due_at + interval '3 days'`, firstSent, ahead],
  ['messages', `next_attempt_at = core.database_now() + interval '3 days'`, firstSent, ahead],
  ['messages', `next_lookup_at = core.database_now() + interval '3 days'`, firstSent, ahead],
  ['messages', 'sending_at = null', firstSent, message],
  ['messages', `resend_requested_at = core.database_now() + interval '1 hour'`, firstSent, ahead],
  ['messages', `changed_at = changed_at - interval '1 day'`, firstSent, message],
];

export const ofDays: readonly Corruption[] = [...decisions, ...runs, ...messages];
