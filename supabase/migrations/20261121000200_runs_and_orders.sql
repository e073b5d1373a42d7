-- What a run leaves behind: its frozen plan, decisions, orders, fills, positions, ledger, messages.

create table public.scan_runs (
  id text primary key,
  session_id text not null,
  trade_date date not null,
  mode text not null,
  state text not null default 'planning',
  limits jsonb not null,
  cut_off_at timestamptz not null,
  -- Set for the run single orders are booked under: it takes orders until then, and is not done before.
  takes_orders_until timestamptz,
  opened_at timestamptz not null,
  -- When it was written, by the database's clock; far from opened_at for a run that lives on a clock of its
  -- own, as demos do.
  recorded_at timestamptz not null default core.database_now(),
  decided_at timestamptz,
  done_at timestamptz,
  plan_hash text,
  problems jsonb not null default '[]',
  constraint a_run_is_planning_decided_or_done check (state in ('planning', 'decided', 'done')),
  constraint a_run_is_paper_or_live check (mode in ('paper', 'live')),
  constraint a_decided_run_has_its_time_and_hash
    check ((state = 'planning') = (decided_at is null) and (decided_at is null) = (plan_hash is null)),
  constraint a_done_run_has_its_time check ((state = 'done') = (done_at is not null))
);
create trigger runs_are_never_deleted before update of id or delete or truncate on public.scan_runs
  for each statement execute function core.refuse_deletion();

create index runs_in_planning on public.scan_runs (id) where state = 'planning';

-- Without foreign keys, as orders below: a single order writes a row of its own.
create table public.run_signals (
  run_id text not null,
  signal_id text not null,
  -- 1 is the best: the order money and the venue see the signals in. As wide as core.single_order_position,
  -- which single orders take it from; so is every copy of it, and of a user's place.
  position bigint not null,
  send_before timestamptz not null,
  primary key (run_id, signal_id),
  -- By position first: no plan, with whatever statistics, looks for one signal of a run by this index, among
  -- all of the run.
  constraint a_position_is_given_once_per_run unique (position, run_id)
);
create trigger what_a_run_froze_is_never_deleted
  before update of run_id, signal_id or delete or truncate on public.run_signals
  for each statement execute function core.refuse_deletion('but removal');

-- Whether a run has frozen a signal: asked for each one that is imported again.
create index runs_of_a_signal on public.run_signals (signal_id);

create table public.run_prices (
  run_id text not null references public.scan_runs,
  instrument_id bigint not null references public.instruments,
  price_minor bigint not null,
  previous_close_minor bigint,
  lower_circuit_minor bigint,
  upper_circuit_minor bigint,
  priced_at timestamptz not null,
  primary key (run_id, instrument_id),
  constraint a_price_is_positive check (price_minor > 0)
);

-- Written from the run, `users` and `accounts` themselves (core.user_queue), so a foreign key would only ask
-- again; and it would wait for whoever holds one of these rows, so that one forgotten transaction kept
-- everybody's run from opening.
create table public.run_users (
  run_id text not null,
  queue_position bigint not null,
  user_id text not null,
  account_id bigint,
  decided_at timestamptz,
  primary key (run_id, queue_position),
  constraint a_user_has_one_place_per_run unique (run_id, user_id)
);

-- A type of its own: a constraint of the table would be asked again at each change of an order.
create domain core.client_order_id as text
  constraint a_client_order_id_fits_every_venue check (value ~ '^[a-z0-9]{1,20}$');

