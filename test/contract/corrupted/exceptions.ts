// Columns no rule can hold to anything, each with its reason.
const key = 'what its row is found by: every rule about it names another row then, or none';
const setting = 'a setting of the user, which may be anything its constraint lets in';
const text = 'words for people, and no promise';
const passing = 'who has it just now, and for how long: overwritten with the next claim';
const counter = 'counts what was tried, so that somebody is told in the end: no promise hangs on it';
const reminder = 'of reminders of a login, which are of no run and promise nothing about it';

/** Columns that check_books says nothing of, and why that is right. */
export const exceptions: Readonly<Record<string, string>> = {
  'accounts.id': key,
  ...Object.fromEntries(
    [
      'capital_minor',
      'allocation_bps',
      'leverage_centi',
      'max_open_positions',
      'daily_loss_limit_bps',
      'max_orders_per_day',
      'max_order_value_minor',
    ].map((name) => [`accounts.${name}`, setting]),
  ),
  'accounts.check_found': 'what a venue said this morning; the next check says it anew',
  'accounts.books_for': 'of live accounts alone, whose rule has a test of its own in readiness.test.ts',
  'accounts.blocked_by_others_minor': 'what a venue had blocked this morning; the next readiness says it anew',
  'orders.id': key,
  ...Object.fromEntries(['reason', 'message'].map((name) => [`orders.${name}`, text])),
  'orders.venue_order_id':
    'the name its venue gave it: only the venue can say whether it is right, and the evening’s sync asks',
  ...Object.fromEntries(['lookups', 'missed_lookups'].map((name) => [`orders.${name}`, counter])),
  ...Object.fromEntries(['claim_id', 'lease_until', 'mark_id'].map((name) => [`orders.${name}`, passing])),
  'fills.id': key,
  'fills.source': 'follows from order_id by a constraint',
  'fills.venue_fill_id': 'the name its venue gave it: only the venue can say whether it is right',
  'ledger_entries.id': key,
  ...Object.fromEntries(['source', 'reference'].map((name) => [`ledger_entries.${name}`, text])),
  'scan_runs.session_id': 'part of its id, which nothing is computed from',
  'scan_runs.problems': text,
  'messages.id': key,
  ...Object.fromEntries(
    ['reason', 'text', 'error_code', 'sent_to', 'channel', 'provider_id'].map((name) => [`messages.${name}`, text]),
  ),
  ...Object.fromEntries(['account_id', 'trade_date', 'send_before'].map((name) => [`messages.${name}`, reminder])),
  ...Object.fromEntries(
    ['content_hash', 'may_change'].map((name) => [
      `messages.${name}`,
      'compared with the orders when a correction is due',
    ]),
  ),
  ...Object.fromEntries(['resends', 'lookups'].map((name) => [`messages.${name}`, counter])),
  'messages.mark_id': passing,
  ...Object.fromEntries(['principal', 'idempotency_key'].map((name) => [`order_requests.${name}`, key])),
  'order_requests.body_hash': 'whether a repeat asks the same: what was asked is in the signal and the decision',
  'order_requests.api_key': 'the hint of a key, for people; the log of actions has who it was, in its chain',
  'order_requests.requested_at': 'for people: what is promised of times is held to the order and the decision',
};

/** Every column of the tables the books are made of. */
export const columns = `select table_name || '.' || column_name as name from information_schema.columns
  where table_schema = 'public' and table_name in ('accounts', 'positions', 'orders', 'fills', 'ledger_entries',
    'decisions', 'scan_runs', 'run_users', 'run_signals', 'messages', 'order_requests', 'closings', 'closed_balances',
    'closed_positions') order by 1`;