-- No foreign keys here, nor in fills, positions and ledger entries: they took a quarter of an order's time.
-- Every id is written by a statement that reads the row it names, such rows are never deleted, check_books
-- looks for one that is not there, and the tests run with the foreign keys (test/support/foreign-keys.ts).
create table public.orders (
  id bigint generated always as identity primary key,
  client_order_id core.client_order_id not null,
  run_id text not null,
  signal_id text not null,
  user_id text not null,
  account_id bigint not null,
  -- The signal's.
  instrument_id bigint not null,
  venue text not null,
  position bigint not null,
  queue_position bigint not null,
  side text not null,
  quantity bigint not null,
  decision_price_minor bigint not null,
  limit_price_minor bigint not null,
  leverage_centi integer not null,
  -- A buy's comes from the account's leverage; a sale's is that of the position it sells.
  product text not null,
  rate_id integer not null,
  hold_minor bigint not null,
  charges_minor bigint not null,
  status text not null default 'queued',
  reason text,
  message text,
  venue_order_id text,
  filled_quantity bigint not null default 0,
  filled_value_minor bigint not null default 0,
  -- What its fills gave back: margin released + profit or loss. 0 for a buy, unless it covered what was
  -- oversold.
  released_minor bigint not null default 0,
  late_fill boolean not null default false,
  attempts integer not null default 0,
  lookups integer not null default 0,
  -- Of these the last ones in a row in which its venue did not show it.
  missed_lookups integer not null default 0,
  claim_id text,
  lease_until timestamptz,
  -- The call that marked it last: asked again, it gets the same answer.
  mark_id text,
  next_attempt_at timestamptz,
  next_lookup_at timestamptz,
  send_before timestamptz not null,
  created_at timestamptz not null,
  submitted_at timestamptz,
  ended_at timestamptz,
  changed_at timestamptz not null,
  constraint a_client_order_id_exists_once unique (client_order_id),
  constraint an_order_buys_or_sells check (side in ('BUY', 'SELL')),
  constraint a_quantity_is_positive check (quantity > 0),
  constraint an_order_is_delivery_or_mtf check (product in ('delivery', 'mtf')),
  constraint an_ended_order_has_its_time
    check ((ended_at is not null) = (status in ('filled', 'rejected', 'canceled', 'expired')))
) with (fillfactor = 40);
create trigger orders_are_never_deleted before update of id or delete or truncate on public.orders
  for each statement execute function core.refuse_deletion('but removal');
-- No index knows of the status: so a claim and a mark change none, and stay on the order's page.
create index orders_the_venue_has_not_named on public.orders (position, queue_position)
  where ended_at is null and venue_order_id is null;
create index orders_that_hold_something_open on public.orders (account_id, instrument_id)
  where ended_at is null;
create index orders_to_look_up on public.orders (next_lookup_at) where ended_at is null
  and next_lookup_at is not null;
create index orders_of_a_run on public.orders (run_id, user_id);
create index orders_of_a_user on public.orders (user_id, id);

-- At the venue by all we know, and nobody asks it any more: a person has to say how it ended.
create function core.left_to_a_person(o public.orders) returns boolean
language sql immutable as $$
  select o.status in ('unknown', 'working', 'partially_filled') and o.next_lookup_at is null;
$$;

-- One row per run × signal × user, always. Written by accept alone, which joins it with the run's signals
-- and users.
create table public.decisions (
  run_id text not null,
  signal_id text not null,
  user_id text not null,
  account_id bigint,
  position bigint not null,
  queue_position bigint not null,
  outcome text not null,
  reason text,
  limit_value text,
  actual_value text,
  quantity bigint not null,
  price_minor bigint,
  hold_minor bigint not null,
  primary key (run_id, signal_id, user_id),
  constraint a_decision_is_accepted_skipped_or_denied check (outcome in ('accepted', 'skipped', 'denied')),
  constraint only_an_accepted_decision_needs_no_reason check ((outcome = 'accepted') = (reason is null)),
  constraint only_an_accepted_decision_holds_money
    check (outcome = 'accepted' or (quantity = 0 and hold_minor = 0))
);
-- A user's own decisions, run by run, without reading everybody else's.
create index decisions_of_a_user on public.decisions (user_id, run_id);
-- Over all runs of a mode (an account has one mode); a later run's «already decided» is a note, not a
-- decision.
create unique index a_signal_is_decided_once_per_account on public.decisions (signal_id, account_id)
  where account_id is not null and reason is distinct from 'already_decided';

-- The same table as `transitions` in domain/order.ts; a test compares the two.
create table core.order_transitions (
  from_status text not null,
  to_status text not null,
  primary key (from_status, to_status)
);
insert into core.order_transitions
select split_part(line, ' > ', 1), next
from unnest(array[
  'queued > submitting canceled expired',
  'submitting > working partially_filled filled rejected unknown queued',
  'working > partially_filled filled canceled expired rejected',
  'partially_filled > filled canceled expired',
  'unknown > working partially_filled filled rejected canceled expired'
]) as line, unnest(string_to_array(split_part(line, ' > ', 2), ' ')) as next;

-- Written by the triggers below alone, from the order's own row: a foreign key would only ask again.
create table public.order_events (
  id bigint generated always as identity,
  order_id bigint not null,
  at timestamptz not null,
  from_status text,
  to_status text not null,
  reason text,
  -- As it was then.
  filled_quantity bigint not null,
  filled_value_minor bigint not null,
  primary key (order_id, id)
);

-- False: sent once at most, never looked up, and not answered yet or answered clearly: its events hold
-- nothing wrong.
create function core.may_have_setbacks(o public.orders) returns boolean
language sql immutable as $$
  select o.attempts > 1 or o.lookups > 0 or o.status not in ('submitting', 'filled', 'rejected');
$$;

-- Per statement, since orders change in batches.
create function core.record_new_orders() returns trigger
language plpgsql set search_path = '' as $$
begin
  insert into public.order_events (order_id, at, to_status, reason, filled_quantity, filled_value_minor)
  select id, changed_at, status, reason, filled_quantity, filled_value_minor from started order by id;
  return null;
end $$;
create trigger orders_start after insert on public.orders referencing new table as started
  for each statement execute function core.record_new_orders();

-- Trigger: a status follows the one before it as the table says, and each change of it is an event.
-- enable_nestloop, enable_hashjoin: both sides hold what one statement touched, without an index, and a plan
-- is kept from when that was one order: then 1,500 orders settle in 1,440 ms, with a join of both as a whole
-- in 560 ms, whatever the function that changes them has switched off. jit: to the planner what is switched
-- off costs ten billion, and it compiles: after an analyze 10,000 orders settled in 14,800 ms for 2,600 ms.
create function core.record_order_statuses() returns trigger
language plpgsql set search_path = '' set jit = off set enable_nestloop = off set enable_hashjoin = on as $$
declare
  wrong record;
begin
  with moved as materialized (
    select after.id, after.changed_at, before.status as from_status, after.status as to_status, after.reason,
      after.client_order_id, after.filled_quantity, after.filled_value_minor
    from before join after using (id) where before.status <> after.status
  ), recorded as (
    insert into public.order_events (order_id, at, from_status, to_status, reason, filled_quantity,
      filled_value_minor)
    select id, changed_at, from_status, to_status, reason,
      -- On its way to its end in one answer, its fills are booked and not yet counted in the order.
      case when to_status = 'partially_filled' and filled_quantity = 0
        then (select coalesce(sum(f.quantity), 0) from public.fills f where f.order_id = moved.id)
          else filled_quantity end,
      case when to_status = 'partially_filled' and filled_quantity = 0
        then (select coalesce(sum(f.value_minor), 0) from public.fills f
          where f.order_id = moved.id)
        else filled_value_minor end
    from moved order by id
  )
  select moved.* into wrong from moved
  where (from_status, to_status) not in (select t.from_status, t.to_status from core.order_transitions t)
    limit 1;
  if found then
    raise exception 'order % can not go from % to %', wrong.client_order_id, wrong.from_status,
      wrong.to_status
      using errcode = 'PT409', detail = 'a status follows only where core.order_transitions says so';
  end if;
  return null;
end $$;
create trigger an_order_status_follows_the_table after update on public.orders
  referencing old table as before new table as after
  for each statement execute function core.record_order_statuses();

create table public.fills (
  id bigint generated always as identity primary key,
  -- null: a holding the venue reports and we never ordered (source `external`).
  order_id bigint,
  source text not null default 'venue',
  account_id bigint not null,
  -- Of a known instrument: its position says so.
  instrument_id bigint not null,
  product text not null,
  -- The fill whose place this one takes: what a person says it really was. Never another correction.
  corrects bigint,
  venue_fill_id text not null,
  side text not null,
  quantity bigint not null,
  price_minor bigint not null,
  -- What was paid for it (rounded up) or got (rounded down), once and for all: see core.fill_value.
  value_minor bigint not null,
  -- What booking it changed in the profit or loss of its position; all fills of a position add up to it.
  realised_minor bigint not null default 0,
  -- What it took out of the position's margin; with what it realised, what it gives back.
  freed_margin_minor bigint not null default 0,
  -- Came after the order had ended.
  late boolean not null,
  trade_date date not null,
  filled_at timestamptz not null,
  -- When it was told to us, by the database's clock.
  booked_at timestamptz not null default core.database_now(),
  -- Within its order: venues reuse their numbers, from day to day and even within one.
  constraint a_fill_of_an_order_counts_once unique (order_id, venue_fill_id),
  constraint a_fill_has_a_quantity_and_a_price
    check (price_minor > 0 and (quantity > 0 or (quantity = 0 and corrects is not null))),
  -- 2^53: beyond it nobody who reads JSON has the same number. No market has such a fill; a broken answer
  -- may.
  constraint what_a_fill_is_worth_can_be_told_exactly
    check (value_minor >= 0 and value_minor < 9007199254740992),
  constraint only_an_external_fill_has_no_order check ((order_id is null) = (source = 'external'))
);
create index corrections_of_a_fill on public.fills (corrects, id) where corrects is not null;
create unique index an_external_fill_counts_once on public.fills (account_id, venue_fill_id)
  where order_id is null;
-- A user's own fills, without reading everybody else's.
create index fills_of_an_account on public.fills (account_id, id);
-- What an account's orders traded on one day, without reading its past.
create index fills_of_a_day on public.fills (account_id, trade_date) where order_id is not null;

create table public.positions (
  account_id bigint not null,
  instrument_id bigint not null,
  product text not null,
  -- Below 0: more was sold than was held.
  quantity bigint not null,
  cost_minor bigint not null,
  margin_minor bigint not null,
  -- When the last of its fills was traded: a later one can be added to it, an earlier one can't.
  last_filled_at timestamptz not null,
  primary key (account_id, instrument_id, product),
  constraint a_position_can_be_told_exactly
    check (greatest(abs(quantity), abs(cost_minor), abs(margin_minor)) <= 9007199254740991)
) with (fillfactor = 80);

create table public.ledger_entries (
  id bigint generated always as identity,
  account_id bigint not null,
  order_id bigint,
  fill_id bigint,
  kind text not null,
  cash_delta_minor bigint not null,
  held_delta_minor bigint not null,
  source text,
  -- What a person calls money they moved: within its account each counts once.
  reference text,
  at timestamptz not null,
  -- By account, as they are read.
  primary key (account_id, id),
  constraint a_ledger_entry_is_of_a_known_kind
    check (kind in ('deposit', 'withdrawal', 'hold', 'post', 'void', 'late_post', 'correction',
      'adjustment')),
  constraint a_deposit_brings_cash
    check (kind <> 'deposit' or (cash_delta_minor > 0 and held_delta_minor = 0)),
  constraint a_withdrawal_takes_cash check (kind <> 'withdrawal'
    or (cash_delta_minor < 0 and held_delta_minor = 0)),
  constraint only_moved_cash_has_a_reference check (reference is null or kind in ('deposit', 'withdrawal')),
  constraint a_hold_moves_no_cash check (kind <> 'hold' or (cash_delta_minor = 0 and held_delta_minor >= 0)),
  constraint a_void_moves_no_cash check (kind <> 'void' or (cash_delta_minor = 0 and held_delta_minor <= 0)),
  constraint money_of_an_order_names_it check (kind in ('deposit', 'withdrawal', 'adjustment')
    or order_id is not null),
  constraint what_is_posted_for_a_fill_names_it
    check ((kind in ('late_post', 'correction')) = (fill_id is not null))
);
create index cash_that_people_moved on public.ledger_entries (account_id, id)
  where kind in ('deposit', 'withdrawal');
create unique index a_reference_counts_once on public.ledger_entries (account_id, reference)
  where reference is not null;
create unique index an_order_is_held_once on public.ledger_entries (order_id) where kind = 'hold';
create unique index an_order_ends_in_one_post_or_void on public.ledger_entries (order_id)
  where kind in ('post', 'void');
create unique index a_late_fill_is_posted_once on public.ledger_entries (fill_id) where fill_id is not null;

-- Trigger: rows of this table are added and never changed; `but removal`: nor deleted, unless they go with
-- their month.
create function core.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' and tg_nargs = 1 and core.is_removing() then return null; end if;
  raise exception '% is append-only: add a row instead', tg_table_name using errcode = 'PT403';
end $$;
-- Facts that may only lose who they are about: `tg_argv` are the columns that may, and to nothing or
-- `erased-…` alone; or go with their month (0854_remove_old).
create function core.refuse_all_but_erasure() returns trigger
language plpgsql set search_path = '' as $$
declare
  was jsonb;
  becomes jsonb;
begin
  if tg_op = 'UPDATE' then
    was := to_jsonb(old);
    becomes := to_jsonb(new);
    if was - tg_argv = becomes - tg_argv and not exists (select from unnest(tg_argv) named
        where was ->> named is distinct from becomes ->> named
          and coalesce(becomes ->> named, 'erased-') !~ 'erased-') then
      return new;
    end if;
  end if;
  if tg_op = 'DELETE' and core.is_removing() then return old; end if;
  raise exception '% is append-only: add a row instead', tg_table_name using errcode = 'PT403';
end $$;
create trigger decisions_are_facts before update or delete on public.decisions
  for each row execute function core.refuse_all_but_erasure('user_id');
create trigger decisions_are_never_truncated before truncate on public.decisions
  for each statement execute function core.refuse_change();
create trigger order_events_are_facts before update or delete or truncate on public.order_events
  for each statement execute function core.refuse_change('but removal');
create trigger the_ledger_is_append_only before update or delete or truncate on public.ledger_entries
  for each statement execute function core.refuse_change('but removal');
create trigger fills_are_facts before update or delete or truncate on public.fills
  for each statement execute function core.refuse_change('but removal');

-- Trigger: whom an order names goes only once their orders are a tombstone's (0860_people).
create function core.refuse_deleting_traders() returns trigger
language plpgsql set search_path = '' as $$
begin
  if exists (select from gone join public.orders o on o.user_id = gone.id) then
    raise exception 'orders name this user: erase_user takes a person out' using errcode = 'PT403';
  end if;
  return null;
end $$;
create trigger users_with_orders_are_never_deleted after delete on public.users
  referencing old table as gone for each statement execute function core.refuse_deleting_traders();

create table public.messages (
  id bigint generated always as identity primary key,
  -- Without foreign keys, as in run_users: a run's message and user, or an account's.
  run_id text,
  user_id text not null,
  -- Of a login_reminder: which account has no login on which day.
  account_id bigint,
  trade_date date,
  -- summary; then correction, correction-2 …: what changed after the last one went; or login_reminder, of no
  -- run; or, of a run of single orders, single_orders, single_orders-2 …
  kind text not null default 'summary',
  status text not null default 'queued',
  reason text,
  -- What was or would have been sent; written before sending.
  text text,
  -- Where it went, and over what; written before sending, too.
  sent_to text,
  channel text not null default 'whatsapp',
  provider_id text,
  -- The provider's own word, which only ever goes up in rank.
  provider_status text,
  error_code text,
  -- Of single_orders: the first of the orders it tells of.
  first_order_id bigint,
  -- A digest of the orders as the text tells them (of single_orders: the last of them); `may_change`: an
  -- order of the user may still end otherwise.
  content_hash text,
  may_change boolean not null default false,
  -- How often it was given to the provider, and how many of these because nobody knew of the one before.
  attempts integer not null default 0,
  resends integer not null default 0,
  lookups integer not null default 0,
  due_at timestamptz not null,
  -- From then on nobody should get it any more; null: the provider's term is all there is.
  send_before timestamptz,
  next_attempt_at timestamptz,
  next_lookup_at timestamptz,
  sending_at timestamptz,
  -- The call that marked it last: asked again, it gets the same answer.
  mark_id text,
  -- When a person asked for it once more: the same request again is no second one.
  resend_requested_at timestamptz,
  changed_at timestamptz not null,
  constraint a_user_gets_one_message_of_a_kind_per_run unique (run_id, user_id, kind),
  constraint a_user_is_reminded_once_a_day_of_a_login unique (trade_date, account_id),
  constraint a_message_is_of_a_run_or_reminds_of_a_login check (case when kind = 'login_reminder'
    then run_id is null and account_id is not null and trade_date is not null and send_before is not null
    else run_id is not null and account_id is null and trade_date is null end),
  constraint a_message_of_single_orders_names_its_first
    check ((kind ~ '^single_orders(-|$)') = (first_order_id is not null)),
  constraint a_message_goes_over_whatsapp_or_sms check (channel in ('whatsapp', 'sms')),
  constraint a_message_has_a_known_status
    check (status in ('queued', 'sending', 'sent', 'delivered', 'failed', 'unknown', 'suppressed')),
  constraint a_sent_message_has_its_text check (status = 'queued' or text is not null)
) with (fillfactor = 70);
create index messages_of_a_user on public.messages (user_id, id);
create index messages_waiting on public.messages (due_at, id) where status in ('queued', 'sending');
create index messages_to_look_up on public.messages (next_lookup_at) where status = 'unknown';
create index messages_that_may_change on public.messages (run_id, user_id) where may_change;
-- To one number, for finding out which of them the provider means.
create index messages_to_a_number on public.messages (sent_to, sending_at) where sent_to is not null;
create index messages_by_provider_id on public.messages (provider_id) where provider_id is not null;
