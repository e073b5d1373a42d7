-- The schema as the migrations leave it, written by `npm run schema` and compared by a test. For reading: nothing
-- runs it. Comments are those of the migrations; `-- for` names the roles that may execute a function.
-- Every table has row level security, and nobody but its owner may touch one: users read what has a policy.

-- # Types, sequences and views

-- A type of its own: a constraint of the table would be asked again at each change of an order.
create domain core.client_order_id as text
  constraint a_client_order_id_fits_every_venue CHECK ((VALUE ~ '^[a-z0-9]{1,20}$'::text));

create type core.checked_signal as (
  "position" integer,
  payload text,
  signal_id text,
  is_known boolean,
  why text
);

-- What is closed of a position, and where the records after it begin.
create type core.closed_holding as (
  holding core.holding,
  after_order bigint,
  after_fill bigint
);

-- A decision as `decide` made it, with what its order would need.
create type core.decision as (
  "queuePosition" bigint,
  "signalId" text,
  "userId" text,
  "accountId" bigint,
  outcome text,
  reason text,
  "limit" text,
  actual text,
  quantity bigint,
  "priceMinor" bigint,
  "limitPriceMinor" bigint,
  "marginMinor" bigint,
  "chargesMinor" bigint,
  "holdMinor" bigint,
  "leverageCenti" integer,
  product text,
  "rateId" integer,
  "clientOrderId" text
);

-- A promise that is not kept: its rule as a sentence, what about, whose; what the books say and what they
-- should; which command settles it (null: none does, so trading is to be stopped until somebody knows why).
-- Of a user nothing but the id is said. `left_to_a_person`: the program has done its part (it blocked the
-- account and told somebody).
create type core.finding as (
  rule text,
  subject text,
  user_id text,
  ours text,
  should text,
  settle text,
  left_to_a_person boolean
);

-- What is held, what was paid for it, how much of that is the account's own money (margin), and the profit
-- or loss so far. A short position has a negative quantity, cost and margin: what its sales brought.
create type core.holding as (
  quantity bigint,
  cost_minor bigint,
  margin_minor bigint,
  realised_minor bigint
);

-- What an outcome comes to, with the amounts its account settles. `before_minor`: what had been filled;
-- `bound_minor`: the margin of all a buy filled; `out_minor`, `freed_minor`: what a sale takes out of its
-- position's cost and margin. `moves`: the table of transitions lets the order follow.
create type core.judged_outcome as (
  id bigint,
  account_id bigint,
  instrument_id bigint,
  product text,
  places integer,
  side text,
  run_id text,
  leverage_centi integer,
  hold_minor bigint,
  venue_order_id text,
  next_status text,
  reason text,
  message text,
  next_lookup_at timestamptz,
  next_attempt_at timestamptz,
  fresh core.venue_fill[],
  n bigint,
  more_quantity bigint,
  more_minor bigint,
  last_at timestamptz,
  filled bigint,
  before_minor bigint,
  value_minor bigint,
  bound_minor bigint,
  out_minor bigint,
  freed_minor bigint,
  released_minor bigint,
  charges_minor bigint,
  moves boolean,
  ends boolean
);

-- What a venue said of one order, as settle_orders is told it.
create type core.outcome as (
  "orderId" bigint,
  "venueStatus" text,
  reason text,
  message text,
  "venueOrderId" text,
  "nextLookupMs" bigint,
  "nextAttemptMs" bigint,
  attempts integer,
  fills core.venue_fill[]
);

-- An outcome with its order, with what its fills add to it (`fresh`: those nobody has told yet, `n` of them)
-- and what its account holds of the share. Columns, not rows within rows: those cost more than the looking.
create type core.outcome_input as (
  id bigint,
  account_id bigint,
  instrument_id bigint,
  product text,
  places integer,
  side text,
  quantity bigint,
  status text,
  run_id text,
  rate_id integer,
  leverage_centi integer,
  hold_minor bigint,
  before_minor bigint,
  released_minor bigint,
  venue_order_id text,
  venue_status text,
  reason text,
  message text,
  next_lookup_ms bigint,
  next_attempt_ms bigint,
  fresh core.venue_fill[],
  n bigint,
  more_quantity bigint,
  more_minor bigint,
  first_at timestamptz,
  last_at timestamptz,
  filled bigint,
  next_status text,
  is_usual boolean,
  held bigint,
  held_cost_minor bigint,
  held_margin_minor bigint,
  held_until timestamptz
);

-- What is read together: the records after one closing (`opening`; null: from the first) up to another
-- (`closing`, of the accounts that are closed there; null: up to now, of all). `after_…` is where the
-- opening ends, `last_…` where the closing does, `seen_…` how far to look for it. `accounts`: these only.
create type core.period as (
  opening date,
  after_order bigint,
  after_entry bigint,
  after_fill bigint,
  closing date,
  last_order bigint,
  last_entry bigint,
  last_fill bigint,
  seen_entry bigint,
  seen_fill bigint,
  accounts bigint[]
);

-- Whose rate is used up, and for how long: a venue's (`accountId` null), or one account's there.
create type core.rate_wait as (
  venue text,
  "accountId" bigint,
  "waitMs" bigint
);

-- A decision of a page with what is true of its signal and its account now, under the locks. Columns, not
-- rows within rows: those cost more than all the looking.
create type core.recheck_input as (
  "queuePosition" bigint,
  "signalId" text,
  "userId" text,
  "accountId" bigint,
  outcome text,
  reason text,
  "limit" text,
  actual text,
  quantity bigint,
  "priceMinor" bigint,
  "limitPriceMinor" bigint,
  "marginMinor" bigint,
  "chargesMinor" bigint,
  "holdMinor" bigint,
  "leverageCenti" integer,
  product text,
  "rateId" integer,
  "clientOrderId" text,
  signal_position bigint,
  send_before timestamptz,
  side text,
  strategy text,
  valid_until timestamptz,
  named_minor bigint,
  signal_instrument_id bigint,
  places integer,
  exchange text,
  symbol text,
  share text,
  is_share_twice boolean,
  listings bigint[],
  account_id bigint,
  venue text,
  not_ready text,
  available_minor bigint,
  is_restricted boolean,
  halt text,
  has_open_orders boolean,
  max_order_value_minor bigint,
  max_open_positions integer,
  open_positions bigint,
  max_orders_per_day integer,
  orders_today bigint
);

-- What becomes of a decision: `refusal` says why it may not stand after all; null: it may.
create type core.rechecked as (
  "queuePosition" bigint,
  "signalId" text,
  "userId" text,
  "accountId" bigint,
  outcome text,
  reason text,
  "limit" text,
  actual text,
  quantity bigint,
  "priceMinor" bigint,
  "limitPriceMinor" bigint,
  "chargesMinor" bigint,
  "holdMinor" bigint,
  "leverageCenti" integer,
  product text,
  "rateId" integer,
  "clientOrderId" text,
  signal_position bigint,
  send_before timestamptz,
  side text,
  named_minor bigint,
  instrument_id bigint,
  places integer,
  share text,
  is_share_twice boolean,
  listings bigint[],
  account_id bigint,
  venue text,
  not_ready text,
  available_minor bigint,
  max_order_value_minor bigint,
  max_open_positions integer,
  open_positions bigint,
  max_orders_per_day integer,
  orders_today bigint,
  cap_minor bigint,
  capped_minor numeric,
  refusal text
);

-- What the last look, under locks, no longer allowed.
create type core.refusal as (
  "signalId" text,
  "userId" text,
  outcome text,
  reason text,
  "limit" text,
  actual text
);

-- A fill that is to be booked. Without an order: shares that came or went past us. `corrects`: it takes that
-- fill's place.
create type core.reported_fill as (
  order_id bigint,
  client_order_id text,
  leverage_centi integer,
  before_minor bigint,
  ended boolean,
  account_id bigint,
  instrument_id bigint,
  product text,
  trade_date date,
  corrects bigint,
  venue_fill_id text,
  side text,
  quantity bigint,
  price_minor bigint,
  value_minor bigint,
  filled_at timestamptz
);

-- A send and what came of it.
create type core.send as (
  run_id text,
  venue text,
  signal_id text,
  account_id bigint,
  failed boolean
);

-- The last sends of a run at a venue, over all its signals ('') and signal by signal: how many, how many in
-- trouble, of how many accounts, and of how many of them at least `pct` of theirs. `elsewhere`: the same
-- trouble outside the signal, so of '' outside the signal that is in most trouble.
create type core.sends_counted as (
  signal_id text,
  tried bigint,
  failed bigint,
  accounts bigint,
  failed_accounts bigint,
  elsewhere_tried bigint,
  elsewhere_failed bigint,
  elsewhere_accounts bigint
);

create type core.venue_fill as (
  "venueFillId" text,
  quantity bigint,
  "priceMinor" bigint,
  "atMs" bigint
);

-- Where an asked-for order stands among the day's; a sequence, so that nobody waits for anybody to have his
-- place.
create sequence core.single_order_position;

-- One execution as it counts: a fill, or what the last correction of it says it really was. One that never
-- was has no row.
create view core.effective_fills as
 SELECT f.id,
    f.order_id,
    f.source,
    f.account_id,
    f.instrument_id,
    f.product,
    f.venue_fill_id,
    f.side,
    corrected.quantity,
    corrected.price_minor,
    corrected.value_minor,
    f.late,
    f.trade_date,
    f.filled_at
   FROM public.fills f
     CROSS JOIN LATERAL core.corrected_fill(f.*) corrected(quantity, price_minor, value_minor)
  WHERE f.corrects IS NULL AND corrected.quantity > 0;

-- # Tables

create table public.account_credentials (
  account_id bigint not null,
  -- The first 8 hex digits of the SHA-256 of the master key that wraps the record's own key.
  key_id text not null,
  -- The record's own key, wrapped; made anew each time something is stored, so it also says which version
  -- this is.
  wrapped_key text not null,
  sealed text not null,
  stored_at timestamptz not null,
  constraint account_credentials_pkey PRIMARY KEY (account_id),
  constraint account_credentials_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id),
  constraint a_master_key_is_known_by_eight_hex_digits CHECK (key_id ~ '^[0-9a-f]{8}$'::text),
  constraint credentials_are_sealed CHECK (wrapped_key ~ '^[A-Za-z0-9+/=]{40,}$'::text AND sealed ~ '^[A-Za-z0-9+/=]{40,}$'::text)
);

create table public.accounts (
  id bigint not null generated always as identity,
  user_id text not null,
  venue text not null,
  mode text not null,
  -- Of all its money; an account is one ledger.
  currency text not null default 'INR'::text,
  capital_minor bigint not null,
  allocation_bps integer not null,
  leverage_centi integer not null default 100,
  max_open_positions integer,
  daily_loss_limit_bps integer,
  -- Most orders to buy on one trading day, scans and single orders together, and the most one of them may be
  -- worth; null: no limit. Neither ever keeps anybody from selling.
  max_orders_per_day integer,
  max_order_value_minor bigint,
  -- Why the account may not open anything new: no login, drift, an unacknowledged late post. null: it may.
  not_ready text,
  -- The trading day the last check of readiness was for, when it was made, and what was wrong; null:
  -- nothing.
  checked_for date,
  -- The last trading day of which a check brought our books to the venue's, or found them to be so.
  books_for date,
  checked_at timestamptz,
  check_found text,
  cash_minor bigint not null default 0,
  held_minor bigint not null default 0,
  -- What business that is none of ours had blocked at the venue when cash_minor was last brought to what it
  -- lets spend.
  blocked_by_others_minor bigint not null default 0,
  constraint accounts_pkey PRIMARY KEY (id),
  constraint a_user_has_one_account_per_venue_mode_and_currency UNIQUE (user_id, venue, mode, currency),
  constraint accounts_currency_fkey FOREIGN KEY (currency) REFERENCES public.currencies(code),
  constraint accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id),
  constraint a_daily_number_of_orders_is_not_negative CHECK (max_orders_per_day >= 0),
  constraint a_largest_order_value_is_positive CHECK (max_order_value_minor > 0),
  constraint allocation_is_a_share_of_the_whole CHECK (allocation_bps >= 1 AND allocation_bps <= 10000),
  constraint an_account_is_paper_or_live CHECK (mode = ANY (ARRAY['paper'::text, 'live'::text])),
  constraint an_accounts_money_can_be_told_exactly CHECK (cash_minor <= '9007199254740991'::bigint AND (cash_minor - held_minor) >= '-9007199254740991'::bigint),
  constraint available_money_is_negative_only_on_a_blocked_account CHECK ((cash_minor - held_minor) >= 0 OR not_ready IS NOT NULL),
  constraint capital_is_positive CHECK (capital_minor > 0),
  constraint held_money_is_never_negative CHECK (held_minor >= 0),
  constraint leverage_is_at_least_one CHECK (leverage_centi >= 100),
  constraint money_blocked_by_others_is_never_negative CHECK (blocked_by_others_minor >= 0),
  constraint the_largest_order_can_be_told_exactly CHECK ((capital_minor::numeric * allocation_bps::numeric * leverage_centi::numeric) <= ('9007199254740991'::bigint::numeric * 1000000.0))
) with (fillfactor=70);
CREATE INDEX accounts_that_are_blocked ON public.accounts USING btree (id) WHERE (COALESCE(not_ready, check_found) IS NOT NULL);
CREATE TRIGGER accounts_are_never_deleted BEFORE DELETE OR UPDATE OF id, currency OR TRUNCATE ON public.accounts FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion();
create policy a_user_reads_his_own_accounts on public.accounts for select to authenticated
  using ((user_id = ( SELECT core.current_user_id() AS current_user_id)));

create table public.api_keys (
  -- SHA-256 of the key, hex. The key itself is told once, to whoever made it, and kept nowhere.
  hash text not null,
  -- The key's first characters: what a list, a log and `revoke` call it by.
  hint text not null,
  role text not null,
  -- What it may do: read, or trade as well; a key that sends signals does neither.
  scope text,
  user_id text,
  -- Whose signals it sends.
  source text,
  label text not null default ''::text,
  created_at timestamptz not null,
  -- From then on it opens nothing; null: until it is revoked. The database's clock decides.
  expires_at timestamptz,
  revoked_at timestamptz,
  -- To the minute, by the database's clock.
  last_used_at timestamptz,
  constraint api_keys_pkey PRIMARY KEY (hash),
  constraint a_key_is_known_by_its_hint UNIQUE (hint),
  constraint api_keys_source_fkey FOREIGN KEY (source) REFERENCES public.signal_sources(name),
  constraint api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id),
  constraint a_key_ends_after_it_was_made CHECK (expires_at > created_at),
  constraint a_key_is_an_operators_a_users_or_sends_signals CHECK (role = ANY (ARRAY['operator'::text, 'user'::text, 'signals'::text])),
  constraint a_key_is_stored_as_its_hash CHECK (hash ~ '^[0-9a-f]{64}$'::text),
  constraint a_key_reads_trades_or_sends_signals CHECK (((scope = ANY (ARRAY['read'::text, 'trade'::text])) IS TRUE) = (role <> 'signals'::text)),
  constraint a_signals_key_names_its_source CHECK ((role = 'signals'::text) = (source IS NOT NULL)),
  constraint a_users_key_names_the_user CHECK ((role = 'user'::text) = (user_id IS NOT NULL))
);
CREATE INDEX keys_of_a_source ON public.api_keys USING btree (source) WHERE (source IS NOT NULL);
CREATE INDEX keys_of_a_user ON public.api_keys USING btree (user_id) WHERE (user_id IS NOT NULL);

create table public.breakers (
  run_id text not null,
  venue text not null,
  -- '': of every signal, and 0: of every account.
  signal_id text not null default ''::text,
  account_id bigint not null default 0,
  is_open boolean not null default false,
  -- An account's, counted here since its first trouble; else those it was opened by.
  tried bigint not null default 0,
  failed bigint not null default 0,
  accounts bigint not null default 1,
  failed_accounts bigint not null default 1,
  openings integer not null default 0,
  opened_at timestamptz,
  closed_at timestamptz,
  pause_ms bigint not null default 0,
  next_probe_at timestamptz,
  probe_order_id bigint,
  answered_probes integer not null default 0,
  -- Sends up to this one count no more: it has been closed since.
  counted_from bigint not null default 0,
  -- The call that opened or closed it last: asked again, it gets the same answer.
  judge_id text,
  constraint breakers_pkey PRIMARY KEY (run_id, venue, signal_id, account_id)
);
CREATE INDEX breakers_that_are_open ON public.breakers USING btree (run_id) WHERE is_open;

-- Days an operator adds to or takes from the shipped calendar.
create table public.calendar_days (
  exchange text not null,
  day date not null,
  kind text not null,
  name text not null,
  open_time time without time zone,
  close_time time without time zone,
  -- From an imported list of a whole year: then every weekday of that year it does not name is a trading
  -- day.
  of_year_list boolean not null default false,
  constraint calendar_days_pkey PRIMARY KEY (exchange, day),
  constraint a_calendar_day_is_open_or_closed CHECK (kind = ANY (ARRAY['open'::text, 'closed'::text]))
);

-- What one leg costs, dated: parts per billion of turnover. GST is on brokerage + exchange + regulator
-- charges. `exchange`: the first code of a market, for all of its exchanges; the caps are in `currency`.
create table public.charge_rates (
  id integer not null,
  exchange text not null,
  currency text not null,
  product text not null,
  side text not null,
  valid_from date not null,
  transaction_tax_ppb bigint not null,
  exchange_ppb bigint not null,
  regulator_ppb bigint not null,
  stamp_ppb bigint not null,
  brokerage_ppb bigint not null,
  brokerage_cap_minor bigint not null,
  gst_bps integer not null,
  source text not null,
  constraint charge_rates_pkey PRIMARY KEY (id),
  constraint a_rate_is_given_once_per_day UNIQUE (exchange, product, side, valid_from),
  constraint a_product_is_delivery_or_mtf CHECK (product = ANY (ARRAY['delivery'::text, 'mtf'::text])),
  constraint a_rate_is_for_a_buy_or_a_sell CHECK (side = ANY (ARRAY['BUY'::text, 'SELL'::text])),
  constraint a_rate_is_in_the_currency_of_its_market CHECK (exchange = 'NSE'::text AND currency = 'INR'::text OR exchange = 'BSE'::text AND currency = 'INR'::text OR exchange = 'US'::text AND currency = 'USD'::text OR exchange = 'SOLANA'::text AND currency = 'USDC'::text)
);
CREATE TRIGGER rates_are_never_deleted BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON public.charge_rates FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion();

-- What an account had after everything of a closing. It held nothing: all its orders had ended. A row says
-- that the account is closed that far; one that is missing, that its records since the closing before have
-- to be read.
create table public.closed_balances (
  account_id bigint not null,
  through date not null,
  cash_minor bigint not null,
  constraint closed_balances_pkey PRIMARY KEY (account_id, through),
  constraint closed_balances_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id),
  constraint closed_balances_through_fkey FOREIGN KEY (through) REFERENCES public.closings(through)
);
CREATE INDEX balances_of_a_closing ON public.closed_balances USING btree (through, account_id);
CREATE TRIGGER removed_balances_stay_closed AFTER DELETE ON public.closed_balances REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_opening_removed();

-- The positions of an account that were traded since the closing before; the others are as they were then.
create table public.closed_positions (
  account_id bigint not null,
  instrument_id bigint not null,
  product text not null,
  through date not null,
  quantity bigint not null,
  cost_minor bigint not null,
  margin_minor bigint not null,
  -- All its fills realised and freed so far.
  realised_minor bigint not null,
  freed_margin_minor bigint not null,
  -- Every fill of a later closing was traded after it.
  last_filled_at timestamptz not null,
  constraint closed_positions_pkey PRIMARY KEY (account_id, instrument_id, product, through),
  constraint closed_positions_account_id_through_fkey FOREIGN KEY (account_id, through) REFERENCES public.closed_balances(account_id, through) ON DELETE CASCADE
);
CREATE INDEX positions_of_a_closed_balance ON public.closed_positions USING btree (account_id, through);
CREATE TRIGGER removed_positions_stay_closed AFTER DELETE ON public.closed_positions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_opening_removed();

-- Everything recorded up to the end of a day (India). What is recorded under an order belongs to its
-- order; the rest (money that people moved, shares that came past us) to its own number.
create table public.closings (
  through date not null,
  last_order_id bigint not null,
  last_entry_id bigint not null,
  last_fill_id bigint not null,
  -- The highest numbers there were when an account was closed last: no closed one has anything beyond.
  seen_entry_id bigint not null,
  seen_fill_id bigint not null,
  closed_at timestamptz not null default core.database_now(),
  constraint closings_pkey PRIMARY KEY (through),
  constraint a_closing_ends_with_records_it_has_seen CHECK (last_entry_id <= seen_entry_id AND last_fill_id <= seen_fill_id)
);

-- Who said when that he wants messages, or no more of them; `message_id` is the provider's, so that each
-- counts once.
create table public.consents (
  id bigint not null generated always as identity,
  number text not null,
  keyword text not null,
  source text not null,
  message_id text,
  at timestamptz not null,
  constraint consents_pkey PRIMARY KEY (id),
  constraint a_consent_counts_once UNIQUE (message_id),
  constraint a_consent_starts_or_stops CHECK (keyword = ANY (ARRAY['start'::text, 'stop'::text]))
);

-- What changes a share's price from a day on though nobody gains or loses: see
-- domain/market/corporate-actions.ts.
create table public.corporate_actions (
  exchange text not null,
  symbol text not null,
  ex_date date not null,
  kind text not null,
  -- As exchanges write it, 5:1; null: there is none, or it is not known.
  ratio text,
  constraint corporate_actions_pkey PRIMARY KEY (exchange, symbol, ex_date, kind),
  constraint a_ratio_is_of_two_whole_numbers CHECK (ratio ~ '^[1-9][0-9]{0,4}:[1-9][0-9]{0,4}$'::text)
);

-- The currencies money can be in, as domain/currency.ts has them; a test compares the two.
create table public.currencies (
  code text not null,
  minor_digits smallint not null,
  constraint currencies_pkey PRIMARY KEY (code)
);
CREATE TRIGGER currencies_are_never_deleted BEFORE DELETE OR UPDATE OR TRUNCATE ON public.currencies FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion();

create table public.daily_prices (
  exchange text not null,
  symbol text not null,
  day date not null,
  open_minor bigint not null,
  -- null: not known yet, as at the open.
  close_minor bigint,
  constraint daily_prices_pkey PRIMARY KEY (exchange, symbol, day),
  constraint a_daily_price_is_positive CHECK (open_minor > 0 AND close_minor > 0)
);

-- One row per run × signal × user, always. Written by accept alone, which joins it with the run's signals
-- and users.
create table public.decisions (
  run_id text not null,
  signal_id text not null,
  user_id text not null,
  account_id bigint,
  "position" bigint not null,
  queue_position bigint not null,
  outcome text not null,
  reason text,
  limit_value text,
  actual_value text,
  quantity bigint not null,
  price_minor bigint,
  hold_minor bigint not null,
  constraint decisions_pkey PRIMARY KEY (run_id, signal_id, user_id),
  constraint a_decision_is_accepted_skipped_or_denied CHECK (outcome = ANY (ARRAY['accepted'::text, 'skipped'::text, 'denied'::text])),
  constraint only_an_accepted_decision_holds_money CHECK (outcome = 'accepted'::text OR quantity = 0 AND hold_minor = 0),
  constraint only_an_accepted_decision_needs_no_reason CHECK ((outcome = 'accepted'::text) = (reason IS NULL))
);
-- Over all runs of a mode (an account has one mode); a later run's «already decided» is a note, not a
-- decision.
CREATE UNIQUE INDEX a_signal_is_decided_once_per_account ON public.decisions USING btree (signal_id, account_id) WHERE ((account_id IS NOT NULL) AND (reason IS DISTINCT FROM 'already_decided'::text));
-- A user's own decisions, run by run, without reading everybody else's.
CREATE INDEX decisions_of_a_user ON public.decisions USING btree (user_id, run_id);
CREATE TRIGGER decisions_are_facts BEFORE DELETE OR UPDATE ON public.decisions FOR EACH ROW EXECUTE FUNCTION core.refuse_all_but_erasure('user_id');
CREATE TRIGGER decisions_are_never_truncated BEFORE TRUNCATE ON public.decisions FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER only_removed_decisions_go AFTER DELETE ON public.decisions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('run_id');
create policy a_user_reads_his_own_decisions on public.decisions for select to authenticated
  using ((user_id = ( SELECT core.current_user_id() AS current_user_id)));

-- Where our books and a venue's differ in a way nobody may trade over. Acknowledged with its account.
create table public.drifts (
  id bigint not null generated always as identity,
  account_id bigint not null,
  trade_date date not null,
  kind text not null,
  -- Which order, which share, which money; and how much of it each side has.
  what text not null,
  ours text not null,
  theirs text not null,
  found_at timestamptz not null,
  last_found_at timestamptz not null,
  acknowledged_at timestamptz,
  constraint drifts_pkey PRIMARY KEY (id),
  constraint drifts_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id),
  constraint a_drift_is_of_a_known_kind CHECK (kind = ANY (ARRAY['unknown_order'::text, 'order'::text, 'position'::text, 'oversold'::text, 'funds'::text]))
);
CREATE UNIQUE INDEX a_drift_is_open_once ON public.drifts USING btree (account_id, kind, what, ours, theirs) WHERE (acknowledged_at IS NULL);
CREATE INDEX drifts_of_an_account ON public.drifts USING btree (account_id, id);
CREATE TRIGGER drifts_are_facts BEFORE DELETE OR UPDATE ON public.drifts FOR EACH ROW EXECUTE FUNCTION core.refuse_drift_change();
CREATE TRIGGER drifts_are_never_truncated BEFORE TRUNCATE ON public.drifts FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

create table public.fills (
  id bigint not null generated always as identity,
  -- null: a holding the venue reports and we never ordered (source `external`).
  order_id bigint,
  source text not null default 'venue'::text,
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
  constraint fills_pkey PRIMARY KEY (id),
  constraint a_fill_of_an_order_counts_once UNIQUE (order_id, venue_fill_id),
  constraint a_fill_has_a_quantity_and_a_price CHECK (price_minor > 0 AND (quantity > 0 OR quantity = 0 AND corrects IS NOT NULL)),
  constraint only_an_external_fill_has_no_order CHECK ((order_id IS NULL) = (source = 'external'::text)),
  constraint what_a_fill_is_worth_can_be_told_exactly CHECK (value_minor >= 0 AND value_minor < '9007199254740992'::bigint)
);
CREATE UNIQUE INDEX an_external_fill_counts_once ON public.fills USING btree (account_id, venue_fill_id) WHERE (order_id IS NULL);
CREATE INDEX corrections_of_a_fill ON public.fills USING btree (corrects, id) WHERE (corrects IS NOT NULL);
-- What an account's orders traded on one day, without reading its past.
CREATE INDEX fills_of_a_day ON public.fills USING btree (account_id, trade_date) WHERE (order_id IS NOT NULL);
-- A user's own fills, without reading everybody else's.
CREATE INDEX fills_of_an_account ON public.fills USING btree (account_id, id);
CREATE TRIGGER a_fill_of_the_past_reopens_its_account AFTER INSERT ON public.fills FOR EACH ROW WHEN ((new.late OR (new.corrects IS NOT NULL) OR (new.order_id IS NULL) OR (new.filled_at < (new.booked_at - core.closing_delay())))) EXECUTE FUNCTION core.reopen_closed_balances();
CREATE TRIGGER a_late_fill_puts_messages_in_doubt AFTER INSERT ON public.fills FOR EACH ROW WHEN (new.late) EXECUTE FUNCTION core.flag_messages_for_correction();
CREATE TRIGGER fills_are_facts BEFORE DELETE OR UPDATE OR TRUNCATE ON public.fills FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change('but removal');
CREATE TRIGGER only_removed_fills_go AFTER DELETE ON public.fills REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('order_id');
create policy a_user_reads_his_own_fills on public.fills for select to authenticated
  using ((account_id = ANY (ARRAY( SELECT accounts.id
   FROM public.accounts
  WHERE (accounts.user_id = ( SELECT core.current_user_id() AS current_user_id))))));

create table public.halts (
  id bigint not null generated always as identity,
  scope text not null,
  target text not null default ''::text,
  why text not null,
  halted_by text not null,
  halted_at timestamptz not null,
  resumed_by text,
  resumed_at timestamptz,
  resume_why text,
  constraint halts_pkey PRIMARY KEY (id),
  constraint a_halt_is_for_all_a_venue_or_a_user CHECK (scope = ANY (ARRAY['all'::text, 'venue'::text, 'user'::text])),
  constraint a_halt_of_everything_names_no_target CHECK ((scope = 'all'::text) = (target = ''::text))
);
CREATE UNIQUE INDEX a_thing_is_halted_once_at_a_time ON public.halts USING btree (scope, target) WHERE (resumed_at IS NULL);

create table public.instruments (
  id bigint not null generated always as identity,
  exchange text not null,
  symbol text not null,
  currency text not null default core.currency_of(exchange),
  -- Quantities are in pieces of 10^-quantity_scale, prices in 10^-price_scale of the minor unit for a whole
  -- one: see core.value_up.
  quantity_scale smallint not null default 0,
  price_scale smallint not null default 0,
  isin text,
  name text not null default ''::text,
  tick_minor bigint,
  lot_size bigint not null default 1,
  freeze_quantity bigint,
  fno boolean not null default false,
  restricted text,
  -- Seen in a signal only, never in an instruments file: paper treats it as plain equity, live refuses it.
  assumed boolean not null default false,
  -- What makes two listings one share; kept by the triggers below.
  share text not null default ''::text,
  constraint instruments_pkey PRIMARY KEY (id),
  constraint an_instrument_is_listed_once_per_exchange UNIQUE (exchange, symbol),
  constraint instruments_currency_fkey FOREIGN KEY (currency) REFERENCES public.currencies(code),
  constraint a_freeze_quantity_is_positive CHECK (freeze_quantity >= 1),
  constraint a_listed_instrument_has_a_tick CHECK (assumed OR tick_minor > 0),
  constraint a_lot_is_at_least_one CHECK (lot_size >= 1),
  constraint a_scale_has_at_most_nine_digits CHECK (quantity_scale >= 0 AND quantity_scale <= 9 AND price_scale >= 0 AND price_scale <= 9)
);
CREATE INDEX instruments_by_folded_symbol ON public.instruments USING btree (core.folded_symbol(exchange, symbol));
CREATE INDEX instruments_of_a_share ON public.instruments USING btree (share);
CREATE TRIGGER a_changed_instrument_names_its_share AFTER UPDATE ON public.instruments REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION core.set_shares();
CREATE TRIGGER a_new_instrument_names_its_share AFTER INSERT ON public.instruments REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION core.set_shares();
CREATE TRIGGER a_used_instrument_keeps_its_scales BEFORE UPDATE ON public.instruments FOR EACH ROW WHEN (((old.quantity_scale IS DISTINCT FROM new.quantity_scale) OR (old.price_scale IS DISTINCT FROM new.price_scale))) EXECUTE FUNCTION core.keep_scales();
CREATE TRIGGER instruments_are_never_deleted BEFORE DELETE OR UPDATE OF id, exchange OR TRUNCATE ON public.instruments FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion();
create policy a_user_reads_what_is_listed_and_what_they_trade on public.instruments for select to authenticated
  using (((NOT assumed) OR (id IN ( SELECT positions.instrument_id
   FROM public.positions)) OR (id IN ( SELECT orders.instrument_id
   FROM public.orders))));
  -- columns: id, exchange, symbol, isin, name

create table public.ledger_entries (
  id bigint not null generated always as identity,
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
  constraint ledger_entries_pkey PRIMARY KEY (account_id, id),
  constraint a_deposit_brings_cash CHECK (kind <> 'deposit'::text OR cash_delta_minor > 0 AND held_delta_minor = 0),
  constraint a_hold_moves_no_cash CHECK (kind <> 'hold'::text OR cash_delta_minor = 0 AND held_delta_minor >= 0),
  constraint a_ledger_entry_is_of_a_known_kind CHECK (kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text, 'hold'::text, 'post'::text, 'void'::text, 'late_post'::text, 'correction'::text, 'adjustment'::text])),
  constraint a_void_moves_no_cash CHECK (kind <> 'void'::text OR cash_delta_minor = 0 AND held_delta_minor <= 0),
  constraint a_withdrawal_takes_cash CHECK (kind <> 'withdrawal'::text OR cash_delta_minor < 0 AND held_delta_minor = 0),
  constraint money_of_an_order_names_it CHECK ((kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text, 'adjustment'::text])) OR order_id IS NOT NULL),
  constraint only_moved_cash_has_a_reference CHECK (reference IS NULL OR (kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text]))),
  constraint what_is_posted_for_a_fill_names_it CHECK ((kind = ANY (ARRAY['late_post'::text, 'correction'::text])) = (fill_id IS NOT NULL))
);
CREATE UNIQUE INDEX a_late_fill_is_posted_once ON public.ledger_entries USING btree (fill_id) WHERE (fill_id IS NOT NULL);
CREATE UNIQUE INDEX a_reference_counts_once ON public.ledger_entries USING btree (account_id, reference) WHERE (reference IS NOT NULL);
CREATE UNIQUE INDEX an_order_ends_in_one_post_or_void ON public.ledger_entries USING btree (order_id) WHERE (kind = ANY (ARRAY['post'::text, 'void'::text]));
CREATE UNIQUE INDEX an_order_is_held_once ON public.ledger_entries USING btree (order_id) WHERE (kind = 'hold'::text);
CREATE INDEX cash_that_people_moved ON public.ledger_entries USING btree (account_id, id) WHERE (kind = ANY (ARRAY['deposit'::text, 'withdrawal'::text]));
CREATE TRIGGER only_removed_entries_go AFTER DELETE ON public.ledger_entries REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('order_id');
CREATE TRIGGER the_ledger_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change('but removal');
create policy a_user_reads_his_own_ledger on public.ledger_entries for select to authenticated
  using ((account_id = ANY (ARRAY( SELECT accounts.id
   FROM public.accounts
  WHERE (accounts.user_id = ( SELECT core.current_user_id() AS current_user_id))))));

-- A lawsuit or an inquiry: while one is on, nothing is removed. One at a time; lifted ones stay.
create table public.legal_holds (
  id bigint not null generated always as identity,
  why text not null,
  placed_by text not null,
  placed_at timestamptz not null default core.database_now(),
  lifted_by text,
  lifted_at timestamptz,
  constraint legal_holds_pkey PRIMARY KEY (id),
  constraint a_legal_hold_says_why CHECK (why <> ''::text)
);
CREATE UNIQUE INDEX there_is_one_legal_hold_at_a_time ON public.legal_holds USING btree (((lifted_at IS NULL))) WHERE (lifted_at IS NULL);

create table public.message_events (
  id bigint not null generated always as identity,
  message_id bigint not null,
  at timestamptz not null,
  status text not null,
  -- Which try it is about, and the provider's id, word and error code where it was the provider who told.
  attempt integer not null,
  provider_id text,
  provider_status text,
  error_code text,
  reason text,
  constraint message_events_pkey PRIMARY KEY (id),
  constraint message_events_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages(id)
);
CREATE INDEX events_of_a_message ON public.message_events USING btree (message_id);
CREATE INDEX refusals_by_code ON public.message_events USING btree (error_code, id) WHERE (error_code IS NOT NULL);

-- Why nothing goes out at the moment: an error that every further message would meet. A person lifts it. Met
-- by the fallback (`sms`) it stops the fallback only, met by `whatsapp` everything.
create table public.message_stops (
  id bigint not null generated always as identity,
  channel text not null default 'whatsapp'::text,
  why text not null,
  stopped_at timestamptz not null,
  resumed_at timestamptz,
  resumed_by text,
  constraint message_stops_pkey PRIMARY KEY (id),
  constraint a_stop_is_of_a_channel CHECK (channel = ANY (ARRAY['whatsapp'::text, 'sms'::text]))
);
CREATE UNIQUE INDEX messages_are_stopped_once_at_a_time ON public.message_stops USING btree (channel) WHERE (resumed_at IS NULL);

create table public.messages (
  id bigint not null generated always as identity,
  -- Without foreign keys, as in run_users: a run's message and user, or an account's.
  run_id text,
  user_id text not null,
  -- Of a login_reminder: which account has no login on which day.
  account_id bigint,
  trade_date date,
  -- summary; then correction, correction-2 …: what changed after the last one went; or login_reminder, of no
  -- run; or, of a run of single orders, single_orders, single_orders-2 …
  kind text not null default 'summary'::text,
  status text not null default 'queued'::text,
  reason text,
  -- What was or would have been sent; written before sending.
  text text,
  -- Where it went, and over what; written before sending, too.
  sent_to text,
  channel text not null default 'whatsapp'::text,
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
  constraint messages_pkey PRIMARY KEY (id),
  constraint a_user_gets_one_message_of_a_kind_per_run UNIQUE (run_id, user_id, kind),
  constraint a_user_is_reminded_once_a_day_of_a_login UNIQUE (trade_date, account_id),
  constraint a_message_goes_over_whatsapp_or_sms CHECK (channel = ANY (ARRAY['whatsapp'::text, 'sms'::text])),
  constraint a_message_has_a_known_status CHECK (status = ANY (ARRAY['queued'::text, 'sending'::text, 'sent'::text, 'delivered'::text, 'failed'::text, 'unknown'::text, 'suppressed'::text])),
  constraint a_message_is_of_a_run_or_reminds_of_a_login CHECK (
CASE
    WHEN kind = 'login_reminder'::text THEN run_id IS NULL AND account_id IS NOT NULL AND trade_date IS NOT NULL AND send_before IS NOT NULL
    ELSE run_id IS NOT NULL AND account_id IS NULL AND trade_date IS NULL
END),
  constraint a_message_of_single_orders_names_its_first CHECK ((kind ~ '^single_orders(-|$)'::text) = (first_order_id IS NOT NULL)),
  constraint a_sent_message_has_its_text CHECK (status = 'queued'::text OR text IS NOT NULL)
) with (fillfactor=70);
CREATE INDEX messages_by_provider_id ON public.messages USING btree (provider_id) WHERE (provider_id IS NOT NULL);
CREATE INDEX messages_of_a_user ON public.messages USING btree (user_id, id);
CREATE INDEX messages_that_may_change ON public.messages USING btree (run_id, user_id) WHERE may_change;
-- To one number, for finding out which of them the provider means.
CREATE INDEX messages_to_a_number ON public.messages USING btree (sent_to, sending_at) WHERE (sent_to IS NOT NULL);
CREATE INDEX messages_to_look_up ON public.messages USING btree (next_lookup_at) WHERE (status = 'unknown'::text);
CREATE INDEX messages_waiting ON public.messages USING btree (due_at, id) WHERE (status = ANY (ARRAY['queued'::text, 'sending'::text]));
CREATE TRIGGER messages_keep_their_history AFTER UPDATE ON public.messages REFERENCING OLD TABLE AS before_it NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION core.record_message_statuses();
create policy a_user_reads_his_own_messages on public.messages for select to authenticated
  using ((user_id = ( SELECT core.current_user_id() AS current_user_id)));

-- What operators are told: a digest of each run, and alarms. `key` says it once to each of them.
create table public.notices (
  id bigint not null generated always as identity,
  key text not null,
  run_id text,
  number text not null,
  text text not null,
  status text not null default 'queued'::text,
  reason text,
  provider_id text,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  changed_at timestamptz not null,
  constraint notices_pkey PRIMARY KEY (id),
  constraint an_operator_is_told_once_of_a_thing UNIQUE (key, number),
  constraint notices_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.scan_runs(id),
  constraint a_notice_has_a_known_status CHECK (status = ANY (ARRAY['queued'::text, 'sending'::text, 'sent'::text, 'failed'::text, 'unknown'::text]))
);
CREATE INDEX notices_waiting ON public.notices USING btree (next_attempt_at) WHERE (status = 'queued'::text);

-- The newest row's number and hash, so that the loss of the last rows shows.
create table public.operator_action_head (
  only_one boolean not null default true,
  id bigint not null,
  hash text not null,
  constraint operator_action_head_pkey PRIMARY KEY (only_one),
  constraint there_is_one_head CHECK (only_one)
);

-- Append-only. A row's hash is over the hash before it and its own content; so who keeps one hash elsewhere
-- can prove everything up to it. What may name a person (`content_hash` is over it, salted) can be taken out
-- of a row when that person is erased (`redacted_by`: the action that did it, which keeps the hash of what
-- is left): the chain still holds.
create table public.operator_actions (
  -- 1, 2, 3 … without a gap.
  id bigint not null,
  -- The database's clock.
  at timestamptz not null,
  -- cli: user@host or --by; http: key:HINT or login:SUBJECT; service: the part that did it by itself.
  who text not null,
  how text not null,
  -- One of `operatorActions` in domain/actions.ts; a test compares the two.
  action text not null,
  -- KIND:ID, such as user:asha-rao, order:7k…, venue:kite, all.
  target text not null,
  -- Whom it concerns, where it is about one user.
  user_id text,
  -- Small, without secrets and whole phone numbers.
  before jsonb,
  after jsonb,
  why text,
  salt text not null,
  content_hash text not null,
  previous_hash text not null,
  hash text not null,
  redacted_by bigint,
  constraint operator_actions_pkey PRIMARY KEY (id),
  constraint operator_actions_redacted_by_fkey FOREIGN KEY (redacted_by) REFERENCES public.operator_actions(id),
  constraint an_action_is_done_by_cli_http_or_service CHECK (how = ANY (ARRAY['cli'::text, 'http'::text, 'service'::text])),
  constraint an_action_is_named_in_snake_case CHECK (action ~ '^[a-z]+(_[a-z]+)*$'::text),
  constraint an_action_names_who_did_it CHECK (who <> ''::text)
);
CREATE INDEX actions_about_a_user ON public.operator_actions USING btree (user_id, id) WHERE (user_id IS NOT NULL);
CREATE TRIGGER actions_are_append_only BEFORE DELETE OR UPDATE ON public.operator_actions FOR EACH ROW EXECUTE FUNCTION core.refuse_action_change();
CREATE TRIGGER actions_are_never_truncated BEFORE TRUNCATE ON public.operator_actions FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_action_change();

-- Written by the triggers below alone, from the order's own row: a foreign key would only ask again.
create table public.order_events (
  id bigint not null generated always as identity,
  order_id bigint not null,
  at timestamptz not null,
  from_status text,
  to_status text not null,
  reason text,
  -- As it was then.
  filled_quantity bigint not null,
  filled_value_minor bigint not null,
  constraint order_events_pkey PRIMARY KEY (order_id, id)
);
CREATE TRIGGER only_removed_order_events_go AFTER DELETE ON public.order_events REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('order_id');
CREATE TRIGGER order_events_are_facts BEFORE DELETE OR UPDATE OR TRUNCATE ON public.order_events FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change('but removal');

-- What was asked under which key: the same key again is answered with what became of the first request. Its
-- decision is written by the same call: without a foreign key, as orders are (0200_runs_and_orders).
create table public.order_requests (
  principal text not null,
  idempotency_key text not null,
  body_hash text not null,
  -- The hint of the API key it was asked with; null: with a login.
  api_key text,
  run_id text not null,
  signal_id text not null,
  user_id text not null,
  requested_at timestamptz not null,
  -- What it was judged by, with what its account says.
  limits jsonb not null,
  constraint order_requests_pkey PRIMARY KEY (principal, idempotency_key)
);
CREATE INDEX requests_of_a_user ON public.order_requests USING btree (user_id, run_id);
CREATE TRIGGER only_removed_requests_go AFTER DELETE ON public.order_requests REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('run_id');
CREATE TRIGGER order_requests_are_facts BEFORE DELETE OR UPDATE ON public.order_requests FOR EACH ROW EXECUTE FUNCTION core.refuse_all_but_erasure('user_id', 'principal');
CREATE TRIGGER order_requests_are_never_truncated BEFORE TRUNCATE ON public.order_requests FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- No foreign keys here, nor in fills, positions and ledger entries: they took a quarter of an order's time.
-- Every id is written by a statement that reads the row it names, such rows are never deleted, check_books
-- looks for one that is not there, and the tests run with the foreign keys (test/support/foreign-keys.ts).
create table public.orders (
  id bigint not null generated always as identity,
  client_order_id core.client_order_id not null,
  run_id text not null,
  signal_id text not null,
  user_id text not null,
  account_id bigint not null,
  -- The signal's.
  instrument_id bigint not null,
  venue text not null,
  "position" bigint not null,
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
  status text not null default 'queued'::text,
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
  constraint orders_pkey PRIMARY KEY (id),
  constraint a_client_order_id_exists_once UNIQUE (client_order_id),
  constraint a_quantity_is_positive CHECK (quantity > 0),
  constraint an_ended_order_has_its_time CHECK ((ended_at IS NOT NULL) = (status = ANY (ARRAY['filled'::text, 'rejected'::text, 'canceled'::text, 'expired'::text]))),
  constraint an_order_buys_or_sells CHECK (side = ANY (ARRAY['BUY'::text, 'SELL'::text])),
  constraint an_order_is_delivery_or_mtf CHECK (product = ANY (ARRAY['delivery'::text, 'mtf'::text]))
) with (fillfactor=40);
CREATE INDEX orders_of_a_run ON public.orders USING btree (run_id, user_id);
CREATE INDEX orders_of_a_user ON public.orders USING btree (user_id, id);
CREATE INDEX orders_that_hold_something_open ON public.orders USING btree (account_id, instrument_id) WHERE (ended_at IS NULL);
-- No index knows of the status: so a claim and a mark change none, and stay on the order's page.
CREATE INDEX orders_the_venue_has_not_named ON public.orders USING btree ("position", queue_position) WHERE ((ended_at IS NULL) AND (venue_order_id IS NULL));
CREATE INDEX orders_to_look_up ON public.orders USING btree (next_lookup_at) WHERE ((ended_at IS NULL) AND (next_lookup_at IS NOT NULL));
CREATE TRIGGER an_order_status_follows_the_table AFTER UPDATE ON public.orders REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION core.record_order_statuses();
CREATE TRIGGER only_removed_orders_go AFTER DELETE ON public.orders REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('id');
CREATE TRIGGER orders_are_never_deleted BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON public.orders FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion('but removal');
CREATE TRIGGER orders_start AFTER INSERT ON public.orders REFERENCING NEW TABLE AS started FOR EACH STATEMENT EXECUTE FUNCTION core.record_new_orders();
CREATE TRIGGER watchers_hear_of_a_status AFTER UPDATE OF status ON public.orders FOR EACH STATEMENT EXECUTE FUNCTION core.notify_order_changes();
create policy a_user_reads_his_own_orders on public.orders for select to authenticated
  using ((user_id = ( SELECT core.current_user_id() AS current_user_id)));

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
  constraint positions_pkey PRIMARY KEY (account_id, instrument_id, product),
  constraint a_position_can_be_told_exactly CHECK (GREATEST(abs(quantity), abs(cost_minor), abs(margin_minor)) <= '9007199254740991'::bigint)
) with (fillfactor=80);
create policy a_user_reads_his_own_positions on public.positions for select to authenticated
  using ((account_id = ANY (ARRAY( SELECT accounts.id
   FROM public.accounts
  WHERE (accounts.user_id = ( SELECT core.current_user_id() AS current_user_id))))));

create table public.received_signals (
  id bigint not null generated always as identity,
  -- One id per request, made by us: a call that is made again finds its first answer.
  request_id uuid not null,
  "position" integer not null,
  received_at timestamptz not null,
  source text not null,
  -- What was sent, as JSON text, without the key it may have carried, and cut where it is very long.
  payload text not null,
  signal_id text,
  outcome text not null,
  -- Why it was rejected.
  problem text,
  constraint received_signals_pkey PRIMARY KEY (id),
  constraint a_row_is_received_once_per_request UNIQUE (request_id, "position"),
  constraint a_received_signal_is_accepted_duplicate_or_rejected CHECK (outcome = ANY (ARRAY['accepted'::text, 'duplicate'::text, 'rejected'::text])),
  constraint only_a_rejected_signal_has_a_problem CHECK ((outcome = 'rejected'::text) = (problem IS NOT NULL)),
  constraint only_a_rejected_signal_may_lack_an_id CHECK (signal_id IS NOT NULL OR outcome = 'rejected'::text)
);
CREATE INDEX received_signals_by_time ON public.received_signals USING btree (received_at);
CREATE TRIGGER received_signals_are_facts BEFORE UPDATE OR TRUNCATE ON public.received_signals FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- What the entries of a removed closing's orders came to in an account: with what was kept they make what is
-- closed.
create table public.removed_cash (
  account_id bigint not null,
  through date not null,
  cash_minor bigint not null,
  constraint removed_cash_pkey PRIMARY KEY (account_id, through),
  constraint removed_cash_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id),
  constraint removed_cash_through_fkey FOREIGN KEY (through) REFERENCES public.removed_periods(through)
);
CREATE TRIGGER removed_cash_is_a_fact BEFORE DELETE OR UPDATE OR TRUNCATE ON public.removed_cash FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- Up to which closing the records were removed, by whom and why (0854_remove_old). What each account had at
-- its closings stays, and so does what names no order: all later books begin with these.
create table public.removed_periods (
  through date not null,
  -- The closing's: every order up to it goes, with what is recorded under it.
  last_order_id bigint not null,
  removed_at timestamptz not null default core.database_now(),
  removed_by text not null,
  why text not null,
  -- How many rows of each table went.
  counts jsonb not null,
  -- SHA-256 of the manifest of the export that was written, and read back, before.
  manifest_hash text not null,
  constraint removed_periods_pkey PRIMARY KEY (through),
  constraint removed_periods_through_fkey FOREIGN KEY (through) REFERENCES public.closings(through),
  constraint a_removal_names_its_export CHECK (manifest_hash ~ '^[0-9a-f]{64}$'::text),
  constraint a_removal_says_why CHECK (why <> ''::text)
);
CREATE TRIGGER removed_periods_are_facts BEFORE DELETE OR UPDATE OR TRUNCATE ON public.removed_periods FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

create table public.run_prices (
  run_id text not null,
  instrument_id bigint not null,
  price_minor bigint not null,
  previous_close_minor bigint,
  lower_circuit_minor bigint,
  upper_circuit_minor bigint,
  priced_at timestamptz not null,
  constraint run_prices_pkey PRIMARY KEY (run_id, instrument_id),
  constraint run_prices_instrument_id_fkey FOREIGN KEY (instrument_id) REFERENCES public.instruments(id),
  constraint run_prices_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.scan_runs(id),
  constraint a_price_is_positive CHECK (price_minor > 0)
);
CREATE INDEX prices_of_an_instrument ON public.run_prices USING btree (instrument_id, priced_at DESC);

-- Without foreign keys, as orders below: a single order writes a row of its own.
create table public.run_signals (
  run_id text not null,
  signal_id text not null,
  -- 1 is the best: the order money and the venue see the signals in. As wide as core.single_order_position,
  -- which single orders take it from; so is every copy of it, and of a user's place.
  "position" bigint not null,
  send_before timestamptz not null,
  constraint run_signals_pkey PRIMARY KEY (run_id, signal_id),
  constraint a_position_is_given_once_per_run UNIQUE ("position", run_id)
);
-- Whether a run has frozen a signal: asked for each one that is imported again.
CREATE INDEX runs_of_a_signal ON public.run_signals USING btree (signal_id);
CREATE TRIGGER only_removed_run_signals_go AFTER DELETE ON public.run_signals REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_removing_others('run_id');
CREATE TRIGGER what_a_run_froze_is_never_deleted BEFORE DELETE OR UPDATE OF run_id, signal_id OR TRUNCATE ON public.run_signals FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion('but removal');

-- Written from the run, `users` and `accounts` themselves (core.user_queue), so a foreign key would only ask
-- again; and it would wait for whoever holds one of these rows, so that one forgotten transaction kept
-- everybody's run from opening.
create table public.run_users (
  run_id text not null,
  queue_position bigint not null,
  user_id text not null,
  account_id bigint,
  decided_at timestamptz,
  constraint run_users_pkey PRIMARY KEY (run_id, queue_position),
  constraint a_user_has_one_place_per_run UNIQUE (run_id, user_id)
);

create table public.scan_runs (
  id text not null,
  session_id text not null,
  trade_date date not null,
  mode text not null,
  state text not null default 'planning'::text,
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
  problems jsonb not null default '[]'::jsonb,
  constraint scan_runs_pkey PRIMARY KEY (id),
  constraint a_decided_run_has_its_time_and_hash CHECK ((state = 'planning'::text) = (decided_at IS NULL) AND (decided_at IS NULL) = (plan_hash IS NULL)),
  constraint a_done_run_has_its_time CHECK ((state = 'done'::text) = (done_at IS NOT NULL)),
  constraint a_run_is_paper_or_live CHECK (mode = ANY (ARRAY['paper'::text, 'live'::text])),
  constraint a_run_is_planning_decided_or_done CHECK (state = ANY (ARRAY['planning'::text, 'decided'::text, 'done'::text]))
);
CREATE INDEX runs_in_planning ON public.scan_runs USING btree (id) WHERE (state = 'planning'::text);
CREATE INDEX runs_of_a_day ON public.scan_runs USING btree (trade_date);
CREATE TRIGGER runs_are_never_deleted BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON public.scan_runs FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion();

-- What came of the last sends, one row per settled batch, venue and signal: for each order its account,
-- among those that were answered or those that were not. A breaker's question reads the newest of them
-- only; they are kept for minutes.
create table public.sends (
  id bigint not null generated always as identity,
  run_id text not null,
  venue text not null,
  signal_id text not null,
  answered bigint[] not null,
  failed bigint[] not null,
  at timestamptz not null,
  constraint sends_pkey PRIMARY KEY (id)
);
CREATE INDEX sends_by_age ON public.sends USING btree (at);
CREATE INDEX sends_of_a_venue ON public.sends USING btree (run_id, venue, id);

create table public.signal_sources (
  name text not null,
  -- null: every strategy.
  strategies text[],
  -- Most signals that are taken of it on one day.
  per_day bigint not null,
  enabled boolean not null default true,
  created_at timestamptz not null,
  constraint signal_sources_pkey PRIMARY KEY (name),
  constraint a_source_has_a_daily_ceiling CHECK (per_day >= 0 AND per_day <= 1000000),
  constraint a_source_has_a_plain_name CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)
);

create table public.signals (
  id text not null,
  trade_date date not null,
  rank integer not null,
  strategy text not null,
  instrument_id bigint not null,
  side text not null,
  reference_price_minor bigint not null,
  stop_loss_minor bigint,
  target_minor bigint,
  valid_until timestamptz,
  source text not null,
  received_at timestamptz not null default core.database_now(),
  constraint signals_pkey PRIMARY KEY (id),
  constraint a_signal_is_given_once UNIQUE (trade_date, strategy, instrument_id, side),
  constraint signals_instrument_id_fkey FOREIGN KEY (instrument_id) REFERENCES public.instruments(id),
  constraint a_rank_starts_at_one CHECK (rank >= 1),
  constraint a_reference_price_is_positive CHECK (reference_price_minor > 0 OR source = 'api'::text AND reference_price_minor = 0),
  constraint a_signal_buys_or_sells CHECK (side = ANY (ARRAY['BUY'::text, 'SELL'::text]))
);
CREATE INDEX signals_of_an_instrument ON public.signals USING btree (instrument_id);
CREATE TRIGGER signals_are_never_deleted BEFORE DELETE OR UPDATE OF id OR TRUNCATE ON public.signals FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deletion();

create table public.users (
  id text not null,
  name text not null,
  whatsapp text,
  opted_in_at timestamptz,
  opt_in_source text,
  active boolean not null default true,
  trading_enabled boolean not null default true,
  -- null: follows every strategy / may trade every symbol.
  strategies text[],
  allow_symbols text[],
  deny_symbols text[] not null default '{}'::text[],
  priority integer not null default 100,
  venue text not null default 'paper'::text,
  -- Who he is where users log in (`sub` of the JWT); null: he does not.
  auth_user_id uuid,
  -- When he wants a message: always, only of a run that placed an order for him, or never; and in which
  -- language.
  notify text not null default 'always'::text,
  language text not null default 'en'::text,
  constraint users_pkey PRIMARY KEY (id),
  constraint a_login_is_of_one_user UNIQUE (auth_user_id),
  constraint a_language_is_english_or_hindi CHECK (language = ANY (ARRAY['en'::text, 'hi'::text])),
  constraint a_user_wants_always_orders_or_off CHECK (notify = ANY (ARRAY['always'::text, 'orders'::text, 'off'::text])),
  constraint a_whatsapp_number_is_e164 CHECK (whatsapp ~ '^\+[1-9][0-9]{6,14}$'::text),
  constraint an_opt_in_names_its_source CHECK ((opted_in_at IS NULL) = (opt_in_source IS NULL))
);
CREATE INDEX users_by_number ON public.users USING btree (whatsapp) WHERE (whatsapp IS NOT NULL);
CREATE TRIGGER users_with_orders_are_never_deleted AFTER DELETE ON public.users REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_deleting_traders();

-- What is known of a number, whoever uses it. People answer by number: STOP stops it for every user who has
-- it.
create table public.whatsapp_numbers (
  number text not null,
  -- The last message from it: 24 hours long free text may go there.
  last_inbound_at timestamptz,
  stopped_at timestamptz,
  -- Nothing can arrive there (not on WhatsApp, say); null: nothing is known against it.
  unreachable text,
  -- The database's clock: when something last went there, and when a template last did.
  sent_at timestamptz,
  template_at timestamptz,
  constraint whatsapp_numbers_pkey PRIMARY KEY (number),
  constraint a_number_is_e164 CHECK (number ~ '^\+[1-9][0-9]{6,14}$'::text)
);
CREATE INDEX numbers_written_to_first ON public.whatsapp_numbers USING btree (template_at);

-- The same table as `transitions` in domain/order.ts; a test compares the two.
create table core.order_transitions (
  from_status text not null,
  to_status text not null,
  constraint order_transitions_pkey PRIMARY KEY (from_status, to_status)
);

create table core.rate_days (
  key text not null,
  day date not null,
  used bigint not null,
  constraint rate_days_pkey PRIMARY KEY (key, day)
);

create table core.rate_uses (
  key text not null,
  bucket timestamptz not null,
  used bigint not null,
  constraint rate_uses_pkey PRIMARY KEY (key, bucket)
);

-- What a take marked, for a minute: who asks again after a lost answer is answered from here.
create table core.takes (
  mark_id text not null,
  order_ids bigint[] not null,
  taken_at timestamptz not null,
  constraint takes_pkey PRIMARY KEY (mark_id)
);
CREATE INDEX takes_by_age ON core.takes USING btree (taken_at);

-- Requests that were dropped before the book saw them: a second try gets through.
create table paper_venue.dropped (
  client_order_id text not null,
  constraint dropped_pkey PRIMARY KEY (client_order_id)
);

-- What the venue was told to do wrong on a day, per user and symbol (null: any). A timeout strikes once per
-- order.
create table paper_venue.faults (
  id bigint not null generated always as identity,
  user_id text,
  symbol text,
  fault text not null,
  message text,
  delay_ms bigint not null default 30000,
  quantity bigint,
  trade_date date not null,
  constraint faults_pkey PRIMARY KEY (id),
  constraint a_fault_is_of_a_known_kind CHECK (fault = ANY (ARRAY['reject'::text, 'delay'::text, 'partial'::text, 'timeout_before'::text, 'timeout_after'::text, 'garbage'::text]))
);

-- What the simulated market trades at on a day; orders fill at it where their limit allows.
create table paper_venue.market (
  exchange text not null,
  symbol text not null,
  trade_date date not null,
  price_minor bigint not null,
  constraint market_pkey PRIMARY KEY (exchange, symbol, trade_date)
);

create table paper_venue.orders (
  client_order_id text not null,
  venue_order_id text not null,
  user_id text not null,
  exchange text not null,
  symbol text not null,
  side text not null,
  quantity bigint not null,
  limit_minor bigint not null,
  placed_at timestamptz not null,
  -- Fixed at placing: what fills, when and at what, and how the order ends. Lookups only read the clock
  -- against it.
  fill_quantity bigint not null,
  fill_price_minor bigint,
  fill_at timestamptz,
  end_status text not null,
  end_at timestamptz not null,
  message text,
  constraint orders_pkey PRIMARY KEY (client_order_id),
  constraint orders_venue_order_id_key UNIQUE (venue_order_id)
);

-- # Functions

-- Accepts a page of decisions: {runId, decisions, skipLocked, nowMs}. Gives how many orders it made and the
-- run's state, and in `locked` the users it left out. plan_cache_mode, enable_seqscan: with statistics of
-- when there was next to nothing a decision by turns reads 5,114 rows, with both 108 rows.
-- jit: what is off costs ten billion to the planner, and it compiles (1,700 ms, see accept_at_once).
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.accept_page(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  run public.scan_runs;
  now_at constant timestamptz := core.later_of(args);
  given constant core.decision[] := core.decisions_in(args);
  decisions core.decision[];
  refusals core.refusal[];
  batch core.decision[];
  locked jsonb := '{}';
  accepted bigint := 0;
  crowded bigint[];
begin
  -- Shared: pages of two planners may overlap, but nobody may call the run decided meanwhile.
  select * into run from public.scan_runs where id = args ->> 'runId' for share;
  if run.state is distinct from 'planning' then
    return jsonb_build_object('accepted', 0, 'state', run.state);
  end if;
  decisions := core.lock_accounts(run, given, (args ->> 'skipLocked')::boolean);
  if cardinality(decisions) < cardinality(given) then
    select jsonb_build_object('locked', jsonb_agg(distinct one."userId")) into locked from unnest(given) one
    where not one."userId" = any(array(select row."userId" from unnest(decisions) row));
  end if;
  decisions := core.take_undecided(run.id, decisions, now_at);
  refusals := core.decided_before(run.id, decisions);

  -- A cap is used up across accounts, so there all go by turns.
  if run.limits ->> 'symbolCapMinor' is null then
    select at_once.accepted, at_once.crowded into accepted, crowded
    from core.accept_at_once(run, decisions, refusals, now_at) at_once;
    decisions := case when cardinality(crowded) = 0 then '{}' else array(select row
      from unnest(decisions) row where row."accountId" = any(crowded)) end;
  end if;
  if cardinality(decisions) > 0 then
    for batch in select core.accept_batches(run, decisions, refusals) loop
      refusals := refusals || array(select core.accept_batch(run, batch, now_at));
    end loop;
    accepted := accepted + core.write_decisions(run, decisions, refusals);
  end if;
  return jsonb_build_object('accepted', accepted, 'state', run.state) || locked;
end $function$;

-- An operator has looked at what blocks an account: {userId, venue, mode, currency (left out: INR),
-- driftIds, snapshotEntryId (null: nothing about money), by, nowMs}. Just that is taken off: a drift that
-- came later, or money that went later, stands until it is seen. A position is brought to the venue's
-- (core.book_missing_shares); one with an open order waits. Asked again, it finds the drifts acknowledged
-- and nothing left to book.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.acknowledge_account(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  drift_ids bigint[] := array(select value::bigint from jsonb_array_elements_text(args -> 'driftIds'));
  snapshot_entry constant bigint := (args ->> 'snapshotEntryId')::bigint;
  account public.accounts;
  waiting bigint[];
  fresh bigint[];
  acknowledged bigint[];
  new_block text;
begin
  select * into account from public.accounts
  where user_id = args ->> 'userId' and venue = args ->> 'venue' and mode = args ->> 'mode'
    and currency = coalesce(args ->> 'currency', 'INR') for no key update;
  waiting := core.drifts_under_way(account.id, drift_ids);
  drift_ids := array(select unnest(drift_ids) except select unnest(waiting));
  fresh := core.book_missing_shares(account.id, drift_ids, now_at)
    || core.book_oversold(account.id, drift_ids, now_at);
  with updated as (
    update public.drifts set acknowledged_at = core.database_now()
    where account_id = account.id and id = any(drift_ids) and acknowledged_at is null
    returning id
  ) select coalesce(array_agg(id order by id), '{}') into acknowledged from updated;

  new_block := case
    when account.not_ready like 'drift:%' then coalesce(core.open_drift(account.id),
      case when account.cash_minor < account.held_minor
        then 'available money is below zero: acknowledge it' end)
    when account.not_ready is null or core.awaits_check(account.not_ready) or snapshot_entry is null
      or account.cash_minor < account.held_minor or core.money_left_since(account.id, snapshot_entry)
        then account.not_ready
    else core.open_drift(account.id) end;
  update public.accounts set not_ready = new_block where id = account.id
    and not_ready is distinct from new_block;
  if new_block is distinct from account.not_ready or cardinality(acknowledged) > 0 then
    perform core.record_action(args -> 'by', 'acknowledge_account',
      core.account_target(account),
      jsonb_build_object('notReady', account.not_ready), jsonb_build_object('notReady', new_block,
        'drifts', to_jsonb(acknowledged), 'snapshotEntryId', snapshot_entry, 'fills', to_jsonb(fresh)),
        of_user => account.user_id);
  end if;

  return jsonb_build_object('acknowledged', to_jsonb(acknowledged), 'waiting', to_jsonb(waiting),
    'changed', new_block is distinct from account.not_ready or cardinality(acknowledged) > 0,
    'booked', (select coalesce(jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
      'quantity', f.quantity, 'priceMinor', f.price_minor) order by f.id), '[]')
      from public.fills f join public.instruments i on i.id = f.instrument_id where f.id = any(fresh)));
end $function$;

-- Brings our books to what the venue has, before a day's first trade: the difference in cash as an
-- adjustment, shares we don't know as external fills, and notes what other business had blocked then. {mode,
-- tradeDate, nowMs, accounts: [{accountId, booksCashMinor, cashMinor, blockedByOthersMinor, source,
-- holdings: [{exchange, symbol, product, booksQuantity, quantity (more), priceMinor, reference}]}]}. Each
-- account only if its books still are as they were seen, it has no open order and none of the day, and no
-- run is deciding about it just now: what other accounts do keeps nobody's books from being brought up. So a
-- repeated call finds nothing left to book. `free`: the accounts for which it was so.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.adjust_books(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  now_at constant timestamptz := core.now_of(args);
  day constant date := (args ->> 'tradeDate')::date;
  free bigint[];
  adjusted bigint;
  shares jsonb;
begin
  perform from public.accounts where id in (
    select "accountId" from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint))
  order by id for no key update;

  -- A run that opens only now waits for these accounts when it accepts, and sees what is booked here.
  select coalesce(array_agg(a.id), '{}') into free
  from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint, "booksCashMinor" bigint,
    "cashMinor" bigint)
  -- Asked again after a lost answer, an account that was brought up then still is.
  join public.accounts a on a.id = row."accountId" and a.mode = args ->> 'mode'
    and a.cash_minor in (row."booksCashMinor", row."cashMinor")
  where not exists (select from public.scan_runs run
      join public.run_users frozen on frozen.run_id = run.id and frozen.account_id = a.id
        and frozen.decided_at is null
      where run.trade_date = day and run.mode = args ->> 'mode' and run.state = 'planning')
    and not exists (select from public.orders o join public.scan_runs run on run.id = o.run_id
      where o.account_id = a.id and (o.ended_at is null or run.trade_date = day));

  adjusted := core.adjust_cash(args -> 'accounts', free, now_at);
  update public.accounts a set blocked_by_others_minor = row."blockedByOthersMinor"
  from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint, "blockedByOthersMinor" bigint)
  where a.id = row."accountId" and a.id = any(free)
    and a.blocked_by_others_minor <> row."blockedByOthersMinor";

  select coalesce(jsonb_agg(jsonb_build_object('userId', a.user_id, 'venue', a.venue, 'mode', a.mode,
    'exchange', share.exchange, 'symbol', share.symbol, 'product', share.product, 'quantity', share.quantity,
    'priceMinor', share."priceMinor", 'tradeDate', day, 'reference', share.reference)), '[]') into shares
  from jsonb_to_recordset(args -> 'accounts') as row("accountId" bigint, holdings jsonb)
  join public.accounts a on a.id = row."accountId" and a.id = any(free)
  cross join lateral jsonb_to_recordset(row.holdings) as share(exchange text, symbol text, product text,
    "booksQuantity" bigint, quantity bigint, "priceMinor" bigint, reference text)
  where share."booksQuantity" = coalesce((select sum(p.quantity) from public.positions p
    join public.instruments i on i.id = p.instrument_id
    where p.account_id = a.id and (i.exchange, i.symbol) = (share.exchange, share.symbol)), 0);

  return jsonb_build_object('free', to_jsonb(free), 'adjusted', adjusted, 'external',
    public.import_holdings(jsonb_build_object('holdings', shares, 'nowMs', args -> 'nowMs',
      'clock', args -> 'clock')) -> 'booked');
end $function$;

-- {sinceDate, closing}. Without `closing`: the books as they are now, on top of what each account came to
-- at its last closing (core.period): accounts and positions all of them, records those since. With one: the
-- records from the closing before it to that one, and what is closed there; so all closings and the rest
-- together are everything there ever was. `sinceDate` (null, left out: all days): decisions, orders'
-- histories and messages only of runs since that day; with a closing, of its days. Of a closing whose
-- records were removed: what removed_findings says. Gives {rule, subject, userId, ours, should, settle,
-- leftToAPerson, more}, as findings_json has them.
-- jit: of 60,000 orders it takes 46,000 ms, and 12,000 ms where nothing is compiled.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.check_books(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET jit TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  p constant core.period := core.period_to((args ->> 'closing')::date);
  is_now constant boolean := p.closing is null;
  -- Of what was removed there is nothing to check but that it is gone.
  is_removed constant boolean := p.closing <= core.removed_through();
  since constant date := greatest(case when is_now then (args ->> 'sinceDate')::date else p.opening + 1 end,
    nullif(core.removed_through(), '-infinity') + 1);
begin
  if is_now and args ->> 'closing' is not null then
    raise exception 'no closing through %', args ->> 'closing' using errcode = 'PT404';
  end if;
  if is_removed then
    return core.findings_json(array(select finding from core.removed_findings(p.closing) finding));
  end if;
  return core.findings_json(array(select row(finding.*)::core.finding from (
    select * from core.money_findings(p)
    union all select * from core.entry_findings(p)
    union all select * from core.single_entry_findings(p)
    union all select * from core.fill_findings(p)
    union all select * from core.value_findings(p)
    union all select * from core.beyond_order_findings(p)
    union all select * from core.unacknowledged_findings(p)
    union all select * from core.position_findings(p)
    union all select * from core.closing_findings(p)
    union all select * from core.filled_findings(p)
    union all select * from core.reference_findings(p)
    union all select * from core.currency_findings(p)
    union all select * from core.run_reference_findings()
      where p.opening is null or (is_now and args ->> 'sinceDate' is null)
    union all select * from core.order_findings(since, p.closing)
    union all select * from core.order_signal_findings(since, p.closing)
    union all select * from core.history_findings(since, p.closing, p)
    union all select * from core.run_findings(since, p.closing)
    union all select * from core.decision_findings(since, p.closing)
    union all select * from core.decided_order_findings(p)
    union all select * from core.cap_findings(since, p.closing)
    union all select * from core.message_findings(since, p.closing)
    union all select * from core.overdue_findings() where is_now
    union all select * from core.unready_findings() where is_now
    union all select * from core.ahead_findings(p)
    union all select * from core.removed_findings(null) where is_now
  ) finding));
end $function$;

-- Orders whose truth is at the venue and whose pause is over, leased to the caller. A look is counted here,
-- before it is made: one whose answer can't be booked, or ends its process, is one of the budget all the
-- same. One that has had its `maxLookups` (core.lookups_exhausted), or whose venue nobody has looked at for
-- a day after its own (`spent`), is a person's from here on, and not leased. Asking again with the same
-- claim id after a lost answer gives what it leased and nobody has settled or taken since.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.claim_lookups(args jsonb)
 RETURNS json
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.now_of(args);
  answer json;
begin
  with due as materialized (
    select id, o.claim_id is distinct from args ->> 'claimId' and args ? 'maxLookups'
      and core.lookups_exhausted(o, (args ->> 'maxLookups')::integer, now_at) as spent
    from public.orders o
    where ended_at is null and status in ('unknown', 'working', 'partially_filled')
      and next_lookup_at <= now_at
      and (lease_until is null or lease_until < core.database_now() or claim_id = args ->> 'claimId')
      and args -> 'venues' ? venue
    order by next_lookup_at limit (args ->> 'limit')::bigint for no key update skip locked
  ), nobodys as materialized (
    select id, true as spent from public.orders o
    where args ? 'maxLookups' and ended_at is null and status in ('unknown', 'working', 'partially_filled')
      and next_lookup_at <= now_at - interval '1 day' and core.day_ends_at(o) <= now_at - interval '1 day'
      and (lease_until is null or lease_until < core.database_now()) and not args -> 'venues' ? venue
    order by next_lookup_at limit (args ->> 'limit')::bigint for no key update skip locked
  ), claimed as (
    update public.orders o set claim_id = case when not spent then args ->> 'claimId' end,
      lease_until = case when not spent
        then core.database_now() + (args ->> 'leaseMs')::bigint * interval '1 millisecond' end,
      next_lookup_at = case when not spent then o.next_lookup_at end,
      (lookups, missed_lookups) = (select o.lookups + counted, o.missed_lookups + counted
        from (select case when spent or o.claim_id = args ->> 'claimId'
          then 0 else 1 end as counted) this_lookup)
    from (select * from due union all select * from nobodys) found where o.id = found.id returning o, spent
  )
  select coalesce(json_agg(core.order_json(claimed.o, i, core.halted_for(claimed.o), spent)
    order by (claimed.o).next_lookup_at, (claimed.o).id), '[]')
  into answer from claimed join public.instruments i on i.id = (claimed.o).instrument_id;
  return answer;
end $function$;

-- Unknown messages whose pause is over, each to one caller: it has a minute to come back.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.claim_message_lookups(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with due as (
    select id from public.messages
    where status = 'unknown' and next_lookup_at <= (select core.now_of(args))
    order by next_lookup_at limit (args ->> 'limit')::bigint for no key update skip locked
  ), claimed as (
    update public.messages m set next_lookup_at = (select core.now_of(args)) + interval '1 minute'
    from due where m.id = due.id returning m.*
  )
  select coalesce(jsonb_agg(jsonb_build_object('messageId', c.id, 'runId', c.run_id, 'userId', c.user_id,
    'to', c.sent_to, 'channel', c.channel, 'attempt', c.attempts, 'lookups', c.lookups, 'resends', c.resends,
    'text', c.text, 'dueMs', core.ms(c.due_at), 'beforeMs', core.ms(c.send_before),
    'sendingMs', core.ms(c.sending_at), 'otherIds', (select coalesce(jsonb_agg(o.provider_id), '[]')
      from public.messages o
      where o.sent_to = c.sent_to and o.id <> c.id and o.provider_id is not null
        and o.sending_at > c.sending_at - interval '1 day'))), '[]')
  from claimed c;
$function$;

-- Marked before anybody speaks. One whose sender is gone stays `sending`: it may have gone, and is not sent
-- again.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.claim_notices(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with due as (
    select id from public.notices where status = 'queued' and next_attempt_at <= (select core.stamp_of(args))
    order by id limit (args ->> 'limit')::bigint for no key update skip locked
  ), claimed as (
    update public.notices n set status = 'sending', attempts = n.attempts + 1,
      changed_at = (select core.stamp_of(args))
    from due where n.id = due.id returning n.*
  ) select coalesce(jsonb_agg(jsonb_build_object('noticeId', id, 'key', key, 'number', number, 'text', text,
    'attempt', attempts) order by id), '[]') from claimed;
$function$;

-- {through, after, limit}: closes the books of the next accounts after that one (null: from the first) with
-- everything up to the end of that day, which has to be over for two days. Accounts somebody else holds, and
-- those in which something is open or does not add up, are left for another evening: {kind: closed, closed
-- (how many were), next (where to go on; null: that was all)}; or `too_early`, `closed_further` (only the
-- last closing is made on), `busy` (another call is at it). Asked again, it finds nothing left to do.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.close_books(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  day constant date := (args ->> 'through')::date;
  c public.closings;
  batch bigint[];
  closable bigint[];
  positions public.closed_positions[];
  p core.period;
begin
  if day is null or day > core.day_of(core.database_now()) - 2 then
    return jsonb_build_object('kind', 'too_early');
  elsif exists (select from public.closings later where later.through > day) then
    return jsonb_build_object('kind', 'closed_further');
  elsif not pg_try_advisory_xact_lock(hashtext('close_books')) then
    return jsonb_build_object('kind', 'busy');
  end if;
  c := coalesce((select known from public.closings known where known.through = day), core.cut_after(day));
  if c.through is null then return jsonb_build_object('kind', 'too_early'); end if;

  batch := array(select a.id from public.accounts a where a.id > coalesce((args ->> 'after')::bigint, 0)
    and not exists (select from public.closed_balances b where (b.account_id, b.through) = (a.id, day))
    order by a.id limit (args ->> 'limit')::bigint for no key update skip locked);
  c.seen_entry_id := core.last_number('public.ledger_entries');
  c.seen_fill_id := core.last_number('public.fills');
  c.closed_at := core.database_now();
  insert into public.closings select c.*
  on conflict (through) do update set seen_entry_id = c.seen_entry_id, seen_fill_id = c.seen_fill_id,
    closed_at = c.closed_at;
  if batch = '{}' then
    return jsonb_build_object('kind', 'closed', 'closed', 0, 'next', null);
  end if;
  p := core.period_of_accounts(c, batch);
  positions := array(select (at_end.account_id, at_end.instrument_id, at_end.product, day, at_end.quantity,
      at_end.cost_minor, at_end.margin_minor, at_end.realised_minor, at_end.said_freed_minor,
      at_end.last_filled_at)::public.closed_positions
    from core.positions_at_end(p) at_end where at_end.first_filled_at is not null);
  closable := core.closable_accounts(c, p, positions);
  insert into public.closed_balances (account_id, through, cash_minor)
  select made.account_id, day, made.cash_minor from core.money_at_end(p) made
  where made.account_id = any(closable);
  insert into public.closed_positions select position.* from unnest(positions) position
  where position.account_id = any(closable);
  return jsonb_build_object('kind', 'closed', 'closed', cardinality(closable),
    'next', batch[cardinality(batch)]);
end $function$;

-- {order, fill (its venue's name for it; null: the order's only one), quantity (0: it never was), priceMinor
-- (null: as told), by, nowMs}. What it changes in money is one entry of the ledger, of kind correction. Only
-- of an order that has ended: an open one's fills still come from its venue. Asked again, it finds nothing
-- to change. A correction makes no fill more wrong: not beyond the order's quantity, nor its limit.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.correct_fill(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  o public.orders;
  was record;
  becomes_quantity constant bigint := (args ->> 'quantity')::bigint;
  becomes_price bigint;
  booked public.fills;
  cash_before bigint;
begin
  perform from public.accounts where id in (select account_id from public.orders
    where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order'))
  for no key update;
  select * into o from public.orders
  where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order') for no key update;
  -- What was removed, or is marked to be, is closed for good.
  if o.id is null or o.id <= core.last_removed_order() then
    return jsonb_build_object('kind', 'no_such_order');
  end if;
  if o.ended_at is null then return jsonb_build_object('kind', 'still_open', 'status', o.status); end if;

  select f.id, f.venue_fill_id, corrected.quantity, corrected.price_minor, count(*) over () as fills into was
  from public.fills f cross join lateral core.corrected_fill(f) corrected
  where f.order_id = o.id and f.corrects is null
    and f.venue_fill_id = coalesce(args ->> 'fill', f.venue_fill_id);
  if was.fills is distinct from 1 then
    return jsonb_build_object('kind', 'which_fill', 'fills', (select coalesce(jsonb_agg(jsonb_build_object(
        'venueFillId', f.venue_fill_id, 'quantity', corrected.quantity, 'priceMinor', corrected.price_minor)
        order by f.id), '[]')
      from public.fills f cross join lateral core.corrected_fill(f) corrected where f.order_id = o.id
        and f.corrects is null));
  end if;
  becomes_price := coalesce((args ->> 'priceMinor')::bigint, was.price_minor);
  if (becomes_quantity, becomes_price) = (was.quantity, was.price_minor) then
    return jsonb_build_object('kind', 'unchanged', 'clientOrderId', o.client_order_id);
  end if;
  if becomes_quantity > was.quantity
    and o.filled_quantity - was.quantity + becomes_quantity > o.quantity then
    return jsonb_build_object('kind', 'wrong_quantity', 'quantity', o.quantity,
      'filledQuantity', o.filled_quantity - was.quantity);
  end if;
  if becomes_price <> was.price_minor
    and (case o.side when 'BUY' then becomes_price > o.limit_price_minor
      else becomes_price < o.limit_price_minor end) then
    return jsonb_build_object('kind', 'wrong_price', 'limitPriceMinor', o.limit_price_minor);
  end if;

  select cash_minor into cash_before from public.accounts where id = o.account_id;
  booked := core.book_correction(o, was.id, becomes_quantity, becomes_price, now_at);
  perform core.record_action(args -> 'by', 'correct_fill', 'order:' || o.client_order_id,
    of_user => o.user_id, before => jsonb_build_object('fill', was.venue_fill_id, 'quantity', was.quantity,
      'priceMinor', was.price_minor),
    after => jsonb_build_object('fill', was.venue_fill_id, 'quantity', becomes_quantity,
      'priceMinor', becomes_price));
  return (select jsonb_build_object('kind', 'corrected', 'clientOrderId', o.client_order_id,
    'userId', o.user_id, 'accountVenue', a.venue, 'venueFillId', was.venue_fill_id,
    'was', jsonb_build_object('quantity', was.quantity,
      'priceMinor', was.price_minor),
      'now', jsonb_build_object('quantity', becomes_quantity, 'priceMinor', becomes_price),
    'cashBeforeMinor', cash_before, 'cashMinor', a.cash_minor, 'notReady', a.not_ready)
    from public.accounts a where a.id = o.account_id);
end $function$;

-- How much is still to be done over all runs: orders that are not ended and not left to a person, messages
-- not settled.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.count_unfinished(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object(
    'orders', (select count(*) from public.orders o where o.ended_at is null and core.unfinished(o)),
    'messages', (select count(*) from public.messages where status in ('queued', 'sending')));
$function$;

-- Safe to repeat: the same hash is one key.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.create_api_key(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
begin
  if args ->> 'userId' is not null
    and not exists (select from public.users where id = args ->> 'userId') then
    return jsonb_build_object('kind', 'no_such_user');
  end if;
  insert into public.api_keys (hash, hint, role, scope, user_id, source, label, created_at, expires_at)
  values (args ->> 'hash', args ->> 'hint', args ->> 'role',
    case when args ->> 'role' <> 'signals' then coalesce(args ->> 'scope', 'trade') end, args ->> 'userId',
    args ->> 'source', coalesce(args ->> 'label', ''), (select core.now_of(args)),
    core.at((args ->> 'expiresMs')::bigint))
  on conflict (hash) do nothing;
  if found then
    perform core.record_action(args -> 'by', 'create_api_key', 'key:' || (args ->> 'hint'),
      of_user => args ->> 'userId', after => jsonb_build_object('role', args -> 'role',
        'source', args -> 'source', 'scope', case when args ->> 'role' <> 'signals'
        then coalesce(args ->> 'scope', 'trade') end, 'expiresMs', args -> 'expiresMs',
          'label', args -> 'label'));
  end if;
  return jsonb_build_object('kind', 'created');
end $function$;

-- Once, after the last page: orders become claimable, every user gets a message row. Repeats change nothing.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.decide_run(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  run public.scan_runs;
  now_at constant timestamptz := core.now_of(args);
begin
  select * into run from public.scan_runs where id = args ->> 'runId' for no key update;
  if run.state = 'planning' and not exists (
    select from public.run_users where run_id = run.id and decided_at is null
  ) then
    update public.scan_runs set state = 'decided', decided_at = greatest(now_at, opened_at),
      plan_hash = core.plan_hash(id)
    where id = run.id returning * into run;
    insert into public.messages (run_id, user_id, due_at, changed_at)
    select run.id, user_id, now_at + interval '90 seconds', now_at
    from public.run_users where run_id = run.id order by queue_position
    on conflict (run_id, user_id, kind) do nothing;
    -- Wakes idle workers where the connection lets them listen; the others poll.
    perform pg_notify('daily_scan_work', run.id);
  end if;
  return jsonb_build_object('state', run.state, 'planHash', run.plan_hash);
end $function$;

-- Takes a person out, {userId, confirmed (false: only says what would happen), by}. Refused while something
-- of theirs is open (`tied`). The chain of acts still holds: each row that named them keeps its old hash,
-- and this act the hash of what is left of it. Safe to repeat: whoever is erased is not found any more.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.erase_user(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  u public.users;
  ties jsonb;
  counts jsonb;
  tombstone constant text := 'erased-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 12);
  pattern text;
  acts public.operator_actions[];
  act bigint;
begin
  if args ->> 'userId' ~ '^erased-[0-9a-f]{12}$'
    and exists (select from public.users where id = args ->> 'userId') then
    return jsonb_build_object('kind', 'already_erased');
  end if;
  perform core.lock_user(args ->> 'userId', (args ->> 'confirmed')::boolean);
  select * into u from public.users where id = args ->> 'userId';
  if u.id is null then return jsonb_build_object('kind', 'no_such_user'); end if;
  ties := core.open_obligations(u.id);
  if ties <> '[]' then return jsonb_build_object('kind', 'tied', 'ties', ties); end if;
  counts := jsonb_build_object('orders', (select count(*) from public.orders where user_id = u.id),
    'decisions', (select count(*) from public.decisions where user_id = u.id),
    'messages', (select count(*) from public.messages where user_id = u.id),
    'credentials', (select count(*) from public.account_credentials c
      join public.accounts a on a.id = c.account_id
      where a.user_id = u.id), 'apiKeys', (select count(*) from public.api_keys where user_id = u.id));
  if not (args ->> 'confirmed')::boolean then
    return jsonb_build_object('kind', 'would_erase', 'name', u.name, 'counts', counts);
  end if;

  pattern := core.user_pattern(u);
  perform core.move_to_tombstone(u, tombstone);
  perform core.redact_free_text(pattern, tombstone);
  -- Nobody adds an act that names them between here and the end.
  perform core.lock_actions();
  acts := core.redacted_actions(u.id, pattern, tombstone);
  act := core.record_action((args -> 'by') - 'why', 'erase_user', 'user:' || tombstone,
    why => core.redact(args -> 'by' ->> 'why', pattern, tombstone),
    after => counts
    || jsonb_build_object('redacted',
      (select coalesce(jsonb_object_agg(a.id, core.action_content_hash(a)), '{}')
      from unnest(acts) a)));
  update public.operator_actions a set who = r.who, target = r.target, user_id = r.user_id,
    before = r.before,
    after = r.after, why = r.why, salt = r.salt, redacted_by = act
  from unnest(acts) r where r.id = a.id;
  return jsonb_build_object('kind', 'erased', 'tombstone', tombstone, 'counts', counts);
end $function$;

-- Everything kept of a user, {userId}; null: there is no such user. What opens accounts is only said to be
-- there.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.export_user(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with of_them as (select id, whatsapp from public.users where id = args ->> 'userId')
  select jsonb_build_object('user', (select to_jsonb(u) from public.users u where u.id = of_them.id),
    'accounts', (select coalesce(jsonb_agg(to_jsonb(a) || jsonb_build_object(
        'credentials_stored_at', (select c.stored_at from public.account_credentials c
          where c.account_id = a.id),
        'positions', (select coalesce(jsonb_agg(to_jsonb(p)), '[]') from public.positions p
          where p.account_id = a.id),
        'fills', (select coalesce(jsonb_agg(to_jsonb(f) order by f.id), '[]') from public.fills f
          where f.account_id = a.id),
        'ledger', (select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]')
          from public.ledger_entries e where e.account_id = a.id),
        'drifts', (select coalesce(jsonb_agg(to_jsonb(d) order by d.id), '[]')
          from public.drifts d where d.account_id = a.id)) order by a.id), '[]')
      from public.accounts a where a.user_id = of_them.id),
    'runs', (select coalesce(jsonb_agg(to_jsonb(r) order by r.run_id), '[]')
      from public.run_users r where r.user_id = of_them.id),
    'decisions', (select coalesce(jsonb_agg(to_jsonb(d) order by d.run_id, d.signal_id), '[]')
      from public.decisions d where d.user_id = of_them.id),
    'orders', (select coalesce(jsonb_agg(to_jsonb(o) || jsonb_build_object('events', (
        select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]') from public.order_events e
        where e.order_id = o.id))
        order by o.id), '[]') from public.orders o where o.user_id = of_them.id),
    'requests', (select coalesce(jsonb_agg(to_jsonb(q) order by q.requested_at), '[]')
      from public.order_requests q where q.user_id = of_them.id),
    'messages', (select coalesce(jsonb_agg(to_jsonb(m) || jsonb_build_object('events', (
        select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]') from public.message_events e
        where e.message_id = m.id))
        order by m.id), '[]') from public.messages m where m.user_id = of_them.id),
    'number', (select to_jsonb(n) from public.whatsapp_numbers n where n.number = of_them.whatsapp),
    'consents', (select coalesce(jsonb_agg(to_jsonb(c) order by c.id), '[]')
      from public.consents c where c.number = of_them.whatsapp),
    'apiKeys', (select coalesce(jsonb_agg(to_jsonb(k) - 'hash' order by k.created_at), '[]')
      from public.api_keys k where k.user_id = of_them.id),
    -- Everybody's: orders up to there are in the exports these name, and no more here.
    'removedPeriods', (select coalesce(jsonb_agg(to_jsonb(r) - 'counts' order by r.through), '[]')
      from public.removed_periods r),
    'halts', (select coalesce(jsonb_agg(to_jsonb(h) order by h.id), '[]')
      from public.halts h where h.scope = 'user' and h.target = of_them.id),
    'actions', (select coalesce(jsonb_agg(to_jsonb(a) - 'salt' order by a.id), '[]')
      from public.operator_actions a where a.user_id = of_them.id))
  from of_them;
$function$;

-- Whose key it is and what it may do, or why it opens nothing any more (`fault`); null for one that is
-- unknown.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_api_key(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object('hint', hint, 'role', role, 'scope', scope, 'userId', user_id,
    'source', source, 'expiresAtMs', core.ms(expires_at), 'fault', core.key_fault(k))
  from public.api_keys k where hash = args ->> 'hash';
$function$;

-- Whose keys these are, in their order, each as find_api_key says.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_api_keys(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(public.find_api_key((args - 'hashes') || jsonb_build_object('hash', shown.hash))
    order by shown.n), '[]')
  from jsonb_array_elements_text(args -> 'hashes') with ordinality shown(hash, n);
$function$;

-- The user a login of the project's own sign-in belongs to. The caller has checked that it is a uuid.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_auth_user(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object('userId',
    (select id from public.users where auth_user_id = (args ->> 'authUserId')::uuid));
$function$;

-- The keys of a source that still open something: {name}. Its requests are signed with the hash of one of
-- them.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_source_keys(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('hint', k.hint, 'hash', k.hash) order by k.created_at desc,
    k.hint), '[]')
  from public.api_keys k where k.source = args ->> 'name' and core.key_fault(k) is null;
$function$;

-- {user}: whom a name or an id may mean, and, where it means nobody, whose name or id is near it (5 at
-- most).
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_users(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with search as materialized (
    select args ->> 'user' as exact, lower(trim(args ->> 'user')) as name
  ), named as materialized (
    select u.id, u.name from public.users u, search where u.id = search.exact
    union all
    select u.id, u.name from public.users u, search
    where lower(u.name) = search.name
      and not exists (select from public.users same where same.id = search.exact)
    limit 6
  ), near as (
    select u.id, u.name from public.users u, search
    where not exists (select from named) and char_length(search.name) >= 2
      and (strpos(lower(u.name), search.name) > 0 or strpos(u.id, search.name) > 0
        or left(lower(u.name), 3) = left(search.name, 3) or left(u.id, 3) = left(search.name, 3))
    order by strpos(lower(u.name), search.name) = 0 and strpos(u.id, search.name) = 0, u.name, u.id limit 5
  )
  select jsonb_build_object(
    'matches', (select coalesce(jsonb_agg(to_jsonb(named) order by id), '[]') from named),
    'near', (select coalesce(jsonb_agg(to_jsonb(near)), '[]') from near));
$function$;

-- Whose order a venue speaks of, by our id of it; not the one that carries another number of the venue.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_venue_order(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object('orderId', id, 'accountId', account_id, 'userId', user_id)
  from public.orders
  where client_order_id = args ->> 'clientOrderId' and venue = args ->> 'venue'
    and coalesce(venue_order_id, args ->> 'venueOrderId') = args ->> 'venueOrderId';
$function$;

-- Whose orders a venue is said to speak of, in their order, each as find_venue_order says.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.find_venue_orders(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(public.find_venue_order(reported.claim
    || jsonb_build_object('venue', args ->> 'venue'))
    order by reported.n), '[]')
  from jsonb_array_elements(args -> 'orders') with ordinality reported(claim, n);
$function$;

-- What is left to do of a run, and when the next thing is due. Every decided run with nothing left becomes
-- done.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.finish_run(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with finished as (
    update public.scan_runs run set state = 'done',
      done_at = greatest((select core.earlier_of(args)), decided_at)
    where state = 'decided' and coalesce(takes_orders_until, '-infinity') <= (select core.earlier_of(args))
      and not exists (select from public.orders o where o.run_id = run.id and o.ended_at is null
        and core.unfinished(o))
    returning id, state
  ), open_order as (
    select count(*) as n, min(case o.status
        -- A halted order waits for its end; lifting the halt is nothing that comes due.
        when 'queued' then case when exists (select from public.halts h where h.resumed_at is null
          and (h.scope = 'all'
            or (h.scope = 'venue' and h.target = o.venue) or (h.scope = 'user' and h.target = o.user_id)))
              then o.send_before
          else greatest(coalesce(o.next_attempt_at, (select core.earlier_of(args))), 
            case when exists (select from public.breakers where is_open) then core.stopped_until(o) end) end
        when 'submitting' then (select core.earlier_of(args)) + interval '1 second'
        else o.next_lookup_at end) as next_due
    from public.orders o where o.run_id = args ->> 'runId' and o.ended_at is null and core.unfinished(o)
  ), open_message as (
    select count(*) as n, min(case status when 'queued' then greatest(due_at, next_attempt_at)
        when 'unknown' then next_lookup_at end) as next_due
    from public.messages where run_id = args ->> 'runId'
      and (status in ('queued', 'sending') or (status = 'unknown' and next_lookup_at is not null))
  )
  select jsonb_build_object(
    'state', coalesce((select state from finished where id = args ->> 'runId'),
      (select state from public.scan_runs where id = args ->> 'runId')),
    'openOrders', open_order.n, 'openMessages', open_message.n,
    'nextDueMs', core.ms(least(open_order.next_due, open_message.next_due)))
  from open_order, open_message;
$function$;

-- For a worker, who belongs to no run: every decided run with nothing left becomes done; when is the next
-- thing due?
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.finish_runs(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with finished as (
    update public.scan_runs run set state = 'done',
      done_at = greatest((select core.earlier_of(args)), decided_at)
    where state = 'decided' and coalesce(takes_orders_until, '-infinity') <= (select core.earlier_of(args))
      and not exists (select from public.orders o where o.run_id = run.id and o.ended_at is null
        and core.unfinished(o))
    returning 1
  )
  select jsonb_build_object('finished', (select count(*) from finished), 'nextDueMs', core.ms(least(
    (select min(case when exists (select from public.halts h where h.resumed_at is null and (h.scope = 'all'
          or (h.scope = 'venue' and h.target = o.venue) or (h.scope = 'user' and h.target = o.user_id)))
        then o.send_before
        else greatest(coalesce(o.next_attempt_at, (select core.earlier_of(args))), 
            case when exists (select from public.breakers where is_open) then core.stopped_until(o) end) end)
      from public.orders o
      join public.scan_runs run on run.id = o.run_id
      where o.ended_at is null and o.status = 'queued' and run.state = 'decided'),
    (select min(next_lookup_at) from public.orders
      where ended_at is null and status in ('unknown', 'working', 'partially_filled')),
    (select min(greatest(m.due_at, m.next_attempt_at)) from public.messages m where m.status = 'queued'
      and not (select core.is_stopped('whatsapp'))
      and not ((select core.is_stopped('sms')) and core.goes_as_sms(m))),
    (select min(next_lookup_at) from public.messages where status = 'unknown'))));
$function$;

-- Deletes what nothing is decided by any more, `limit` rows of a kind at most: {nowMs, keptDays, limit}.
-- Received rows older than `keptDays`, and counts of uses of rates that no budget looks back to. Safe to
-- repeat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.forget_old(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  forgotten jsonb;
begin
  with received as (
    delete from public.received_signals where id in (select id from public.received_signals
      where received_at < (select core.earlier_of(args)) - (args ->> 'keptDays')::integer * interval '1 day'
      order by received_at limit (args ->> 'limit')::bigint)
    returning 1
  ), buckets as (
    delete from core.rate_uses where (key, bucket) in (select key, bucket from core.rate_uses
      where bucket < core.database_now() - interval '2 days' limit (args ->> 'limit')::bigint)
    returning 1
  ), days as (
    delete from core.rate_days where (key, day) in (select key, day from core.rate_days
      where day < (core.database_now() at time zone 'Asia/Kolkata')::date - 2
        limit (args ->> 'limit')::bigint)
    returning 1
  )
  select jsonb_build_object('receivedSignals', (select count(*) from received),
    'rateUses', (select count(*) from buckets) + (select count(*) from days)) into forgotten;
  if forgotten <> '{"receivedSignals": 0, "rateUses": 0}' then
    perform core.record_action(args -> 'by', 'forget_old', 'old rows', after => forgotten);
  end if;
  return forgotten;
end $function$;

-- {scope, target, why, by, nowMs}. Safe to repeat: what is halted stays so, for its first reason.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.halt(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  changed boolean;
begin
  insert into public.halts (scope, target, why, halted_by, halted_at)
  values (args ->> 'scope', coalesce(args ->> 'target', ''), args ->> 'why', args -> 'by' ->> 'who',
    (select core.stamp_of(args)))
  on conflict (scope, target) where resumed_at is null do nothing;
  changed := found;
  if changed then
    perform core.record_action(args -> 'by', 'halt', core.halt_target(args), why => args ->> 'why');
  end if;
  return jsonb_build_object('changed', changed);
end $function$;

-- {exchange, days, by}: the whole lists of the years they are of. What an earlier list of these years had
-- and this one has not is gone; days an operator set one by one stand. Dates that were added, changed and
-- removed. Safe to repeat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_calendar(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  outcome jsonb;
begin
  with listed as (
    select row.date as day, row.kind, row.name, row."openTime" as open_time, row."closeTime" as close_time
    from jsonb_to_recordset(args -> 'days') as row(date date, kind text, name text, "openTime" time,
      "closeTime" time)
  ), gone as (
    delete from public.calendar_days old where old.exchange = args ->> 'exchange' and old.of_year_list
      and extract(year from old.day) in (select extract(year from day) from listed)
      and not exists (select from listed where listed.day = old.day)
    returning old.day
  ), fresh as (
    insert into public.calendar_days (exchange, day, kind, name, open_time, close_time, of_year_list)
    select args ->> 'exchange', day, kind, name, open_time, close_time, true from listed
    where not exists (select from public.calendar_days old
      where (old.exchange, old.day) = (args ->> 'exchange', listed.day))
    returning day
  ), changed as (
    update public.calendar_days old set kind = listed.kind, name = listed.name, open_time = listed.open_time,
      close_time = listed.close_time
    from listed where (old.exchange, old.day) = (args ->> 'exchange', listed.day) and old.of_year_list
      and (old.kind, old.name, old.open_time, old.close_time)
        is distinct from (listed.kind, listed.name, listed.open_time, listed.close_time)
    returning old.day
  ), days as (
    select 'added' as what, day from fresh union all select 'changed', day from changed
    union all select 'removed', day from gone
  )
  select jsonb_build_object(
    'added', coalesce(jsonb_agg(day order by day) filter (where what = 'added'), '[]'),
    'changed', coalesce(jsonb_agg(day order by day) filter (where what = 'changed'), '[]'),
    'removed', coalesce(jsonb_agg(day order by day) filter (where what = 'removed'), '[]')) into outcome
    from days;
  if outcome <> '{"added": [], "changed": [], "removed": []}' then
    perform core.record_action(args -> 'by', 'import_calendar', 'calendar:' || (args ->> 'exchange'),
      after => outcome);
  end if;
  return outcome;
end $function$;

-- Corporate actions of a file; a row that is there gets the ratio of the file.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_corporate_actions(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  written bigint;
begin
  insert into public.corporate_actions as known (exchange, symbol, ex_date, kind, ratio)
  select exchange, symbol, "exDate", kind, ratio
  from jsonb_to_recordset(args -> 'actions') as row(exchange text, symbol text, "exDate" date,
    kind text, ratio text)
  order by exchange, symbol, "exDate", kind
  on conflict (exchange, symbol, ex_date, kind) do update set ratio = excluded.ratio
    where known.ratio is distinct from excluded.ratio;
  get diagnostics written = row_count;
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_corporate_actions', 'corporate actions',
      after => jsonb_build_object('rows', written));
  end if;
  return jsonb_build_object('written', written);
end $function$;

-- Holdings we did not buy: external fills, in the product their venue says, booked as paid for. `reference`
-- makes each count once.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_holdings(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  booked bigint;
begin
  insert into public.instruments (exchange, symbol, assumed)
  select distinct exchange, symbol, true
  from jsonb_to_recordset(args -> 'holdings') as row(exchange text, symbol text)
  order by exchange, symbol
  on conflict (exchange, symbol) do nothing;

  perform from public.accounts a where (a.user_id, a.venue, a.mode, a.currency) in (
    select "userId", venue, mode, core.currency_of(exchange)
    from jsonb_to_recordset(args -> 'holdings') as row("userId" text, venue text, mode text, exchange text))
  order by a.id for no key update;
  select cardinality(fresh) into booked from core.book_reported_fills(array(
    select distinct on (account.id, row.reference) row(null, null, null, 0, false, account.id, instrument.id,
      coalesce(row.product, 'delivery'), row."tradeDate", null, row.reference, 'BUY', row.quantity,
      row."priceMinor", core.fill_value('BUY', row.quantity, row."priceMinor",
        instrument.quantity_scale + instrument.price_scale),
      (select core.now_of(args)))::core.reported_fill
    from jsonb_to_recordset(args -> 'holdings') as row("userId" text, venue text, mode text, exchange text,
      symbol text, product text, quantity bigint, "priceMinor" bigint, "tradeDate" date, reference text)
    join public.accounts account on (account.user_id, account.venue, account.mode, account.currency)
      = (row."userId", row.venue, row.mode, core.currency_of(row.exchange))
    join public.instruments instrument using (exchange, symbol)
    where not exists (select from public.fills old where old.order_id is null
      and (old.account_id, old.venue_fill_id) = (account.id, row.reference))
    order by account.id, row.reference), (select core.now_of(args)));
  return jsonb_build_object('booked', booked);
end $function$;

-- {instruments, keeps, by}; `keeps` names what the file says nothing of (isin, freezeQuantity, fno,
-- restricted): of an instrument there is, that stays.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_instruments(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  written bigint;
begin
  insert into public.instruments
    (exchange, symbol, isin, name, tick_minor, lot_size, freeze_quantity, fno, restricted, assumed,
      quantity_scale, price_scale)
  select exchange, symbol, isin, name, "tickMinor", "lotSize", "freezeQuantity", fno, restricted, false,
    coalesce("quantityScale", 0), coalesce("priceScale", 0)
  from jsonb_to_recordset(args -> 'instruments') as row(exchange text, symbol text, isin text, name text,
    "tickMinor" bigint, "lotSize" bigint, "freezeQuantity" bigint, fno boolean, restricted text,
    "quantityScale" smallint, "priceScale" smallint)
  order by exchange, symbol
  on conflict (exchange, symbol) do update set
    isin = case when args -> 'keeps' ? 'isin' then instruments.isin else excluded.isin end,
    name = excluded.name, tick_minor = excluded.tick_minor, lot_size = excluded.lot_size,
    freeze_quantity = case when args -> 'keeps' ? 'freezeQuantity' then instruments.freeze_quantity
      else excluded.freeze_quantity end,
    fno = case when args -> 'keeps' ? 'fno' then instruments.fno else excluded.fno end,
    restricted = case when args -> 'keeps' ? 'restricted' then instruments.restricted
      else excluded.restricted end,
    quantity_scale = excluded.quantity_scale, price_scale = excluded.price_scale, assumed = false;
  get diagnostics written = row_count;
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_instruments', 'instruments',
      after => jsonb_build_object('rows', written));
  end if;
  return jsonb_build_object('written', written);
end $function$;

-- Daily prices of instruments, for paper trading: everybody trades at the open.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_prices(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  written bigint;
begin
  insert into public.daily_prices (exchange, symbol, day, open_minor, close_minor)
  select coalesce(exchange, 'NSE'), symbol, date, "openMinor", "closeMinor"
  from jsonb_to_recordset(args -> 'prices') as row(exchange text, symbol text, date date,
    "openMinor" bigint, "closeMinor" bigint)
  order by 1, symbol, date
  on conflict (exchange, symbol, day) do update set open_minor = excluded.open_minor,
    close_minor = coalesce(excluded.close_minor, daily_prices.close_minor);
  get diagnostics written = row_count;
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_prices', 'prices', after => (
      select jsonb_build_object('rows', written, 'from', min(value ->> 'date'), 'to', max(value ->> 'date'))
      from jsonb_array_elements(args -> 'prices')));
  end if;
  return jsonb_build_object('written', written);
end $function$;

-- {restrictions, exchange (null: the NSE), by}: everything nobody may enter today where that exchange is;
-- what is no longer among it is free again, and nothing of other markets changes. `unknown` are listings no
-- instruments file has named.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_restrictions(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  changed jsonb;
begin
  with imported as (
    select exchange, symbol, restricted
    from jsonb_to_recordset(args -> 'restrictions') as row(exchange text, symbol text, restricted text)
  ), written as (
    update public.instruments i set restricted = (
      select imported.restricted from imported
      where (imported.exchange, imported.symbol) = (i.exchange, i.symbol))
    where not i.assumed
      and core.zone_of(i.exchange) = core.zone_of(coalesce(args ->> 'exchange', 'NSE'))
      and i.restricted is distinct from (
      select imported.restricted from imported
      where (imported.exchange, imported.symbol) = (i.exchange, i.symbol))
    returning i.exchange || ':' || i.symbol as listing, i.restricted
  )
  select jsonb_build_object(
    'restricted', (select coalesce(jsonb_agg(listing order by listing), '[]') from written
      where restricted is not null),
    'freed', (select coalesce(jsonb_agg(listing order by listing), '[]') from written
      where restricted is null),
    'unknown', (select coalesce(jsonb_agg(exchange || ':' || symbol order by symbol), '[]') from imported
      where not exists (select from public.instruments i
        where (i.exchange, i.symbol) = (imported.exchange, imported.symbol)
          and not i.assumed))) into changed;
  if changed -> 'restricted' <> '[]' or changed -> 'freed' <> '[]' then
    perform core.record_action(args -> 'by', 'import_restrictions',
      'instruments', after => jsonb_build_object(
      'restricted', jsonb_path_query_array(changed, '$.restricted[0 to 199]'),
      'freed', jsonb_path_query_array(changed, '$.freed[0 to 199]')));
  end if;
  return changed;
end $function$;

-- {signals, source, by}
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_signals(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  written constant bigint := core.write_signals(args);
begin
  if written > 0 then
    perform core.record_action(args -> 'by', 'import_signals', 'signals', after => jsonb_build_object(
      'rows', jsonb_array_length(args -> 'signals'), 'written', written, 'source', args -> 'source',
      'days', (select jsonb_agg(distinct day) from (
        select value ->> 'tradeDate' as day from jsonb_array_elements(args -> 'signals') limit 100) dates)));
  end if;
  return jsonb_build_object('written', written);
end $function$;

-- Creates users and their accounts of one mode, one for each of a user's rows: by venue and currency. The
-- first import of a paper account deposits its capital, once; a later import changes settings and the sizing
-- base, never money.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.import_users(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  -- Looked at before it is written; what another import changes meanwhile is in that one's own action.
  changes constant jsonb := core.user_changes(args);
  created bigint;
begin
  insert into public.users (id, name, whatsapp, opted_in_at, opt_in_source, active,
    trading_enabled, strategies, allow_symbols, deny_symbols, priority, venue)
  select id, name, whatsapp, case when whatsapp is not null then now_at end,
    case when whatsapp is not null then args ->> 'source' end,
    coalesce(active, true), coalesce("tradingEnabled", true), strategies, "allowSymbols",
    coalesce("denySymbols", '{}'), priority, user_venue
  from core.imported_users(args) where is_first
  order by id
  on conflict (id) do update set
    name = excluded.name, priority = excluded.priority, venue = excluded.venue, whatsapp = excluded.whatsapp,
    -- A number that did not change keeps the time and source of its opt-in.
    opted_in_at = case when users.whatsapp is not distinct from excluded.whatsapp
      then users.opted_in_at else excluded.opted_in_at end,
    opt_in_source = case when users.whatsapp is not distinct from excluded.whatsapp
      then users.opt_in_source else excluded.opt_in_source end;

  -- By id, as everybody locks accounts; and only those that change: one somebody is at keeps no other row
  -- waiting.
  perform from public.accounts where id in (select id from core.resized_accounts(args))
  order by id for no key update;
  update public.accounts a set
    capital_minor = n.capital_minor, allocation_bps = n.allocation_bps, leverage_centi = n.leverage_centi,
    max_open_positions = n.max_open_positions, daily_loss_limit_bps = n.daily_loss_limit_bps,
    max_orders_per_day = n.max_orders_per_day, max_order_value_minor = n.max_order_value_minor
  from core.resized_accounts(args) n where a.id = n.id;

  created := core.open_imported_accounts(args, now_at);
  if created > 0 or jsonb_array_length(changes) > 0 then
    perform core.record_action(args -> 'by', 'import_users', 'users', after => jsonb_build_object(
      'mode', args -> 'mode', 'source', args -> 'source', 'rows', jsonb_array_length(args -> 'users'),
      'created', created, 'changed', jsonb_array_length(changes),
      'changes', jsonb_path_query_array(changes, '$[0 to 199]')));
  end if;
  return jsonb_build_object('created', created);
end $function$;

-- {through (a closing), years, manifestHash and counts (of the export; null: only says what would go), by}:
-- marks the records of a closing as removed, for good: {kind: marked, counts}. Asked again: the same.
-- Nothing is deleted yet: that is remove_page. Refused (`kind` says why) where they are too recent, not
-- closed or not all ended, do not add up, are not those of the export, where an earlier closing has its
-- records yet, and while a legal hold is on.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.mark_removed(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  c public.closings;
  known public.removed_periods;
  refused jsonb;
  counts jsonb;
  cash public.removed_cash[];
begin
  if not pg_try_advisory_xact_lock(hashtext('daily_scan remove_old')) then return '{"kind": "busy"}'; end if;
  select * into known from public.removed_periods where through = (args ->> 'through')::date;
  if found then return jsonb_build_object('kind', 'marked', 'counts', known.counts); end if;
  select * into c from public.closings where through = (args ->> 'through')::date;
  refused := core.removal_refusal(c, (args ->> 'years')::integer);
  if refused is not null then return refused; end if;
  counts := core.counts_to_remove(c);
  if args ->> 'manifestHash' is null then
    return jsonb_build_object('kind', 'would_remove', 'counts', counts);
  elsif nullif(args -> 'counts', 'null') <> counts then
    return jsonb_build_object('kind', 'not_exported', 'counts', counts);
  end if;

  cash := array(select (e.account_id, c.through, sum(e.cash_delta_minor))::public.removed_cash
    from core.entries_in(core.period_to(c.through)) e where e.order_id is not null group by e.account_id);
  -- Who books a fill has its account locked: what came meanwhile has opened it again, and is seen here.
  perform from public.accounts order by id for no key update;
  if core.open_through(c) <> '[]' then
    return jsonb_build_object('kind', 'open', 'open', core.open_through(c));
  end if;
  insert into public.removed_periods (through, last_order_id, removed_by, why, counts, manifest_hash)
  values (c.through, c.last_order_id, args -> 'by' ->> 'who', args -> 'by' ->> 'why', counts,
    args ->> 'manifestHash');
  insert into public.removed_cash select one.* from unnest(cash) one;
  perform core.record_action(args -> 'by', 'remove_old', 'records through ' || c.through,
    after => counts || jsonb_build_object('manifestHash', args ->> 'manifestHash'));
  return jsonb_build_object('kind', 'marked', 'counts', counts);
end $function$;

-- Marks an unknown order to be asked for again, by who holds it for its lookup, where its venue refuses
-- duplicates: {orderId, claimId, markId, leaseMs, nowMs, budgets}. It passes the checks of any send, but
-- stays unknown. `waitMs`: its rate is used up. An order that is locked is not marked. Safe to repeat: what
-- this mark has marked stays so, as far as it may still go, and counts once.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.mark_resend(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.later_of(args);
  lease constant interval := (args ->> 'leaseMs')::bigint * interval '1 millisecond';
  budgets constant jsonb := coalesce(args -> 'budgets', '{}');
  o public.orders;
  wait_ms bigint := 0;
begin
  select * into o from public.orders where id = (args ->> 'orderId')::bigint
    and claim_id = args ->> 'claimId' and status = 'unknown' for no key update skip locked;
  -- Before halts and times are looked at, since others may hold it for long.
  if budgets ? o.venue then perform pg_advisory_xact_lock(hashtextextended('rate ' || o.venue, 0)); end if;
  if o.id is null or o.send_before <= now_at or o.lease_until < core.database_now()
    or core.halted_for(o) is not null or core.settings_block_of(o) is not null then
    return jsonb_build_object('marked', false, 'waitMs', null);
  end if;
  if o.mark_id is distinct from args ->> 'markId' then
    wait_ms := core.take_rate(o.venue, o.account_id, budgets -> o.venue);
    update public.orders set lease_until = core.database_now() + lease,
      submitted_at = case when wait_ms = 0 then now_at else submitted_at end,
      changed_at = case when wait_ms = 0 then now_at else changed_at end,
      attempts = attempts + case when wait_ms = 0 then 1 else 0 end,
      mark_id = case when wait_ms = 0 then args ->> 'markId' else mark_id end
    where id = o.id;
  end if;
  return jsonb_build_object('marked', coalesce(wait_ms = 0, false), 'waitMs', nullif(wait_ms, 0));
end $function$;

-- Write first, then speak: only messages this call returns may be sent, and only by its caller. Repeated
-- after a lost answer with the same mark id it gives what it marked. `pace`, where the provider asks for
-- one: {pairPauseMs, dailyRecipients} keep a number from getting two messages at once, and a day's templates
-- to so many numbers; what has to wait for that is told when. A reminder whose login is there by now, or
-- whose time is over, is not marked, nor a message of single orders there is more to say in by now.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.mark_sending(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.later_of(args);
  this_mark constant text := args ->> 'markId';
  recipients_left bigint;
  again bigint[];
  bursts bigint[];
  marked jsonb;
begin
  select coalesce(array_agg(id), '{}') into again from core.requested_messages(args)
  where status = 'sending' and mark_id = this_mark;
  recipients_left := core.lock_recipients(args);
  bursts := core.sendable_order_messages(args, now_at);
  update public.messages m set status = 'suppressed', reason = 'login_made', text = reminder.text,
    changed_at = now_at
  from core.requested_messages(args) reminder
  where m.id = reminder.id and m.status = 'queued' and reminder.account_id is not null
    and not core.lacks_login(reminder.account_id, reminder.trade_date);

  with paced as (
    select * from core.paced_messages(args, now_at, bursts, recipients_left)
  ), held as (
    update public.messages m set next_attempt_at = not_before from paced p
    where m.id = p.message_id and m.status = 'queued' and not_before is not null
  ), sending as (
    update public.messages m set status = 'sending', mark_id = this_mark, text = p.text,
      content_hash = p.content_hash, sent_to = p.number, channel = coalesce(p.channel, m.channel),
      sending_at = core.database_now(), changed_at = now_at, attempts = m.attempts + 1,
      next_attempt_at = null, reason = null, error_code = null, provider_status = null, provider_id = null,
      lookups = 0, may_change = m.run_id is not null and m.first_order_id is null and (m.may_change
        or p.content_hash is distinct from (select digest from core.orders_digest(m.run_id, m.user_id))
        or exists (select from public.orders o
          where (o.run_id, o.user_id) = (m.run_id, m.user_id) and o.ended_at is null))
    from paced p where m.id = p.message_id and m.status = 'queued' and p.not_before is null
    returning m.id, p.number, p.is_template
  ), sent as (
    update public.whatsapp_numbers n set sent_at = core.database_now(),
      template_at = case when sending.is_template
        and coalesce(n.template_at <= core.database_now() - interval '24 hours', true)
        then core.database_now() else n.template_at end
    from sending where n.number = sending.number and args ? 'pace'
  )
  select coalesce(jsonb_agg(id), '[]') into marked
  from (select id from sending union all select unnest(again)) all_marked;
  return jsonb_build_object('marked', marked);
end $function$;

-- {userId, venue, currency (null: the only one), kind: deposit|withdrawal, amountMinor, reference, isNamed,
-- by, nowMs}: one entry of the ledger, at most what is available where it goes out. A reference counts once
-- within its account, so asking again after a lost answer books nothing. Where no person named it
-- (`isNamed`), the same amount within ten minutes is taken for a key that was pressed twice, and refused. A
-- block stays until who has seen it acknowledges it.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.move_cash(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  amount constant bigint := (args ->> 'amountMinor')::bigint;
  delta constant bigint := case args ->> 'kind' when 'withdrawal' then -amount else amount end;
  meant constant public.accounts[] := array(select a from public.accounts a
    where a.user_id = args ->> 'userId' and a.mode = 'paper'
      and a.venue = coalesce(args ->> 'venue', a.venue)
      and a.currency = coalesce(args ->> 'currency', a.currency) order by a.venue, a.currency);
  a public.accounts;
  earlier public.ledger_entries;
  entry bigint;
  money jsonb;
begin
  if cardinality(meant) <> 1 then
    return jsonb_build_object('kind', case cardinality(meant) when 0 then 'no_account'
      else 'several_accounts' end,
      'accounts', (select coalesce(jsonb_agg(jsonb_build_object('venue', one.venue,
        'currency', one.currency)), '[]') from unnest(meant) one),
      'liveToo', exists (select from public.accounts where user_id = args ->> 'userId' and mode = 'live'));
  end if;
  select * into a from public.accounts where id = (meant[1]).id for no key update;
  money := jsonb_build_object('venue', a.venue, 'currency', a.currency, 'cashBeforeMinor', a.cash_minor,
    'cashMinor', a.cash_minor,
    'heldMinor', a.held_minor, 'notReady', a.not_ready);

  select * into earlier from public.ledger_entries
  where account_id = a.id and reference = args ->> 'reference';
  if found then
    return money || jsonb_build_object('entryId', earlier.id, 'atMs', core.ms(earlier.at), 'kind',
      case when earlier.cash_delta_minor = delta then 'counted_before' else 'reference_used' end,
      'amountMinor', abs(earlier.cash_delta_minor), 'moved', earlier.kind);
  end if;
  select * into earlier from public.ledger_entries e where e.account_id = a.id and e.cash_delta_minor = delta
    and e.kind = args ->> 'kind' and e.reference is not null and e.at > now_at - interval '10 minutes'
      order by id desc limit 1;
  if found and not (args ->> 'isNamed')::boolean then
    return money || jsonb_build_object('kind', 'moved_just_now', 'entryId', earlier.id,
      'atMs', core.ms(earlier.at));
  end if;
  if delta < 0 and a.cash_minor - a.held_minor + delta < 0 then
    return money || jsonb_build_object('kind', 'not_enough');
  end if;
  -- 2^53: beyond it nobody who reads JSON has the same number.
  if a.cash_minor + delta > 9007199254740991 then
    return money || jsonb_build_object('kind', 'too_much');
  end if;

  insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source,
    reference, at)
  values (a.id, args ->> 'kind', delta, 0, 'operator', args ->> 'reference', now_at) returning id into entry;
  update public.accounts set cash_minor = cash_minor + delta where id = a.id;
  perform core.record_action(args -> 'by', 'move_cash',
    core.account_target(a), jsonb_build_object('cashMinor', a.cash_minor),
    jsonb_build_object('cashMinor', a.cash_minor + delta,
      'moved', args -> 'kind', 'amountMinor', amount, 'entryId', entry), of_user => a.user_id);
  return money || jsonb_build_object('kind', 'moved', 'entryId', entry, 'cashMinor', a.cash_minor + delta);
end $function$;

-- Notes that the keys with these hints were used: {hints}. Once a minute for each key, whoever tells it and
-- how often. Safe to repeat.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.note_key_uses(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with used as (
    select hash from public.api_keys
    where hint in (select jsonb_array_elements_text(args -> 'hints'))
      and coalesce(last_used_at, '-infinity') < core.database_now() - interval '1 minute'
    -- Who notes the same key at this moment says the same.
    for no key update skip locked
  ), noted as (
    update public.api_keys k set last_used_at = core.database_now() from used
    where k.hash = used.hash returning 1
  ) select jsonb_build_object('noted', (select count(*) from noted));
$function$;

-- A user's account at a venue in a currency (null: rupees), with the sizing of the account they have already
-- in that currency, and no money: rupees say nothing of how many dollars. Safe to repeat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.open_account(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  in_currency constant text := coalesce(args ->> 'currency', 'INR');
  person public.users;
  account public.accounts;
  created boolean;
begin
  select * into person from public.users where id = args ->> 'userId';
  if not found then return jsonb_build_object('kind', 'no_such_user'); end if;
  insert into public.accounts (user_id, venue, mode, currency, capital_minor, allocation_bps, leverage_centi,
    max_open_positions, daily_loss_limit_bps, max_orders_per_day, max_order_value_minor, not_ready)
  select person.id, args ->> 'venue', args ->> 'mode', in_currency, capital_minor, allocation_bps,
    leverage_centi, max_open_positions, daily_loss_limit_bps, max_orders_per_day, max_order_value_minor,
    'not checked yet'
  from public.accounts where user_id = person.id and currency = in_currency
  -- The venue he is imported with, the mode that is asked for, the youngest.
  order by venue = person.venue desc, mode = args ->> 'mode' desc, id desc limit 1
  on conflict (user_id, venue, mode, currency) do nothing;
  created := found;
  select * into account from public.accounts a where (a.user_id, a.venue, a.mode, a.currency)
    = (person.id, args ->> 'venue', args ->> 'mode', in_currency);
  if not found then return jsonb_build_object('kind', 'no_sizing'); end if;
  if created then
    perform core.record_action(args -> 'by', 'open_account', core.account_target(account),
      of_user => person.id);
  end if;
  return jsonb_build_object('kind', 'open', 'accountId', account.id, 'created', created,
    'tradesAt', person.venue);
end $function$;

-- Freezes signals, prices and users of a run. A second call finds the first one's rows and changes nothing.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.open_run(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  new_run constant text := args ->> 'runId';
begin
  insert into public.scan_runs (id, session_id, trade_date, mode, limits, cut_off_at, opened_at, problems)
  values (new_run, args ->> 'sessionId', (args ->> 'tradeDate')::date, args ->> 'mode', args -> 'limits',
    core.at((args ->> 'cutOffMs')::bigint), (select core.now_of(args)), args -> 'problems')
  on conflict (id) do nothing;
  if not found then
    return jsonb_build_object('created', false);
  end if;

  insert into public.run_signals (run_id, signal_id, position, send_before)
  select new_run, "signalId", position, core.at("sendBeforeMs")
  from jsonb_to_recordset(args -> 'signals') as row("signalId" text, position bigint, "sendBeforeMs" bigint);

  perform core.freeze_prices(new_run, args -> 'quotes');

  insert into public.run_users (run_id, queue_position, user_id, account_id)
  select new_run, queue_position, user_id, (select account.id from public.accounts account
      where account.user_id = queue.user_id
        and core.trades_in(account, queue.venue, args)
      order by account.venue = queue.venue desc, account.id desc limit 1)
  from core.user_queue(new_run, nullif(args -> 'userIds', 'null')) queue;
  perform core.record_action(args -> 'by', 'open_run', 'run:' || new_run, after => jsonb_build_object(
    'signals', jsonb_array_length(args -> 'signals'), 'users',
    (select count(*) from public.run_users where run_id = new_run)));
  return jsonb_build_object('created', true);
end $function$;

-- An order in the simulated venue's book: {clientOrderId, nowMs}. `missing` is proof that it never got
-- there.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.paper_venue_lookup(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(
    (select jsonb_build_object('kind', 'found',
      'report', paper_venue.report_json(o, (select core.stamp_of(args))))
     from paper_venue.orders o where o.client_order_id = args ->> 'clientOrderId'),
    jsonb_build_object('kind', 'missing'));
$function$;

-- {tradeDate, quotes, faults}: the market of a day. `faults`, users by name or id, replace all that were
-- given before and end with their day; null leaves those of the day as they are. `unmatched`: what names
-- nobody and no symbol of the day.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.paper_venue_prepare(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  nobody jsonb := '[]';
begin
  insert into paper_venue.market (exchange, symbol, trade_date, price_minor)
  select exchange, symbol, (args ->> 'tradeDate')::date, "priceMinor"
  from jsonb_to_recordset(args -> 'quotes') as row(exchange text, symbol text, "priceMinor" bigint)
  order by exchange, symbol
  on conflict (exchange, symbol, trade_date) do update set price_minor = excluded.price_minor;
  if args -> 'faults' is not null and args -> 'faults' <> 'null' then
    -- Supabase's API refuses a delete without a condition (safeupdate), inside functions too.
    delete from paper_venue.faults where true;
    insert into paper_venue.faults (user_id, symbol, fault, message, delay_ms, quantity, trade_date)
    select coalesce(core.find_user_id("user"), "user"), symbol, fault, message,
      coalesce("delayMs", 30000), quantity, (args ->> 'tradeDate')::date
    from jsonb_to_recordset(args -> 'faults') as row("user" text, symbol text, fault text, message text,
      "delayMs" bigint, quantity bigint);
    select coalesce(jsonb_agg(distinct name), '[]') into nobody from (
      select user_id as name from paper_venue.faults f
      where user_id is not null and not exists (select from public.users u where u.id = f.user_id)
      union all
      select symbol from paper_venue.faults f
      where symbol is not null and not exists (select from jsonb_array_elements(args -> 'quotes') quote
        where quote ->> 'symbol' = f.symbol)) unmatched;
  end if;
  return jsonb_build_object('unmatched', nobody);
end $function$;

-- What came in at the same moment, each by itself: `orders`, with the answers in their order. An answer's
-- `kind` says what goes over the wire: acknowledged, rejected, duplicate, silence, garbage.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.paper_venue_submit(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with submitted as materialized (
    select * from paper_venue.submitted_orders(args)
  ), lost as (
    insert into paper_venue.dropped (client_order_id)
    select "clientOrderId" from submitted where fault = 'timeout_before' and is_first
    on conflict do nothing returning client_order_id
  ), matched as (
    select submitted.*,
      case side when 'BUY' then least("limitPriceMinor", market_minor + slippage_minor)
        else greatest("limitPriceMinor", market_minor - slippage_minor) end as fill_minor,
      case when fault = 'reject' or market_minor is null then 'rejected'
        when case side when 'BUY' then market_minor > "limitPriceMinor"
        else market_minor < "limitPriceMinor" end
          then 'expired'
        when filled < quantity then 'canceled' else 'filled' end as end_status, filled
    from submitted cross join lateral (select case fault when 'partial'
      then least(coalesce(fault_quantity, quantity / 2), quantity) else quantity end as filled) crossed
    where is_first and not "clientOrderId" in (select client_order_id from lost)
  ), booked as (
    insert into paper_venue.orders
    select "clientOrderId", 'P' || upper("clientOrderId"), "userId", exchange, symbol, side, quantity,
      "limitPriceMinor", now_at, case when end_status in ('rejected', 'expired') then 0
      else filled end, fill_minor,
      case when fault = 'delay' then now_at + delay else now_at end, end_status,
      case when end_status = 'rejected' then now_at
        when end_status = 'expired' then core.ordinary_close(exchange, day)
        when fault in ('delay', 'partial') then now_at + delay else now_at end,
      case when fault = 'reject' then coalesce(message, 'rejected by the simulated venue')
        when market_minor is null then 'no market in ' || symbol
        -- Said while it rests, too: nobody has to wait for the close to know.
        when end_status = 'expired' then 'the simulated market stays at ' || core.decimal(market_minor)
          || ' all day: this limit is not reached'
        when fault = 'partial' then 'remainder canceled by the simulated venue' end
    from matched order by n
    on conflict (client_order_id) do nothing
    returning orders as known
  )
  select coalesce(jsonb_agg(case
      when is_first and "clientOrderId" in (select client_order_id from lost)
        then jsonb_build_object('kind', 'silence')
      when not is_first or known is null then jsonb_build_object('kind', 'duplicate')
      when fault = 'timeout_after' then jsonb_build_object('kind', 'silence')
      when fault = 'garbage' then jsonb_build_object('kind', 'garbage')
      else jsonb_build_object('kind', case (known).end_status when 'rejected' then 'rejected'
        else 'acknowledged' end, 'report', paper_venue.report_json(known, now_at)) end order by n), '[]')
  from submitted left join booked on (known).client_order_id = "clientOrderId";
$function$;

-- {runId, sessionId, tradeDate, mode, limits, takesOrdersUntilMs, nowMs, quotes, decisions, requests:
-- [{principal, key, bodyHash, apiKey, sendBeforeMs, signal, by (null: the user's own order)}]}: one answer
-- per request, in their order. Safe to repeat: a key is used up by its first request, and the advisory lock
-- keeps a second one from running beside it. plan_cache_mode: planned anew for each call, 40 orders read
-- 29,600 rows in 10 ms, with a kept plan 1,700 rows in 6 ms. enable_seqscan: a plan kept from when the
-- tables were small reads 11,600 rows in 19 ms, without it 1,420 rows in 6 ms.
-- jit: what is switched off costs ten billion to the planner, and it compiles (1,700 ms in accept_at_once).
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.place_orders(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.later_of(args);
  run public.scan_runs;
  busy text[];
  -- What is answered without anything being kept: by principal and key.
  early_answers jsonb;
  over_quota jsonb;
  fresh_signals text[];
  decisions core.decision[];
begin
  run := core.open_single_order_run(args, now_at);

  select coalesce(jsonb_object_agg(name, jsonb_build_object('kind', 'key_refused', 'why', why)),
    '{}') into early_answers
  from core.refused_api_keys(args);
  select coalesce(array_agg(name), '{}') into busy
  from (select principal || ' ' || key as name
    from jsonb_to_recordset(args -> 'requests') as row(principal text, key text)
    offset 0) request
  where not pg_try_advisory_xact_lock(hashtextextended('order request ' || name, 0));
  -- In a statement of its own, which sees what was committed before the lock was had.
  select coalesce(array_agg(signal ->> 'id'), '{}') into fresh_signals
  from jsonb_to_recordset(args -> 'requests') as row(principal text, key text, signal jsonb)
  where not principal || ' ' || key = any(busy) and not early_answers ? (principal || ' ' || key)
    and (select true from public.order_requests old
      where (old.principal, old.idempotency_key) = (row.principal, row.key) limit 1) is null;

  decisions := array(select row from unnest(core.decisions_in(args)) row
    where row."signalId" = any(fresh_signals));
  over_quota := core.over_quota_answers(args, run.id, decisions);
  if over_quota <> '{}' then
    early_answers := early_answers || over_quota;
    decisions := array(select d from unnest(decisions) d,
      jsonb_to_recordset(args -> 'requests') as row(principal text, key text, signal jsonb)
      where signal ->> 'id' = d."signalId" and not early_answers ? (principal || ' ' || key));
  end if;
  decisions := core.lock_accounts(run, decisions, (args ->> 'skipLocked')::boolean);
  fresh_signals := array(select row."signalId" from unnest(decisions) row);
  if decisions <> '{}' then
    perform core.book_single_orders(run, args, decisions, now_at);
    perform core.record_placed_orders(args, run.id, fresh_signals);
  end if;
  return core.request_answers(args, early_answers, busy, fresh_signals);
end $function$;

-- What an import of these users would do, before it does it: who of them there is already, and what of them
-- changes. `known` are also those whom a name of theirs would mean (`names`).
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.preview_users(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select jsonb_build_object(
    'known', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name) order by id), '[]')
      from public.users where id in (select id from core.imported_users(args))
        or id in (select jsonb_array_elements_text(args -> 'names'))),
    'changes', (select coalesce(jsonb_agg(change || jsonb_build_object('numberChanges', exists (
        select from core.imported_users(args) row join public.users u using (id)
        where row.id = change ->> 'userId' and is_first and u.whatsapp is not null
          and u.whatsapp is distinct from row.whatsapp))), '[]')
      from jsonb_array_elements(core.user_changes(args)) change));
$function$;

-- Whoever was told something that is not so any more gets one correction, as soon as nothing more is to be
-- expected. Only messages that had something open when they went, or that a late fill put in doubt, are
-- looked at. One that was not to go at all is written anew: nobody was told, and what it would have said is
-- on record as it is now.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.queue_corrections(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  now_at constant timestamptz := core.now_of(args);
  queued bigint;
begin
  with doubted as (
    select m.id, m.run_id, m.user_id,
      m.content_hash is distinct from (select digest from core.orders_digest(m.run_id, m.user_id))
        as wrong,
      m.status in ('sent', 'delivered', 'unknown') as was_sent,
      not exists (select from public.messages later
        where (later.run_id, later.user_id) = (m.run_id, m.user_id)
        and later.id > m.id) as is_last,
      (select count(*) from public.messages other
        where (other.run_id, other.user_id) = (m.run_id, m.user_id)) as n,
      exists (select from public.orders o where (o.run_id, o.user_id) = (m.run_id, m.user_id)
        and o.ended_at is null) as is_open
    from public.messages m
    where m.may_change and m.status not in ('queued', 'sending')
      and not exists (select from public.orders o
        where (o.run_id, o.user_id) = (m.run_id, m.user_id) and core.unfinished(o))
    for no key update of m skip locked
  ), cleared as (
    -- An order a person has still to speak about stays in doubt.
    update public.messages m set may_change = false,
      status = case when d.wrong and m.status = 'suppressed' then 'queued' else m.status end,
      changed_at = case when d.wrong and m.status = 'suppressed' then now_at else m.changed_at end
    from doubted d where m.id = d.id and (d.wrong or not d.is_open or not d.is_last)
  ), corrected as (
    insert into public.messages (run_id, user_id, kind, due_at, changed_at)
    select run_id, user_id, case n when 1 then 'correction' else 'correction-' || n end, now_at, now_at
    from doubted where wrong and was_sent and is_last order by id
    on conflict (run_id, user_id, kind) do nothing returning 1
  ) select count(*) into queued from corrected;
  return jsonb_build_object('queued', queued);
end $function$;

-- One reminder for each user whose login is what a day's trade lacks: {currency (of the market whose day it
-- is), tradeDate, dueMs, sendBeforeMs, nowMs}. Asked again it finds them queued. One that was not even tried
-- (the login was there, or there was no number) waits again.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.queue_login_reminders(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with missing as materialized (
    select a.id, a.user_id from public.accounts a
    where a.mode = 'live' and a.currency = args ->> 'currency'
      and a.checked_for = (args ->> 'tradeDate')::date
      and core.lacks_login(a.id, (args ->> 'tradeDate')::date)
      and (select core.later_of(args)) < core.at((args ->> 'sendBeforeMs')::bigint)
  ), untried as (
    select m.id from public.messages m join missing on missing.id = m.account_id
    where m.trade_date = (args ->> 'tradeDate')::date and m.status = 'suppressed' and m.attempts = 0
    order by m.id for no key update of m skip locked
  ), again as (
    update public.messages m set status = 'queued', reason = null,
      due_at = core.at((args ->> 'dueMs')::bigint),
      next_attempt_at = null, changed_at = (select core.now_of(args))
    from untried where m.id = untried.id returning 1
  ), fresh as (
    insert into public.messages (account_id, user_id, trade_date, kind, due_at, send_before, changed_at)
    select id, user_id, (args ->> 'tradeDate')::date, 'login_reminder', core.at((args ->> 'dueMs')::bigint),
      core.at((args ->> 'sendBeforeMs')::bigint), (select core.now_of(args))
    from missing order by id
    on conflict (trade_date, account_id) do nothing returning 1
  ) select jsonb_build_object('queued', (select count(*) from again) + (select count(*) from fresh));
$function$;

-- Queues notices for operators: {notices: [{key, runId, text}], to: [number], nowMs}. Each goes to each of
-- them once.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.queue_notices(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with queued as (
    insert into public.notices (key, run_id, number, text, next_attempt_at, changed_at)
    select row.key, (select id from public.scan_runs where id = row."runId"), number, row.text,
      (select core.stamp_of(args)), (select core.stamp_of(args))
    from jsonb_to_recordset(args -> 'notices') as row(key text, "runId" text, text text),
      jsonb_array_elements_text(args -> 'to') as number
    on conflict (key, number) do nothing returning 1
  ) select jsonb_build_object('queued', count(*)) from queued;
$function$;

-- A page of accounts as `decide` sees them: of an open run (`frozen`), those still undecided; of a run that
-- is only planned, every user in the order the run would serve them. Constant number of queries whatever the
-- page size. What belongs to an account is asked for with a subquery of its own, so that it is found by
-- index and never joined with the whole page, however old the statistics are. It answers as text (json):
-- nobody here looks into it. Measured for a page of 500 of 5,000 users, with statistics from before the day:
-- 4,000 rows in 31 ms. Without enable_hashjoin 8,500 rows, without enable_mergejoin 8,470 rows, without
-- enable_seqscan 10,000 rows where days are counted, without enable_bitmapscan 5,000 rows before anything is
-- analyzed; without any 13,000 rows in 124 ms. plan_cache_mode: planned anew for each page, Postgres 18
-- takes 1,010 ms instead of 124 ms where days are counted. jit: before Postgres 18 a plan kind that is
-- switched off makes every plan look so dear that it is compiled at each call: 1,480 ms.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_accounts(args jsonb)
 RETURNS json
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
begin
  return (
    with page as materialized (
      (select queue_position, user_id, account_id from public.run_users
        where (args ->> 'frozen')::boolean and run_id = args ->> 'runId' and decided_at is null
          and queue_position > (args ->> 'afterQueuePosition')::bigint
        order by queue_position limit (args ->> 'limit')::bigint)
      union all
      -- The accounts of the page alone, each by index: a join could be with all there are.
      (select queue_position, user_id, (select account.id from public.accounts account
          where account.user_id = cut.user_id and core.trades_in(account, cut.venue, args)
          order by account.venue = cut.venue desc, account.id desc limit 1)
        from (select * from core.user_queue(args ->> 'runId', nullif(args -> 'userIds', 'null'))
          where not (args ->> 'frozen')::boolean and queue_position > (args ->> 'afterQueuePosition')::bigint
          order by queue_position limit (args ->> 'limit')::bigint) cut)
    ), halted as materialized (select scope, target, why from public.halts where resumed_at is null)
    select coalesce(json_agg(json_build_object('queuePosition', page.queue_position,
      'accountId', page.account_id, 'settings', json_build_object('id', u.id, 'name', u.name,
        'whatsapp', u.whatsapp, 'priority', u.priority,
        -- Its account's: who moved to another venue since a run froze them trades where they were frozen.
        'venue', coalesce(a.venue, u.venue), 'capitalMinor', coalesce(a.capital_minor, 0),
        'allocationBps', coalesce(a.allocation_bps, 0), 'leverageCenti', coalesce(a.leverage_centi, 100),
        'maxOpenPositions', a.max_open_positions, 'dailyLossLimitBps', a.daily_loss_limit_bps,
        'maxOrdersPerDay', a.max_orders_per_day, 'maxOrderValueMinor', a.max_order_value_minor),
      'active', u.active, 'tradingEnabled', u.trading_enabled, 'strategies', u.strategies,
      'allowSymbols', u.allow_symbols, 'denySymbols', u.deny_symbols,
      'currency', coalesce(a.currency, core.currency_elsewhere(u.id, args)),
      'notReady', case when a.id is null then 'no ' || (args ->> 'mode') || ' account'
        else core.not_ready_on(a, (args ->> 'tradeDate')::date) end,
      'halted', (select why from halted where (scope = 'user' and target = u.id)
        or (scope = 'venue' and target = core.order_venue(args ->> 'mode', coalesce(a.venue, u.venue)))
        order by scope limit 1),
      'availableMinor', coalesce(a.cash_minor - a.held_minor, 0),
      -- Both are read only where there is a limit to them, or may be one.
      'today', case when a.daily_loss_limit_bps is not null or (args ->> 'countDay')::boolean
        then core.day_trades(a.id, (args ->> 'tradeDate')::date)
        else json_build_object('traded', '[]'::json, 'chargesMinor', '0') end,
      'ordersToday', case when a.max_orders_per_day is not null or (args ->> 'countDay')::boolean
        then core.orders_today(a.id, a.user_id, a.mode, (args ->> 'tradeDate')::date) else 0 end,
      'positions', (select coalesce(json_agg(json_build_object('exchange', i.exchange, 'symbol', i.symbol,
          'share', i.share, 'product', p.product, 'quantity', p.quantity) order by i.symbol, i.exchange,
          p.product), '[]')
        from public.positions p join public.instruments i on i.id = p.instrument_id
        where p.account_id = a.id and p.quantity <> 0),
      'working', (select coalesce(json_agg(json_build_object('exchange', i.exchange, 'symbol', i.symbol,
          'share', i.share, 'side', o.side) order by o.id), '[]')
        from public.orders o join public.instruments i on i.id = o.instrument_id
        where o.account_id = a.id and o.ended_at is null),
      'decidedSignalIds', (select coalesce(json_agg(frozen_signal), '[]')
        from jsonb_array_elements_text(args -> 'signalIds') frozen_signal
        where (select true from public.decisions d where d.signal_id = frozen_signal and d.account_id = a.id
          and d.reason is distinct from 'already_decided' limit 1))) order by page.queue_position), '[]')
    from page join public.users u on u.id = page.user_id
    left join public.accounts a on a.id = page.account_id
  );
end $function$;

-- The newest first: {beforeId (null: from the newest), limit, userId, action, sinceMs (each null: any)}.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_actions(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'atMs', core.ms(a.at), 'who', a.who, 'how', a.how,
    'action', a.action, 'target', a.target, 'userId', a.user_id, 'before', a.before, 'after', a.after,
    'why', a.why, 'hash', a.hash, 'redactedBy', a.redacted_by) order by a.id desc), '[]')
  from (select * from public.operator_actions a
    where a.id < coalesce((args ->> 'beforeId')::bigint, 9223372036854775807)
      and (args ->> 'userId' is null or a.user_id = args ->> 'userId'
        or a.after -> 'changes' @> jsonb_build_array(jsonb_build_object('userId', args -> 'userId')))
      and (args ->> 'action' is null or a.action = args ->> 'action')
      and (args ->> 'sinceMs' is null or a.at >= core.at((args ->> 'sinceMs')::bigint))
    order by a.id desc limit (args ->> 'limit')::bigint) a;
$function$;

-- Everything that is stored: for a new master key, and to see who is connected.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_all_credentials(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select coalesce(jsonb_agg(core.credentials_json(c, a) order by a.id), '[]')
  from public.account_credentials c join public.accounts a on a.id = c.account_id;
$function$;

-- Every API key there ever was, the oldest first, without its hash.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_api_keys(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('hint', hint, 'role', role, 'scope', scope, 'userId', user_id,
    'source', source, 'label', label, 'createdAtMs', core.ms(created_at), 'expiresAtMs', core.ms(expires_at),
    'lastUsedAtMs', core.ms(last_used_at), 'revokedAtMs', core.ms(revoked_at))
    order by created_at, hint), '[]')
  from public.api_keys;
$function$;

-- What a person has to acknowledge of a user's accounts: {userId}. `block` is what is said about money; it
-- is acknowledged by naming `snapshotEntryId`, the last entry of the ledger there is now, and a drift by its
-- id.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_blocks(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with open_drift as (
    select d.account_id, jsonb_agg(jsonb_build_object('driftId', d.id, 'kind', d.kind, 'what', d.what,
      'ours', d.ours, 'theirs', d.theirs, 'foundAtMs', core.ms(d.found_at),
      'lastFoundAtMs', core.ms(d.last_found_at)) order by d.id) as drifts
    from public.drifts d join public.accounts a on a.id = d.account_id and a.user_id = args ->> 'userId'
    where d.acknowledged_at is null group by 1
  ), account as (
    select a.*, case when a.not_ready not like 'drift:%' and not core.awaits_check(a.not_ready)
      then a.not_ready end as block
    from public.accounts a where a.user_id = args ->> 'userId'
  )
  select coalesce(jsonb_agg(jsonb_build_object('venue', a.venue, 'mode', a.mode,
    'currency', a.currency, 'block', a.block,
    'snapshotEntryId', coalesce((select max(e.id) from public.ledger_entries e where e.account_id = a.id),
      0),
    'drifts', coalesce(open_drift.drifts, '[]')) order by a.venue, a.mode, a.currency), '[]')
  from account a left join open_drift on open_drift.account_id = a.id
  where a.block is not null or open_drift.drifts is not null;
$function$;

-- Our books of live or paper accounts, a page of them by id: what readiness and the evening's sync compare.
-- {mode, currency (of the market whose day it is), tradeDate, accountIds (null: all), afterId, limit};
-- `orders` are those of the trade date and the open ones.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_books(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with page as (
    select a.* from public.accounts a
    where a.mode = args ->> 'mode' and a.currency = args ->> 'currency'
      and a.id > (args ->> 'afterId')::bigint
      and (nullif(args -> 'accountIds', 'null') is null
        or a.id in (select value::bigint from jsonb_array_elements_text(args -> 'accountIds')))
    order by a.id limit (args ->> 'limit')::bigint
  ), holding as (
    select listed.account_id, jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
      'quantity', listed.quantity, 'mtfQuantity', listed.mtf) order by i.symbol, i.exchange) as positions
    from (select p.account_id, p.instrument_id, sum(p.quantity) as quantity,
        coalesce(sum(p.quantity) filter (where p.product = 'mtf'), 0) as mtf
      from page join public.positions p on p.account_id = page.id group by 1, 2) listed
    join public.instruments i on i.id = listed.instrument_id
    where listed.quantity <> 0 group by 1
  ), traded as (
    select o.account_id, jsonb_agg(jsonb_build_object('clientOrderId', o.client_order_id,
      'venueOrderId', o.venue_order_id, 'exchange', i.exchange, 'symbol', i.symbol, 'side', o.side,
      'quantity', o.quantity, 'filledQuantity', o.filled_quantity, 'filledValueMinor', o.filled_value_minor,
      'status', o.status, 'leftToAPerson', core.left_to_a_person(o),
      'today', today) order by o.id) as orders
    from page cross join lateral (
      -- Two halves, each by an index of its own: an account has years of orders.
      select o, true as today from public.scan_runs run
      join public.orders o on (o.run_id, o.user_id) = (run.id, page.user_id) and o.account_id = page.id
      where run.trade_date = (args ->> 'tradeDate')::date
      union all
      select o, false from public.orders o join public.scan_runs run on run.id = o.run_id
      where o.account_id = page.id and o.ended_at is null and run.trade_date <> (args ->> 'tradeDate')::date
    ) found cross join lateral (select (found.o).*) o join public.instruments i on i.id = o.instrument_id
    group by 1
  )
  select coalesce(jsonb_agg(jsonb_build_object('accountId', page.id, 'userId', u.id, 'userName', u.name,
    'active', u.active, 'venue', page.venue, 'currency', page.currency, 'leverageCenti', page.leverage_centi,
    'cashMinor', page.cash_minor, 'heldMinor', page.held_minor,
    'blockedByOthersMinor', page.blocked_by_others_minor, 'positions', coalesce(holding.positions, '[]'),
    'orders', coalesce(traded.orders, '[]')) order by page.id), '[]')
  from page join public.users u on u.id = page.user_id
  left join holding on holding.account_id = page.id left join traded on traded.account_id = page.id;
$function$;

-- The days an operator or an imported list has set of an exchange: {exchange}.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_calendar_days(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('date', day, 'kind', kind, 'name', name,
    'openTime', to_char(open_time, 'HH24:MI'), 'closeTime', to_char(close_time, 'HH24:MI'),
    'ofYearList', of_year_list)), '[]')
  from public.calendar_days where exchange = args ->> 'exchange';
$function$;

-- {until}: the first day something was recorded on (null: nothing was), through which closing records were
-- removed (null: none ever were), all closings with how many accounts are closed at each, and how many
-- orders were recorded on each day since, up to `until`.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_closings(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object(
    'firstDay', (select min(core.day_of(run.recorded_at)) from public.scan_runs run),
    'removedThrough', (select max(r.through) from public.removed_periods r),
    'closings', (select coalesce(jsonb_agg(jsonb_build_object('through', c.through,
        'accounts', (select count(*) from public.closed_balances b where b.through = c.through))
        order by c.through), '[]')
      from public.closings c),
    'days', (select coalesce(jsonb_agg(jsonb_build_object('day', day, 'orders', orders) order by day), '[]')
      from core.orders_to_close((args ->> 'until')::date)));
$function$;

-- What a person has to know before the next session. {mode, days: [{market, tradeDate, exchanges}],
-- functions}: signals are counted for each market's date, those of its run's exchanges; `functions` are the
-- names this program calls, so that those of other programs in the same database are nobody's trouble. Lists
-- hold 20 at most.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_condition(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with ours as (
    select name, to_regprocedure(format('public.%I(jsonb)', name)) as f
    from jsonb_array_elements_text(args -> 'functions') as name
  ), blocked as (
    select user_id, venue, coalesce(not_ready, check_found) as not_ready from public.accounts
    where coalesce(not_ready, check_found) is not null and mode = args ->> 'mode'
  ), person as (
    select client_order_id from public.orders o where ended_at is null
      and core.left_to_a_person(o) order by id
  )
  select jsonb_build_object(
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('market', market, 'tradeDate', "tradeDate",
        'count', (select count(*) from public.signals s join public.instruments i on i.id = s.instrument_id
          where s.trade_date = "tradeDate" and s.source <> 'api' and exchanges ? i.exchange))
        order by n), '[]')
      from rows from (jsonb_to_recordset(args -> 'days') as (market text, "tradeDate" date,
        exchanges jsonb)) with ordinality as day(market, "tradeDate", exchanges, n)),
    'users', (select jsonb_build_object('active', count(*),
        'withoutAccount', count(*) filter (where not exists (select from public.accounts a
          where (a.user_id, a.venue, a.mode) = (u.id, u.venue, args ->> 'mode'))),
        'withoutOptIn', count(*) filter (where whatsapp is null or opted_in_at is null))
      from public.users u where active and trading_enabled),
    'unknownOrders', (select count(*) from public.orders where ended_at is null and status = 'unknown'),
    'leftToAPerson', (select coalesce(jsonb_agg(client_order_id), '[]')
      from (select * from person limit 20) t),
    'leftCount', (select count(*) from person),
    'messagesNotKnown', (select count(*) from public.messages where status = 'unknown'
      and next_lookup_at is null),
    'blockedAccounts', (select jsonb_build_object('count', (select count(*) from blocked), 'first',
      (select coalesce(jsonb_agg(jsonb_build_object('userId', user_id, 'venue', venue, 'why', not_ready)),
        '[]')
        from (select * from blocked order by user_id limit 20) t))),
    'halts', (select coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'target', target, 'why', why)),
      '[]')
      from (select * from public.halts where resumed_at is null order by id limit 20) t),
    'notCallable', (select coalesce(jsonb_agg(name), '[]') from ours
      where f is null or not coalesce(has_function_privilege('service_role', f, 'execute'), false)),
    'openToVisitors', (select coalesce(jsonb_agg(distinct name), '[]') from ours,
      unnest(array['anon', 'authenticated']) role
      where f is not null and has_function_privilege(role, f, 'execute')),
    'withoutRowSecurity', (select coalesce(jsonb_agg(c.oid::regclass::text), '[]') from pg_catalog.pg_class c
      where c.relkind in ('r', 'p') and not c.relrowsecurity
        and (c.relnamespace in (to_regnamespace('core'), to_regnamespace('paper_venue'))
          or (c.relnamespace = to_regnamespace('public') and c.relname in ('users', 'accounts', 'orders',
            'decisions', 'fills', 'positions', 'ledger_entries', 'messages', 'scan_runs',
            'order_requests')))));
$function$;

-- The sealed record of one account: {accountId}. null: nothing is stored for it.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_credentials(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select core.credentials_json(c, a)
  from public.account_credentials c join public.accounts a on a.id = c.account_id
  where a.id = (args ->> 'accountId')::bigint;
$function$;

-- {tradeDate, mode, currency (left out: INR)}. Money and positions are as they are now; orders, charges and
-- messages are the day's, of the markets that trade in the currency.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_day(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  day constant date := args ->> 'tradeDate';
  of_mode constant text := args ->> 'mode';
  paid_in constant text := coalesce(args ->> 'currency', 'INR');
  runs constant text[] := array(select id from public.scan_runs where trade_date = day and mode = of_mode
    and core.currency_of(id) = paid_in order by opened_at);
begin
  return core.day_of_money(of_mode, paid_in, day) || core.day_of_orders(runs)
    || core.day_of_troubles(of_mode, paid_in, day)
    || jsonb_build_object('tradeDate', day, 'mode', of_mode, 'currency', paid_in, 'runs', to_jsonb(runs),
      'missedExits', core.missed_exits(runs),
      'messages', (select jsonb_build_object('queued', count(*)
        filter (where status in ('queued', 'sending')),
          'sent', count(*) filter (where status in ('sent', 'delivered')), 'failed', count(*)
          filter (where status = 'failed'), 'unknown', count(*) filter (where status = 'unknown'),
          'runs', coalesce(jsonb_agg(distinct run_id) filter (where status in ('failed', 'unknown')), '[]'))
        from public.messages where run_id = any(runs)));
end $function$;

-- The facts of a run's digest, for runs nobody has told of: done, and its messages are on their way (or ten
-- minutes over).
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_digests(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('runId', run.id, 'mode', run.mode,
    'startedAtMs', core.ms(run.opened_at), 'doneAtMs', core.ms(run.done_at),
    'badRows', jsonb_array_length(run.problems),
    'users', (select count(*) from public.run_users u where u.run_id = run.id),
    'outcomes', (select coalesce(jsonb_object_agg(outcome, n), '{}') from (
      select outcome, count(*) as n from public.decisions d where d.run_id = run.id group by 1) t),
    'orders', (select coalesce(jsonb_object_agg(status, n), '{}') from (
      select status, count(*) as n from public.orders o where o.run_id = run.id group by 1) t),
    'messages', (select coalesce(jsonb_object_agg(status, n), '{}') from (
      select status, count(*) as n from public.messages m where m.run_id = run.id group by 1) t),
    'unknownOrders', (select coalesce(jsonb_agg(client_order_id), '[]') from (select client_order_id
      from public.orders o
      where o.run_id = run.id and o.ended_at is null order by id limit 5) t),
    'breaker', (select count(*) from public.orders o where o.run_id = run.id and o.reason = 'breaker_open'),
    'lateFills', (select count(*) from public.orders o where o.run_id = run.id and o.late_fill),
    'messagesStopped', (select string_agg(why, '; ') from public.message_stops where resumed_at is null))),
    '[]')
  from public.scan_runs run
  where run.state = 'done' and run.takes_orders_until is null
    and run.done_at > (select core.stamp_of(args)) - interval '1 day'
    and not exists (select from public.notices n where n.key = 'digest ' || run.id)
    and (run.done_at < (select core.stamp_of(args)) - interval '10 minutes' or not exists (
      select from public.messages m where m.run_id = run.id and (m.status in ('queued', 'sending')
        or (m.status = 'unknown' and m.next_lookup_at is not null))));
$function$;

-- Messages that may go. Of a run: it is decided, and the user's orders have all ended or 90 seconds are
-- over; of single orders: their three minutes are. It walks the index of what waits until it has enough, and
-- never sorts or looks up all of it.
-- enable_seqscan: with statistics from before the day 50 messages read 12,560 rows, without it 3,760 rows.
-- enable_bitmapscan: what waits is not known to the statistics, and all 5,000 were looked through and sorted
-- for each 500 (51 of 114 ms).
-- jit: what is switched off costs ten billion to the planner, and it compiles.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_due_messages(args jsonb)
 RETURNS json
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  -- No subquery: with one among its arguments message_json would be planned once a message.
  now_at constant timestamptz := core.now_of(args);
begin
  return (select coalesce(json_agg(built.message order by (due.m).id), '[]') from (
    select m from public.messages m
    where m.status = 'queued' and (args ->> 'runId' is null or m.run_id = args ->> 'runId')
      and coalesce(m.next_attempt_at, '-infinity') <= now_at
      and not (select core.is_stopped('whatsapp'))
      and not ((select core.is_stopped('sms')) and core.goes_as_sms(m))
      and (m.due_at <= now_at
        or (m.run_id is not null and m.first_order_id is null and not exists (
        select from public.orders o where o.run_id = m.run_id and o.user_id = m.user_id
          and core.unfinished(o))))
    order by m.due_at, m.id limit (args ->> 'limit')::bigint) due
  cross join lateral core.message_json(due.m, now_at) built);
end $function$;

-- {mode, userId, after, entries}: the next accounts after that one (null: from the first, every mode,
-- everybody) with everything of them, as many as have so many entries in the ledger together, and one at
-- least. `next`: where to go on; null: that was all. One statement, so it sees one moment of each.
-- plan_cache_mode: on Postgres 18 one plan for all reads 2,290 rows for one user, a plan of its own 470
-- rows.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_facts(args jsonb)
 RETURNS json
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_custom_plan'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with counted as (
    select a.*, sum((select count(*) from public.ledger_entries e where e.account_id = a.id))
      over (order by a.id) as upto
    from (select * from public.accounts
      where id > coalesce((args ->> 'after')::bigint, 0) and coalesce(args ->> 'mode', mode) = mode
        and coalesce(args ->> 'userId', user_id) = user_id order by id limit 200) a
  ), page as materialized (
    select * from counted
    where id = (select min(id) from counted) or upto <= (args ->> 'entries')::bigint
  )
  select json_build_object(
    'accounts', (select coalesce(json_agg(core.facts_of(page.id, page.user_id) order by page.id), '[]')
      from page),
    'next', (select max(page.id) from page where exists (select from public.accounts a
      where a.id > (select max(p.id) from page p) and coalesce(args ->> 'mode', a.mode) = a.mode
        and coalesce(args ->> 'userId', a.user_id) = a.user_id)));
$function$;

-- What is so at the moment: orders, messages and runs of each market's own trade date; what waits or is
-- unknown, of any date. {days: [{market, tradeDate}]}
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_gauges(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with today as materialized (
    select id, split_part(id, ':', 1) as market, split_part(id, ':', 3) as slot, mode, state, opened_at,
      decided_at, done_at
    from public.scan_runs where trade_date in (select "tradeDate"
        from jsonb_to_recordset(args -> 'days') as day("tradeDate" date))
      and (split_part(id, ':', 1), trade_date) in (select market, "tradeDate"
        from jsonb_to_recordset(args -> 'days') as day(market text, "tradeDate" date))
  ), o as materialized (
    select today.mode, today.market, o.run_id, o.signal_id, o.instrument_id, o.side, o.venue, o.status,
      core.metric_label(o.reason) as reason, o.submitted_at, o.filled_quantity,
      o.filled_value_minor * 1000 / nullif(o.filled_quantity, 0) as price_milli
    -- By each run's index, not as one reading of all orders there are: how many runs there are is unknown.
    from today cross join lateral (select * from public.orders where run_id = today.id offset 0) o
  )
  select jsonb_build_object(
    'orders', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select mode, venue, status, reason, market, count(*) as count from o group by 1, 2, 3, 4, 5
      order by 6 desc limit 200) t),
    'messages', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select today.mode, m.status, today.market, count(*) as count from today
      cross join lateral (select status from public.messages where run_id = today.id offset 0) m
      group by 1, 2, 3) t),
    'runs', (select coalesce(jsonb_agg(jsonb_build_object('market', market, 'slot', slot, 'mode', mode,
        'state', state, 'planningMs', core.ms(decided_at) - core.ms(opened_at),
        'sendingMs', (select core.ms(max(submitted_at)) - core.ms(min(submitted_at)) from o
          where o.run_id = today.id),
        'totalMs', core.ms(done_at) - core.ms(opened_at))), '[]') from today),
    -- The widest 20: lowest and highest average price of a signal, in thousandths of the minor unit.
    'spreads', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select o.mode, o.market, i.symbol, o.side, min(price_milli) as "lowestMilli",
        max(price_milli) as "highestMilli"
      from o join public.instruments i on i.id = o.instrument_id where filled_quantity > 0
        and signal_id is not null
      group by o.mode, o.market, i.symbol, o.side, o.run_id, o.signal_id having count(*) > 1
      order by max(price_milli)::numeric / min(price_milli) desc limit 20) t),
    'queued', (select jsonb_build_object('count', count(*), 'oldestAtMs', core.ms(min(created_at)))
      from public.orders where ended_at is null and status = 'queued'),
    'unknownOrders', (select count(*) from public.orders where ended_at is null and status = 'unknown'),
    'leftToAPerson', (select count(*) from public.orders o where ended_at is null
      and core.left_to_a_person(o)),
    'messagesWaiting', (select jsonb_build_object('count', count(*), 'oldestDueAtMs', core.ms(min(due_at)))
      from public.messages where status = 'queued'),
    'blockedAccounts', (select count(*) from public.accounts
      where coalesce(not_ready, check_found) is not null),
    'halts', (select count(*) from public.halts where resumed_at is null));
$function$;

-- What a scan looks at before it opens a run. Reads only.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_inputs(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select jsonb_build_object(
    'users', (select count(*) from public.users),
    'anySignals', exists (select from public.signals where source <> 'api'),
    'signals', (select coalesce(jsonb_agg(core.signal_json(s, i) order by s.rank, s.strategy, i.symbol),
      '[]')
      from public.signals s join public.instruments i on i.id = s.instrument_id
      where s.trade_date = (args ->> 'tradeDate')::date and s.source <> 'api'),
    -- Of this market's zone only: another's thousands are none of this run's.
    'instruments', (select coalesce(jsonb_agg(core.instrument_json(i)), '[]') from public.instruments i
      where not assumed and core.zone_of(exchange) = core.zone_of(args ->> 'runId')),
    'instrumentsKnown', core.instruments_known(args ->> 'runId'),
    -- In this market's currency only: another's accounts decide nothing here, and its venues are not asked.
    -- What was traded today belongs to it: a loss made by selling all of a share is measured from its
    -- previous close.
    'held', (select coalesce(jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol)), '[]')
      from (select p.instrument_id from public.positions p join public.accounts a on a.id = p.account_id
          where p.quantity <> 0 and a.mode = args ->> 'mode'
        union
        select o.instrument_id from public.scan_runs run join public.orders o on o.run_id = run.id
          where run.trade_date = (args ->> 'tradeDate')::date and run.mode = args ->> 'mode'
            and o.filled_quantity > 0
      ) either join public.instruments i on i.id = either.instrument_id
      where i.currency = core.currency_of(args ->> 'runId')),
    'rates', core.rates_json(args ->> 'runId', (args ->> 'tradeDate')::date),
    'corporateActions', core.corporate_actions((args ->> 'tradeDate')::date),
    'symbolExposure', core.symbol_exposure(args ->> 'mode', (args ->> 'tradeDate')::date),
    'halted', core.halted('all', ''),
    'runState', (select state from public.scan_runs where id = args ->> 'runId'));
$function$;

-- What is listed at an exchange (null: the NSE) under a symbol that could be one of these without its
-- series; null: all of it. Instruments only a signal has named are none.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_listings(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('exchange', exchange, 'symbol', symbol) order by symbol),
    '[]')
  from public.instruments where exchange = coalesce(args ->> 'exchange', 'NSE') and not assumed
    and (args ->> 'symbols' is null or core.folded_symbol(exchange, symbol)
      in (select jsonb_array_elements_text(nullif(args -> 'symbols', 'null'))));
$function$;

-- The live accounts in which active users trade, by venue: how many there are, are connected, and may trade
-- on a market's day; and why the others may not, the commonest first. {tradeDate, currency (the market's)}
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_live_accounts(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with account as (
    select a.venue, c.account_id is not null as connected,
      split_part(core.not_ready_on(a, (args ->> 'tradeDate')::date), ':', 1) as why
    from public.users u join public.accounts a on (a.user_id, a.mode, a.currency)
        = (u.id, 'live', args ->> 'currency') and (a.venue = u.venue or a.currency <> 'INR')
    left join public.account_credentials c on c.account_id = a.id
    where u.active and u.trading_enabled
  )
  select jsonb_build_object(
    'venues', (select coalesce(jsonb_agg(to_jsonb(t) order by t.venue), '[]') from (
      select venue, count(*) as accounts, count(*) filter (where connected) as connected,
        count(*) filter (where why is null) as ready from account group by venue) t),
    'notReady', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select venue, why, count(*) as count from account where why is not null
      group by venue, why order by count(*) desc, venue, why limit 20) t));
$function$;

-- Which sessions hold an account's row, for how long, and what they did last: {accountId}. The row names the
-- transaction that locked it, or a group of them; the server shows each to those who may see its activity.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_lock_holders(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  holder xid;
  holders xid[];
begin
  select a.xmax into holder from public.accounts a where a.id = (args ->> 'accountId')::bigint;
  begin
    select array_agg(member.xid) into holders from pg_get_multixact_members(holder) member;
  exception when others then
    -- It is a transaction and no group, or one so old that the group is gone.
    holders := null;
  end;
  return (select coalesce(jsonb_agg(jsonb_build_object('pid', s.pid,
    'application', coalesce(s.application_name, ''),
      'state', coalesce(s.state, ''),
      'forSeconds', coalesce(extract(epoch from clock_timestamp() - s.xact_start)::integer, 0),
      'query', left(coalesce(s.query, ''), 200)) order by s.pid), '[]')
    from pg_locks l join pg_stat_activity s on s.pid = l.pid
    where l.locktype = 'transactionid' and l.granted and l.transactionid = any(holders || holder)
      and l.pid <> pg_backend_pid());
end $function$;

-- Those of a run, or of `userIds` of it; without a run, the login reminders of a day.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_messages(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('userId', m.user_id, 'userName', u.name, 'kind', m.kind,
    'status', m.status, 'reason', m.reason, 'text', coalesce(m.text, ''), 'channel', m.channel,
    'attempts', m.attempts, 'providerId', m.provider_id, 'providerStatus', m.provider_status,
    'errorCode', m.error_code, 'changedAtMs', core.ms(m.changed_at),
    'events', (select coalesce(jsonb_agg(jsonb_build_object('atMs', core.ms(e.at),
      'status', e.status, 'attempt', e.attempt, 'providerStatus', e.provider_status,
      'errorCode', e.error_code, 'reason', e.reason) order by e.id), '[]') from public.message_events e
      where e.message_id = m.id)) order by m.id), '[]')
  from public.messages m join public.users u on u.id = m.user_id
  where (m.run_id = args ->> 'runId'
      and (not args ? 'userIds' or m.user_id in (select jsonb_array_elements_text(args -> 'userIds'))))
    or (args ->> 'runId' is null and m.run_id is null and m.trade_date = (args ->> 'tradeDate')::date);
$function$;

-- By our number or by its client order id, with its history; null where there is none, or it is not this
-- user's.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_order(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select core.order_details(o) || (select jsonb_build_object('stopLossMinor', s.stop_loss_minor,
      'targetMinor', s.target_minor) from public.signals s where s.id = o.signal_id) || jsonb_build_object(
    'events', (select jsonb_agg(jsonb_build_object('eventId', e.id, 'atMs', core.ms(e.at),
      'from', e.from_status, 'to', e.to_status, 'reason', e.reason) order by e.id) from public.order_events e
      where e.order_id = o.id),
    'fills', (select coalesce(jsonb_agg(jsonb_build_object('quantity', f.quantity,
      'priceMinor', f.price_minor, 'atMs', core.ms(f.filled_at), 'late', f.late) order by f.id), '[]')
      from core.effective_fills f where f.order_id = o.id))
  from public.orders o
  where (o.client_order_id = args ->> 'order' or o.id = core.order_id_of(args ->> 'order'))
    and (args ->> 'userId' is null or o.user_id = args ->> 'userId');
$function$;

-- {orders: [{orderId, afterEventId}]}: what happened to each of these orders after an event, oldest first.
-- Asked per order, because an order's row is locked while its events are written: its ids grow in the order
-- they become visible. Over all orders they do not (a later id may commit first), so one last id for
-- everything would lose events. What is filled is what was filled at the event.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_order_events(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('eventId', e.id, 'orderId', o.id,
    'clientOrderId', o.client_order_id, 'status', e.to_status, 'from', e.from_status, 'reason', e.reason,
    'filledQuantity', e.filled_quantity, 'filledValueMinor', e.filled_value_minor, 'atMs', core.ms(e.at))
    order by e.id), '[]')
  from jsonb_to_recordset(args -> 'orders') as watched("orderId" bigint, "afterEventId" bigint)
  join public.orders o on o.id = watched."orderId"
  join public.order_events e on e.order_id = o.id and e.id > watched."afterEventId";
$function$;

-- What `decide` looks at for single orders: as read_inputs and read_accounts, but for these users and
-- symbols only; on paper with the stored prices of these and of what the users hold or traded today.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_order_inputs(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  accounts constant jsonb := public.read_accounts(args || jsonb_build_object('frozen', false,
    'signalIds', '[]'::jsonb, 'afterQueuePosition', 0, 'limit', jsonb_array_length(args -> 'userIds')));
begin
  return jsonb_build_object(
    'halted', core.halted('all', ''),
    'rates', core.rates_json(args ->> 'runId', (args ->> 'tradeDate')::date),
    'corporateActions', core.corporate_actions((args ->> 'tradeDate')::date),
    'symbolExposure', case when (args ->> 'capped')::boolean
      then core.symbol_exposure(args ->> 'mode', (args ->> 'tradeDate')::date) else '{}' end,
    'instruments', (select coalesce(jsonb_agg(core.instrument_json(i)), '[]')
      from jsonb_to_recordset(args -> 'listings') as listing(exchange text, symbol text)
      join public.instruments i using (exchange, symbol) where not i.assumed),
    'instrumentsKnown', core.instruments_known(args ->> 'runId'),
    'shares', public.read_shares(args),
    'accounts', accounts,
    'storedPrices', case when args ->> 'mode' = 'paper' then public.read_prices(args || jsonb_build_object(
      'listings', (args -> 'listings') || jsonb_path_query_array(accounts, '$[*].positions[*]')
        || jsonb_path_query_array(accounts, '$[*].today.traded[*]'))) end);
end $function$;

-- Newest first, `limit` of them before the order `beforeId`. Every filter is optional; it is planned anew
-- for each call, so that those that are not given fold away and the others find their index.
-- plan_cache_mode: one plan for all filters reads 175,060 rows for a page of one user, a plan of its own 80
-- rows.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_orders(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_custom_plan'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  of_user constant text := args ->> 'userId';
  in_status constant text := args ->> 'status';
  of_run constant text := args ->> 'runId';
  of_symbol constant text := args ->> 'symbol';
  before_id constant bigint := args ->> 'beforeId';
begin
  return (select coalesce(jsonb_agg(core.order_details(page) order by page.id desc), '[]') from (
    select o.* from public.orders o
    where (of_user is null or o.user_id = of_user) and (of_run is null or o.run_id = of_run)
      and (in_status is null or o.status = in_status)
      -- Says the same once more, for the indexes of what is open.
      and (in_status is null or in_status in ('filled', 'rejected', 'canceled', 'expired')
        or o.ended_at is null)
      and (of_symbol is null
        or o.instrument_id in (select id from public.instruments where symbol = of_symbol))
      and (before_id is null or o.id < before_id)
    order by o.id desc limit (args ->> 'limit')::bigint) page);
end $function$;

-- The part of a plan that is written already, for comparing a resumed run with the plan somebody approved.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_plan_lines(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select coalesce(jsonb_agg(line), '[]') from core.plan_lines(args ->> 'runId') line;
$function$;

-- What is held: {userId, mode, after, limit}, by user and symbol. `after` is the `key` of the row before.
-- plan_cache_mode: one plan for all filters reads 5,037 rows for the positions of one user, a plan of its
-- own 42 rows.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_positions(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_custom_plan'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  of_user constant text := args ->> 'userId';
  of_mode constant text := args ->> 'mode';
  after_key constant text := args ->> 'after';
  page_size constant bigint := args ->> 'limit';
begin
  return (with held as (
    -- Whatever the product.
    select a.user_id || ' ' || p.account_id || ' ' || p.instrument_id as key, a.user_id, a.venue, a.mode,
      p.instrument_id, core.clamp_to_safe(sum(p.quantity)) as quantity,
      core.clamp_to_safe(sum(p.cost_minor)) as cost_minor,
      core.clamp_to_safe(sum(p.margin_minor)) as margin_minor
    from public.positions p join public.accounts a on a.id = p.account_id
    where p.quantity <> 0 and (of_user is null or a.user_id = of_user)
      and (of_mode is null or a.mode = of_mode)
    group by a.id, p.account_id, p.instrument_id
  ), page as materialized (
    select * from held where after_key is null or key collate "C" > after_key
    order by key collate "C" limit page_size
  ), priced as materialized (
    select id, (core.last_price(id)).* from (select distinct instrument_id as id from page) used
  )
  select coalesce(jsonb_agg(jsonb_build_object('key', page.key, 'userId', page.user_id, 'userName', u.name,
    'venue', page.venue, 'mode', page.mode, 'exchange', i.exchange, 'symbol', i.symbol,
    'quantity', page.quantity, 'costMinor', page.cost_minor, 'marginMinor', page.margin_minor,
    'priceMinor', priced.price_minor, 'pricedAtMs', core.ms(priced.priced_at))
    order by page.key collate "C"), '[]')
  from page join public.users u on u.id = page.user_id join public.instruments i on i.id = page.instrument_id
  left join priced on priced.id = page.instrument_id);
end $function$;

-- The opens of a day with each symbol's last close before it; `any`: whether there are stored prices of any
-- of their exchanges at all.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_prices(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
begin
  return (
    select jsonb_build_object('any', exists (select from public.daily_prices
        where exchange in (select value ->> 'exchange' from jsonb_array_elements(args -> 'listings'))),
      'prices', coalesce(jsonb_agg(
      jsonb_build_object('exchange', p.exchange, 'symbol', p.symbol, 'priceMinor', p.open_minor,
        'previousCloseMinor', (select before.close_minor from public.daily_prices before
         where (before.exchange, before.symbol) = (p.exchange, p.symbol) and before.day < p.day
           -- One of before a split says nothing of the price after it, however many days are missing
           -- between.
           and not exists (select from public.corporate_actions acted
             where (acted.exchange, acted.symbol) = (p.exchange, p.symbol)
               and acted.ex_date > before.day and acted.ex_date <= p.day)
         order by before.day desc limit 1))), '[]'))
    from (select distinct exchange, symbol
      from jsonb_to_recordset(args -> 'listings') as row(exchange text, symbol text)) listing
    -- One by one, by key: a kept plan may be from when there were no prices, and read all there are.
    cross join lateral (select * from public.daily_prices stored
      where (stored.exchange, stored.symbol, stored.day)
        = (listing.exchange, listing.symbol, (args ->> 'tradeDate')::date) limit 1) p
  );
end $function$;

-- What its caller reaches beside the functions: for npm run doctor. In here current_user is the owner; who
-- called is the role that was set, else the one that logged in. Lists hold 20 at most.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_privileges(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with caller as (
    select to_regrole(quote_ident(coalesce(nullif(current_setting('role'), 'none'), session_user))) as who
  ), reached as (
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, caller
    where n.nspname = any (core.schemas()) and c.relkind in ('r', 'p')
      and (has_any_column_privilege(who, c.oid, 'select, insert, update')
        or has_table_privilege(who, c.oid, 'delete, truncate'))
  )
  select jsonb_build_object('role', r.rolname, 'superuser', r.rolsuper,
    'owner', pg_has_role(r.oid, (select nspowner from pg_namespace where nspname = 'core'), 'usage'),
    'tables', (select coalesce(jsonb_agg(name), '[]')
      from (select name from reached order by name limit 20) t),
    'missingRoles', (select coalesce(jsonb_agg(who), '[]')
      from unnest(array['daily_scan_service', 'daily_scan_http']) who where to_regrole(who) is null))
  from pg_roles r where r.oid = (select who from caller);
$function$;

-- Per signal, how many of its orders the venue has heard of, out of all.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_progress(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('signalId', s.id, 'symbol', i.symbol, 'side', s.side,
    'done', coalesce(sent.done, 0), 'total', coalesce(sent.total, 0)) order by rs.position), '[]')
  from public.run_signals rs join public.signals s on s.id = rs.signal_id
  join public.instruments i on i.id = s.instrument_id
  left join (select signal_id, count(*) filter (where status not in ('queued', 'submitting')) as done,
    count(*) as total
    from public.orders where run_id = args ->> 'runId' group by 1) sent on sent.signal_id = rs.signal_id
  where rs.run_id = args ->> 'runId';
$function$;

-- The database's clock, and which migrations it has: of the functions, the one that must answer with any
-- schema.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_readiness(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  versions jsonb := '[]';
begin
  -- Whoever ran the files by hand has no record of them.
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    select coalesce(jsonb_agg(version order by version), '[]') into versions
    from supabase_migrations.schema_migrations;
  end if;
  -- Whose sender is gone for a minute, and nobody came to look: all who should work are stopped, or can't.
  return jsonb_build_object('nowMs', core.ms(core.database_now()), 'migrations', versions,
    'clockIsFar', args ? 'nowMs' and core.clock_is_far(args),
    'stuckOrders', (select count(*) from (select from public.orders where ended_at is null
      and status = 'submitting'
      and lease_until < core.database_now() - interval '1 minute' limit 1000) stuck));
end $function$;

-- {through, after, limit}: the next rows that go with a closing, of so many orders, or users of a run:
-- {rows: [{table, row}], next (where to go on; null: that was all)}. `after` is null at first, then `next`.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_removable(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  c constant public.closings := (select known from public.closings known
    where known.through = (args ->> 'through')::date);
  most constant bigint := (args ->> 'limit')::bigint;
  ids bigint[];
  of_run text := args -> 'after' ->> 'run';
  after_place constant bigint := coalesce((args -> 'after' ->> 'place')::bigint, 0);
  users text[];
  place bigint;
begin
  if of_run is null then
    ids := array(select o.id from core.orders_in(core.period_to(c.through)) o
      where o.id > coalesce((args -> 'after' ->> 'order')::bigint, 0) order by o.id limit most);
    if ids <> '{}' then
      return jsonb_build_object('next', jsonb_build_object('order', ids[cardinality(ids)]),
        'rows', (select jsonb_agg(row) from core.rows_of_orders(c, ids) row));
    end if;
    return jsonb_build_object('next', jsonb_build_object('run', '', 'place', 0),
      'rows', (select coalesce(jsonb_agg(row), '[]') from core.rows_of_messages(array(
        select m.id from public.messages m where m.run_id is null and m.trade_date <= c.through)) row));
  end if;
  select array_agg(u.user_id), max(u.queue_position) into users, place
  from (select * from public.run_users one where one.run_id = of_run and one.queue_position > after_place
    order by one.queue_position limit most) u;
  if place is null then
    of_run := (select min(run) from core.runs_to_remove(c) run where run > of_run);
    return jsonb_build_object('next', case when of_run is not null
        then jsonb_build_object('run', of_run, 'place', 0) end,
      'rows', (select coalesce(jsonb_agg(row), '[]') from core.rows_of_run(of_run, '{}', true) row));
  end if;
  return jsonb_build_object('next', jsonb_build_object('run', of_run, 'place', place),
    'rows', (select coalesce(jsonb_agg(row), '[]') from core.rows_of_run(of_run, users, false) row));
end $function$;

-- {day}: with which removal the records of a day went; null: they are there, or there never were any.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_removed(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object('through', r.through, 'by', r.removed_by, 'why', r.why,
    'atMs', core.ms(r.removed_at))
  from public.removed_periods r where r.through >= (args ->> 'day')::date order by r.through limit 1;
$function$;

-- What a run came to, counted; it is finished with its last order, whenever a message of it was heard of.
-- Who and what is in read_report_decisions and read_report_messages, page by page: all of it at once is more
-- than one answer holds.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_report(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with decided as (
    select signal_id, outcome, count(*) as n from public.decisions where run_id = args ->> 'runId'
    group by 1, 2
  ), traded as (
    select signal_id, status, count(*) as n, max(changed_at) as changed_at,
      min(submitted_at) as submitted_at, max(coalesce(ended_at, changed_at)) as settled_at,
      count(*) filter (where filled_quantity > 0) as fills,
      min(filled_value_minor * 1000 / nullif(filled_quantity, 0)) as lowest,
      max(filled_value_minor * 1000 / nullif(filled_quantity, 0)) as highest
    from public.orders where run_id = args ->> 'runId' group by 1, 2
  ), message_counts as (
    select status, count(*) as n
    from public.messages where run_id = args ->> 'runId' group by 1
  ), of_signals as (
    select signal_id, coalesce(sum(n) filter (where outcome = 'accepted'), 0) as accepted,
      coalesce(sum(n) filter (where outcome = 'skipped'), 0) as skipped,
      coalesce(sum(n) filter (where outcome = 'denied'), 0) as denied
    from decided group by 1
  ), of_orders as (
    select signal_id, coalesce(sum(n) filter (where status = 'filled'), 0) as filled,
      coalesce(sum(n) filter (where status = 'rejected'), 0) as rejected,
      coalesce(sum(n) filter (where status = 'unknown'), 0) as unknown, sum(fills) as fills,
      core.ms(max(settled_at)) - core.ms(min(submitted_at)) as duration_ms, min(lowest) as lowest,
      max(highest) as highest
    from traded group by 1
  )
  select jsonb_build_object(
    'runId', run.id, 'sessionId', run.session_id, 'tradeDate', run.trade_date, 'mode', run.mode,
    'state', run.state, 'planHash', run.plan_hash, 'pricesFrom', run.limits ->> 'pricesFrom',
    'openedAtMs', core.ms(run.opened_at), 'problems', run.problems,
    'finishedAtMs', core.ms(greatest(run.opened_at, run.decided_at, (select max(changed_at) from traded))),
    'users', (select count(*) from public.run_users where run_id = run.id),
    'outcomes', (select coalesce(jsonb_object_agg(outcome, n), '{}')
      from (select outcome, sum(n) as n from decided group by 1) each_one),
    'statuses', (select coalesce(jsonb_object_agg(status, n), '{}')
      from (select status, sum(n) as n from traded group by 1) each_one),
    'messageStatuses', (select coalesce(jsonb_object_agg(status, n), '{}') from message_counts),
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'symbol', i.symbol, 'side', s.side,
      'rank', s.rank,
        'accepted', coalesce(accepted, 0), 'skipped', coalesce(skipped, 0), 'denied', coalesce(denied, 0),
        'filled', coalesce(filled, 0), 'rejected', coalesce(rejected, 0), 'unknown', coalesce(unknown, 0),
        'durationMs', coalesce(duration_ms, 0), 'lowestMilli', lowest, 'highestMilli', highest,
        'fills', coalesce(fills, 0)) order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id
      join public.instruments i on i.id = s.instrument_id
      left join of_signals on of_signals.signal_id = rs.signal_id left
      join of_orders on of_orders.signal_id = rs.signal_id
      where rs.run_id = run.id))
  from public.scan_runs run where run.id = args ->> 'runId';
$function$;

-- `limit` decisions after {position, place}, with what became of the order each led to: best signal first,
-- then place in the queue.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_report_decisions(args jsonb)
 RETURNS json
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select coalesce(json_agg(json_build_object('position', page.position, 'queuePosition', d.queue_position,
    'userId', d.user_id, 'userName', u.name, 'symbol', i.symbol, 'side', s.side, 'signalId', s.id,
    'outcome', d.outcome, 'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value,
    'order', (select json_build_object('clientOrderId', o.client_order_id, 'quantity', o.quantity, 
        'status', o.status, 'limitPriceMinor', o.limit_price_minor,
        -- While an open breaker holds it back, that is why it is still queued.
        'reason', case when o.status = 'queued' and exists (select from public.breakers where is_open)
            and core.stopped_until(o) is not null then 'breaker_open' else o.reason end,
        'decisionPriceMinor', o.decision_price_minor, 'filledQuantity', o.filled_quantity,
        'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor,
        'leverageCenti', o.leverage_centi)
      from public.orders o where o.run_id = d.run_id and o.user_id = d.user_id
        and o.signal_id = d.signal_id))
    order by page.position, d.queue_position), '[]')
  from (
    select rs.position, d as decision from public.run_signals rs
    join public.decisions d on (d.run_id, d.signal_id) = (rs.run_id, rs.signal_id)
    where rs.run_id = args ->> 'runId' and rs.position >= (args ->> 'afterPosition')::bigint
      and (rs.position, d.queue_position) > ((args ->> 'afterPosition')::bigint,
        (args ->> 'afterQueuePosition')::bigint)
    order by rs.position, d.queue_position limit (args ->> 'limit')::bigint) page
  cross join lateral (select (page.decision).*) d
  join public.signals s on s.id = d.signal_id join public.instruments i on i.id = s.instrument_id
  join public.users u on u.id = d.user_id;
$function$;

-- The messages of up to `limit` users after `afterQueuePosition`, in the order the run served them.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_report_messages(args jsonb)
 RETURNS json
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select coalesce(json_agg(json_build_object('queuePosition', page.queue_position, 'userId', m.user_id,
    'status', m.status, 'text', coalesce(m.text, '')) order by page.queue_position, m.id), '[]')
  from (select run_id, user_id, queue_position from public.run_users
    where run_id = args ->> 'runId' and queue_position > (args ->> 'afterQueuePosition')::bigint
    order by queue_position limit (args ->> 'limit')::bigint) page
  join public.messages m on (m.run_id, m.user_id) = (page.run_id, page.user_id);
$function$;

-- A page of a run's users with all their decisions, orders and messages: {runId, afterQueuePosition, limit,
-- userId, status, of}. `status`: only who has an order, a decision or a message of that status (`of`
-- messages: a message). `left`: how many such users come after.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_report_page(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  of_run constant text := args ->> 'runId';
  of_user constant text := args ->> 'userId';
  of_status constant text := args ->> 'status';
  page_size constant bigint := args ->> 'limit';
  page jsonb;
begin
  with matching as materialized (
    select ru.queue_position, ru.user_id from public.run_users ru
    where ru.run_id = of_run and ru.queue_position > (args ->> 'afterQueuePosition')::bigint
      and (of_user is null or ru.user_id = of_user)
      and (of_status is null
        or args ->> 'of' = 'all' and exists (select from public.orders o
          where (o.run_id, o.user_id) = (of_run, ru.user_id) and o.status = of_status)
        or args ->> 'of' = 'all' and exists (select from public.decisions d
          where (d.run_id, d.user_id) = (of_run, ru.user_id) and d.outcome = of_status)
        or exists (select from public.messages m where (m.run_id, m.user_id) = (of_run, ru.user_id)
          and m.status = of_status))
  ), shown as (select * from matching order by queue_position limit page_size)
  select jsonb_build_object(
    'users', coalesce((select jsonb_agg(jsonb_build_object('queuePosition', shown.queue_position,
      'userId', u.id, 'userName', u.name)
      order by shown.queue_position) from shown join public.users u on u.id = shown.user_id), '[]'),
    'decisions', coalesce((select jsonb_agg(core.decision_json(d, u) order by d.position, d.queue_position)
      from shown join public.users u on u.id = shown.user_id
      join public.decisions d on (d.run_id, d.user_id) = (of_run, shown.user_id)), '[]'),
    'messages', coalesce((select jsonb_agg(jsonb_build_object('queuePosition', shown.queue_position,
      'userId', m.user_id,
        'status', m.status, 'text', coalesce(m.text, '')) order by shown.queue_position, m.id)
      from shown join public.messages m on (m.run_id, m.user_id) = (of_run, shown.user_id)), '[]'),
    'left', (select count(*) from matching) - (select count(*) from shown)) into page;
  return page;
end $function$;

-- What a run came to in words and money, of all its users: {runId}. Null where there is no such run.
-- `first`: the first users a reason met, in the order the run served them. `missedExits`: sales that were
-- refused of what is held.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_report_reasons(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with reason_counts as (
    select d.outcome as category, d.reason, count(*) as n,
      (array_agg(d.user_id order by d.queue_position))[1:100] as user_ids
    from public.decisions d where d.run_id = args ->> 'runId' and d.outcome <> 'accepted' group by 1, 2
    union all
    select o.status, o.reason, count(*), (array_agg(o.user_id order by o.queue_position))[1:100]
    from public.orders o where o.run_id = args ->> 'runId'
      and o.status in ('rejected', 'canceled', 'expired', 'unknown') group by 1, 2
  ), traded as (
    select core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'BUY'), 0)) as bought,
      core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'SELL'), 0)) as sold,
      core.clamp_to_safe(coalesce(sum(charges_minor) filter (where filled_quantity > 0), 0)) as charges
    from public.orders where run_id = args ->> 'runId'
  )
  select jsonb_build_object(
    'reasons', (select coalesce(jsonb_agg(jsonb_build_object('what', category, 'reason', reason, 'count', n,
        'first', (select jsonb_agg(u.name order by first.at) from (select id, min(met) as at
            from unnest(user_ids) with ordinality as each_one(id, met) group by id order by 2 limit 3) first
          join public.users u on u.id = first.id)) order by n desc, category, reason), '[]')
          from reason_counts),
    'boughtMinor', bought, 'soldMinor', sold, 'chargesMinor', charges,
    'exits', (select coalesce(jsonb_agg(jsonb_build_object('signalId', s.id,
      'stopLossMinor', s.stop_loss_minor,
        'targetMinor', s.target_minor) order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id where rs.run_id = run.id),
    'missedExits', core.missed_exits(array[run.id]))
  from public.scan_runs run, traded where run.id = args ->> 'runId';
$function$;

-- What became of requests, in their order, null for a key that was never used: {requests: [{principal, key,
-- bodyHash}]}.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_request_outcomes(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
begin
  return (
    select coalesce(jsonb_agg(outcome.answer order by n), '[]')
    from rows from (jsonb_to_recordset(args -> 'requests') as (principal text, key text, "bodyHash" text))
      with ordinality as request(principal, key, "bodyHash", n)
    left join lateral core.request_outcome(principal, key, "bodyHash") outcome on true
  );
end $function$;

-- The frozen run: everything `decide` needs that is the same for all users. null where there is no such run.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_run(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select jsonb_build_object('runId', run.id, 'sessionId', run.session_id, 'tradeDate', run.trade_date,
    'mode', run.mode, 'state', run.state, 'limits', run.limits, 'planHash', run.plan_hash,
    'cutOffMs', core.ms(run.cut_off_at), 'openedAtMs', core.ms(run.opened_at),
    'doneAtMs', core.ms(run.done_at),
    'users', (select count(*) from public.run_users ru where ru.run_id = run.id),
    'undecided', (select count(*) from public.run_users ru where ru.run_id = run.id
      and ru.decided_at is null),
    'halted', core.halted('all', ''),
    'instrumentsKnown', core.instruments_known(run.id),
    'rates', core.rates_json(run.id, run.trade_date),
    'corporateActions', core.corporate_actions(run.trade_date),
    'symbolExposure', core.symbol_exposure(run.mode, run.trade_date),
    'signals', (select coalesce(jsonb_agg(jsonb_build_object('signal', core.signal_json(s, i),
        'instrument', core.instrument_json(i), 'share', i.share, 'sendBeforeMs', core.ms(rs.send_before))
        order by rs.position), '[]')
      from public.run_signals rs join public.signals s on s.id = rs.signal_id
      join public.instruments i on i.id = s.instrument_id where rs.run_id = run.id),
    'quotes', (select coalesce(jsonb_agg(jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
        'priceMinor', price_minor, 'previousCloseMinor', previous_close_minor,
        'lowerCircuitMinor', lower_circuit_minor, 'upperCircuitMinor', upper_circuit_minor,
        'atMs', core.ms(priced_at))), '[]')
      from public.run_prices rp join public.instruments i on i.id = rp.instrument_id
      where rp.run_id = run.id))
  from public.scan_runs run where run.id = args ->> 'runId';
$function$;

-- When a run did what, and what went wrong in it how often, most frequent first. Null where there is no such
-- run.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_run_timings(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select jsonb_build_object('openedAtMs', core.ms(run.opened_at), 'decidedAtMs', core.ms(run.decided_at),
    'doneAtMs', core.ms(run.done_at), 'firstSentAtMs', core.ms(sent.first),
    'lastSentAtMs', core.ms(sent.last), 'lastSettledAtMs', core.ms(sent.settled),
    'attempts', coalesce(sent.attempts, 0), 'lastMessageAtMs', (select core.ms(max(changed_at))
      from public.messages
      where run_id = run.id and status not in ('queued', 'sending')),
    'troubles', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select status, venue, reason, message, count(*) as count from public.orders
      where run_id = run.id and status in ('rejected', 'canceled', 'expired', 'unknown')
      group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit 20) t),
    -- What did not end an order, but cost it an attempt or a lookup.
    'setbacks', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from (
      select e.to_status as status, o.venue, e.reason, count(*) as count
      from public.orders o
      -- Of each order that may have had one, by index; `offset 0`: not as one reading of all events there
      -- are.
      cross join lateral (select * from public.order_events e where e.order_id = o.id
        and e.from_status = 'submitting'
        and e.to_status in ('queued', 'unknown') offset 0) e
      where o.run_id = run.id and core.may_have_setbacks(o)
      group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit 20) t))
  from public.scan_runs run
  cross join lateral (select min(submitted_at) as first, max(submitted_at) as last,
    sum(attempts) as attempts, max(coalesce(ended_at, changed_at))
    filter (where attempts > 0 and status <> 'submitting') as settled
    from public.orders where run_id = run.id) sent
  where run.id = args ->> 'runId';
$function$;

-- Runs, the newest first: {named, after, limit}. `named`: only the run of that id, or runs whose id starts
-- so, with or without the market (2025-08-28); `after`: only those before the run of that id.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_runs(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with page as materialized (
    select run.* from public.scan_runs run
    where (args ->> 'named' is null or starts_with(run.id, args ->> 'named')
        or starts_with(substr(run.id, strpos(run.id, ':') + 1), args ->> 'named'))
      and (args ->> 'after' is null or exists (select from public.scan_runs other
        where other.id = args ->> 'after' and (run.opened_at, run.id) < (other.opened_at, other.id)))
    order by run.opened_at desc, run.id desc limit (args ->> 'limit')::bigint
  )
  select coalesce(jsonb_agg(jsonb_build_object('runId', page.id, 'tradeDate', page.trade_date,
    'mode', page.mode, 'state', page.state, 'openedAtMs', core.ms(page.opened_at), 'users', u.n,
    'orders', o.n, 'filled', o.filled, 'rejected', o.rejected, 'open', o.open, 'unknown', o.unknown,
    'messagesFailed', m.failed)
    order by page.opened_at desc, page.id desc), '[]')
  from page
  cross join lateral (select count(*) as n from public.run_users where run_id = page.id) u
  cross join lateral (select count(*) as n, count(*) filter (where status = 'filled') as filled,
    count(*) filter (where status = 'rejected') as rejected,
    count(*) filter (where status = 'unknown') as unknown,
    count(*) filter (where status in ('queued', 'submitting', 'working', 'partially_filled')) as open
    from public.orders where run_id = page.id) o
  cross join lateral (select count(*) as failed from public.messages
    where run_id = page.id and status in ('failed', 'unknown')) m;
$function$;

-- Which share each listing is, whether it is an instrument of ours or not.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_shares(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('exchange', listing.exchange,
      'symbol', listing.symbol, 'share', coalesce((select i.share from public.instruments i
          where core.folded_symbol(i.exchange, i.symbol)
            = core.folded_symbol(listing.exchange, listing.symbol)
          order by (i.exchange, i.symbol) = (listing.exchange, listing.symbol) desc,
            i.exchange = listing.exchange desc, i.isin is null, i.symbol limit 1),
        core.folded_symbol(listing.exchange, listing.symbol)))), '[]')
    from jsonb_to_recordset(args -> 'listings') as listing(exchange text, symbol text)
  );
end $function$;

-- Every source, with what was taken of it today and which of its keys still open something.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_signal_sources(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'strategies', s.strategies,
    'perDay', s.per_day, 'enabled', s.enabled,
    'today', core.daily_count('signals of http:source:' || s.name),
    'keys', (select coalesce(jsonb_agg(k.hint order by k.created_at, k.hint), '[]') from public.api_keys k
      where k.source = s.name and core.key_fault(k) is null)) order by s.name), '[]')
  from public.signal_sources s;
$function$;

-- A user with their settings and accounts, by id or name: {userId}. null: nobody.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.read_user(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select jsonb_build_object('id', u.id, 'name', u.name, 'active', u.active,
    'tradingEnabled', u.trading_enabled, 'strategies', u.strategies, 'allowSymbols', u.allow_symbols,
    'denySymbols', u.deny_symbols, 'priority', u.priority, 'hasWhatsapp', u.opted_in_at is not null,
    'notify', u.notify, 'language', u.language,
    'accounts', (select coalesce(jsonb_agg(jsonb_build_object('venue', a.venue, 'mode', a.mode,
      'currency', a.currency, 'notReady', coalesce(a.not_ready, a.check_found),
        'cashMinor', a.cash_minor, 'heldMinor', a.held_minor, 'moved', core.recent_cash_moves(a.id, 5),
        'maxOrdersPerDay', a.max_orders_per_day, 'maxOrderValueMinor', a.max_order_value_minor)
        order by a.venue, a.mode, a.currency), '[]')
      from public.accounts a where a.user_id = u.id))
  from public.users u where u.id = args ->> 'userId' or lower(u.name) = lower(args ->> 'userId');
$function$;

-- Books the rows of one request and brings the good ones in: {requestId, source, perDay, apiKey, nowMs,
-- rows}. Of rows with the same signal the first stands, also one that is known already; a signal whose run
-- is open is kept here only: that run's signals are frozen. What a source may not send, or no more today, is
-- kept here only, too. Safe to repeat: the same request gets its first answer, and leaves nothing. One
-- request at a time, so that of two the first stands as well. {refused, limit} where nothing is taken of the
-- sender at all.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.receive_signals(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  request constant uuid := args ->> 'requestId';
  sender jsonb;
  judged core.checked_signal[];
  unwritable jsonb;
  taken bigint;
begin
  perform pg_advisory_xact_lock(hashtext('daily-scan receive_signals'));
  sender := core.signal_sender(args);
  if sender ? 'refused' then return sender; end if;
  if not exists (select from public.received_signals where request_id = request) then
    if core.daily_count('received of ' || (sender ->> 'source')) >= core.max_received_rows() then
      return jsonb_build_object('refused', 'daily_quota', 'limit', core.max_received_rows());
    end if;
    judged := array(select judged_row
      from core.check_signals(args -> 'rows', core.text_array(sender -> 'strategies'),
      (sender ->> 'perDay')::bigint - core.daily_count('signals of ' || (sender ->> 'source'))) judged_row);
    unwritable := core.write_each_signal(sender -> 'source', (
      select coalesce(jsonb_agg(row -> 'signal'), '[]')
      from jsonb_array_elements(args -> 'rows') row
      join unnest(judged) j on j.position = (row ->> 'position')::integer
      where j.why is null and not j.is_known));
    insert into public.received_signals
      (request_id, position, received_at, source, payload, signal_id, outcome, problem)
    select request, position, (select core.now_of(args)), sender ->> 'source', payload, signal_id,
      case when is_known then 'duplicate' when coalesce(why, unwritable ->> signal_id) is not null
        then 'rejected'
        else 'accepted' end,
      case when not is_known then coalesce(why, unwritable ->> signal_id) end
    from unnest(judged);
    select count(*) filter (where outcome = 'accepted') into taken
    from public.received_signals where request_id = request;
    perform core.add_daily_counts(jsonb_build_object('signals of ' || (sender ->> 'source'), taken,
      'received of ' || (sender ->> 'source'), jsonb_array_length(args -> 'rows')));
    perform core.record_action(args -> 'by', 'receive_signals', 'request:' || request, after => (
      select jsonb_object_agg(outcome, n) from (
        select outcome, count(*) as n from public.received_signals where request_id = request
        group by 1) counted));
  end if;
  return (select coalesce(jsonb_agg(jsonb_build_object('position', position, 'signalId', signal_id,
      'outcome', outcome, 'problem', problem) order by position), '[]')
    from public.received_signals where request_id = request);
end $function$;

-- What the provider tells by itself, in any order and as often as it likes. {messageId, attempt, providerId,
-- providerStatus, code, reason, nowMs} and, for a message that did not arrive, what follows: {unreachable,
-- retryMs, fallback}: a failed message may go again, because it has provably not arrived. A number is
-- unreachable by what WhatsApp says of it; what the fallback meets says nothing of that.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.record_delivery(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  reported_status constant text := args ->> 'providerStatus';
  arrived constant boolean := reported_status in ('delivered', 'read');
  failed constant boolean := reported_status in ('failed', 'undelivered', 'canceled');
  again boolean;
  m public.messages;
begin
  select * into m from public.messages where id = (args ->> 'messageId')::bigint for no key update;
  if m.id is null or m.attempts = 0 then return jsonb_build_object('kind', 'no_such_message'); end if;
  if (m.attempts <> (args ->> 'attempt')::integer or m.provider_id <> args ->> 'providerId')
    and not arrived then
    return jsonb_build_object('kind', 'not_the_last_try');
  end if;
  if core.delivery_rank(reported_status) <= core.delivery_rank(m.provider_status)
    or m.status in ('suppressed') then
    return jsonb_build_object('kind', 'nothing_new', 'status', m.status);
  end if;
  again := failed and (args ->> 'fallback' is distinct from m.channel and args ->> 'fallback' is not null
    or args ->> 'retryMs' is not null);
  update public.messages set provider_id = args ->> 'providerId', provider_status = reported_status,
    changed_at = now_at,
    error_code = args ->> 'code', reason = args ->> 'reason', next_lookup_at = null,
    status = case when arrived then 'delivered' when again then 'queued' when failed then 'failed'
      else 'sent' end,
    channel = case when again then coalesce(args ->> 'fallback', channel) else channel end,
    next_attempt_at = case when again then coalesce(core.at((args ->> 'retryMs')::bigint), now_at) end
  where id = m.id;
  if (args ->> 'unreachable')::boolean and m.channel = 'whatsapp' then
    update public.whatsapp_numbers set unreachable = args ->> 'reason' where number = m.sent_to;
  elsif arrived then
    update public.whatsapp_numbers set unreachable = null where number = m.sent_to
      and unreachable is not null;
  end if;
  return jsonb_build_object('kind', 'recorded', 'status', case when arrived then 'delivered'
    when again then 'queued'
    when failed then 'failed' else 'sent' end, 'channel', m.channel, 'runId', m.run_id, 'userId', m.user_id);
end $function$;

-- Somebody wrote: {number, consent: start|stop|null, source, providerId, nowMs}. It opens the window for
-- free text, and shows that the number can be reached; START and STOP count for every user with this number.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.record_inbound_message(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  new_keyword constant text := args ->> 'consent';
  matching_users bigint;
begin
  -- Users before their number, by id, as whoever imports or erases them.
  if new_keyword is not null then
    perform from public.users where whatsapp = args ->> 'number' order by id for no key update;
  end if;
  insert into public.whatsapp_numbers as n (number, last_inbound_at) values (args ->> 'number', now_at)
  on conflict (number) do update set last_inbound_at = greatest(n.last_inbound_at, now_at),
    unreachable = null;
  select count(*) into matching_users from public.users where whatsapp = args ->> 'number';
  if new_keyword is not null then
    insert into public.consents (number, keyword, source, message_id, at)
    values (args ->> 'number', new_keyword, args ->> 'source', args ->> 'providerId', now_at)
      on conflict do nothing;
    if found then
      update public.whatsapp_numbers set stopped_at = case new_keyword when 'stop' then now_at end
      where number = args ->> 'number';
      update public.users set opted_in_at = case new_keyword when 'start' then now_at end,
        opt_in_source = case new_keyword when 'start' then args ->> 'source' end
          where whatsapp = args ->> 'number';
    end if;
  end if;
  return jsonb_build_object('users', matching_users);
end $function$;

-- {limit}: deletes the next rows of what is marked as removed, so many orders (or of another kind) at most:
-- {kind: removed, rows}; 0: that was all. `busy`: another call is at it; `legal_hold`: nothing goes until it
-- is lifted. The only place that may delete them: the tables let this transaction through, and see that each
-- row is of a closing that is marked. Safe to repeat, and to stop anywhere.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.remove_page(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  most constant bigint := (args ->> 'limit')::bigint;
  upto public.removed_periods;
  n bigint := 0;
begin
  if not pg_try_advisory_xact_lock(hashtext('daily_scan remove_old')) then return '{"kind": "busy"}'; end if;
  if exists (select from public.legal_holds where lifted_at is null) then
    return jsonb_build_object('kind', 'legal_hold',
      'why', (select h.why from public.legal_holds h where h.lifted_at is null));
  end if;
  select * into upto from public.removed_periods order by through desc limit 1;
  if found then
    perform set_config('daily_scan.removing', upto.through::text, true);
    n := core.remove_orders(upto.last_order_id, most);
    if n = 0 then n := core.remove_of_run(upto.through, most); end if;
    if n = 0 then
      n := core.remove_messages(array(select m.id from public.messages m
        where m.run_id is null and m.trade_date <= upto.through limit most));
    end if;
    perform set_config('daily_scan.removing', '', true);
  end if;
  return jsonb_build_object('kind', 'removed', 'rows', n);
end $function$;

-- The heartbeat: who is still there keeps what it has with a venue or looks up. A lease that has
-- lapsed is not revived: somebody else may have acted on it. What is locked is being worked on, and has its
-- next beat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.renew_claims(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with renewed as (
    update public.orders
    set lease_until = core.database_now() + (args ->> 'leaseMs')::bigint * interval '1 millisecond'
    where id = any(array(select id from public.orders
        where id in (select value::bigint from jsonb_array_elements_text(args -> 'orderIds'))
          and claim_id in (select jsonb_array_elements_text(args -> 'claimIds'))
          and lease_until >= core.database_now()
        order by id for no key update skip locked))
    returning 1
  ) select jsonb_build_object('renewed', count(*)) from renewed;
$function$;

-- New prices for a planning run that was killed and is resumed too late for its frozen ones. Decided users
-- keep theirs.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.reprice_run(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
begin
  perform from public.scan_runs where id = args ->> 'runId' and state = 'planning' for no key update;
  if found then
    perform core.freeze_prices(args ->> 'runId', args -> 'quotes');
  end if;
  return jsonb_build_object('repriced', found);
end $function$;

-- The order is due to be looked up now: somebody said that something happened to it, and the venue's book
-- says what. One that was left to a person has its looks anew.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.request_lookup(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with requested as (
    update public.orders set next_lookup_at = least(next_lookup_at, (select core.stamp_of(args))),
      lookups = case when next_lookup_at is null then 0 else lookups end,
      missed_lookups = case when next_lookup_at is null then 0 else missed_lookups end
    where id = (args ->> 'orderId')::bigint and status in ('unknown', 'working', 'partially_filled')
    returning 1
  ) select jsonb_build_object('due', exists (select from requested));
$function$;

-- A person wants a message to go once more; who is on record. What is waiting or going needs no second
-- order.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.resend_message(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  m public.messages;
begin
  select * into m from public.messages where run_id = args ->> 'runId' and user_id = args ->> 'userId'
  order by id desc limit 1 for no key update;
  if m.id is null then return jsonb_build_object('kind', 'no_such_message'); end if;
  -- Asked again after a lost answer: it may have gone out since, and must not go once more.
  if m.resend_requested_at = (select core.now_of(args)) then
    return jsonb_build_object('kind', 'queued', 'was', m.status);
  end if;
  if m.status in ('queued', 'sending')
    then return jsonb_build_object('kind', 'not_settled', 'status', m.status); end if;
  update public.messages set status = 'queued', reason = 'resend: ' || (args -> 'by' ->> 'who'),
    due_at = (select core.now_of(args)),
    resend_requested_at = (select core.now_of(args)),
    next_attempt_at = null, next_lookup_at = null,
      channel = 'whatsapp', changed_at = (select core.now_of(args))
  where id = m.id;
  update public.whatsapp_numbers set unreachable = null where number = m.sent_to;
  perform core.record_action(args -> 'by', 'resend_message', 'message:' || m.id, of_user => m.user_id,
    before => jsonb_build_object('runId', m.run_id, 'kind', m.kind, 'status', m.status));
  return jsonb_build_object('kind', 'queued', 'was', m.status);
end $function$;

-- A person says what became of an order that was left to them. It is booked like a venue's own word, with
-- who said so: what they name as filled beside what is booked already, and as canceled or not placed
-- whatever is left.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.resolve_order(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  o public.orders;
  resolution text := args ->> 'as';
  filled bigint;
begin
  -- Locked before it is looked at: a fill that is booked meanwhile must not be counted again from the
  -- person's word.
  perform from public.accounts where id in (select account_id from public.orders
    where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order'))
  for no key update;
  select * into o from public.orders
  where client_order_id = args ->> 'order' or id = core.order_id_of(args ->> 'order') for no key update;
  if o.id is null then return jsonb_build_object('kind', 'no_such_order'); end if;
  if o.status not in ('unknown', 'working', 'partially_filled') then
    return jsonb_build_object('kind', 'not_unknown', 'status', o.status);
  end if;
  -- While somebody may still come back with the venue's own word, a person's would count the same fill
  -- twice.
  if o.next_lookup_at is not null or o.lease_until >= core.database_now() then
    return jsonb_build_object('kind', 'still_looked_up');
  end if;
  filled := coalesce((args ->> 'quantity')::bigint, case resolution when 'filled'
    then o.quantity - o.filled_quantity else 0 end);
  if resolution in ('filled', 'partly') and ((args ->> 'priceMinor') is null or filled <= 0
      or o.filled_quantity + filled > o.quantity
      or (resolution = 'filled') <> (o.filled_quantity + filled = o.quantity)) then
    return jsonb_build_object('kind', 'wrong_quantity', 'quantity', o.quantity,
      'filledQuantity', o.filled_quantity);
  end if;
  -- No venue fills beyond a limit: it is another order's price, or a slip.
  if resolution in ('filled', 'partly')
    and ((o.side = 'BUY' and (args ->> 'priceMinor')::bigint > o.limit_price_minor)
      or (o.side = 'SELL' and (args ->> 'priceMinor')::bigint < o.limit_price_minor)) then
    return jsonb_build_object('kind', 'wrong_price', 'side', o.side, 'limitPriceMinor', o.limit_price_minor);
  end if;
  perform public.settle_orders(jsonb_build_object('nowMs', args -> 'nowMs', 'clock', args -> 'clock',
    'outcomes', jsonb_build_array(
    jsonb_build_object('orderId', o.id,
      'venueStatus', case resolution when 'filled' then 'filled' when 'rejected' then 'rejected'
      else 'canceled' end, 'reason', 'resolved_by_operator', 'message', (args -> 'by' ->> 'who')
        || ' resolved it as ' || resolution,
      'fills', case when resolution in ('filled', 'partly') then jsonb_build_array(jsonb_build_object(
        'venueFillId', 'operator-' || o.client_order_id, 'quantity', filled,
        'priceMinor', args -> 'priceMinor', 'atMs', core.ms(core.stamp_of(args)))) else '[]' end))));
  select status into resolution from public.orders where id = o.id;
  perform core.record_action(args -> 'by', 'resolve_order', 'order:' || o.client_order_id,
    of_user => o.user_id,
    before => jsonb_build_object('status', o.status, 'filledQuantity', o.filled_quantity),
    after => jsonb_build_object('status', resolution, 'quantity', filled,
      'priceMinor', args -> 'priceMinor'));
  return jsonb_build_object('kind', 'resolved', 'clientOrderId', o.client_order_id, 'status', resolution);
end $function$;

-- {scope, target, why, by, nowMs}. Safe to repeat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.resume(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  lifted public.halts;
begin
  update public.halts set resumed_at = (select core.stamp_of(args)), resumed_by = args -> 'by' ->> 'who',
    resume_why = args ->> 'why'
  where scope = args ->> 'scope' and target = coalesce(args ->> 'target', '') and resumed_at is null
  returning * into lifted;
  if lifted.id is not null then
    perform core.record_action(args -> 'by', 'resume', core.halt_target(args), why => args ->> 'why',
      before => jsonb_build_object('why', lifted.why, 'by', lifted.halted_by,
        'atMs', core.ms(lifted.halted_at)));
  end if;
  return jsonb_build_object('changed', lifted.id is not null);
end $function$;

-- {by, nowMs}. Safe to repeat: the second time there is nothing left to resume.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.resume_messages(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  stops jsonb;
  why text;
begin
  with resumed as (
    update public.message_stops s set resumed_at = (select core.stamp_of(args)),
      resumed_by = args -> 'by' ->> 'who'
    where s.resumed_at is null returning s.*
  ) select jsonb_agg(jsonb_build_object('channel', r.channel, 'why', r.why,
    'stoppedAtMs', core.ms(r.stopped_at)) order by r.id),
      string_agg(r.why, '; ' order by r.id)
    into stops, why from resumed r;
  if why is not null then
    perform core.record_action(args -> 'by', 'resume_messages', 'messages',
      before => jsonb_build_object('why', why, 'stops', stops));
  end if;
  return jsonb_build_object('why', why);
end $function$;

-- For good. Safe to repeat: the first time stands.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.revoke_api_key(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  revoked public.api_keys;
begin
  update public.api_keys set revoked_at = (select core.stamp_of(args))
  where hint = args ->> 'hint' and revoked_at is null returning * into revoked;
  if revoked.hint is not null then
    perform core.record_action(args -> 'by', 'revoke_api_key', 'key:' || revoked.hint,
      of_user => revoked.user_id,
      before => jsonb_build_object('role', revoked.role, 'scope', revoked.scope, 'label', revoked.label));
    return jsonb_build_object('kind', 'revoked');
  end if;
  return jsonb_build_object('kind', case
    when exists (select from public.api_keys where hint = args ->> 'hint')
    then 'already_revoked' else 'no_such_key' end);
end $function$;

-- `kind` null takes the operator's day out again: the shipped calendar stands.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.set_calendar_day(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  was jsonb;
  becomes jsonb;
begin
  select to_jsonb(d) into was from public.calendar_days d
  where exchange = args ->> 'exchange' and day = (args ->> 'date')::date for update;
  delete from public.calendar_days where exchange = args ->> 'exchange' and day = (args ->> 'date')::date;
  if args ->> 'kind' is not null then
    insert into public.calendar_days (exchange, day, kind, name, open_time, close_time)
    values (args ->> 'exchange', (args ->> 'date')::date, args ->> 'kind', args ->> 'name',
      (args ->> 'openTime')::time, (args ->> 'closeTime')::time)
    returning to_jsonb(calendar_days) into becomes;
  end if;
  if was is distinct from becomes then
    perform core.record_action(args -> 'by', 'set_calendar_day',
      format('day:%s %s', args ->> 'exchange', args ->> 'date'), was - '{exchange,day}'::text[],
      becomes - '{exchange,day}'::text[]);
  end if;
  return '{}';
end $function$;

-- {isOn, by}: places a legal hold, or lifts it; `why` is who says it. Asked again, it changes nothing.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.set_legal_hold(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  one public.legal_holds;
begin
  perform pg_advisory_xact_lock(hashtext('daily_scan remove_old'));
  select * into one from public.legal_holds where lifted_at is null;
  if (one.id is not null) = (args ->> 'isOn')::boolean then return '{"changed": false}'; end if;
  if one.id is null then
    insert into public.legal_holds (why, placed_by)
    values (args -> 'by' ->> 'why', args -> 'by' ->> 'who') returning * into one;
  else
    update public.legal_holds set lifted_at = core.database_now(), lifted_by = args -> 'by' ->> 'who'
    where id = one.id;
  end if;
  perform core.record_action(args -> 'by', 'set_legal_hold', 'records',
    before => jsonb_build_object('isOn', not (args ->> 'isOn')::boolean),
    after => jsonb_build_object('isOn', (args ->> 'isOn')::boolean));
  return '{"changed": true}';
end $function$;

-- Only the keys given are changed: {name, strategies, perDay, enabled, by, nowMs}. A new source takes every
-- strategy and 100 signals a day. Safe to repeat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.set_signal_source(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  old public.signal_sources;
  new public.signal_sources;
begin
  select * into old from public.signal_sources where name = args ->> 'name' for no key update;
  insert into public.signal_sources as source (name, strategies, per_day, enabled, created_at)
  values (args ->> 'name', core.text_array(args -> 'strategies'), coalesce((args ->> 'perDay')::bigint, 100),
    coalesce((args ->> 'enabled')::boolean, true), (select core.stamp_of(args)))
  on conflict (name) do update set
    strategies = case when args ? 'strategies' then excluded.strategies else source.strategies end,
    per_day = case when args ->> 'perDay' is not null then excluded.per_day else source.per_day end,
    enabled = case when args ->> 'enabled' is not null then excluded.enabled else source.enabled end
  returning * into new;
  if old is distinct from new then
    perform core.record_action(args -> 'by', 'set_signal_source', 'source:' || new.name,
      before => case when old.name is not null then to_jsonb(old) - 'name' - 'created_at' end,
      after => to_jsonb(new) - 'name' - 'created_at');
  end if;
  return jsonb_build_object('created', old.name is null);
end $function$;

-- {userId, by, …}: only the keys given are changed. `changed`: there is such a user; `stopped`: how many of
-- their orders had not been sent, and now never will be; `underWay`: how many had been, and go on.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.set_user(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  was jsonb;
  becomes jsonb;
  stopped bigint := 0;
  under_way bigint := 0;
begin
  select core.settings_json(u) into was from public.users u where u.id = args ->> 'userId' for no key update;
  if was is null then return jsonb_build_object('changed', false, 'stopped', 0, 'underWay', 0); end if;
  update public.users u set
    active = coalesce((args ->> 'active')::boolean, active),
    trading_enabled = coalesce((args ->> 'tradingEnabled')::boolean, trading_enabled),
    notify = coalesce(args ->> 'notify', notify), language = coalesce(args ->> 'language', language),
    strategies = case when args ? 'strategies' then core.text_array(args -> 'strategies')
      else strategies end,
    allow_symbols = case when args ? 'allowSymbols' then core.text_array(args -> 'allowSymbols')
      else allow_symbols end,
    auth_user_id = case when args ? 'authUserId' then (args ->> 'authUserId')::uuid else auth_user_id end,
    deny_symbols = case when args ? 'denySymbols' then coalesce(core.text_array(args -> 'denySymbols'), '{}')
      else deny_symbols end
  where id = args ->> 'userId' returning core.settings_json(u) into becomes;
  if args ?| '{active,tradingEnabled,strategies,allowSymbols,denySymbols}' then
    stopped := core.end_blocked_orders(args ->> 'userId', core.database_now());
    under_way := (select count(*) from public.orders o where o.user_id = args ->> 'userId'
      and o.ended_at is null
      and o.status <> 'queued' and core.settings_block_of(o) is not null);
  end if;
  if was <> becomes or stopped > 0 then
    perform core.record_action(args -> 'by', 'set_user', 'user:' || (args ->> 'userId'),
      core.without_names(core.json_changes(was, becomes)),
      core.without_names(core.json_changes(becomes, was))
        || case when stopped > 0 then jsonb_build_object('stoppedOrders', stopped) else '{}' end);
  end if;
  return jsonb_build_object('changed', true, 'stopped', stopped, 'underWay', under_way);
end $function$;

-- What became of messages. From `sending`: sent, failed, unknown, or queued again (proven not sent). From
-- `unknown`, by who looked it up and names the attempt: the same. From `queued`: suppressed or failed
-- without being sent.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.settle_messages(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  settled bigint;
begin
  with row as (
    select * from jsonb_to_recordset(args -> 'messages') as row("messageId" bigint, status text,
      reason text, text text, "providerId" text, "providerStatus" text, code text, attempt integer,
      "lookedUp" boolean, "nextAttemptMs" bigint, "nextLookupMs" bigint, channel text, resend boolean,
      unreachable boolean)
  ), done as (
    update public.messages m set status = row.status, reason = row.reason, text = coalesce(row.text, m.text),
      provider_id = coalesce(row."providerId", m.provider_id), error_code = row.code,
      provider_status = coalesce(row."providerStatus", m.provider_status),
        channel = coalesce(row.channel, m.channel),
      next_attempt_at = core.at(row."nextAttemptMs"), next_lookup_at = core.at(row."nextLookupMs"),
      lookups = m.lookups + case when row."lookedUp" then 1 else 0 end,
      resends = m.resends + case when row.resend then 1 else 0 end, changed_at = now_at,
      may_change = m.may_change or (row.status = 'suppressed' and m.run_id is not null
        and m.first_order_id is null and exists (select from public.orders o
          where (o.run_id, o.user_id) = (m.run_id, m.user_id) and o.ended_at is null))
    from row where m.id = row."messageId" and m.attempts = coalesce(row.attempt, m.attempts)
      -- A case, so that the message is found by its id and not by an index of what waits.
      and case m.status when 'sending' then true when 'queued' then row.status in ('suppressed', 'failed')
        when 'unknown' then row."lookedUp" end
    returning m.sent_to, row.unreachable, row.reason
  ), marked as (
    update public.whatsapp_numbers n set unreachable = done.reason
    from done where done.unreachable and n.number = done.sent_to
  ) select count(*) into settled from done;
  return jsonb_build_object('settled', settled);
end $function$;

-- What became of notices that were being sent: {notices: [{noticeId, status, reason, providerId,
-- nextAttemptMs}], nowMs}.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.settle_notices(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with settled as (
    update public.notices n set status = row.status, reason = row.reason, provider_id = row."providerId",
      next_attempt_at = coalesce(core.at(row."nextAttemptMs"), n.next_attempt_at),
        changed_at = (select core.stamp_of(args))
    from jsonb_to_recordset(args -> 'notices') as row("noticeId" bigint, status text, reason text,
      "providerId" text, "nextAttemptMs" bigint)
    where n.id = row."noticeId" and n.status = 'sending' returning 1
  ) select jsonb_build_object('settled', count(*)) from settled;
$function$;

-- Books what venues said. One outcome per order: {orderId, venueStatus, reason, message, venueOrderId,
-- nextLookupMs, nextAttemptMs, attempts, fills: [{venueFillId, quantity, priceMinor, atMs}]}. What is not
-- read in the venue's book names the attempt it is about, and says nothing once there was another: who was
-- frozen meanwhile must not undo it. Fills are facts and count once whatever the order's status; the status
-- moves only where the transition table lets it; money moves by exactly one post or void per order, and by
-- one late_post per fill after that. Accounts with nothing unusual are settled in one statement
-- (core.settle_at_once), the others step by step. With `skipLocked` orders that another session holds, or
-- whose account it holds, are left as they are, and named in `locked`. plan_cache_mode: planned anew for
-- each call, one order takes 3.2 ms, with a kept plan 1.0 ms. enable_seqscan, enable_bitmapscan,
-- enable_hashjoin, enable_mergejoin: one kind of plan is left; made anew once `orders` had been analyzed and
-- `fills` had not, 500 orders took 740 ms instead of 200; a hash join read 15,057 rows for one order,
-- without it 58. jit: to the planner what is switched off costs ten billion, and it compiles, for 2,000 ms.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.settle_orders(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  outcomes core.outcome[] := core.outcomes_in(args, now_at);
  touched constant bigint[] := array(select "orderId" from unnest(outcomes));
  held constant bigint[] := core.lock_orders(touched, (args ->> 'skipLocked')::boolean);
  locked constant bigint[] := array(select unnest(touched) except select unnest(held));
  settled bigint[] := '{}';
  booked bigint := 0;
  unusual jsonb := '{}';
begin
  if cardinality(locked) > 0 then
    outcomes := array(select row from unnest(outcomes) row where row."orderId" = any(held));
  end if;
  perform core.record_sends(outcomes);
  -- An order that is named twice goes by steps: in one statement each row changes once.
  if cardinality(touched) = (select count(distinct id) from unnest(touched) id) then
    select at_once.settled, at_once.booked into settled, booked
    from core.settle_at_once(outcomes, now_at) at_once;
  end if;
  if cardinality(settled) < cardinality(outcomes) then
    outcomes := array(select row from unnest(outcomes) row where not row."orderId" = any(settled));
    unusual := core.settle_by_steps(outcomes, now_at);
  end if;
  return case when cardinality(locked) = 0 then '{}' else jsonb_build_object('locked', to_jsonb(locked)) end
    || jsonb_build_object('settled', cardinality(held), 'lateFills', '[]'::jsonb, 'wrongFills', '[]'::jsonb,
      'unproven', '[]'::jsonb) || unusual
    || jsonb_build_object('fills', booked + coalesce((unusual ->> 'fills')::bigint, 0));
end $function$;

-- {channel, why, by, nowMs}. Safe to repeat: the first reason stands.
-- for daily_scan_http, daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.stop_messages(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  changed boolean;
begin
  insert into public.message_stops (channel, why, stopped_at)
  values (args ->> 'channel', args ->> 'why', (select core.stamp_of(args))) on conflict do nothing;
  changed := found;
  if changed then
    perform core.record_action(args -> 'by', 'stop_messages', 'messages:' || (args ->> 'channel'),
      why => args ->> 'why');
  end if;
  return jsonb_build_object('changed', changed);
end $function$;

-- Stops messages where the last `people` different users were all refused with this code, {code, stage:
-- send|delivery, channel, people, why, nowMs}, and queues what was refused: it has provably not arrived.
-- Those of one batch share their instant, so one of them that got through is in between wherever its row
-- stands. Repeated it changes nothing more.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.stop_refused_in_a_row(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  first_id bigint;
  first_at timestamptz;
  stop jsonb;
  again bigint;
begin
  select r.event_id, r.at into first_id, first_at from core.recent_refusals(args) r
  order by r.event_id desc offset (args ->> 'people')::integer - 1 limit 1;
  -- Ids of one batch are neighbours: a thousand before are all of it.
  if first_id is null or exists (select from public.message_events e
      join public.messages m on m.id = e.message_id
      where e.id > first_id - 1000 and e.at >= first_at
        and core.passed_stage(e, args ->> 'stage') and m.channel = args ->> 'channel') then
    return jsonb_build_object('changed', false, 'queued', 0);
  end if;
  -- Before the stop is recorded: the log's lock is the last of all.
  perform from public.messages where id in (select r.message_id from core.recent_refusals(args) r)
  order by id for no key update;
  stop := public.stop_messages(args);
  with waiting as (
    update public.messages m set status = 'queued', next_attempt_at = null, provider_status = null,
      reason = 'refused_in_a_row', changed_at = (select core.stamp_of(args))
    from core.recent_refusals(args) r
    where m.id = r.message_id and r.at >= first_at and m.status = 'failed' and m.error_code = args ->> 'code'
    returning 1
  ) select count(*) into again from waiting;
  return stop || jsonb_build_object('queued', again);
end $function$;

-- `replaces` is the wrapped key of the record that was read before: it is changed only if that is still the
-- one (null: whichever is there). Repeated after a lost answer it says the same. `by` null: a session the
-- account's own login made.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.store_credentials(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  of_account constant bigint := (args ->> 'accountId')::bigint;
  account public.accounts;
  key_was text;
  was text;
begin
  select * into account from public.accounts where id = of_account for no key update;
  if not found then return jsonb_build_object('kind', 'no_such_account'); end if;
  select wrapped_key, key_id into was, key_was from public.account_credentials where account_id = of_account;
  if was = args ->> 'wrappedKey' then return jsonb_build_object('kind', 'stored'); end if;
  if args ->> 'replaces' is not null and was is distinct from args ->> 'replaces' then
    return jsonb_build_object('kind', 'changed');
  end if;
  insert into public.account_credentials (account_id, key_id, wrapped_key, sealed, stored_at)
  values (of_account, args ->> 'keyId', args ->> 'wrappedKey', args ->> 'sealed',
    (select core.stamp_of(args)))
  on conflict (account_id) do update set key_id = excluded.key_id, wrapped_key = excluded.wrapped_key,
    sealed = excluded.sealed, stored_at = excluded.stored_at;
  update public.accounts set not_ready = 'not checked yet' where id = of_account
    and not_ready = 'not connected yet';
  if nullif(args -> 'by', 'null') is not null then
    perform core.record_action(args -> 'by', 'store_credentials',
      core.account_target(account),
      jsonb_build_object('keyId', key_was), jsonb_build_object('keyId', args -> 'keyId'),
      of_user => account.user_id);
  end if;
  return jsonb_build_object('kind', 'stored');
end $function$;

-- {tradeDate, nowMs, drifts: [{accountId, kind, what, ours, theirs}]}: keeps each once and blocks its
-- account. One that was acknowledged and has been there ever since (a gap of five days at most: no holidays
-- are longer) is not raised again; one of a position is, since acknowledging it has brought our books to the
-- venue's. Safe to repeat.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.store_drifts(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.caller_instant(args, (args ->> 'nowMs')::bigint);
  found_ids bigint[];
begin
  perform from public.accounts where id in (
    select "accountId" from jsonb_to_recordset(args -> 'drifts') as row("accountId" bigint))
  order by id for no key update;

  update public.drifts d set last_found_at = greatest(d.last_found_at, now_at)
  from jsonb_to_recordset(args -> 'drifts') as row("accountId" bigint, kind text, what text,
    ours text, theirs text)
  where (d.account_id, d.kind, d.what, d.ours, d.theirs) = (row."accountId", row.kind, row.what,
    row.ours, row.theirs)
    and (d.acknowledged_at is null
      or (d.kind <> 'position' and d.last_found_at > now_at - interval '5 days'));

  with fresh as (
    insert into public.drifts (account_id, trade_date, kind, what, ours, theirs, found_at, last_found_at)
    select row."accountId", (args ->> 'tradeDate')::date, row.kind, row.what, row.ours, row.theirs, now_at,
      now_at
    from rows from (jsonb_to_recordset(args -> 'drifts') as ("accountId" bigint, kind text, what text,
      ours text, theirs text)) with ordinality as row("accountId", kind, what, ours, theirs, n)
    where not exists (select from public.drifts d
      where (d.account_id, d.kind, d.what, d.ours, d.theirs) = (row."accountId", row.kind, row.what,
        row.ours, row.theirs)
        and (d.acknowledged_at is null or d.last_found_at >= now_at))
    -- The first of them is the one its account's block names: in the order they were found.
    group by 1, 3, 4, 5, 6 order by min(row.n)
    returning id
  )
  select coalesce(array_agg(id), '{}') into found_ids from fresh;

  update public.accounts a set not_ready = core.open_drift(a.id)
  where a.id in (select "accountId" from jsonb_to_recordset(args -> 'drifts') as row("accountId" bigint))
    and (a.not_ready is null or core.awaits_check(a.not_ready) or a.not_ready like 'drift:%')
    and core.open_drift(a.id) is not null;
  return (select coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'kind', kind, 'what', what,
    'ours', ours, 'theirs', theirs) order by id), '[]') from public.drifts where id = any(found_ids));
end $function$;

-- {tradeDate, nowMs, verdicts: [{accountId, ready, reason, checkedAtMs}]}: gives for each account why it may
-- not trade that day, whoever says so. An older check never takes the place of a younger one.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.store_readiness(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
begin
  perform from public.accounts where id in (
    select "accountId" from jsonb_to_recordset(args -> 'verdicts') as row("accountId" bigint))
  order by id for no key update;

  update public.accounts a set checked_for = (args ->> 'tradeDate')::date,
    books_for = case when coalesce(row."broughtUp", row.ready) then (args ->> 'tradeDate')::date
      else a.books_for end, checked_at = core.caller_instant(args, row."checkedAtMs"),
    check_found = case when not row.ready then coalesce(row.reason, 'not_ready') end,
    not_ready = case when row.ready and core.awaits_check(a.not_ready)
      then case when a.cash_minor < a.held_minor then 'available money is below zero: acknowledge it' end
      else a.not_ready end
  from jsonb_to_recordset(args -> 'verdicts') as row("accountId" bigint, ready boolean, "broughtUp" boolean,
    reason text, "checkedAtMs" bigint)
  where a.id = row."accountId"
    and (a.checked_at is null or a.checked_at <= core.caller_instant(args, row."checkedAtMs")
    -- One of a clock that was ahead: no check can be younger than now.
    or (not core.uses_virtual_clock(args) and a.checked_at > core.database_now()));

  return (select coalesce(jsonb_agg(jsonb_build_object('accountId', a.id,
      'notReady', core.not_ready_on(a, (args ->> 'tradeDate')::date), 'acknowledge',
      a.not_ready is not null and not core.awaits_check(a.not_ready)) order by a.id), '[]')
    from public.accounts a where a.id in (
      select "accountId" from jsonb_to_recordset(args -> 'verdicts') as row("accountId" bigint)));
end $function$;

-- A message whose sender is gone may have been sent or not: unknown, never sent again blindly.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.sweep_messages(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  with lost as (
    update public.messages set status = 'unknown', reason = 'sender_lost',
      changed_at = (select core.earlier_of(args)),
      next_lookup_at = core.at((args ->> 'nextLookupMs')::bigint)
    where status = 'sending' and (sending_at < core.database_now() - interval '2 minutes'
      or (args ->> 'onlyProcess')::boolean)
    returning 1
  ) select jsonb_build_object('lost', count(*)) from lost;
$function$;

-- Ends what may no longer be sent (what is locked is left for the next sweep), and hands a lapsed send over
-- to lookup: its sender is gone or too late. `abandoned`: runs whose plan nobody has ended by their cut-off;
-- their orders wait for that.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.sweep_orders(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  now_at constant timestamptz := core.earlier_of(args);
  expired bigint[];
  stopped bigint[] := '{}';
  lapsed bigint;
  abandoned jsonb;
  blocked constant bigint := core.end_blocked_orders(null, now_at);
begin
  select array_agg(due.id) into expired from (
    select o.id from public.orders o join public.scan_runs run on run.id = o.run_id
    where o.ended_at is null and o.status = 'queued' and o.send_before <= now_at and run.state <> 'planning'
      limit 1000) due;
  if expired is not null then
    expired := core.lock_orders(expired, true);
    -- What an open breaker held back to the end was stopped by it, unless a halt would have stopped it, too.
    stopped := array(select o.id from public.orders o where o.id = any(expired)
      and core.stopped_until(o) is not null and core.halted_for(o) is null);
    with ended as (
      update public.orders set ended_at = now_at, changed_at = now_at, claim_id = null, lease_until = null,
        status = case when id = any(stopped) then 'canceled' else 'expired' end,
        reason = case when id = any(stopped) then 'breaker_open' else 'not_sent_in_time' end
      where id = any(expired) and status = 'queued'
      returning id, status
    )
    select array_agg(id), array_agg(id) filter (where status = 'canceled') into expired, stopped from ended;
    perform core.close_orders(expired, now_at);
  end if;

  update public.orders set status = 'unknown', reason = 'sender_lost', changed_at = now_at,
    next_lookup_at = now_at,
    claim_id = null, lease_until = null
  where id = any(array(select id from public.orders where ended_at is null and status = 'submitting'
    and (lease_until < core.database_now() or (args ->> 'onlyProcess')::boolean)
    limit 1000 for no key update skip locked));
  get diagnostics lapsed = row_count;

  -- Where the caller is the only process there is, whoever held a claim is gone.
  if (args ->> 'onlyProcess')::boolean then
    update public.orders set claim_id = null, lease_until = null where ended_at is null
      and claim_id is not null;
  end if;
  delete from public.sends where id = any(array(select id from public.sends
    where at < core.database_now() - interval '10 minutes' order by at limit 1000 for update skip locked));
  select jsonb_build_object('abandoned', jsonb_agg(jsonb_build_object('runId', id, 'tradeDate', trade_date)
    order by cut_off_at, id)) into abandoned
  from public.scan_runs where state = 'planning' and cut_off_at <= now_at having count(*) > 0;
  return jsonb_build_object('lapsed', lapsed, 'stopped', blocked + coalesce(cardinality(stopped), 0),
    'expired', coalesce(cardinality(expired), 0) - coalesce(cardinality(stopped), 0))
    || coalesce(abandoned, '{}');
end $function$;

-- Marks orders as being sent and hands them out, best signal first, then queue position: {markId, venues,
-- limit, held, perAccount, budgets, leaseMs, nowMs}. Write first, then speak: only what this returns may be
-- sent, and only by its caller. An order goes while its time is not over, nothing is halted, its user's
-- settings let it, its venue's rate budget has room, and no open breaker stops it, but as its probe
-- (`probes`). An account has at most `perAccount`, with what the caller `held` of it already. What is locked
-- is passed over: it delays nobody. `waits`: whose rate is used up. Safe to repeat after a lost answer: the
-- same mark id is answered with what it marked, as far as that may still go. plan_cache_mode: planned anew
-- for each call, one order takes 2.1 ms (3,030 rows), with a kept plan 0.7 ms (30 rows). enable_seqscan,
-- enable_bitmapscan, enable_hashjoin, enable_mergejoin, enable_sort: what waits is read by its index, in its
-- order; made anew once `orders` had been analyzed, the plan read and sorted 33 rows for each order taken
-- instead of one. jit: to the planner what is switched off costs ten billion, and it compiles: 500 orders
-- took 2,500 ms.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.take_orders(args jsonb)
 RETURNS json
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
declare
  this_mark constant text := args ->> 'markId';
  now_at constant timestamptz := core.later_of(args);
  lease constant interval := (args ->> 'leaseMs')::bigint * interval '1 millisecond';
  fresh bigint[] := '{}';
  again bigint[] := '{}';
  probes bigint[];
  waits core.rate_wait[] := '{}';
begin
  -- A call that was thought lost may still be under way: its repetition waits for what that one marked.
  perform pg_advisory_xact_lock(hashtextextended('take ' || this_mark, 0));
  select order_ids into again from core.takes where mark_id = this_mark;
  if found then
    probes := array(select probe_order_id from public.breakers
      where is_open and probe_order_id = any(again));
  else
    select chosen.taken, chosen.waits into fresh, waits from core.choose_orders(args, now_at) chosen;
    select assigned.go, assigned.probes into fresh, probes
    from core.assign_probes(fresh, now_at, lease) assigned;
    perform core.record_take(this_mark, fresh);
    again := '{}';
  end if;
  return json_build_object('orders', core.mark_taken(this_mark, fresh, again, now_at, lease),
    'probes', probes, 'waits', to_json(waits));
end $function$;

-- For lookups at venues that count them with the orders. Answers how long each has to wait, 0 where it may
-- go.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.take_rates(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '5s'
AS $function$
  select coalesce(jsonb_agg(core.take_rate(venue, "accountId", args -> 'budgets' -> venue) order by n), '[]')
  from jsonb_array_elements(args -> 'uses') with ordinality as requested(use, n),
    jsonb_to_record(use) as row(venue text, "accountId" bigint);
$function$;

-- Judges by what came of some orders' sends: {judgeId, orderIds, nowMs}. Answers what it opened and closed,
-- with the counts that was done by. Called after sends without a clear answer and after probes. It reads
-- the last sends of the orders' venues, however long the run is. Safe to repeat: the same judge id gets the
-- same answer.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.trip_breakers(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
declare
  now_at constant timestamptz := core.stamp_of(args);
  judge constant text := args ->> 'judgeId';
  order_ids constant bigint[] := array(select value::bigint
    from jsonb_array_elements_text(args -> 'orderIds'));
  scope record;
  run public.scan_runs;
begin
  for scope in select o.run_id, o.venue, array_agg(distinct o.account_id) as accounts
    from public.orders o where o.id = any(order_ids) group by 1, 2 order by 1, 2
  loop
    select * into run from public.scan_runs where id = scope.run_id and state = 'decided';
    continue when run.id is null;
    -- One judge at a time, to the end of this short transaction.
    perform pg_advisory_xact_lock(hashtextextended('breakers ' || run.id || ' ' || scope.venue, 0));
    perform from public.breakers b where (b.run_id, b.venue) = (run.id, scope.venue)
      and (b.account_id = any(scope.accounts) or b.account_id = 0 or b.is_open)
    order by b.account_id, b.signal_id for no key update;
    perform core.settle_probes(order_ids, run.id, scope.venue, judge, now_at);
    perform core.open_breakers(run, scope.venue, scope.accounts, judge, now_at);
  end loop;
  return jsonb_build_object('changed', (select coalesce(jsonb_agg(jsonb_build_object(
      'kind', case when b.is_open then 'opened' else 'closed' end, 'runId', b.run_id, 'venue', b.venue,
      'signalId', nullif(b.signal_id, ''), 'userId', a.user_id, 'tried', b.tried, 'failed', b.failed,
      'accounts', b.accounts, 'failedAccounts', b.failed_accounts, 'nextProbeMs', core.ms(b.next_probe_at),
      'waiting', (select count(*) from public.orders o where o.ended_at is null and o.venue_order_id is null
        and o.status = 'queued' and o.run_id = b.run_id and o.venue = b.venue
        and b.signal_id in ('', o.signal_id) and b.account_id in (0, o.account_id)))
      order by b.signal_id, b.account_id), '[]')
    from public.breakers b left join public.accounts a on a.id = b.account_id
    where b.judge_id = judge and b.run_id in (select run_id from public.orders where id = any(order_ids))));
end $function$;

-- Computes the chain again, in one statement: what is wrong, the lowest number first (20 at most), and the
-- newest row, to be kept elsewhere. {keptId, keptHash}: a row as somebody kept it; null: none. Of a row out
-- of which a person was taken, what is left is compared with the hash the action that did it keeps.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.verify_actions(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  with chain as (
    select a as action, a.id, a.previous_hash, lag(a.id, 1, 0::bigint) over w as previous_id,
      lag(a.hash, 1, '') over w as hash_before, core.action_hash(a) = a.hash
      and case when a.redacted_by is null
        then core.action_content_hash(a) = a.content_hash
        else exists (select from public.operator_actions by where by.id = a.redacted_by
          and by.after -> 'redacted' ->> a.id::text = core.action_content_hash(a)) end as is_sound
    from public.operator_actions a window w as (order by a.id)
  ), newest as (
    select coalesce(max(id), 0) as id, coalesce((array_agg((action).hash order by id desc))[1], '') as hash
    from chain
  ), head as (
    select coalesce((select id from public.operator_action_head), 0) as id,
      coalesce((select hash from public.operator_action_head), '') as hash
  ), wrong as (
    select id, 'changed' as kind from chain where not is_sound
    union all
    select previous_id + 1, 'missing' from chain where previous_id <> id - 1
    union all
    -- The row itself is sound, so it is the one before it that is not what it was.
    select previous_id, 'changed' from chain where previous_id = id - 1
      and previous_hash <> hash_before and is_sound
    union all
    select newest.id + 1, 'missing' from newest, head where head.id > newest.id
    union all
    select head.id + 1, 'added' from newest, head where newest.id > head.id
    union all
    select newest.id, 'changed' from newest, head where head.id = newest.id and head.hash <> newest.hash
    union all
    select (args ->> 'keptId')::bigint, 'not_as_kept'
    where args ->> 'keptId' is not null and not exists (select from chain
      where id = (args ->> 'keptId')::bigint and (action).hash = args ->> 'keptHash')
  )
  select jsonb_build_object('rows', (select count(*) from chain), 'headId', (select id from newest),
    'headHash', (select hash from newest),
    'redacted', (select count(*) from chain where (action).redacted_by is not null),
    'problems', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'kind', kind) order by id, kind),
      '[]')
      from (select distinct id, kind from wrong order by id, kind limit 20) first));
$function$;

-- «Why did user X (not) get Y?» in one look: decisions, orders with their history, fills and money, newest
-- first.
-- for daily_scan_service, service_role
CREATE OR REPLACE FUNCTION public.why(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
 SET lock_timeout TO '1500ms'
 SET statement_timeout TO '60s'
AS $function$
  select jsonb_build_object(
    'users', (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name)), '[]') from public.users
      where id = args ->> 'user' or lower(name) = lower(args ->> 'user')),
    'decisions',
    (select coalesce(jsonb_agg(jsonb_build_object('runId', d.run_id, 'tradeDate', run.trade_date,
        'userId', d.user_id, 'symbol', i.symbol, 'side', s.side, 'strategy', s.strategy,
        'outcome', d.outcome, 'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value,
        'quantity', d.quantity, 'priceMinor', d.price_minor, 'holdMinor', d.hold_minor,
        'referencePriceMinor', s.reference_price_minor, 'pricesFrom', run.limits ->> 'pricesFrom',
        'stopLossMinor', s.stop_loss_minor, 'targetMinor', s.target_minor,
        'order', (select jsonb_build_object('clientOrderId', o.client_order_id, 'status', o.status,
          'reason', o.reason,
            'message', o.message, 'venue', o.venue, 'venueOrderId', o.venue_order_id,
            'limitPriceMinor', o.limit_price_minor, 'filledQuantity', o.filled_quantity,
            'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor,
            'lateFill', o.late_fill,
            'events', (select jsonb_agg(jsonb_build_object('atMs', core.ms(e.at), 'from', e.from_status,
              'to', e.to_status, 'reason', e.reason) order by e.id) from public.order_events e
              where e.order_id = o.id),
            'ledger', (select jsonb_agg(jsonb_build_object('kind', l.kind,
              'cashDeltaMinor', l.cash_delta_minor, 'heldDeltaMinor', l.held_delta_minor) order by l.id)
              -- By the account, which has an index: its entries are few beside all there are.
              from public.ledger_entries l where l.account_id = o.account_id and l.order_id = o.id))
          from public.orders o
          where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id)))
        order by run.trade_date desc, d.position), '[]')
      from public.users u, public.instruments i join public.signals s on s.instrument_id = i.id
      -- A run has signals of its own day only.
      join public.scan_runs run on run.trade_date = s.trade_date
      cross join lateral (select * from public.decisions made
        where (made.run_id, made.signal_id, made.user_id) = (run.id, s.id, u.id) limit 1) d
      where (u.id = args ->> 'user' or lower(u.name) = lower(args ->> 'user'))
        and (args ->> 'symbol' is null or i.symbol = args ->> 'symbol')
        and (args ->> 'date' is null or run.trade_date = (args ->> 'date')::date)));
$function$;

-- A page, or single orders, without a symbol cap, in one statement: decisions, orders, holds and balances
-- of every account whose accepts fit all together (mostly all: `decide` counted so). Gives how many it
-- accepted, and the accounts it left alone (`crowded`), whose accepts go by turns. Where all holds fit, so
-- does a sale's. enable_nestloop: 2,500 decisions compared one by one with 500 accounts take 116 ms, without
-- it 102 ms, and as many times more as both grow. jit: what compiles a statement that looks this dear takes
-- 1,700 ms for 500 decisions.
CREATE OR REPLACE FUNCTION core.accept_at_once(run public.scan_runs, decisions core.decision[], refusals core.refusal[], now_at timestamptz, OUT accepted bigint, OUT crowded bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
 SET enable_nestloop TO 'off'
 SET jit TO 'off'
AS $function$
declare
  account_ids constant bigint[] := array(select distinct "accountId" from unnest(decisions));
begin
  with judged as materialized (
    -- As in accept_batch: 0 for a single order.
    select r.*, case when run.takes_orders_until is null then r.signal_position else 0 end as send_rank,
      no.reason is not null as is_decided, case when no.reason is not null then no
      when r.refusal is not null then core.refusal_of(r) end as refused
    from core.recheck(run, decisions, now_at) r
    left join unnest(refusals) no on no."userId" = r."userId" and no."signalId" = r."signalId"
  ), crowd as materialized (
    select "accountId" as id from judged where outcome = 'accepted' and not is_decided
    group by 1 having core.is_crowded(
      count(*) filter (where is_share_twice) > count(distinct share) filter (where is_share_twice),
      sum("holdMinor"), min(available_minor), count(*) filter (where side = 'BUY'),
      min(max_open_positions) - min(open_positions), min(max_orders_per_day) - min(orders_today))
  ), ordered as (
    insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue,
      position, queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi,
      product, rate_id, hold_minor, charges_minor, send_before, created_at, changed_at)
    select "clientOrderId", run.id, "signalId", "userId", account_id, instrument_id, venue, send_rank,
      "queuePosition", judged.side, quantity, "priceMinor", "limitPriceMinor", "leverageCenti",
      judged.product, rate.id, "holdMinor", "chargesMinor", send_before, now_at, now_at
    -- A rate comes from outside: one that is not there, or another market's, fails the page.
    from judged left join public.charge_rates rate
      on rate.id = "rateId" and rate.exchange = core.charging_exchange(run.id)
    where outcome = 'accepted' and not is_decided and refusal is null
      and not "accountId" in (select id from crowd)
    order by send_rank, "queuePosition", signal_position
    returning id, account_id, hold_minor
  ), held as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, 'hold', 0, hold_minor, now_at from ordered order by id
  ), taken as (
    update public.accounts a set held_minor = a.held_minor + total.hold_minor
    from (select account_id, sum(hold_minor)::bigint as hold_minor from ordered group by account_id) total
    where a.id = any(account_ids) and a.id = total.account_id
  ), written as (
    insert into public.decisions (run_id, signal_id, user_id, account_id, position, queue_position, outcome,
      reason, limit_value, actual_value, quantity, price_minor, hold_minor)
    select run.id, "signalId", "userId", "accountId", send_rank, "queuePosition",
      coalesce((refused).outcome, outcome), coalesce((refused).reason, reason),
      case when (refused).reason is null then "limit" else (refused)."limit" end,
      case when (refused).reason is null then actual else (refused).actual end,
      case when (refused).reason is null then quantity else 0 end, "priceMinor",
      case when (refused).reason is null then "holdMinor" else 0 end
    from judged where ("accountId" in (select id from crowd)) is not true
    returning outcome
  )
  select count(*) filter (where written.outcome = 'accepted'), array(select id from crowd)
  into accepted, crowded from written;
end $function$;

-- Orders and holds for what still fits; gives what no longer does, and why.
CREATE OR REPLACE FUNCTION core.accept_batch(run public.scan_runs, decisions core.decision[], now_at timestamptz)
 RETURNS SETOF core.refusal
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  return query
  with judged as materialized (
    select * from core.recheck_capped(run, decisions, now_at)
  ), ordered as (
    insert into public.orders (client_order_id, run_id, signal_id, user_id, account_id, instrument_id, venue,
      position, queue_position, side, quantity, decision_price_minor, limit_price_minor, leverage_centi,
      product, rate_id, hold_minor, charges_minor, send_before, created_at, changed_at)
    select "clientOrderId", run.id, "signalId", "userId", account_id, instrument_id, venue, send_rank,
      "queuePosition", side, quantity, "priceMinor", "limitPriceMinor", "leverageCenti", product,
      -- Its id comes from outside: one that is not there, or another market's, fails the page.
      (select rate.id from public.charge_rates rate
        where rate.id = "rateId" and rate.exchange = core.charging_exchange(run.id)),
      -- A sale sets aside what there is: its charges are paid out of what it brings.
      case side when 'BUY' then "holdMinor" else least("holdMinor", greatest(available_minor, 0)) end,
      "chargesMinor", send_before, now_at, now_at
    -- 0: somebody waits for their single order, so it goes before what a scan queued.
    from judged cross join lateral (select case when run.takes_orders_until is null
      then signal_position else 0 end as send_rank) queued
    where refusal is null order by send_rank, "queuePosition"
    returning id, account_id, hold_minor
  ), held as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, 'hold', 0, hold_minor, now_at from ordered order by id
  ), taken as (
    update public.accounts a set held_minor = a.held_minor + total.hold_minor
    from (select account_id, sum(hold_minor)::bigint as hold_minor from ordered group by account_id) total
    where a.id = total.account_id
  )
  select (core.refusal_of(judged)).* from judged where refusal is not null;
end $function$;

-- Accepts in the order they are to be tried: best rank first, so that scarce money goes to the best signal
-- and each turn sees what the one before it took. Accounts whose accepts fit all together (mostly all:
-- `decide` counted so) need no turns among themselves, so theirs go at once, first. A symbol cap is used up
-- across accounts: then a scan goes by signal. Single orders stand in no queue: each is its account's next.
CREATE OR REPLACE FUNCTION core.accept_batches(run public.scan_runs, decisions core.decision[], refusals core.refusal[])
 RETURNS SETOF core.decision[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return query
  with accept as materialized (
    select decision as row, (decision)."accountId" as account_id, (signal).side, position,
      (select i.share from public.instruments i where i.id = (signal).instrument_id) as share
    from core.with_signals(run, decisions)
    where (decision).outcome = 'accepted' and not exists (select from unnest(refusals) no
      where (no."signalId", no."userId") = ((decision)."signalId", (decision)."userId"))
  ), crowded as (
    select a.id from (
      select account_id, min((row)."userId") as user_id, sum((row)."holdMinor") as hold_minor,
        count(*) filter (where side = 'BUY') as buys, count(*) > count(distinct share) as has_one_twice
      from accept group by 1) totals
    join public.accounts a on a.id = totals.account_id
    where core.is_crowded(totals.has_one_twice, totals.hold_minor, a.cash_minor - a.held_minor, totals.buys,
      a.max_open_positions - case when a.max_open_positions is not null
        then core.open_instruments(a.id) end,
      a.max_orders_per_day - case when a.max_orders_per_day is not null
        then core.orders_today(a.id, totals.user_id, run.mode, run.trade_date) end)
  ), ordered as (
    select row, case
      when run.limits ->> 'symbolCapMinor' is null and not account_id in (select id from crowded) then null
      when run.takes_orders_until is null then position
      else (select count(*) from accept other
        where other.account_id = accept.account_id and other.position <= accept.position) end as turn
    from accept
  )
  select array_agg(row) from ordered group by turn order by turn nulls first;
end $function$;

-- An account as findings name it.
CREATE OR REPLACE FUNCTION core.account_name(a public.accounts)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select format('account %s of %s at %s (%s)', a.id, a.user_id, a.venue,
    concat_ws(', ', a.mode, nullif(a.currency, 'INR')));
$function$;

-- An account as the log of actions names it.
CREATE OR REPLACE FUNCTION core.account_target(a public.accounts)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select 'account:' || concat_ws(' ', a.user_id, a.venue, a.mode, nullif(a.currency, 'INR'));
$function$;

-- Accounts that are not closed at the opening of a period: their records are read from their own last
-- closing on.
CREATE OR REPLACE FUNCTION core.accounts_behind(p core.period)
 RETURNS TABLE(account_id bigint, user_id text, after_order bigint, after_entry bigint, after_fill bigint, cash_minor bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select a.id, a.user_id, coalesce(c.last_order_id, 0), coalesce(c.last_entry_id, 0),
    coalesce(c.last_fill_id, 0), coalesce(own.cash_minor, 0)
  from public.accounts a
  left join lateral (select b.through, b.cash_minor from public.closed_balances b
    where b.account_id = a.id and b.through < (p).opening order by b.through desc limit 1) own on true
  left join public.closings c on c.through = own.through
  where (p).opening is not null and ((p).accounts is null or a.id = any((p).accounts))
    and not exists (select from public.closed_balances b
      where (b.account_id, b.through) = (a.id, (p).opening))
    and ((p).closing is null
      or a.id in (select b.account_id from public.closed_balances b where b.through = (p).closing));
$function$;

-- Accounts that are not closed at the closing of a period: their records are no part of it.
CREATE OR REPLACE FUNCTION core.accounts_left_open(p core.period)
 RETURNS SETOF bigint
 LANGUAGE sql
 STABLE
AS $function$
  select a.id from public.accounts a where (p).closing is not null and not exists (
    select from public.closed_balances b where (b.account_id, b.through) = (a.id, (p).closing));
$function$;

-- Whether somebody has looked at what blocked an account since an instant.
CREATE OR REPLACE FUNCTION core.acknowledged_since(a public.accounts, since timestamptz)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (select from public.operator_actions act where act.user_id = a.user_id
    and act.action = 'acknowledge_account' and act.at >= since
    and act.target = core.account_target(a));
$function$;

-- What may name a person.
CREATE OR REPLACE FUNCTION core.action_content_hash(a public.operator_actions)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select encode(sha256(convert_to(
    jsonb_build_array(a.salt, a.who, a.target, a.user_id, a.before, a.after, a.why)::text, 'UTF8')), 'hex');
$function$;

-- The hash of a row: over the one before it, what it did when and how, and its content's hash.
CREATE OR REPLACE FUNCTION core.action_hash(a public.operator_actions)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select encode(sha256(convert_to(jsonb_build_array(a.previous_hash, a.id,
    (extract(epoch from a.at) * 1000000)::bigint, a.how, a.action, a.content_hash)::text, 'UTF8')), 'hex');
$function$;

-- An act as the acting function was given it: `by` is {who, how, why?}. `of_user` is whom it concerns; a
-- target `user:ID` says so by itself. An act nobody answers for is refused.
CREATE OR REPLACE FUNCTION core.action_row(by jsonb, action text, target text, before jsonb DEFAULT NULL::jsonb, after jsonb DEFAULT NULL::jsonb, why text DEFAULT NULL::text, of_user text DEFAULT NULL::text)
 RETURNS public.operator_actions
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  act public.operator_actions;
begin
  if coalesce(by ->> 'who', '') = '' or by ->> 'how' is null then
    raise exception '% needs to know who does it: by {who, how}', action using errcode = 'PT400';
  end if;
  act.who := left(by ->> 'who', 200);
  act.how := by ->> 'how';
  act.action := action;
  act.target := target;
  act.user_id := coalesce(of_user, case when target like 'user:%' then substr(target, 6) end);
  act.before := nullif(before, 'null');
  act.after := nullif(after, 'null');
  act.why := left(coalesce(why, by ->> 'why'), 2000);
  return act;
end $function$;

-- Counts {what: how often more}, in one order everywhere: whoever counts the same waits, and nobody for
-- ever.
CREATE OR REPLACE FUNCTION core.add_daily_counts(done jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into core.rate_days as today (key, day, used)
  select key, (core.database_now() at time zone 'Asia/Kolkata')::date, value::bigint
  from jsonb_each_text(done) where value::bigint > 0 order by key
  on conflict (key, day) do update set used = today.used + excluded.used;
end $function$;

-- Who comes first takes from what there is room for, as long as it fits whole: a smaller one behind may
-- still fit.
CREATE OR REPLACE FUNCTION core.add_if_it_fits(so_far numeric, minor numeric, room numeric)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when so_far + minor <= room then so_far + minor else so_far end;
$function$;

-- Brings the cash of these accounts to their venue's, as adjustments of the ledger. Gives how many it had
-- to.
CREATE OR REPLACE FUNCTION core.adjust_cash(accounts jsonb, free bigint[], now_at timestamptz)
 RETURNS bigint
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with entry as (
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
    select a.id, 'adjustment', row."cashMinor" - a.cash_minor, 0, row.source, now_at
    from jsonb_to_recordset(accounts) as row("accountId" bigint, "cashMinor" bigint, source text)
    join public.accounts a on a.id = row."accountId"
    where a.id = any(free) and row."cashMinor" <> a.cash_minor order by a.id
    returning account_id, cash_delta_minor
  ), moved as (
    update public.accounts a set cash_minor = a.cash_minor + entry.cash_delta_minor,
      not_ready = case when a.cash_minor + entry.cash_delta_minor >= a.held_minor then a.not_ready
        when a.not_ready is null or core.awaits_check(a.not_ready)
          then 'available money is below zero: acknowledge it'
        else a.not_ready end
    from entry where a.id = entry.account_id returning 1
  )
  select count(*) from moved;
$function$;

-- Which orders their venues' rate budgets let go now, best first; and whose rate is used up for how long,
-- null: not today any more. What has to wait for its account is passed over until its turn may have come.
-- The caller holds the venues' locks.
CREATE OR REPLACE FUNCTION core.admit_by_rate(order_ids bigint[], budgets jsonb, now_at timestamptz, OUT go bigint[], OUT waits core.rate_wait[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  o record;
  wait_ms bigint;
  is_venues boolean;
begin
  go := '{}';
  waits := '{}';
  for o in select q.id, q.venue, q.account_id from unnest(order_ids) with ordinality as one(id, n)
    join public.orders q on q.id = one.id order by one.n
  loop
    if not budgets ? o.venue then
      go := go || o.id;
      continue;
    end if;
    continue when exists (select from unnest(waits) w where w.venue = o.venue
      and coalesce(w."accountId", o.account_id) = o.account_id);
    wait_ms := core.take_rate(o.venue, o.account_id, budgets -> o.venue);
    if wait_ms = 0 then
      go := go || o.id;
    else
      is_venues := core.rate_wait_ms(o.venue, nullif(budgets -> o.venue -> 'venue', 'null'))
        is distinct from 0;
      waits := waits || (o.venue, case when not is_venues then o.account_id end, wait_ms)::core.rate_wait;
    end if;
  end loop;
  update public.orders q set next_attempt_at = coalesce(
    now_at + w."waitMs" * interval '1 millisecond', q.send_before)
  from unnest(waits) w where q.id = any(order_ids) and q.account_id = w."accountId" and not q.id = any(go);
end $function$;

-- Times in a period that the database's clock has not come to. A process whose clock is wrong wrote them.
CREATE OR REPLACE FUNCTION core.ahead_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with latest(at) as (select core.database_now() + core.check_skew()),
  stamped as (
    select 'order ' || o.client_order_id as subject, o.user_id, written.at
    from core.orders_in(p) o cross
    join lateral (values (greatest(o.created_at, o.changed_at, o.submitted_at, o.ended_at)),
      (o.next_lookup_at - interval '1 day'), (o.next_attempt_at - interval '1 day')) written(at)
    where written.at > (select at from latest)
    union all
    select 'order ' || e.order_id, null, e.at
    from core.orders_in(p) o join public.order_events e on e.order_id = o.id
    where e.at > (select at from latest)
    union all
    select 'fill ' || f.venue_fill_id, null, greatest(f.filled_at, f.booked_at) from core.fills_in(p) f
    where greatest(f.filled_at, f.booked_at) > (select at from latest)
    union all
    select 'entry ' || e.id, null, e.at from core.entries_in(p) e where e.at > (select at from latest)
    union all
    select core.account_name(a), a.user_id, a.checked_at from public.accounts a
    where a.checked_at > (select at from latest)
    union all
    select core.account_name(a), a.user_id, a.checked_for::timestamp at time zone 'Asia/Kolkata'
    from public.accounts a
    where a.checked_for::timestamp at time zone 'Asia/Kolkata' - interval '10 days' > (select at from latest)
    union all
    select run.id, null, greatest(run.opened_at, run.recorded_at, run.decided_at, run.done_at)
    from public.scan_runs run
    where greatest(run.opened_at, run.recorded_at, run.decided_at, run.done_at) > (select at from latest)
    union all
    select ru.run_id, ru.user_id, ru.decided_at
    from public.scan_runs run join public.run_users ru on ru.run_id = run.id
    where run.trade_date > coalesce((p).opening, '-infinity')
      and run.trade_date <= coalesce((p).closing, 'infinity') and ru.decided_at > (select at from latest)
    union all
    select 'message ' || m.id, m.user_id, m.changed_at
    from public.messages m left join public.scan_runs run on run.id = m.run_id
    where coalesce(run.trade_date, m.trade_date) > coalesce((p).opening, '-infinity')
      and coalesce(run.trade_date, m.trade_date) <= coalesce((p).closing, 'infinity')
      and greatest(m.changed_at, m.sending_at, m.resend_requested_at, m.due_at - interval '1 day',
      m.next_attempt_at - interval '1 day', m.next_lookup_at - interval '1 day') > (select at from latest)
  )
  select 'nothing is ahead of the database''s clock', subject, user_id, stamped.at::text,
    'at most ' || latest.at, 'npm run doctor on each machine names the one whose clock is wrong', false
  from stamped, latest;
$function$;

-- Appends acts to the log, in their order; of each everything but its number, time, salt and hashes is
-- given. Gives the last one's number.
CREATE OR REPLACE FUNCTION core.append_actions(acts public.operator_actions[])
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  head public.operator_action_head;
  done public.operator_actions;
begin
  perform core.lock_actions();
  select * into head from public.operator_action_head;
  if not found then
    select true, a.id, a.hash into head from public.operator_actions a order by a.id desc limit 1;
  end if;
  for n in 1 .. cardinality(acts) loop
    done := acts[n];
    done.id := coalesce(head.id, 0) + 1;
    done.at := core.database_now();
    done.salt := gen_random_uuid();
    done.content_hash := core.action_content_hash(done);
    done.previous_hash := coalesce(head.hash, '');
    done.hash := core.action_hash(done);
    acts[n] := done;
    head.id := done.id;
    head.hash := done.hash;
  end loop;
  insert into public.operator_actions select * from unnest(acts);
  insert into public.operator_action_head (id, hash) values (head.id, head.hash)
  on conflict (only_one) do update set id = excluded.id, hash = excluded.hash;
  return head.id;
end $function$;

-- Filled quantity and value follow the fills; the status follows the outcome where the table allows it.
CREATE OR REPLACE FUNCTION core.apply_outcomes(outcomes core.outcome[], fresh bigint[], now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if exists (select from unnest(outcomes) row
    where row."venueStatus" in ('canceled', 'expired', 'rejected')) then
    -- An answer to the submission that already tells the end: the order was working in between.
    update public.orders o set status = case when effect.filled > 0 then 'partially_filled'
      else 'working' end,
      changed_at = greatest(now_at, o.changed_at)
    from core.outcome_effects(outcomes, fresh, now_at) effect
    where o.id = effect.order_id and o.status = 'submitting'
      and effect.next_status in ('canceled', 'expired');
  end if;

  update public.orders o set
    status = case when effect.moves then effect.next_status else o.status end,
    reason = case when effect.moves then effect.reason else o.reason end,
    message = case when effect.moves then effect.message else o.message end,
    ended_at = case when effect.moves and effect.next_status in ('filled', 'rejected', 'canceled', 'expired')
      then now_at else o.ended_at end,
    changed_at = greatest(now_at, o.changed_at),
    venue_order_id = coalesce(effect.venue_order_id, o.venue_order_id),
    filled_quantity = o.filled_quantity + effect.more_quantity,
    filled_value_minor = o.filled_value_minor + effect.more_value_minor,
    released_minor = o.released_minor + effect.released_minor,
    -- What was expected gives way to what it is, once nothing more will be filled.
    charges_minor = case when effect.moves
      and effect.next_status in ('filled', 'rejected', 'canceled', 'expired')
      then core.charges_on((o.filled_value_minor + effect.more_value_minor)::bigint, rate)
        else o.charges_minor end,
    late_fill = o.late_fill or effect.late,
    lookups = core.lookups_made(o.lookups, effect.reason),
    missed_lookups = case when effect.next_status not in ('unknown', 'queued') then 0
      else core.lookups_made(o.missed_lookups, effect.reason) end,
    next_lookup_at = core.lookup_after(o.status, o.next_lookup_at, effect.next_status,
      effect.next_lookup_at),
    next_attempt_at = effect.next_attempt_at, claim_id = null, lease_until = null
  from core.outcome_effects(outcomes, fresh, now_at) effect, public.charge_rates rate
  where o.id = effect.order_id and rate.id = o.rate_id;
end $function$;

-- Which of the orders that are to be marked go, and which of these as the probe of an open breaker: one per
-- breaker whose pause is over. It waits for nobody: a breaker that somebody else is looking at lets nothing
-- through now. A probe that is never heard of again does not keep the next one back for longer than its
-- lease.
CREATE OR REPLACE FUNCTION core.assign_probes(order_ids bigint[], now_at timestamptz, lease interval, OUT go bigint[], OUT probes bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  o public.orders;
  due integer;
begin
  go := order_ids;
  probes := '{}';
  if not exists (select from public.breakers where is_open) then return; end if;
  for o in select * from public.orders where id = any(order_ids) order by position, queue_position loop
    continue when not exists (select from public.breakers b where core.breaker_stops(b, o));
    perform from public.breakers b where core.breaker_stops(b, o) and b.next_probe_at <= now_at
    order by b.signal_id, b.account_id for no key update skip locked;
    get diagnostics due = row_count;
    if due < (select count(*) from public.breakers b where core.breaker_stops(b, o)) then
      go := array_remove(go, o.id);
    else
      update public.breakers b set probe_order_id = o.id, next_probe_at = now_at + lease
      where core.breaker_stops(b, o);
      probes := probes || o.id;
    end if;
  end loop;
end $function$;

-- Stable, as what they are made of is, else they would be called for every row instead of being part of the
-- query.
CREATE OR REPLACE FUNCTION core.at(ms bigint)
 RETURNS timestamptz
 LANGUAGE sql
 STABLE STRICT
AS $function$
  select timestamptz 'epoch' + ms * interval '1 millisecond';
$function$;

-- The two reasons of accounts.not_ready that stand for a check that is still to come.
CREATE OR REPLACE FUNCTION core.awaits_check(not_ready text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select coalesce(not_ready in ('not connected yet', 'not checked yet'), false);
$function$;

-- What a venue filled beyond an order, until a person has acknowledged or corrected it.
CREATE OR REPLACE FUNCTION core.beyond_order_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with beyond as (
    select 'an order is filled for no more than it asked' as rule, o, o.filled_quantity::text as ours,
      'at most ' || o.quantity as should, (select max(f.booked_at) from public.fills f
        where f.order_id = o.id and f.corrects is null) as booked_at,
      format('npm run correct -- --order %s', o.client_order_id) as correct
    from core.orders_in(p) o where o.filled_quantity > o.quantity
    union all
    select 'an order is filled at its limit or better', o, core.decimal(f.price_minor),
      case o.side when 'BUY' then 'at most ' else 'at least ' end || core.decimal(o.limit_price_minor),
        f.booked_at,
      format('npm run correct -- --order %s --fill %s', o.client_order_id, f.venue_fill_id)
    from core.effective_fills_in(p) f join public.orders o on o.id = f.order_id
    where case o.side when 'BUY' then f.price_minor > o.limit_price_minor
      else f.price_minor < o.limit_price_minor end
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should,
    format('npm run account -- --user %s --acknowledge %s, if the venue stands by it; else %s', a.user_id,
      a.venue, correct),
    a.not_ready is not null
  from beyond join public.accounts a on a.id = (o).account_id
  where not core.acknowledged_since(a, booked_at);
$function$;

-- A venue that fills more than was ordered, or beyond the limit, is believed, since the money has moved; and
-- a person has to see it: the account is blocked until then. Gives what is wrong with which order.
CREATE OR REPLACE FUNCTION core.block_for_wrong_fills(touched bigint[], fresh bigint[])
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  wrong jsonb;
begin
  with bad as (
    select o.account_id, o.client_order_id, case
        when o.filled_quantity > o.quantity then format('filled %s of %s', o.filled_quantity, o.quantity)
        else format('filled at %s, its limit is %s', core.decimal(beyond.price_minor),
          core.decimal(o.limit_price_minor))
      end as what
    from public.orders o
    left join lateral (select f.price_minor from public.fills f
      where f.order_id = o.id and f.id + 0 = any(fresh)
        and case o.side when 'BUY' then f.price_minor > o.limit_price_minor
        else f.price_minor < o.limit_price_minor end
      limit 1) beyond on true
    where o.id = any(touched) and exists (select from public.fills f where f.order_id = o.id
      and f.id + 0 = any(fresh))
      and (o.filled_quantity > o.quantity or beyond.price_minor is not null)
  ), blocked as (
    update public.accounts a set not_ready = core.block_reason(a.not_ready,
      format('order %s: %s: correct or acknowledge it', bad.client_order_id, bad.what))
    from (select distinct on (account_id) * from bad order by account_id, client_order_id) bad
    where a.id = bad.account_id
  )
  select coalesce(jsonb_agg(jsonb_build_object('clientOrderId', client_order_id, 'what', what)
    order by client_order_id), '[]')
  into wrong from bad;
  return wrong;
end $function$;

-- What a person has to see about money stands above what a check or a comparison of books found: those come
-- again.
CREATE OR REPLACE FUNCTION core.block_reason(not_ready text, money text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when not_ready is null or core.awaits_check(not_ready) or not_ready like 'drift:%' then money
    else not_ready end;
$function$;

-- The correction with its position, its entry in the ledger, and what the order has filled now.
CREATE OR REPLACE FUNCTION core.book_correction(o public.orders, of_fill bigint, really bigint, really_at_minor bigint, now_at timestamptz)
 RETURNS public.fills
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  fresh bigint;
  booked public.fills;
  filled record;
  released bigint;
  paid bigint;
begin
  fresh := core.book_fill_out_of_order(row(o.id, o.client_order_id, o.leverage_centi,
    o.filled_value_minor, true, o.account_id, o.instrument_id, o.product,
    (select f.trade_date from public.fills f where f.id = of_fill), of_fill,
    format('correction:%s:%s', of_fill,
      (select count(*) from public.fills f where f.corrects = of_fill) + 1), o.side,
    really, really_at_minor,
    core.fill_value(o.side, really, really_at_minor, core.places_of(o.instrument_id)),
    (select f.filled_at from public.fills f where f.id = of_fill))::core.reported_fill, now_at);
  select * into booked from public.fills where id = fresh;
  select coalesce(sum(f.quantity), 0)::bigint as quantity,
    coalesce(sum(f.value_minor), 0)::bigint as minor
  into filled from core.effective_fills f where f.order_id = o.id;
  released := booked.realised_minor + booked.freed_margin_minor;
  paid := core.cost_of_value(o, filled.minor) - core.cost_of_value(o, o.filled_value_minor);

  insert into public.ledger_entries (account_id, order_id, fill_id, kind, cash_delta_minor,
    held_delta_minor, at)
  values (o.account_id, o.id, booked.id, 'correction', released - paid, 0, now_at);
  update public.orders set filled_quantity = filled.quantity, filled_value_minor = filled.minor,
    released_minor = released_minor + released, changed_at = greatest(now_at, changed_at),
    charges_minor = (select core.charges_on(filled.minor, rate) from public.charge_rates rate
      where rate.id = o.rate_id)
  where id = o.id;
  update public.accounts a set cash_minor = a.cash_minor + released - paid,
    not_ready = case when a.cash_minor + released - paid < a.held_minor
      then core.block_reason(a.not_ready, 'available money is below zero: acknowledge it')
        else a.not_ready end
  where a.id = o.account_id;
  return booked;
end $function$;

-- One fill whose position has to be computed anew, from what is closed of it on: told after one that was
-- traded later, sold beyond what is held, or a correction. It carries the whole difference it makes, so that
-- all fills of a position add up to it. Gives its id. plan_cache_mode: a kept plan counts all accounts'
-- fills: 30 fills read 4,802,000 rows in 3,000 ms, with a plan of their own 2,490 rows in 200 ms.
CREATE OR REPLACE FUNCTION core.book_fill_out_of_order(one core.reported_fill, now_at timestamptz)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
declare
  held core.holding;
  closed constant core.closed_holding := core.closed_before(one);
  becomes core.holding;
  worth_minor bigint := one.value_minor;
  bound_minor bigint;
  change_minor bigint;
  booked bigint;
begin
  select p.quantity, p.cost_minor, p.margin_minor, 0 into held from public.positions p
  where (p.account_id, p.instrument_id, p.product) = (one.account_id, one.instrument_id, one.product);
  select (coalesce(core.holding_from(closed.holding, t.side, t.quantity, t.value_minor, t.bound_minor
      order by t.filled_at, t.side, t.client_order_id collate "C", t.venue_fill_id collate "C"),
    closed.holding)).* into becomes
  from core.position_fills(one.account_id, one.instrument_id, one.product, closed.after_order,
    closed.after_fill, array[one]) t;
  -- Of a correction only the difference to what it corrects is new.
  if one.corrects is not null then
    worth_minor := worth_minor - coalesce((select f.value_minor from core.effective_fills f
      where f.id = one.corrects), 0);
  end if;
  bound_minor := case when one.side = 'SELL' then 0 when one.order_id is null then worth_minor
    else core.margin_on(core.filled_value(one.order_id) + worth_minor, one.leverage_centi)
      - core.margin_on(core.filled_value(one.order_id), one.leverage_centi) end;
  change_minor := becomes.cost_minor - coalesce(held.cost_minor, 0);

  insert into public.fills (order_id, source, account_id, instrument_id, product, corrects, venue_fill_id,
    side, quantity, price_minor, value_minor, realised_minor, freed_margin_minor, late, trade_date,
    filled_at)
  values (one.order_id, case when one.order_id is null then 'external' else 'venue' end, one.account_id,
    one.instrument_id, one.product, one.corrects, one.venue_fill_id, one.side, one.quantity, one.price_minor,
    one.value_minor, change_minor + case one.side when 'BUY' then -worth_minor else worth_minor end,
    bound_minor - (becomes.margin_minor - coalesce(held.margin_minor, 0)), one.ended, one.trade_date,
    one.filled_at)
  returning id into booked;
  insert into public.positions as p (account_id, instrument_id, product, quantity, cost_minor, margin_minor,
    last_filled_at)
  values (one.account_id, one.instrument_id, one.product, becomes.quantity, becomes.cost_minor,
    becomes.margin_minor, one.filled_at)
  on conflict (account_id, instrument_id, product) do update set quantity = excluded.quantity,
    cost_minor = excluded.cost_minor, margin_minor = excluded.margin_minor,
    last_filled_at = greatest(p.last_filled_at, excluded.last_filled_at);
  if becomes.quantity < 0 then
    perform core.record_oversold(one.account_id, one.instrument_id, becomes.quantity,
      one.trade_date, now_at);
  end if;
  return booked;
end $function$;

-- The fills nobody has told yet; `late_ones` are those of orders that had ended.
CREATE OR REPLACE FUNCTION core.book_fills(outcomes core.outcome[], now_at timestamptz, OUT fresh bigint[], OUT late_ones bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  reported constant core.reported_fill[] := array(
    select distinct on (o.id, fill."venueFillId") row(o.id, o.client_order_id, o.leverage_centi,
      o.filled_value_minor, o.ended_at is not null, o.account_id, o.instrument_id, o.product,
      (select trade_date from public.scan_runs run where run.id = o.run_id), null,
      fill."venueFillId", o.side, fill.quantity, fill."priceMinor",
      core.fill_value(o.side, fill.quantity, fill."priceMinor", core.places_of(o.instrument_id)),
      core.at(fill."atMs"))::core.reported_fill
    from unnest(outcomes) outcome join public.orders o on o.id = outcome."orderId",
      unnest(outcome.fills) fill
    where (select true from public.fills old
      where (old.order_id, old.venue_fill_id) = (o.id, fill."venueFillId") limit 1) is null
    order by o.id, fill."venueFillId");
begin
  select booked.fresh, booked.late_ones into fresh, late_ones
  from core.book_reported_fills(reported, now_at) booked;
end $function$;

-- Fills that only add to positions, or are the one sale out of theirs, in one statement.
CREATE OR REPLACE FUNCTION core.book_fills_in_order(reported core.reported_fill[], OUT fresh bigint[], OUT late_ones bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  with counted as (
    select row.*, case when side = 'SELL' then 0 when order_id is null then value_minor
      else core.margin_on((before_minor + upto_minor)::bigint, leverage_centi)
        - core.margin_on((before_minor + upto_minor - value_minor)::bigint,
          leverage_centi) end as bound_minor
    from (select one.*, sum(value_minor) over (partition by order_id
      order by filled_at, venue_fill_id collate "C") as upto_minor from unnest(reported) one) row
  ), valued as (
    select c.*, case when side = 'SELL' then core.pro_rata(p.cost_minor, c.quantity, p.quantity)
      else 0 end as cost_out_minor,
      case when side = 'SELL' then core.pro_rata(p.margin_minor, c.quantity, p.quantity)
        else 0 end as margin_out_minor
    from counted c left join lateral (select * from public.positions p
      where (p.account_id, p.instrument_id, p.product) = (c.account_id, c.instrument_id, c.product)
        limit 1) p on true
  ), booked as (
    insert into public.fills (order_id, source, account_id, instrument_id, product, venue_fill_id,
      side, quantity, price_minor, value_minor, realised_minor, freed_margin_minor, late, trade_date,
      filled_at)
    select order_id, case when order_id is null then 'external' else 'venue' end, account_id,
      instrument_id, product, venue_fill_id, side, quantity, price_minor, value_minor,
      case side when 'SELL' then value_minor - cost_out_minor else 0 end, margin_out_minor,
      ended, trade_date, filled_at
    from valued order by account_id, order_id, venue_fill_id
    returning id, late
  ), held as (
    insert into public.positions as p (account_id, instrument_id, product, quantity, cost_minor,
      margin_minor, last_filled_at)
    select account_id, instrument_id, product, sum(case side when 'BUY' then quantity else -quantity end),
      sum(case side when 'BUY' then value_minor else -cost_out_minor end),
      sum(bound_minor - margin_out_minor), max(filled_at)
    from valued group by 1, 2, 3 order by 1, 2, 3
    on conflict (account_id, instrument_id, product) do update set quantity = p.quantity + excluded.quantity,
      cost_minor = p.cost_minor + excluded.cost_minor, margin_minor = p.margin_minor + excluded.margin_minor,
      last_filled_at = excluded.last_filled_at
  )
  select coalesce(array_agg(id), '{}'),
    coalesce(array_agg(id) filter (where late), '{}') into fresh, late_ones from booked;
end $function$;

-- The hold is gone already, so each late fill pays for itself: what all fills up to it cost, less what those
-- before did.
CREATE OR REPLACE FUNCTION core.book_late_fills(late_ones bigint[], now_at timestamptz)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with late as (
    select f.id, o as ended, f.account_id, f.order_id, f.quantity, f.value_minor,
      o.filled_value_minor + coalesce(sum(f.value_minor) over (partition by f.order_id
        order by f.id
        rows between unbounded preceding and 1 preceding), 0)::bigint as before_minor,
      f.realised_minor + f.freed_margin_minor as released_minor
    from public.fills f join public.orders o on o.id = f.order_id
    where f.id = any(late_ones)
  ), entry as (
    insert into public.ledger_entries (account_id, order_id, fill_id, kind, cash_delta_minor,
      held_delta_minor, at)
    select account_id, order_id, id, 'late_post', released_minor
      - (core.cost_of_value(ended, before_minor + value_minor) - core.cost_of_value(ended, before_minor)), 0,
      now_at
    from late order by id
    returning account_id, cash_delta_minor
  ), total as (
    select account_id, sum(cash_delta_minor) as cash_delta_minor from entry group by 1
  )
  update public.accounts a set cash_minor = a.cash_minor + total.cash_delta_minor,
    not_ready = core.block_reason(a.not_ready, 'a fill came after its order had ended: acknowledge it')
  from total where a.id = total.account_id;
$function$;

-- Shares the venue no longer has, as a person has acknowledged: external sales that name their drift. What
-- they brought nobody told us, so they go at what they cost, without profit or loss; their cash comes with
-- the venue's funds in the next readiness. Only where our books still are as the drift saw them, the last
-- check has not found it gone, and no younger drift of the share says otherwise. Gives the new fills.
CREATE OR REPLACE FUNCTION core.book_missing_shares(of_account bigint, drift_ids bigint[], now_at timestamptz)
 RETURNS bigint[]
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with missing as (
    select distinct on (named.share) d.id, d.ours::bigint as ours, named.id as named,
      d.ours::bigint - greatest(d.theirs::bigint, 0) as gone, named.share
    from public.drifts d join public.accounts a on a.id = d.account_id
    join public.instruments named on named.exchange || ':' || named.symbol = d.what
    where d.account_id = of_account and d.id = any(drift_ids) and d.kind = 'position'
      and d.acknowledged_at is null
      and d.last_found_at > coalesce(a.checked_at, '-infinity')
    order by named.share, d.last_found_at desc, d.id desc
  ), held as (
    select m.*, p.instrument_id, p.product, p.quantity, p.cost_minor,
      sum(p.quantity) over (partition by m.id) as total,
      (sum(p.quantity) over (partition by m.id order by p.instrument_id <> m.named,
        p.instrument_id, p.product)
        - p.quantity)::bigint as before
    from missing m join public.positions p on p.account_id = of_account and p.quantity <> 0
    join public.instruments i on i.id = p.instrument_id and i.share = m.share
  )
  select (core.book_reported_fills(array(
    select core.external_fill(of_account, instrument_id, product,
      format('drift:%s:%s:%s', id, instrument_id, product), 'SELL', least(quantity, gone - before),
      greatest(1, round(cost_minor::numeric / quantity))::bigint, now_at)
    from held where total = ours and before < gone and quantity > 0
    order by instrument_id, product), now_at)).fresh;
$function$;

-- Shares that were sold beyond what was held, as a person has acknowledged: whoever delivered them did it
-- past us, at what they were sold for, without profit or loss. What it cost comes with the venue's funds in
-- the next readiness. Only where the position still is as its drift says. Gives the new fills.
CREATE OR REPLACE FUNCTION core.book_oversold(of_account bigint, drift_ids bigint[], now_at timestamptz)
 RETURNS bigint[]
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  select (core.book_reported_fills(array(
    select core.external_fill(of_account, p.instrument_id, p.product,
      format('drift:%s:%s:%s', d.id, p.instrument_id, p.product), 'BUY', -p.quantity,
      ceil(p.cost_minor::numeric / p.quantity)::bigint, now_at)
    from public.drifts d join public.instruments i on i.exchange || ':' || i.symbol = d.what
    join public.positions p on (p.account_id, p.instrument_id) = (of_account, i.id)
    where d.account_id = of_account and d.id = any(drift_ids) and d.kind = 'oversold'
      and d.acknowledged_at is null
      and p.quantity = d.ours::bigint and p.quantity < 0
    order by p.instrument_id, p.product), now_at)).fresh;
$function$;

-- Books fills that are not booked yet: fills and positions, no money. Gives their ids, and those of orders
-- that had ended. Their accounts are locked. Most positions get buys, or one sale of what is held, later
-- than anything before: these go all at once; for the others the position is computed anew, fill by fill.
CREATE OR REPLACE FUNCTION core.book_reported_fills(reported core.reported_fill[], now_at timestamptz, OUT fresh bigint[], OUT late_ones bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  in_turn core.reported_fill[];
  one core.reported_fill;
  booked bigint;
begin
  select coalesce(array_agg(row), '{}') into in_turn from (
    select row, p.quantity as held, p.last_filled_at,
      count(*) over of_position as n, bool_and((row).side = 'BUY') over of_position as buys_only,
      min((row).filled_at) over of_position as first_at
    from unnest(reported) row
    left join lateral (select * from public.positions p where (p.account_id, p.instrument_id, p.product)
      = ((row).account_id, (row).instrument_id, (row).product) limit 1) p on true
    window of_position as (partition by (row).account_id, (row).instrument_id, (row).product)
  ) of_one
  where (last_filled_at is null or first_at > last_filled_at)
    and case when buys_only then coalesce(held, 0) >= 0 else n = 1 and (row).quantity <= held end;
  select booked_at_once.fresh, booked_at_once.late_ones into fresh, late_ones
  from core.book_fills_in_order(in_turn) booked_at_once;

  for one in select row.* from unnest(reported) row where not row = any(in_turn)
    order by row.filled_at, row.side, row.client_order_id collate "C" nulls first,
      row.venue_fill_id collate "C"
  loop
    booked := core.book_fill_out_of_order(one, now_at);
    fresh := fresh || booked;
    if one.ended then late_ones := late_ones || booked; end if;
  end loop;
end $function$;

-- Writes what becomes of fresh requests: what a scan freezes, orders and holds for what still fits, the
-- decisions, and who is told of it.
CREATE OR REPLACE FUNCTION core.book_single_orders(run public.scan_runs, args jsonb, decisions core.decision[], now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  fresh_signals constant text[] := array(select row."signalId" from unnest(decisions) row);
  by_turns core.decision[];
  batch core.decision[];
  refusals core.refusal[] := '{}';
  accepted bigint := 0;
  crowded bigint[];
begin
  perform core.freeze_requests(run, args, decisions, now_at);
  decisions := core.with_queue_positions(run.id, decisions);
  by_turns := decisions;
  if run.limits ->> 'symbolCapMinor' is null then
    select at_once.accepted, at_once.crowded into accepted, crowded
    from core.accept_at_once(run, decisions, '{}', now_at) at_once;
    by_turns := case when crowded = '{}' then '{}' else array(select row
      from unnest(decisions) row where row."accountId" = any(crowded)) end;
  end if;
  if by_turns <> '{}' then
    for batch in select core.accept_batches(run, by_turns, '{}') loop
      refusals := refusals || array(select core.accept_batch(run, batch, now_at));
    end loop;
    accepted := accepted + core.write_decisions(run, by_turns, refusals);
  end if;
  if accepted < cardinality(decisions) then
    perform core.count_denied_orders(args, run.id, fresh_signals);
  end if;
  perform pg_notify('daily_scan_work', run.id);
  perform core.queue_order_messages(run.id, decisions, now_at);
end $function$;

-- A threshold as the run froze it.
CREATE OR REPLACE FUNCTION core.breaker_limit(limits jsonb, name text, otherwise bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select coalesce((limits ->> name)::bigint, otherwise);
$function$;

-- One expression, so that it is planned with the query it stands in.
CREATE OR REPLACE FUNCTION core.breaker_stops(b public.breakers, o public.orders)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select b.is_open and b.run_id = o.run_id and b.venue = o.venue and b.signal_id in ('', o.signal_id)
    and b.account_id in (0, o.account_id);
$function$;

-- An instant the caller has seen on its clock, by the database's: how long ago it was, no clock disagrees
-- about.
CREATE OR REPLACE FUNCTION core.caller_instant(args jsonb, ms bigint)
 RETURNS timestamptz
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return case when core.uses_virtual_clock(args) then core.at(ms)
    else core.database_now() - (core.now_of(args) - core.at(ms)) end;
end $function$;

-- Every role that could have been granted something of ours, but those the server lacks.
CREATE OR REPLACE FUNCTION core.callers()
 RETURNS text[]
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select array_agg(who) from unnest(array['anon', 'authenticated', 'service_role', 'daily_scan_service',
    'daily_scan_http']) as who where to_regrole(who) is not null;
$function$;

-- Each order to buy against the cap it was accepted under: with what those accepted before it then counted
-- at least, its share of that day is within it. What an order filled after its end, or was corrected to
-- since, others may have had meanwhile; and an order with no cap waits for nobody, so it is not known to
-- have come before.
CREATE OR REPLACE FUNCTION core.cap_findings(since date, until date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with bought as (
    select run.mode, run.trade_date, i.share, o.id,
      core.value_up(o.quantity, price.minor, i.quantity_scale + i.price_scale) as cost_minor,
      case when o.ended_at is not null then in_time.minor end as bought_minor, cap.minor as cap_minor
    from public.scan_runs run join public.orders o on o.run_id = run.id and o.side = 'BUY'
    join public.instruments i on i.id = o.instrument_id
    -- The limits of the run of single orders follow the last of them: each order's own are with its request.
    left join public.order_requests request on (request.run_id, request.signal_id) = (o.run_id, o.signal_id)
    cross join lateral (select (coalesce(request.limits, run.limits) ->> 'symbolCapMinor')::bigint
      as minor) cap
    left join lateral (select coalesce(sum(least(f.value_minor,
      (select min(corrected.value_minor)
        from public.fills corrected where corrected.corrects = f.id))), 0) as minor
      from public.fills f where f.order_id = o.id and f.corrects is null and not f.late) in_time
        on o.ended_at is not null
    cross join lateral (select greatest(o.decision_price_minor, case when run.takes_orders_until is not null
      then (select s.reference_price_minor from public.signals s
        where s.id = o.signal_id) end) as minor) price
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
      and cap.minor is not null
  ), come_to as (
    select bought.*, cost_minor + coalesce(sum(least(cost_minor, bought_minor)) over (
      partition by mode, trade_date, share order by id rows between unbounded preceding
      and 1 preceding), 0) as minor
    from bought
  )
  select distinct on (mode, trade_date, share) 'no more of a share is bought in a day than its cap',
    concat_ws(' ', mode, trade_date, share), null, core.decimal(minor),
    'at most ' || core.decimal(cap_minor), null, false
  from come_to where minor > cap_minor order by mode, trade_date, share, id;
$function$;

-- What an order to buy counts towards the cap of its symbol: while it is open all of it, at the quote it was
-- decided on or at the limit that was named above that; once it has ended what it bought. One that was
-- rejected, or never sent, gives its share back.
CREATE OR REPLACE FUNCTION core.cap_use_minor(o public.orders, named_limit_minor bigint, places integer)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when o.ended_at is null
    then core.value_up(o.quantity, greatest(o.decision_price_minor, named_limit_minor), places)
    else o.filled_value_minor end;
$function$;

-- What is deposited and withdrawn on a day (of the currency's zone) in the accounts of a mode and currency.
CREATE OR REPLACE FUNCTION core.cash_moves_on(of_mode text, paid_in text, day date)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('depositedMinor',
    core.clamp_to_safe(coalesce(sum(cash_delta_minor) filter (where kind = 'deposit'), 0)),
    'withdrawnMinor',
    core.clamp_to_safe(coalesce(-sum(cash_delta_minor) filter (where kind = 'withdrawal'), 0)))
  from public.ledger_entries e join public.accounts a on a.id = e.account_id and a.mode = of_mode
    and a.currency = paid_in
  where e.kind in ('deposit', 'withdrawal')
    and (e.at at time zone core.zone_of_currency(paid_in))::date = day;
$function$;

-- The same formula as chargesOn in domain/decision/charges.ts, rounded up once at the end; a test compares
-- the two.
CREATE OR REPLACE FUNCTION core.charges_on(value_minor bigint, rate public.charge_rates)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when value_minor = 0 then 0 else ceil((
      value_minor::numeric * (rate.transaction_tax_ppb + rate.stamp_ppb) * 10000
      + (10000 + rate.gst_bps) * (
          value_minor::numeric * (rate.exchange_ppb + rate.regulator_ppb)
          + least(value_minor::numeric * rate.brokerage_ppb, rate.brokerage_cap_minor * 1000000000::numeric))
    ) / 10000000000000)::bigint end;
$function$;

-- The exchange whose charges hold in a market: the first of its codes in domain/market/market.ts, a test
-- compares the two. As above, what begins with no code is the NSE's.
CREATE OR REPLACE FUNCTION core.charging_exchange(code text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when core.zone_of(code) = 'America/New_York' then 'US'
    when split_part(code, ':', 1) in ('XBOM', 'BSE') then 'BSE'
    when core.zone_of(code) = 'UTC' then 'SOLANA' else 'NSE' end;
$function$;

-- What is over for longer than this should have been ended by whoever sweeps.
CREATE OR REPLACE FUNCTION core.check_grace()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
AS $function$ select interval '15 minutes'; $function$;

-- The rows of a request, each with why it is rejected (`why`) or whether it is a duplicate; else it is to be
-- taken. `free`: how many more may be taken today; null: as many as there are.
CREATE OR REPLACE FUNCTION core.check_signals(rows jsonb, strategies text[], free bigint)
 RETURNS SETOF core.checked_signal
 LANGUAGE sql
 STABLE
AS $function$
  with examined as (
    select row.position, payload, signal ->> 'id' as signal_id,
      exists (select from public.signals s where s.id = signal ->> 'id')
        or row_number() over (partition by signal ->> 'id', problem is null
          order by row.position) > 1 as is_known,
      case when problem is not null then problem
        when strategies is not null and not signal ->> 'strategy' = any(strategies)
          then 'strategy_not_allowed'
        when exists (select from public.scan_runs where id = "runId") then 'too_late' end as why
    from jsonb_to_recordset(rows) as row(position integer, payload text, problem text, "runId" text,
      signal jsonb)
  )
  select position, payload, signal_id, is_known and coalesce(why, 'too_late') = 'too_late',
    case when why is not null then why
      when not is_known and count(*) filter (where why is null and not is_known)
        over (order by position) > free
        then 'daily_limit' end
  from examined;
$function$;

-- How far the clocks of two machines may differ.
CREATE OR REPLACE FUNCTION core.check_skew()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
AS $function$ select interval '5 minutes'; $function$;

-- The best orders that may go now, locked: at most `limit`, of the caller's venues. It walks the index of
-- what waits, in its order, and never sorts all of it.
CREATE OR REPLACE FUNCTION core.choose_orders(args jsonb, now_at timestamptz, OUT taken bigint[], OUT waits core.rate_wait[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  max_orders constant bigint := (args ->> 'limit')::bigint;
  per_account constant bigint := (args ->> 'perAccount')::bigint;
  held constant jsonb := args -> 'held';
  budgets constant jsonb := coalesce(args -> 'budgets', '{}');
  -- Asked once: mostly there is none, and no order has to be compared with it.
  any_open constant boolean := exists (select from public.breakers where is_open);
  full_accounts bigint[] := array(select key::bigint from jsonb_each_text(held)
    where value::bigint >= per_account);
  venues text[];
  ids bigint[];
  accounts bigint[];
  taken_accounts bigint[] := '{}';
  is_last boolean := false;
  now_full bigint[];
  now_waiting core.rate_wait[];
begin
  select open.venues, open.waits into venues, waits
  from core.venues_with_rate(core.text_array(args -> 'venues'), budgets) open;
  taken := '{}';
  -- Once, mostly: again only where probes went first, or accounts or venues had more waiting than may go.
  for turn in 0 .. 1000 loop
    if turn = 0 then
      continue when not any_open;
      ids := core.due_probes(venues, full_accounts, now_at, least(max_orders, 20));
      accounts := array(select o.account_id from unnest(ids) with ordinality as one(id, n)
        join public.orders o on o.id = one.id order by one.n);
    else
      select found.ids, found.accounts, found.is_last into ids, accounts, is_last
      from core.find_queued(venues, full_accounts, taken, any_open, now_at,
        max_orders - cardinality(taken)) found;
    end if;
    if per_account is not null then
      select shares.go, shares.full_accounts into ids, now_full
      from core.within_shares(taken || ids, taken_accounts || accounts, held, per_account) shares;
      ids := ids[cardinality(taken) + 1:];
      full_accounts := full_accounts || now_full;
    end if;
    if budgets <> '{}' then
      select admitted.go, admitted.waits into ids, now_waiting
      from core.admit_by_rate(ids, budgets, now_at) admitted;
      waits := waits || array(select w from unnest(now_waiting) w where w."waitMs" is not null);
      full_accounts := full_accounts || array(select w."accountId" from unnest(now_waiting) w
        where w."accountId" is not null);
      venues := array(select venue from unnest(venues) venue where not exists (
        select from unnest(now_waiting) w where w.venue = venue and w."accountId" is null));
    end if;
    taken := taken || ids;
    exit when is_last or cardinality(taken) >= max_orders;
    taken_accounts := array(select o.account_id from unnest(taken) with ordinality as one(id, n)
      join public.orders o on o.id = one.id order by one.n);
  end loop;
end $function$;

-- A sum over many, for people to read: 2^53 - 1 at most, the largest number everybody who reads JSON has
-- alike. What one account has is kept within it by constraints, so only numbers nobody means can add up to
-- more.
CREATE OR REPLACE FUNCTION core.clamp_to_safe(amount numeric)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE STRICT
AS $function$
  select greatest(least(amount, 9007199254740991), -9007199254740991);
$function$;

-- The same as clientOrderIdOf in domain/ids.ts: 100 bits of SHA-256 as 20 characters of 0-9 and a-v. Tests
-- make orders with that one, and check_books finds nothing wrong with them.
CREATE OR REPLACE FUNCTION core.client_order_id_of(mode text, venue text, user_id text, signal_id text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  letters constant text := '0123456789abcdefghijklmnopqrstuv';
  hex constant text := left(encode(sha256(convert_to(concat_ws('|', mode, venue, user_id, signal_id),
    'UTF8')), 'hex'), 25);
  -- Five hex digits are four letters.
  bits integer;
  made text := '';
begin
  for n in 0..4 loop
    bits := ('x' || substr(hex, 5 * n + 1, 5))::bit(20)::integer;
    made := made || substr(letters, (bits >> 15) + 1, 1) || substr(letters, ((bits >> 10) & 31) + 1, 1)
      || substr(letters, ((bits >> 5) & 31) + 1, 1) || substr(letters, (bits & 31) + 1, 1);
  end loop;
  return made;
end $function$;

-- Whether a call's clock is more than two minutes off the database's, and should not be.
CREATE OR REPLACE FUNCTION core.clock_is_far(args jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return not core.uses_virtual_clock(args) and coalesce(
    abs(core.ms(core.database_now()) - (args ->> 'nowMs')::bigint) > 120000, true);
end $function$;

-- Those of locked accounts whose books can be closed: everything up to there has ended, adds up, and was
-- traded before all that came after; and nobody has yet to look at any of it.
CREATE OR REPLACE FUNCTION core.closable_accounts(c public.closings, p core.period, positions public.closed_positions[])
 RETURNS bigint[]
 LANGUAGE sql
 STABLE
AS $function$
  with wrong as (
    select finding.user_id from (
      select * from core.entry_findings(p)
      union all select * from core.single_entry_findings(p)
      union all select * from core.fill_findings(p)
      union all select * from core.value_findings(p)
      union all select * from core.beyond_order_findings(p)
      union all select * from core.filled_findings(p)) finding
    union
    select a.user_id from core.unacknowledged_facts(p) fact join public.accounts a on a.id = fact.account_id
    where fact.since is null or not core.acknowledged_since(a, fact.since)
  ), unfit as (
    select o.account_id from core.orders_in(p) o where o.ended_at is null
    union
    select at_end.account_id from core.positions_at_end(p) at_end
    where at_end.said_realised_minor <> at_end.realised_minor
      or at_end.said_freed_minor <> at_end.freed_minor
      or at_end.first_filled_at <= at_end.opened_at
      or at_end.last_filled_at >= core.database_now() - core.closing_delay()
    union
    select position.account_id from unnest(positions) position join public.fills later
      on later.account_id = position.account_id and later.id > c.last_fill_id
      and (later.instrument_id, later.product) = (position.instrument_id, position.product)
      and (later.order_id is null or later.order_id > c.last_order_id)
      and later.filled_at <= position.last_filled_at
  )
  select coalesce(array_agg(made.account_id), '{}')
  from core.money_at_end(p) made join public.accounts a on a.id = made.account_id
  where made.cash_minor = made.earned_minor and made.held_minor = 0
    -- As in public.accounts: beyond it nobody who reads JSON has the same number.
    and abs(made.cash_minor) <= 9007199254740991
    and a.id not in (select unfit.account_id from unfit)
    and a.user_id not in (select wrong.user_id from wrong where wrong.user_id is not null);
$function$;

-- Closes in the ledger whatever of these orders has ended and is not closed yet: one post (something filled)
-- or void each.
CREATE OR REPLACE FUNCTION core.close_orders(touched bigint[], now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  with ended as materialized (
    select o.id, o.account_id, o.side, o.hold_minor, o.filled_quantity > 0 as traded, o.released_minor,
      core.margin_on(o.filled_value_minor, o.leverage_centi) as margin_minor,
      core.charges_on(o.filled_value_minor, rate) as charges_minor, o.charges_minor as charges_so_far_minor
    from public.orders o join public.charge_rates rate on rate.id = o.rate_id
    where o.id = any(touched) and o.ended_at is not null and (select true from public.ledger_entries closed
      where closed.order_id = o.id and closed.kind in ('post', 'void') limit 1) is null
  ), entry as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, case when traded then 'post' else 'void' end,
      case when traded then released_minor - charges_minor - case side when 'BUY' then margin_minor
        else 0 end else 0 end,
      -hold_minor, now_at
    from ended order by id
    returning account_id, cash_delta_minor, held_delta_minor
  ), total as (
    select account_id, sum(cash_delta_minor) as cash_minor, sum(held_delta_minor) as held_minor
    from entry group by 1
  ), charged as (
    -- Where nobody settled it: its time was over, or somebody stopped it.
    update public.orders o set charges_minor = ended.charges_minor from ended
    where o.id = ended.id and ended.charges_minor <> ended.charges_so_far_minor
  )
  update public.accounts a set cash_minor = a.cash_minor + total.cash_minor,
    held_minor = a.held_minor + total.held_minor,
    not_ready = core.not_ready_with(a.not_ready, a.cash_minor + total.cash_minor,
      a.held_minor + total.held_minor)
  from total where a.id = total.account_id;
end $function$;

-- What is closed of each account against its records: its cash, and that it held nothing.
CREATE OR REPLACE FUNCTION core.closed_balance_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with stands as (
    select a, b.cash_minor as ours, made.*
    from public.closed_balances b join public.accounts a on a.id = b.account_id
    join core.money_at_end(p) made on made.account_id = b.account_id
    where b.through = (p).closing
  ), wrong as (
    select 'closed cash is the sum of its entries' as rule, a, core.decimal(ours) as ours,
      core.decimal(cash_minor) as should from stands where ours <> cash_minor
    union all
    select 'closed cash is what was paid in and what orders made of it', a, core.decimal(ours),
      core.decimal(earned_minor) from stands where ours <> earned_minor
    union all
    select 'a closed account held nothing', a, core.decimal(held_minor), core.decimal(0)
    from stands where held_minor <> 0
  )
  select rule, format('%s through %s', core.account_name(a), (p).closing), (a).user_id, ours, should,
    null, false from wrong
  union all
  select 'an order of a closed account has ended', 'order ' || o.client_order_id, o.user_id, o.status,
    'ended', null, false
  from core.orders_in(p) o where o.ended_at is null and (p).closing is not null;
$function$;

-- What is closed of a position before a fill that is to be booked: the last closing that stays closed once
-- it is (the trigger below opens the others again). 0: nothing is.
CREATE OR REPLACE FUNCTION core.closed_before(one core.reported_fill)
 RETURNS core.closed_holding
 LANGUAGE sql
 STABLE
AS $function$
  select row(row(coalesce(last.quantity, 0), coalesce(last.cost_minor, 0), coalesce(last.margin_minor, 0),
      coalesce(last.realised_minor, 0))::core.holding,
    coalesce(last.last_order_id, 0), coalesce(last.last_fill_id, 0))::core.closed_holding
  from (values (true)) as every left join lateral (
    select * from public.closed_positions p join public.closings c using (through)
    where (p.account_id, p.instrument_id, p.product) = (one.account_id, one.instrument_id, one.product)
      -- What was removed is not counted anew: a fill that says it was traded before is counted right after.
      and (p.last_filled_at < one.filled_at or p.through <= core.removed_through())
      and coalesce(one.order_id > c.last_order_id, one.corrects > c.last_fill_id, true)
    order by p.through desc limit 1) last on true;
$function$;

-- How long ago the last trade of a closed position has to be. A fill that is told later and was traded
-- before it is then known by its age alone, so that the trigger below costs the others nothing.
CREATE OR REPLACE FUNCTION core.closing_delay()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
AS $function$ select interval '1 day'; $function$;

-- What is closed of each position against its fills, and what they say they realised and freed; and that all
-- of it was traded before what follows, since positions are computed on from there.
CREATE OR REPLACE FUNCTION core.closing_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with stands as (
    select account_id, instrument_id, product, made.opened_at, made.first_filled_at,
      (coalesce(c.quantity, 0)::numeric, coalesce(c.cost_minor, 0)::numeric,
        coalesce(c.margin_minor, 0)::numeric, coalesce(c.realised_minor, 0)::numeric,
        coalesce(c.freed_margin_minor, 0)::numeric, c.last_filled_at) as ours,
      (coalesce(made.quantity, 0)::numeric, coalesce(made.cost_minor, 0)::numeric,
        coalesce(made.margin_minor, 0)::numeric, coalesce(made.realised_minor, 0),
        coalesce(made.freed_minor, 0), made.last_filled_at) as should,
      (coalesce(made.said_realised_minor, 0), coalesce(made.said_freed_minor, 0)) as said,
      (coalesce(made.realised_minor, 0), coalesce(made.freed_minor, 0)) as should_say
    from core.positions_closed_on((p).closing, p) c
    full join core.positions_at_end(p) made using (account_id, instrument_id, product)
  ), wrong as (
    select 'a closed position is what its fills make' as rule, stands, ours::text as ours,
      should::text as should
    from stands where (p).closing is not null and ours is distinct from should
    union all
    select 'closed fills realised and freed what their position did', stands, said::text, should_say::text
    from stands where (p).closing is not null and said is distinct from should_say
    union all
    select 'what is closed was traded before what follows it', stands, first_filled_at::text,
      'after ' || opened_at
    from stands where first_filled_at <= opened_at
  )
  select * from core.closed_balance_findings(p)
  union all
  select rule, format('%s:%s (%s) of account %s', i.exchange, i.symbol, (stands).product,
    (stands).account_id), a.user_id, ours, should, null, false
  from wrong left join public.accounts a on a.id = (stands).account_id
  left join public.instruments i on i.id = (stands).instrument_id;
$function$;

-- Those that may lie between a trading day and the one before it; the caller knows the calendar.
CREATE OR REPLACE FUNCTION core.corporate_actions(on_date date)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('exchange', exchange, 'symbol', symbol,
      'exDate', ex_date, 'kind', kind, 'ratio', ratio) order by exchange, symbol, ex_date, kind), '[]')
    from public.corporate_actions where ex_date between on_date - 10 and on_date
  );
end $function$;

-- A fill's quantity, price and value as they were told last; with quantity 0 where it never was.
CREATE OR REPLACE FUNCTION core.corrected_fill(f public.fills)
 RETURNS TABLE(quantity bigint, price_minor bigint, value_minor bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(c.quantity, f.quantity), coalesce(c.price_minor, f.price_minor),
    coalesce(c.value_minor, f.value_minor)
  from (values (true)) as one left join lateral (select last.quantity, last.price_minor, last.value_minor
    from public.fills last
    where last.corrects = f.id order by last.id desc limit 1) c on true;
$function$;

-- What each ended order of a period cost or brought in all, as its fills say: released margin and profit,
-- less margin and charges.
CREATE OR REPLACE FUNCTION core.cost_of_orders(p core.period)
 RETURNS TABLE(order_id bigint, account_id bigint, cash_minor numeric)
 LANGUAGE sql
 STABLE
AS $function$
  select o.id, o.account_id,
    coalesce(made.released, 0) - core.charges_on(coalesce(filled.value, 0)::bigint, rate)
    - case o.side when 'BUY' then core.margin_on(coalesce(filled.value, 0)::bigint, o.leverage_centi)
    else 0 end
  from core.orders_in(p) o join public.charge_rates rate on rate.id = o.rate_id
  left join (select f.order_id, sum(f.value_minor) as value
    from core.effective_fills_in(p) f where f.order_id is not null group by 1) filled
      on filled.order_id = o.id
  left join (select f.order_id, sum(f.realised_minor + f.freed_margin_minor) as released
    from core.fills_in(p) f where f.order_id is not null group by 1) made on made.order_id = o.id
  where o.ended_at is not null;
$function$;

-- What a value of an order's fills costs in all: the margin paid for it and its charges.
CREATE OR REPLACE FUNCTION core.cost_of_value(o public.orders, value_minor bigint)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select core.charges_on(value_minor, rate)
    + case o.side when 'BUY' then core.margin_on(value_minor, o.leverage_centi) else 0 end
  from public.charge_rates rate where rate.id = o.rate_id;
$function$;

-- Counts the refusals of fresh requests, for whom they were made by.
CREATE OR REPLACE FUNCTION core.count_denied_orders(args jsonb, of_run text, fresh_signals text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform core.add_daily_counts(counted.done) from (
    select jsonb_object_agg('denied ' || principal, n) as done from (
      select row.principal, count(*) as n
      from jsonb_to_recordset(args -> 'requests') as row(principal text, signal jsonb)
      cross join lateral (select outcome from public.decisions made where made.run_id = of_run
        and made.signal_id = row.signal ->> 'id' limit 1) d
      where row.signal ->> 'id' = any(fresh_signals) and d.outcome <> 'accepted' group by 1) denied) counted
  where counted.done is not null;
end $function$;

-- Counts the last `most` sends of a run at a venue, those of five minutes, not those a closed breaker has
-- judged.
CREATE OR REPLACE FUNCTION core.count_sends(for_run text, for_venue text, most bigint, pct bigint)
 RETURNS SETOF core.sends_counted
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  with closed as materialized (
    select signal_id, counted_from from public.breakers
    where (run_id, venue, account_id) = (for_run, for_venue, 0)
  ), latest as (
    select s.*, cardinality(s.answered) + cardinality(s.failed) as n from public.sends s
    where s.run_id = for_run and s.venue = for_venue and s.at > core.database_now() - interval '5 minutes'
      and s.id > coalesce((select counted_from from closed where signal_id = ''), 0)
    order by s.id desc limit most
  ), counted as (
    select latest.*, sum(n) over (order by id desc) - n as newer from latest
  ), sent as materialized (
    select c.signal_id, account_id, is_failed,
      c.id > coalesce((select counted_from from closed where closed.signal_id = c.signal_id), 0) as is_new
    from counted c cross join lateral (select unnest(c.answered), false
      union all select unnest(c.failed), true) each_one(account_id, is_failed)
    where c.newer < most
  ), worst as (
    select signal_id from sent where is_failed group by 1 order by count(*) desc, 1 limit 1
  ), scopes as (
    select '' as scope, (select signal_id from worst) as own
    union all select distinct signal_id, signal_id from sent
  ), of_accounts as (
    select scope, account_id, count(*) as tried, count(*) filter (where is_failed) as failed
    from scopes join sent on scope = '' or (sent.signal_id = scope and is_new) group by 1, 2
  ), elsewhere as (
    select scope, count(*) as tried, count(*) filter (where is_failed) as failed,
      count(distinct account_id) filter (where is_failed) as accounts
    from scopes join sent on sent.signal_id <> own group by 1
  )
  select scope, sum(o.tried)::bigint, sum(o.failed)::bigint, count(*),
    count(*) filter (where o.failed > 0 and o.failed * 100 >= o.tried * pct),
    coalesce(min(e.tried), 0), coalesce(min(e.failed), 0), coalesce(min(e.accounts), 0)
  from of_accounts o left join elsewhere e using (scope) group by 1;
$function$;

-- How many rows of each table go with a closing, the one before it being removed.
CREATE OR REPLACE FUNCTION core.counts_to_remove(c public.closings)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  with orders as materialized (select o.id from core.orders_in(core.period_to(c.through)) o),
  runs as materialized (select run as id from core.runs_to_remove(c) run),
  messages as materialized (select m.id from core.messages_to_remove(c) m)
  select jsonb_build_object('orders', (select count(*) from orders),
    'order_events', (select count(*) from orders join public.order_events e on e.order_id = orders.id),
    'fills', (select count(*) from core.fills_in(core.period_to(c.through)) f where f.order_id is not null),
    'ledger_entries', (select count(*) from core.entries_in(core.period_to(c.through)) e
      where e.order_id is not null),
    'decisions', (select count(*) from runs join public.decisions d on d.run_id = runs.id),
    'order_requests', (select count(*) from public.order_requests r where r.run_id in (select id from runs)),
    'messages', (select count(*) from messages),
    'message_events', (select count(*) from messages join public.message_events e
      on e.message_id = messages.id),
    'run_users', (select count(*) from runs join public.run_users u on u.run_id = runs.id),
    'run_signals', (select count(*) from runs join public.run_signals s on s.run_id = runs.id),
    'run_prices', (select count(*) from runs join public.run_prices p on p.run_id = runs.id));
$function$;

-- A sealed record with the account it opens.
CREATE OR REPLACE FUNCTION core.credentials_json(c public.account_credentials, a public.accounts)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select jsonb_build_object('accountId', a.id, 'userId', a.user_id, 'venue', a.venue, 'mode', a.mode,
    'keyId', c.key_id, 'wrappedKey', c.wrapped_key, 'sealed', c.sealed, 'storedAtMs', core.ms(c.stored_at));
$function$;

-- The currency of another account of a user whom no account of the run's is for: the run's own, where it is
-- only at another venue. null: they have none in this mode.
CREATE OR REPLACE FUNCTION core.currency_elsewhere(of_user text, run jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select other.currency from public.accounts other
    where other.user_id = of_user and other.mode = run ->> 'mode'
    order by other.currency = core.currency_of(run ->> 'runId') desc, other.id limit 1
  );
end $function$;

-- Each order, and each position, against the currency of its account: amounts of two never meet in a sum.
CREATE OR REPLACE FUNCTION core.currency_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'an order is in the currency of its account', 'order ' || o.client_order_id, o.user_id,
    format('%s:%s in %s', i.exchange, i.symbol, i.currency), a.currency, null::text, false
  from core.orders_in(p) o join public.accounts a on a.id = o.account_id
  join public.instruments i on i.id = o.instrument_id
  where i.currency <> a.currency
  union all
  select 'a position is in the currency of its account', core.account_name(a), a.user_id,
    format('%s:%s in %s', i.exchange, i.symbol, i.currency), a.currency, null, false
  from public.positions held join public.accounts a on a.id = held.account_id
  join public.instruments i on i.id = held.instrument_id
  where (p).closing is null and i.currency <> a.currency;
$function$;

-- The currency a market trades in, by the same codes.
CREATE OR REPLACE FUNCTION core.currency_of(code text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case core.zone_of(code) when 'America/New_York' then 'USD' when 'UTC' then 'USDC' else 'INR' end;
$function$;

-- Who is asking, by the JWT that PostgREST has checked: it leaves the claims in this setting, on any
-- Postgres. Policies need no usage of schema core, so this function is reached through them alone.
-- for authenticated
CREATE OR REPLACE FUNCTION core.current_user_id()
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO ''
AS $function$
  select id from public.users
  where auth_user_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
$function$;

-- Where the records up to the end of a day end; null: on the first day after it orders are still being
-- made, so it can't be said yet. Wherever a cut is, the books add up; it only should be near the end of the
-- day. Orders have numbers in their order in time, and what is recorded under them has later ones.
CREATE OR REPLACE FUNCTION core.cut_after(day date)
 RETURNS public.closings
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  next_day constant date := (select min(core.day_of(run.recorded_at)) from public.scan_runs run
    where core.day_of(run.recorded_at) > day
      and exists (select from public.orders o where o.run_id = run.id));
  cut public.closings;
  next_day_ends bigint;
begin
  if next_day >= core.day_of(core.database_now()) then return null; end if;
  cut.through := day;
  cut.last_order_id := core.last_number('public.orders');
  cut.last_entry_id := core.last_number('public.ledger_entries');
  cut.last_fill_id := core.last_number('public.fills');
  if next_day is not null then
    select min(o.id) - 1, max(o.id) into cut.last_order_id, next_day_ends
    from public.scan_runs run join public.orders o on o.run_id = run.id
    where core.day_of(run.recorded_at) = next_day;
    select coalesce(min(e.id) - 1, cut.last_entry_id) into cut.last_entry_id from public.ledger_entries e
    where e.kind = 'hold' and e.order_id > cut.last_order_id and e.order_id <= next_day_ends;
    -- Of all later orders: one of that day may be filled after those of the days that follow. Not the first
    -- of all fills that is one of theirs, by their numbers: that reads every fill there was before.
    select coalesce(min(later.id) - 1, cut.last_fill_id) into cut.last_fill_id
    from (select f.id from public.fills f where f.order_id > cut.last_order_id offset 0) later;
  end if;
  return cut;
end $function$;

-- How often something was done today, by the database's clock: the day's counts are those of rates.
CREATE OR REPLACE FUNCTION core.daily_count(what text)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select coalesce((select used from core.rate_days
      where key = what and day = (core.database_now() at time zone 'Asia/Kolkata')::date), 0)
  );
end $function$;

-- Leases, rate windows and backoff read this clock; tests may set it. Business time is always an argument.
-- Not in SQL: it says it is stable, so that rows can be found by it, and what it calls is not; such a
-- function is planned at each call.
CREATE OR REPLACE FUNCTION core.database_now()
 RETURNS timestamptz
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return coalesce(nullif(current_setting('daily_scan.now', true), '')::timestamptz, clock_timestamp());
end $function$;

-- The date of an instant where the market is: its trade date.
CREATE OR REPLACE FUNCTION core.date_in(code text, at timestamptz)
 RETURNS date
 LANGUAGE sql
 STABLE
AS $function$ select (at at time zone core.zone_of(code))::date; $function$;

-- When an order's trade date is over, where its market is.
CREATE OR REPLACE FUNCTION core.day_ends_at(o public.orders)
 RETURNS timestamptz
 LANGUAGE sql
 STABLE
AS $function$
  select core.trade_date_ends(run.id, run.trade_date) from public.scan_runs run where run.id = o.run_id;
$function$;

-- A day of a clock, in India.
CREATE OR REPLACE FUNCTION core.day_of(at timestamptz)
 RETURNS date
 LANGUAGE sql
 IMMUTABLE
AS $function$ select (at at time zone 'Asia/Kolkata')::date; $function$;

-- What the accounts of a mode and currency have, what went in and out that day, and what they hold: the 20
-- largest positions by value, all together in figures.
CREATE OR REPLACE FUNCTION core.day_of_money(of_mode text, paid_in text, day date)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  with held as materialized (
    select p.instrument_id, count(distinct p.account_id) as accounts, sum(p.quantity) as quantity,
      sum(p.cost_minor) as cost, sum(p.margin_minor) as margin
    from public.positions p join public.accounts a on a.id = p.account_id
    where a.mode = of_mode and a.currency = paid_in and p.quantity <> 0 group by 1
  ), valued as materialized (
    select held.*, i.exchange, i.symbol, known.price_minor, known.priced_at,
      core.value_down(held.quantity::bigint, known.price_minor, i.quantity_scale + i.price_scale) as value
    from held join public.instruments i on i.id = held.instrument_id
    left join lateral core.last_price(held.instrument_id) known on true
  )
  select jsonb_build_object(
    'accounts', (select jsonb_build_object('count', count(*),
      'cashMinor', core.clamp_to_safe(coalesce(sum(cash_minor), 0)),
      'heldMinor', core.clamp_to_safe(coalesce(sum(held_minor), 0))) from public.accounts
      where mode = of_mode and currency = paid_in)
      || core.cash_moves_on(of_mode, paid_in, day),
    'held', (select jsonb_build_object('positions', coalesce(sum(accounts), 0), 'instruments', count(*),
      'costMinor', core.clamp_to_safe(coalesce(sum(cost) filter (where price_minor is not null), 0)),
      'valueMinor', core.clamp_to_safe(coalesce(sum(value), 0)),
      'marginMinor', core.clamp_to_safe(coalesce(sum(margin), 0)), 'unpriced', count(*)
      filter (where price_minor is null)) from valued),
    'largest', (select coalesce(jsonb_agg(jsonb_build_object('exchange', exchange, 'symbol', symbol,
        'accounts', accounts, 'quantity', core.clamp_to_safe(quantity),
        'costMinor', core.clamp_to_safe(cost), 'priceMinor', price_minor, 'pricedAtMs', core.ms(priced_at))
        order by value desc nulls last, symbol), '[]')
      from (select * from valued order by value desc nulls last, symbol limit 20) first));
$function$;

-- What the orders of these runs came to.
CREATE OR REPLACE FUNCTION core.day_of_orders(runs text[])
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('orders', (select jsonb_build_object('count', count(*),
      'filled', count(*) filter (where status = 'filled'),
      'open', count(*) filter (where status in ('queued', 'submitting', 'working', 'partially_filled')),
      'boughtMinor', core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'BUY'), 0)),
      'soldMinor', core.clamp_to_safe(coalesce(sum(filled_value_minor) filter (where side = 'SELL'), 0)),
      'chargesMinor', core.clamp_to_safe(coalesce(sum(charges_minor) filter (where filled_quantity > 0), 0)))
    from public.orders where run_id = any(runs))
    || jsonb_build_object('realisedMinor', (select core.clamp_to_safe(coalesce(sum(f.realised_minor), 0))
      from public.orders o join public.fills f on f.order_id = o.id
      where o.run_id = any(runs))));
$function$;

-- What needs a person, of whatever day it is.
CREATE OR REPLACE FUNCTION core.day_of_troubles(of_mode text, paid_in text, day date)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  with lost as materialized (
    select o.*, i.symbol, u.name from public.orders o join public.accounts a on a.id = o.account_id
      and a.mode = of_mode and a.currency = paid_in
    join public.instruments i on i.id = o.instrument_id join public.users u on u.id = o.user_id
    where o.ended_at is null and (o.status = 'unknown' or core.left_to_a_person(o))
  ), drift as materialized (
    select d.*, a.user_id, a.venue from public.drifts d join public.accounts a on a.id = d.account_id
      and a.mode = of_mode and a.currency = paid_in
    where d.acknowledged_at is null
  ), blocked as materialized (
    select a.user_id, a.venue, coalesce(a.not_ready, a.check_found) as why from public.accounts a
    where a.mode = of_mode and a.currency = paid_in and coalesce(a.not_ready, a.check_found) is not null
  ), nobody as materialized (
    select a.user_id, a.venue from public.accounts a join public.users u on u.id = a.user_id and u.active
    where a.mode = of_mode and a.currency = paid_in and of_mode = 'live' and core.lacks_login(a.id, day)
  )
  select jsonb_build_object(
    'unknownOrders', jsonb_build_object('count', (select count(*) from lost),
      'first', (select coalesce(jsonb_agg(
        jsonb_build_object('clientOrderId', client_order_id, 'userId', user_id, 'userName', name,
          'symbol', symbol, 'side', side, 'quantity', quantity, 'venue', venue, 'status', status,
          'leftToAPerson', next_lookup_at is null) order by id), '[]')
      from (select * from lost order by id limit 20) t)),
    'drifts', jsonb_build_object('count', (select count(*) from drift), 'first', (select coalesce(jsonb_agg(
        jsonb_build_object('userId', user_id, 'venue', venue, 'kind', kind, 'what', what, 'ours', ours,
          'theirs', theirs) order by id), '[]') from (select * from drift order by id limit 20) t)),
    'blocked', jsonb_build_object('count', (select count(*) from blocked),
      'first', (select coalesce(jsonb_agg(
        jsonb_build_object('userId', user_id, 'venue', venue, 'why', why) order by user_id, venue), '[]')
      from (select * from blocked order by user_id, venue limit 20) t)),
    'missingLogins', jsonb_build_object('count', (select count(*) from nobody),
      'first', (select coalesce(jsonb_agg(
        jsonb_build_object('userId', user_id, 'venue', venue) order by user_id), '[]')
      from (select * from nobody order by user_id limit 20) t)),
    'notChecked', (select count(*) from public.accounts a
      join public.users u on u.id = a.user_id and u.active
      where a.mode = of_mode and a.currency = paid_in and of_mode = 'live'
        and a.checked_for is distinct from day),
    'halts', (select coalesce(jsonb_agg(jsonb_build_object('scope', scope, 'target', target, 'why', why)
      order by id), '[]')
      from (select * from public.halts where resumed_at is null order by id limit 20) t),
    'messagesStopped', (select string_agg(why, '; ') from public.message_stops where resumed_at is null));
$function$;

-- What an account's orders traded on a day: by listing the quantities and values of their fills, and what
-- all of it costs in charges. A fill's day is its order's, however late it is told. Shares that came or went
-- without an order are none. As text, of any size: a sum cut short would hide a loss.
CREATE OR REPLACE FUNCTION core.day_trades(of_account bigint, on_date date)
 RETURNS json
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    with traded as materialized (
      select f.order_id, f.instrument_id, f.side, f.quantity, f.value_minor as minor
      from core.effective_fills f where f.account_id = of_account and f.trade_date = on_date
        and f.order_id is not null
    )
    select json_build_object(
      'traded', (select coalesce(json_agg(json_build_object('exchange', i.exchange, 'symbol', i.symbol,
        'share', i.share,
          'boughtQuantity', bought::text, 'boughtMinor', bought_minor::text, 'soldQuantity', sold::text,
          'soldMinor', sold_minor::text)
          order by i.symbol, i.exchange), '[]')
        from (select instrument_id,
            coalesce(sum(quantity) filter (where side = 'BUY'), 0) as bought,
            coalesce(sum(minor) filter (where side = 'BUY'), 0) as bought_minor,
            coalesce(sum(quantity) filter (where side = 'SELL'), 0) as sold,
            coalesce(sum(minor) filter (where side = 'SELL'), 0) as sold_minor
          from traded group by 1) listing
        join public.instruments i on i.id = listing.instrument_id),
      'chargesMinor', (select coalesce(sum(core.charges_on(minor, rate)), 0)::text
        from (select order_id, sum(minor)::bigint as minor from traded group by 1) of_order
        join public.orders o on o.id = of_order.order_id join public.charge_rates rate
          on rate.id = o.rate_id))
  );
end $function$;

-- What another run has decided meanwhile is «already decided»; the unique index is the last word. Looked for
-- only where another run has the signal: nobody else decides it.
CREATE OR REPLACE FUNCTION core.decided_before(of_run text, decisions core.decision[])
 RETURNS core.refusal[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  shared constant text[] := array(select named.id
    from (select distinct "signalId" as id from unnest(decisions)) named
    where (select true from public.run_signals other
      where other.signal_id = named.id and other.run_id <> of_run limit 1));
begin
  if cardinality(shared) = 0 then return '{}'; end if;
  return array(select row(d."signalId", d."userId", 'skipped', 'already_decided', null, null)::core.refusal
    from unnest(decisions) d where d."signalId" = any(shared)
      and (select true from public.decisions old where old.signal_id = d."signalId"
        and old.account_id = d."accountId" and old.reason is distinct from 'already_decided' limit 1));
end $function$;

-- That accepted decisions and orders are each other's: orders of a period, decisions of its days.
CREATE OR REPLACE FUNCTION core.decided_order_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'an accepted decision has its order, and an order its decision', d.signal_id || ' ' || d.user_id,
    d.user_id, 'no order', 'both', null::text, false
  from public.scan_runs run join public.decisions d on d.run_id = run.id and d.outcome = 'accepted'
  where run.trade_date > coalesce((p).opening, '-infinity')
    and run.trade_date <= coalesce((p).closing, 'infinity')
    and not exists (select from public.orders o
      where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id))
  union all
  select 'an accepted decision has its order, and an order its decision', o.client_order_id, o.user_id,
    'no decision', 'both', null, false
  from core.orders_in(p) o where not exists (select from public.decisions d
    where (d.run_id, d.signal_id, d.user_id) = (o.run_id, o.signal_id, o.user_id)
      and d.outcome = 'accepted')
  union all
  select 'a signal has one order per account', o.account_id || ' ' || o.signal_id, min(o.user_id),
    count(*)::text, '1', null, false
  from core.orders_in(p) o group by o.account_id, o.signal_id having count(*) > 1;
$function$;

CREATE OR REPLACE FUNCTION core."decimal"(minor numeric)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
AS $function$
  select round(minor / 100.0, 2)::text;
$function$;

-- Each decision against what its run froze and against its order.
CREATE OR REPLACE FUNCTION core.decision_findings(since date, until date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with decided as (
    select d, run, ru.queue_position, ru.account_id, rs.position
    from public.scan_runs run join public.decisions d on d.run_id = run.id
    left join public.run_users ru on (ru.run_id, ru.user_id) = (d.run_id, d.user_id)
    left join public.run_signals rs on (rs.run_id, rs.signal_id) = (d.run_id, d.signal_id)
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'a decision is of the place and account its run froze' as rule, d,
      concat_ws('/', (d).position, (d).queue_position, (d).account_id) as ours,
      concat_ws('/', position, queue_position, account_id) as should
    from decided where (d).queue_position is distinct from queue_position
      or case when (run).takes_orders_until is not null
      then (d).position <> 0
      else ((d).position, (d).account_id) is distinct from (position, account_id) end
    union all
    select 'a denial says what was beyond which limit', d, coalesce((d).actual_value, 'nothing'),
      format('beyond %s (%s)', coalesce((d).limit_value, 'nothing'), (d).reason)
    from decided where (d).outcome <> 'accepted' and not core.is_beyond((d).reason, (d).limit_value,
      (d).actual_value, (run).takes_orders_until is not null)
    union all
    select 'an accepted decision names no reason and no limit', d,
      concat_ws(' ', (d).limit_value, (d).actual_value), 'nothing'
    from decided where (d).outcome = 'accepted'
      and ((d).limit_value is not null or (d).actual_value is not null)
    union all
    select 'an order is what was decided', d, concat_ws('/', o.account_id, o.queue_position,
      o.position, o.quantity,
        o.decision_price_minor, o.hold_minor),
      concat_ws('/', (d).account_id, (d).queue_position, (d).position, (d).quantity, (d).price_minor,
        (d).hold_minor)
    from decided join public.orders o on (o.run_id, o.user_id) = ((d).run_id, (d).user_id)
      and o.signal_id = (d).signal_id
    where (o.account_id, o.queue_position, o.position, o.quantity, o.decision_price_minor, o.hold_minor)
      is distinct from ((d).account_id, (d).queue_position, (d).position, (d).quantity, (d).price_minor,
        (d).hold_minor)
  )
  select rule, concat_ws(' ', (d).run_id, (d).signal_id, (d).user_id), (d).user_id, ours, should, null,
    false from wrong;
$function$;

-- One decision as read_report_decisions gives it, with what became of its order.
CREATE OR REPLACE FUNCTION core.decision_json(d public.decisions, u public.users)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('position', d.position, 'queuePosition', d.queue_position, 'userId', d.user_id,
    'userName', u.name, 'symbol', i.symbol, 'side', s.side, 'signalId', s.id, 'outcome', d.outcome,
    'reason', d.reason, 'limit', d.limit_value, 'actual', d.actual_value,
    'order', (select jsonb_build_object('clientOrderId', o.client_order_id, 'quantity', o.quantity,
        'status', o.status, 'limitPriceMinor', o.limit_price_minor, 'reason', o.reason,
        'decisionPriceMinor', o.decision_price_minor, 'filledQuantity', o.filled_quantity,
        'filledValueMinor', o.filled_value_minor, 'chargesMinor', o.charges_minor,
        'leverageCenti', o.leverage_centi)
      from public.orders o where o.run_id = d.run_id and o.user_id = d.user_id
        and o.signal_id = d.signal_id))
  from public.signals s join public.instruments i on i.id = s.instrument_id where s.id = d.signal_id;
$function$;

-- Read out of the JSON once per call: an array costs less to look through again. `decisions` is a list of
-- objects or, for pages, one object of lists: its fields, each with the values of all decisions.
CREATE OR REPLACE FUNCTION core.decisions_in(args jsonb)
 RETURNS core.decision[]
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
begin
  if jsonb_typeof(args -> 'decisions') = 'array' then
    return (select coalesce(array_agg(row), '{}')
      from jsonb_populate_recordset(null::core.decision, args -> 'decisions') row);
  end if;
  return (select coalesce(array_agg(row), '{}') from (
    select row(d.*)::core.decision as row
    from jsonb_to_record(args -> 'decisions') as c("queuePosition" bigint[], "signalId" text[],
      "userId" text[], "accountId" bigint[], outcome text[], reason text[], "limit" text[], actual text[],
      quantity bigint[], "priceMinor" bigint[], "limitPriceMinor" bigint[], "marginMinor" bigint[],
      "chargesMinor" bigint[], "holdMinor" bigint[], "leverageCenti" integer[], product text[],
      "rateId" integer[], "clientOrderId" text[]),
    unnest(c."queuePosition", c."signalId", c."userId", c."accountId", c.outcome, c.reason, c."limit",
      c.actual, c.quantity, c."priceMinor", c."limitPriceMinor", c."marginMinor", c."chargesMinor",
      c."holdMinor", c."leverageCenti", c.product, c."rateId", c."clientOrderId") d) rows);
end $function$;

-- How far a message has come, by the provider's word. A later word of a lower rank changes nothing.
CREATE OR REPLACE FUNCTION core.delivery_rank(provider_status text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case provider_status when 'accepted' then 1 when 'scheduled' then 1 when 'queued' then 2
    when 'sending' then 3
    when 'sent' then 4 when 'failed' then 5 when 'undelivered' then 5 when 'canceled' then 5
    when 'delivered' then 6
    when 'read' then 7 else 0 end;
$function$;

-- Which of these drifts are of shares with an open order of the account: their truth is still on its way.
CREATE OR REPLACE FUNCTION core.drifts_under_way(of_account bigint, drift_ids bigint[])
 RETURNS bigint[]
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(array_agg(d.id), '{}') from public.drifts d
  join public.instruments named on named.exchange || ':' || named.symbol = d.what
  where d.account_id = of_account and d.id = any(drift_ids) and d.kind in ('position', 'oversold')
    and d.acknowledged_at is null
    and exists (select from public.orders o join public.instruments i on i.id = o.instrument_id
      where o.account_id = of_account and o.ended_at is null
        and i.share = named.share);
$function$;

-- Orders that may go as probes, locked: the best of each open breaker whose pause is over, where no other
-- breaker stops it.
CREATE OR REPLACE FUNCTION core.due_probes(venues text[], full_accounts bigint[], now_at timestamptz, most bigint)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  b public.breakers;
  one bigint;
  found_orders bigint[] := '{}';
begin
  for b in select due.* from public.breakers due join public.scan_runs run on run.id = due.run_id
    where due.is_open and due.next_probe_at <= now_at and due.venue = any(venues) and run.state = 'decided'
    order by due.next_probe_at
  loop
    select o.id into one from public.orders o
    where o.ended_at is null and o.venue_order_id is null and o.status = 'queued' and o.send_before > now_at
      and (b.account_id = 0 or o.account_id = b.account_id) and core.breaker_stops(b, o)
      and o.filled_quantity = 0 and (o.next_attempt_at is null or o.next_attempt_at <= now_at)
      and not o.account_id = any(full_accounts) and core.halted_for(o) is null
      and core.settings_block_of(o) is null
      and not exists (select from public.breakers other
        where core.breaker_stops(other, o) and other.next_probe_at > now_at)
    order by o.position, o.queue_position limit 1 for no key update of o skip locked;
    if one is not null and not one = any(found_orders) then found_orders := found_orders || one; end if;
    exit when cardinality(found_orders) >= most;
  end loop;
  return found_orders;
end $function$;

-- For what must not happen too early.
CREATE OR REPLACE FUNCTION core.earlier_of(args jsonb)
 RETURNS timestamptz
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return least(core.now_of(args), case when not core.uses_virtual_clock(args) then core.database_now() end);
end $function$;

-- The executions of a period as they count: with what the last correction says each really was.
CREATE OR REPLACE FUNCTION core.effective_fills_in(p core.period)
 RETURNS TABLE(id bigint, order_id bigint, account_id bigint, instrument_id bigint, product text, venue_fill_id text, side text, quantity bigint, price_minor bigint, value_minor bigint, booked_at timestamptz, filled_at timestamptz)
 LANGUAGE sql
 STABLE
AS $function$
  select f.id, f.order_id, f.account_id, f.instrument_id, f.product, f.venue_fill_id, f.side,
    coalesce(corrected.quantity, f.quantity), coalesce(corrected.price_minor, f.price_minor),
    coalesce(corrected.value_minor, f.value_minor), f.booked_at, f.filled_at
  from core.fills_in(p) f left join lateral (select last.quantity, last.price_minor, last.value_minor
    from public.fills last where last.corrects = f.id order by last.id desc limit 1) corrected on true
  where case when f.corrects is null then coalesce(corrected.quantity, f.quantity) > 0 else false end;
$function$;

-- Ends orders that settings keep from going and that were not sent: all of a user's (whose row the caller
-- holds), under their accounts' and their own locks, so that whoever accepts or marks comes before or after;
-- or (null) those a mark has refused, passing over what is locked. Gives how many.
CREATE OR REPLACE FUNCTION core.end_blocked_orders(of_user text, now_at timestamptz)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  blocked bigint[];
begin
  if of_user is not null then
    perform from public.accounts where user_id = of_user order by id for no key update;
    blocked := array(select id from public.orders where user_id = of_user and ended_at is null
      and status = 'queued'
      order by id for no key update);
  else
    blocked := array(select o.id from public.orders o where o.ended_at is null and o.venue_order_id is null
      and o.status = 'queued' and o.next_attempt_at = o.send_before
      and core.settings_block_of(o) is not null limit 1000);
    if cardinality(blocked) = 0 then return 0; end if;
    blocked := core.lock_orders(blocked, true);
  end if;
  with ended as (
    update public.orders o set status = 'canceled', reason = core.settings_block_of(o), ended_at = now_at,
      changed_at = greatest(now_at, o.changed_at), claim_id = null, lease_until = null
    -- What has a fill was sent after all.
    where o.id = any(blocked) and o.status = 'queued'
      and o.filled_quantity = 0 and core.settings_block_of(o) is not null
    returning o.id
  ) select coalesce(array_agg(id), '{}') into blocked from ended;
  perform core.close_orders(blocked, now_at);
  return cardinality(blocked);
end $function$;

-- The ledger's entries of a period: of its orders, and of none. Account by account, since no index knows
-- them by their number alone.
CREATE OR REPLACE FUNCTION core.entries_in(p core.period)
 RETURNS SETOF public.ledger_entries
 LANGUAGE sql
 STABLE
AS $function$
  select e.* from public.accounts a join public.ledger_entries e on e.account_id = a.id
  where e.id > (p).after_entry and case when e.id > (p).seen_entry then false
      when e.order_id > (p).after_order and e.order_id <= (p).last_order then true
      else e.id <= (p).last_entry and coalesce(e.order_id > (p).after_order, true) end
    and ((p).closing is null or a.id not in (select core.accounts_left_open(p)))
  union all
  select e.* from core.accounts_behind(p) behind
  join public.ledger_entries e on e.account_id = behind.account_id and e.id > behind.after_entry
    and case when e.order_id > behind.after_order and e.order_id <= (p).after_order then true
      else e.id <= (p).after_entry and coalesce(e.order_id > behind.after_order, true) end;
$function$;

-- Each order against its entries: held once, closed once, by what it held, for what it cost, when it began
-- and ended.
CREATE OR REPLACE FUNCTION core.entry_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with entry as (
    select order_id, count(*) filter (where kind = 'hold') as holds,
      min(at) filter (where kind = 'hold') as held_at,
      count(*) filter (where kind in ('post', 'void')) as ends,
      count(*) filter (where kind = 'post') as posts,
      min(at) filter (where kind in ('post', 'void')) as ended_at, sum(cash_delta_minor) as cash,
      coalesce(sum(held_delta_minor) filter (where kind = 'hold'), 0) as held,
      sum(held_delta_minor) as still_held
    from core.entries_in(p) where order_id is not null group by 1
  ), traded as (
    select f.order_id, bool_or(not f.late) as in_time from core.fills_in(p) f
    where f.order_id is not null group by 1
  ), stands as (
    select o, coalesce(holds, 0) as holds, coalesce(ends, 0) as ends, coalesce(posts, 0) as posts,
      coalesce(in_time, false)::integer as in_time, coalesce(cash, 0) as cash,
      coalesce(should.cash_minor, 0) as should_cash, coalesce(held, 0) as held,
      coalesce(still_held, 0) as still_held, held_at, entry.ended_at
    from core.orders_in(p) o left join entry on entry.order_id = o.id
    left join traded on traded.order_id = o.id
    left join core.cost_of_orders(p) should on should.order_id = o.id
  ), wrong as (
    select 'an order is held once and closed once when it has ended' as rule, o,
      format('%s held, %s closed', holds, ends) as ours,
      format('1 held, %s closed', ((o).ended_at is not null)::integer) as should
    from stands where holds <> 1 or ends <> ((o).ended_at is not null)::integer
    union all
    select 'an order is posted if it was filled before its end, else voided', o, posts || ' posts',
      in_time || ' posts'
    from stands where (o).ended_at is not null and posts <> in_time
    union all
    select 'what an order holds is entered, and given back at its end', o,
      format('%s held, %s left', core.decimal(held), core.decimal(still_held)),
      format('%s held, %s left', core.decimal((o).hold_minor),
        core.decimal(case when (o).ended_at is null then (o).hold_minor else 0 end))
    from stands where held <> (o).hold_minor
      or still_held <> case when (o).ended_at is null then (o).hold_minor else 0 end
    union all
    select 'the entries of an order are what its fills cost', o, core.decimal(cash),
      core.decimal(should_cash)
    from stands where cash <> should_cash
    union all
    select 'an order is held when it is made and closed when it ends', o,
      concat_ws(', ', held_at, stands.ended_at), concat_ws(', ', (o).created_at, (o).ended_at)
    from stands where (held_at, stands.ended_at) is distinct from ((o).created_at, (o).ended_at)
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$function$;

-- Shares that came or went without an order of ours, on that day where they trade.
CREATE OR REPLACE FUNCTION core.external_fill(of_account bigint, of_instrument bigint, of_product text, named text, side text, quantity bigint, price_minor bigint, now_at timestamptz)
 RETURNS core.reported_fill
 LANGUAGE sql
 STABLE
AS $function$
  select row(null, null, null, 0, false, of_account, of_instrument, of_product,
    core.date_in((select i.exchange from public.instruments i where i.id = of_instrument), now_at), null,
    named, side, quantity, price_minor, core.fill_value(side, quantity, price_minor,
      core.places_of(of_instrument)), now_at)::core.reported_fill;
$function$;

-- Where the facts of an account begin: after the closing its records were removed through; null: they never
-- were.
CREATE OR REPLACE FUNCTION core.facts_begin(of_account bigint)
 RETURNS public.closings
 LANGUAGE sql
 STABLE
AS $function$
  select c from public.closings c join public.closed_balances b on (b.account_id, b.through)
    = (of_account, c.through)
  where c.through = core.removed_through();
$function$;

-- Everything of one account, and what the books say of it.
CREATE OR REPLACE FUNCTION core.facts_of(of_account bigint, of_user text)
 RETURNS json
 LANGUAGE sql
 STABLE
AS $function$
  select json_build_object('accountId', a.id, 'userId', a.user_id, 'venue', a.venue, 'mode', a.mode,
    'currency', a.currency, 'cashMinor', a.cash_minor, 'heldMinor', a.held_minor,
    'entries', (select coalesce(json_agg(json_build_object('orderId', e.order_id, 'kind', e.kind,
        'cashMinor', e.cash_delta_minor, 'heldMinor', e.held_delta_minor, 'atMs', core.ms(e.at))
        order by e.id), '[]')
      from public.ledger_entries e where e.account_id = a.id
        and coalesce(e.order_id > coalesce((begins).last_order_id, 0), true)),
    'orders', core.order_facts_of(of_account, of_user, begins),
    'fills', core.fill_facts_of(of_account, begins), 'opening', core.opening_of(of_account, begins),
    'positions', (select coalesce(json_agg(json_build_object('instrumentId', p.instrument_id,
      'exchange', i.exchange,
        'symbol', i.symbol, 'product', p.product, 'quantity', p.quantity, 'costMinor', p.cost_minor,
        'marginMinor', p.margin_minor) order by p.instrument_id, p.product), '[]')
      from public.positions p join public.instruments i on i.id = p.instrument_id where p.account_id = a.id))
  from public.accounts a cross join lateral (select core.facts_begin(of_account) as begins) begun
  where a.id = of_account;
$function$;

-- The fills of an account, each with when it was booked as far as it moved cash: where an entry names it
-- then, what an order had before its end at its end.
CREATE OR REPLACE FUNCTION core.fill_facts_of(of_account bigint, begins public.closings)
 RETURNS json
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(json_agg(json_build_object('fillId', f.id, 'orderId', f.order_id,
    'instrumentId', f.instrument_id, 'exchange', i.exchange, 'symbol', i.symbol, 'product', f.product,
    'side', f.side, 'venueFillId', f.venue_fill_id, 'quantity', f.quantity, 'priceMinor', f.price_minor,
    'places', i.quantity_scale + i.price_scale, 'valueMinor', f.value_minor,
    'tradeDate', f.trade_date, 'filledAtMs', core.ms(f.filled_at), 'corrects', f.corrects,
    'reportedAtMs', core.ms(coalesce(e.at, o.ended_at, f.filled_at)), 'realisedMinor', f.realised_minor,
    'freedMarginMinor', f.freed_margin_minor) order by f.id), '[]')
  from public.fills f join public.instruments i on i.id = f.instrument_id
  left join public.orders o on o.id = f.order_id left join public.ledger_entries e on e.fill_id = f.id
  where f.account_id = of_account and case when f.order_id is null
    then f.id > coalesce(begins.last_fill_id, 0) else f.order_id > coalesce(begins.last_order_id, 0) end;
$function$;

-- Each fill against its order.
CREATE OR REPLACE FUNCTION core.fill_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with placed as (
    select f, o, run.trade_date from core.fills_in(p) f join public.orders o on o.id = f.order_id
    left join public.scan_runs run on run.id = o.run_id
  ), wrong as (
    select 'a fill is of the account, share and side of its order' as rule, f, o,
      concat_ws(' ', (f).side, 'instrument', (f).instrument_id, (f).product,
        'account', (f).account_id) as ours,
      concat_ws(' ', (o).side, 'instrument', (o).instrument_id, (o).product,
        'account', (o).account_id) as should
    from placed where ((f).side, (f).instrument_id, (f).product, (f).account_id)
      <> ((o).side, (o).instrument_id, (o).product, (o).account_id)
    union all
    select 'a fill counts for the day of its order', f, o, (f).trade_date::text, placed.trade_date::text
    from placed where (f).trade_date is distinct from placed.trade_date
    union all
    select 'an order is filled only after it was made', f, o, (f).filled_at::text, 'after ' || (o).created_at
    from placed where (f).filled_at < (o).created_at - core.check_skew()
    union all
    select 'a correction is of a fill of its order, at its time', f, o,
      concat_ws(' ', 'order', (f).order_id, (f).filled_at),
      concat_ws(' ', 'order', was.order_id, was.filled_at)
    from placed join public.fills was on was.id = (f).corrects
    where (was.order_id, was.filled_at) is distinct from ((f).order_id, (f).filled_at)
      or was.corrects is not null
  )
  select rule, format('fill %s of order %s', (f).venue_fill_id, (o).client_order_id), (o).user_id,
    ours, should, null, false
  from wrong;
$function$;

-- What a fill is worth: a buy is paid, a sale is got.
CREATE OR REPLACE FUNCTION core.fill_value(side text, quantity bigint, price_minor bigint, places integer)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case side when 'BUY' then core.value_up(quantity, price_minor, places)
    else core.value_down(quantity, price_minor, places) end;
$function$;

-- Each order against its fills and what it says of itself.
CREATE OR REPLACE FUNCTION core.filled_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with counted as (
    select order_id, sum(quantity) as quantity, sum(value_minor) as value
    from core.effective_fills_in(p) where order_id is not null group by 1
  ), recorded as (
    select order_id, sum(realised_minor + freed_margin_minor) as released,
      bool_or(late) filter (where corrects is null) as late,
      sum(quantity) filter (where corrects is null) as at_first
    from core.fills_in(p) where order_id is not null group by 1
  ), made as (
    select o, coalesce(counted.quantity, 0) as quantity, coalesce(counted.value, 0) as value,
      coalesce(at_first, 0) as at_first, coalesce(recorded.released, 0) as released,
      coalesce(recorded.late, false) as late
    from core.orders_in(p) o left join counted on counted.order_id = o.id left
    join recorded on recorded.order_id = o.id
  ), wrong as (
    select 'what an order filled is the sum of its fills' as rule, o,
      format('%s for %s', (o).filled_quantity, core.decimal((o).filled_value_minor)) as ours,
      format('%s for %s', quantity, core.decimal(value)) as should
    from made where ((o).filled_quantity, (o).filled_value_minor) <> (quantity, value)
    union all
    select 'what an order gave back is what its fills did', o, core.decimal((o).released_minor),
      core.decimal(released)
    from made where (o).released_minor <> released
    union all
    select 'an order says whether a fill came late', o, (o).late_fill::text, late::text from made
    where (o).late_fill <> late
    union all
    -- As it was told at first: a correction changes no status.
    select 'an order''s status says what was filled', o, (o).status,
      format('%s of %s filled', at_first, (o).quantity)
    from made where ((o).status = 'filled' and at_first < (o).quantity)
      or ((o).status = 'partially_filled' and at_first = 0)
      or ((o).status in ('rejected', 'submitting', 'working') and at_first > 0 and not late)
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$function$;

-- What an order's fills are worth, as they count.
CREATE OR REPLACE FUNCTION core.filled_value(of_order bigint)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(sum(f.value_minor), 0)::bigint from core.effective_fills f
  where f.order_id = of_order;
$function$;

-- The fills of a period: of its orders, and of none. One that names an order its own number is too low for
-- is wrong, and here to be seen; so is an entry below.
CREATE OR REPLACE FUNCTION core.fills_in(p core.period)
 RETURNS SETOF public.fills
 LANGUAGE sql
 STABLE
AS $function$
  select f.* from public.fills f where f.id > (p).after_fill and case when f.id > (p).seen_fill then false
      when f.order_id > (p).after_order and f.order_id <= (p).last_order then true
      else f.id <= (p).last_fill and coalesce(f.order_id > (p).after_order, true) end
    and ((p).closing is null or f.account_id not in (select core.accounts_left_open(p)))
  union all
  select f.* from core.accounts_behind(p) behind join public.fills f on f.account_id = behind.account_id
    and f.id > behind.after_fill
    and case when f.order_id > behind.after_order and f.order_id <= (p).after_order then true
      else f.id <= (p).after_fill and coalesce(f.order_id > behind.after_order, true) end;
$function$;

-- Fills nobody told before of orders whose records were removed, or are marked to be: they are not booked,
-- since what these orders came to is closed for good, and a person is told.
CREATE OR REPLACE FUNCTION core.fills_of_removed(outcomes core.outcome[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return (select coalesce(jsonb_agg(jsonb_build_object('clientOrderId', o.client_order_id, 'what',
      'filled after its records were removed: not booked, npm run ready compares the account with its venue')
      order by o.id), '[]')
    from unnest(outcomes) row join public.orders o on o.id = row."orderId"
    where o.id <= core.last_removed_order() and exists (select from unnest(row.fills) f
      where not exists (select from public.fills known
        where (known.order_id, known.venue_fill_id) = (o.id, f."venueFillId"))));
end $function$;

-- Queued orders that nothing keeps from going, best first, locked; what somebody else holds is passed over.
-- What its user's settings keep is ended by the next sweep. `is_last`: there are no more.
CREATE OR REPLACE FUNCTION core.find_queued(venues text[], full_accounts bigint[], taken bigint[], any_open boolean, now_at timestamptz, most bigint, OUT ids bigint[], OUT accounts bigint[], OUT is_last boolean)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  blocked bigint[];
begin
  select coalesce(array_agg(found.id) filter (where not is_blocked), '{}'),
    coalesce(array_agg(found.account_id) filter (where not is_blocked), '{}'),
    array_agg(found.id) filter (where is_blocked), count(*) < most into ids, accounts, blocked, is_last
  from (
    select o.id, o.account_id, core.settings_block_of(o) is not null as is_blocked from public.orders o
    where o.ended_at is null and o.venue_order_id is null and o.status = 'queued' and o.send_before > now_at
      -- A queued order with a fill was sent after all, whatever we were told: it must not go again.
      and o.filled_quantity = 0
      and (o.next_attempt_at is null or o.next_attempt_at <= now_at)
      and o.venue = any(venues)
      and not o.run_id = any(array(select id from public.scan_runs where state = 'planning'))
      and not o.account_id = any(full_accounts) and not o.id = any(taken)
      and (not any_open or not exists (select from public.breakers b where core.breaker_stops(b, o)))
      -- As a join, not as halted_for: it must not ask three questions of every waiting order.
      and not exists (select from public.halts h where h.resumed_at is null and (h.scope = 'all'
        or (h.scope = 'venue' and h.target = o.venue) or (h.scope = 'user' and h.target = o.user_id)))
    order by o.position, o.queue_position
    limit most
    for no key update of o skip locked
  ) found;
  if blocked is not null then
    update public.orders o set next_attempt_at = o.send_before where o.id = any(blocked);
  end if;
end $function$;

-- The id of whom a person means by an id or a name; null: nobody, or several of that name.
CREATE OR REPLACE FUNCTION core.find_user_id(text text)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce((select u.id from public.users u where u.id = text),
    (select min(u.id) from public.users u where lower(u.name) = lower(trim(text)) having count(*) = 1));
$function$;

-- Findings as people are told of them: at most 20 of a rule; the 20th says in `more` how many others there
-- are. What settles it is a command; where none is known, trading is to be stopped first.
CREATE OR REPLACE FUNCTION core.findings_json(found core.finding[])
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  with counted as (
    select one.*, row_number() over (partition by rule order by subject) as n,
      count(*) over (partition by rule) as of_rule
    from unnest(found) one
  )
  select coalesce(jsonb_agg(jsonb_build_object('rule', rule, 'subject', subject, 'userId', user_id,
    'ours', coalesce(ours, 'nothing'), 'should', coalesce(should, 'nothing'),
    'settle', coalesce(settle, core.stop_trading(user_id)), 'leftToAPerson', left_to_a_person,
    'more', case n when 20 then of_rule - 20 else 0 end) order by left_to_a_person, rule, n), '[]')
  from counted where n <= 20;
$function$;

-- A fill on an order that had ended: whatever was said of it may be wrong now.
CREATE OR REPLACE FUNCTION core.flag_messages_for_correction()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.messages m set may_change = true from public.orders o
  where o.id = new.order_id and (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id is null;
  return null;
end $function$;

-- NSE and BSE write the series a share trades in behind its symbol, where it is not the usual one: TITAN-BE
-- is TITAN, moved to where every trade is delivered. Series:
-- https://www.nseindia.com/market-data/legend-of-series; those that are not shares (bonds GB, funds MF,
-- rights RE) stay part of the symbol.
CREATE OR REPLACE FUNCTION core.folded_symbol(exchange text, symbol text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when exchange in ('NSE', 'BSE')
    then regexp_replace(symbol, '-(EQ|BE|BZ|BL|IL|T0|SM|ST|SZ)$', '')
    else exchange || ':' || symbol end;
$function$;

-- Keeps the prices a run decides by; a newer one takes the place of an older.
CREATE OR REPLACE FUNCTION core.freeze_prices(for_run text, quotes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into public.run_prices
    (run_id, instrument_id, price_minor, previous_close_minor, lower_circuit_minor,
      upper_circuit_minor, priced_at)
  select for_run, i.id, "priceMinor", "previousCloseMinor", "lowerCircuitMinor", "upperCircuitMinor",
    core.at("atMs")
  from jsonb_to_recordset(quotes) as row(exchange text, symbol text, "priceMinor" bigint,
    "previousCloseMinor" bigint, "lowerCircuitMinor" bigint, "upperCircuitMinor" bigint, "atMs" bigint)
  join public.instruments i using (exchange, symbol)
  -- A price that is there is left alone: two who place single orders at once must not wait for one another.
  where (select true from public.run_prices old where (old.run_id, old.instrument_id) = (for_run, i.id)
    and (old.price_minor, old.previous_close_minor, old.lower_circuit_minor, old.upper_circuit_minor)
      is not distinct from ("priceMinor", "previousCloseMinor", "lowerCircuitMinor", "upperCircuitMinor")
    and old.priced_at > core.at("atMs") - interval '1 second' limit 1) is null
  order by i.id
  on conflict (run_id, instrument_id) do update set price_minor = excluded.price_minor,
    previous_close_minor = excluded.previous_close_minor, lower_circuit_minor = excluded.lower_circuit_minor,
    upper_circuit_minor = excluded.upper_circuit_minor, priced_at = excluded.priced_at;
end $function$;

-- The rows a scan freezes, for the fresh requests: their signals, prices and users.
CREATE OR REPLACE FUNCTION core.freeze_requests(run public.scan_runs, args jsonb, decisions core.decision[], now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- A refused symbol that nobody knows is made no instrument for: its decision is booked on one that stands
  -- for them all, and the signal's id tells its name.
  insert into public.instruments (exchange, symbol, assumed)
  select distinct signal ->> 'exchange', case when d.outcome = 'accepted' then signal ->> 'symbol'
    else '?' end, true
  from jsonb_to_recordset(args -> 'requests') as row(signal jsonb)
  join unnest(decisions) d on d."signalId" = signal ->> 'id'
  where (select true from public.instruments i
    where (i.exchange, i.symbol) = (signal ->> 'exchange', signal ->> 'symbol') limit 1) is null
  on conflict (exchange, symbol) do nothing;
  perform core.freeze_prices(run.id, args -> 'quotes');

  with fresh as materialized (
    select row.*, signal.*, d."userId", d."accountId"
    from jsonb_to_recordset(args -> 'requests') as row(principal text, key text, "bodyHash" text,
      "apiKey" text, signal jsonb, "sendBeforeMs" bigint)
    cross join lateral jsonb_to_record(row.signal) as signal(id text, "tradeDate" date, rank integer,
      strategy text, exchange text, symbol text, side text, "referencePriceMinor" bigint,
      "stopLossMinor" bigint, "targetMinor" bigint, "validUntilMs" bigint)
    join unnest(decisions) d on d."signalId" = signal.id
  ), signals as (
    insert into public.signals (id, trade_date, rank, strategy, instrument_id, side, reference_price_minor,
      stop_loss_minor, target_minor, valid_until, source)
    select id, "tradeDate", rank, strategy, (select i.id from public.instruments i
        where i.exchange = fresh.exchange and i.symbol in (fresh.symbol, '?')
        order by i.symbol = '?' limit 1),
      side, "referencePriceMinor", "stopLossMinor", "targetMinor", core.at("validUntilMs"), 'api' from fresh
  ), of_run as (
    insert into public.run_signals (run_id, signal_id, position, send_before)
    select run.id, id, nextval('core.single_order_position'), core.at("sendBeforeMs") from fresh
  ), of_users as (
    insert into public.run_users (run_id, queue_position, user_id, account_id, decided_at)
    select distinct on ("userId") run.id, nextval('core.single_order_position'), "userId", "accountId",
      now_at
    from fresh order by "userId"
    on conflict (run_id, user_id) do nothing
  )
  insert into public.order_requests (principal, idempotency_key, body_hash, api_key, run_id,
    signal_id, user_id, requested_at, limits)
  select principal, key, "bodyHash", "apiKey", run.id, id, "userId", now_at, run.limits from fresh;
end $function$;

-- Whether a message would go over the fallback now.
CREATE OR REPLACE FUNCTION core.goes_as_sms(m public.messages)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select m.channel = 'sms' or exists (select from public.users u
    join public.whatsapp_numbers n on n.number = u.whatsapp and n.unreachable is not null
    where u.id = m.user_id);
$function$;

-- `all`, `venue:kite`, `user:asha-rao`.
CREATE OR REPLACE FUNCTION core.halt_target(args jsonb)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case args ->> 'scope' when 'all' then 'all' else (args ->> 'scope') || ':'
    || (args ->> 'target') end;
$function$;

-- Why everything, a venue or a user is halted; null: it is not.
CREATE OR REPLACE FUNCTION core.halted(for_scope text, for_target text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select why from public.halts where scope = for_scope and target = for_target and resumed_at is null
  );
end $function$;

-- Why an order may not go: a halt of everything, of its venue or of its user; null: none.
CREATE OR REPLACE FUNCTION core.halted_for(o public.orders)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(core.halted('all', ''), core.halted('venue', o.venue), core.halted('user', o.user_id));
$function$;

-- Each order against its history, and its own times against one another.
CREATE OR REPLACE FUNCTION core.history_findings(since date, until date, p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with event as (
    select e.*, o.client_order_id, o.user_id, o.status, o.changed_at, o.created_at, o.attempts,
      lag(e.to_status) over history as before,
      row_number() over (partition by e.order_id order by e.id desc) = 1 as is_last,
      count(*) filter (where e.to_status = 'submitting') over (partition by e.order_id) as sends
    from public.scan_runs run join public.orders o on o.run_id = run.id join public.order_events e
      on e.order_id = o.id
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    window history as (partition by e.order_id order by e.id)
  ), wrong as (
    select 'an order''s status is the last of its history' as rule, client_order_id, user_id, status as ours,
      to_status as should from event where is_last and to_status <> status
    union all
    select 'a status follows the one before it', client_order_id, user_id,
      format('%s to %s', coalesce(from_status, 'nothing'), to_status), 'from ' || coalesce(before, 'nothing')
    from event where from_status is distinct from before or (from_status is not null
      and (from_status, to_status) not in (select t.from_status, t.to_status from core.order_transitions t))
    union all
    select 'an order changed last when its history says, or later', client_order_id, user_id,
      changed_at::text, at::text
    from event where is_last and changed_at < at - core.check_skew()
    union all
    select 'an order was submitted as often as its history says, or more', client_order_id, user_id,
      attempts::text, sends::text from event where is_last and attempts < sends
    union all
    select 'an order has a history', o.client_order_id, o.user_id, 'none', o.status
    from core.orders_in(p) o where not exists (select from public.order_events e where e.order_id = o.id)
  )
  select rule, 'order ' || client_order_id, user_id, ours, should, null, false from wrong
  union all
  select 'an order''s times follow one another', 'order ' || o.client_order_id, o.user_id,
    concat_ws(', ', 'made ' || o.created_at, 'sent ' || o.submitted_at, 'ended ' || o.ended_at,
      'changed ' || o.changed_at),
    'made, sent (before ' || o.send_before || '), ended, changed', null, false
  from public.scan_runs run join public.orders o on o.run_id = run.id
  where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    and ((o.submitted_at is null) <> (o.attempts = 0)
    or o.created_at < run.opened_at - core.check_skew() or o.submitted_at < o.created_at - core.check_skew()
    or o.submitted_at >= o.send_before or o.submitted_at > o.changed_at + core.check_skew()
    or o.ended_at < o.created_at - core.check_skew() or o.ended_at > o.changed_at);
$function$;

-- A holding after one more fill, at average cost. `bound_minor`: the account's own money a buy binds. A sale
-- of more than is held leaves the position short; a buy covers that first.
CREATE OR REPLACE FUNCTION core.holding_after(held core.holding, side text, quantity bigint, value_minor bigint, bound_minor bigint)
 RETURNS core.holding
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
declare
  direction constant integer := case side when 'BUY' then 1 else -1 end;
  -- What this fill closes of a position in the other direction, and what it opens or adds.
  closed constant bigint := case when sign(held.quantity) = -direction
    then least(quantity, abs(held.quantity)) else 0 end;
  closed_minor constant bigint := core.pro_rata(value_minor, closed, quantity);
  opened_minor constant bigint := value_minor - closed_minor;
  cost_out bigint := 0;
  margin_out bigint := 0;
begin
  if closed > 0 then
    cost_out := core.pro_rata(held.cost_minor, closed, abs(held.quantity));
    margin_out := core.pro_rata(held.margin_minor, closed, abs(held.quantity));
  end if;
  return (held.quantity + direction * quantity,
    held.cost_minor - cost_out + direction * opened_minor,
    held.margin_minor - margin_out
      + case side when 'BUY' then bound_minor - core.pro_rata(bound_minor, closed, quantity)
      else -opened_minor end,
    held.realised_minor - direction * closed_minor - cost_out);
end $function$;

-- What was held, with all fills of a position since, in the order they were traded in.
create aggregate core.holding_from(opening core.holding, side text, quantity bigint, value_minor bigint, bound_minor bigint) (sfunc = core.holding_since, stype = core.holding, initcond = NULL);

-- A holding after one more fill, where the first is added to what was held before all of them.
CREATE OR REPLACE FUNCTION core.holding_since(held core.holding, opening core.holding, side text, quantity bigint, value_minor bigint, bound_minor bigint)
 RETURNS core.holding
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO ''
AS $function$
begin
  return core.holding_after(coalesce(held, opening), side, quantity, value_minor, bound_minor);
end $function$;

-- What a process that only serves HTTP calls: it lets in, reads, receives, plans and places. It sends and
-- settles nothing, changes no settings or books, and reads no credentials: that is for daily_scan_service
-- alone.
CREATE OR REPLACE FUNCTION core.http_functions()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select array[
    'accept_page',
    'decide_run',
    'find_api_keys',
    'find_auth_user',
    'find_source_keys',
    'finish_run',
    'note_key_uses',
    'open_run',
    'paper_venue_prepare',
    'place_orders',
    'queue_notices',
    'read_accounts',
    'read_actions',
    'read_calendar_days',
    'read_gauges',
    'read_inputs',
    'read_listings',
    'read_lock_holders',
    'read_order',
    'read_order_events',
    'read_order_inputs',
    'read_orders',
    'read_prices',
    'read_progress',
    'read_readiness',
    'read_report',
    'read_request_outcomes',
    'read_run',
    'read_signal_sources',
    'receive_signals',
    'record_delivery',
    'record_inbound_message',
    'reprice_run',
    'stop_messages'
  ];
$function$;

-- The users of an import as rows; `fields` is the whole object, which says what the file has a column for.
-- Of several rows of a user the rupee's, else the first, says what is no account's (`is_first`). A user's
-- venue is that of their rupees, where they have any (`user_venue`).
CREATE OR REPLACE FUNCTION core.imported_users(args jsonb)
 RETURNS TABLE(id text, name text, whatsapp text, active boolean, "tradingEnabled" boolean, strategies text[], "allowSymbols" text[], "denySymbols" text[], priority integer, venue text, "capitalMinor" bigint, "allocationBps" integer, "leverageCenti" integer, "maxOpenPositions" integer, "dailyLossLimitBps" integer, "maxOrdersPerDay" integer, "maxOrderValueMinor" bigint, fields jsonb, currency text, is_first boolean, user_venue text)
 LANGUAGE sql
 STABLE
AS $function$
  select row.*, fields, paid.currency,
    row_number() over (partition by row.id order by paid.currency <> 'INR', n) = 1,
    case when paid.currency = 'INR' then row.venue else coalesce((select u.venue from public.users u
      where u.id = row.id and exists (select from public.accounts a
        where a.user_id = u.id and a.currency = 'INR')), row.venue) end
  from jsonb_array_elements(args -> 'users') with ordinality as listed(fields, n),
    lateral (select coalesce(fields ->> 'currency', 'INR') as currency) paid,
    jsonb_to_record(fields) as row(id text, name text, whatsapp text, active boolean,
    "tradingEnabled" boolean, strategies text[], "allowSymbols" text[], "denySymbols" text[],
    priority integer, venue text, "capitalMinor" bigint, "allocationBps" integer, "leverageCenti" integer,
    "maxOpenPositions" integer, "dailyLossLimitBps" integer, "maxOrdersPerDay" integer,
    "maxOrderValueMinor" bigint);
$function$;

-- null for an assumed instrument: nothing is known about it.
CREATE OR REPLACE FUNCTION core.instrument_json(i public.instruments)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select case when not i.assumed then jsonb_build_object('exchange', i.exchange, 'symbol', i.symbol,
    'isin', i.isin, 'name', i.name, 'tickMinor', i.tick_minor, 'lotSize', i.lot_size,
    'freezeQuantity', i.freeze_quantity, 'fno', i.fno, 'restricted', i.restricted,
    'currency', i.currency, 'quantityScale', i.quantity_scale, 'priceScale', i.price_scale) end;
$function$;

-- Whether anybody has brought in instruments of the market of a run (of its id): of shares it does not know
-- nothing is assumed then.
CREATE OR REPLACE FUNCTION core.instruments_known(for_run text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return exists (select from public.instruments
    where not assumed and core.zone_of(exchange) = core.zone_of(for_run));
end $function$;

-- Whether what a denial found is really beyond the limit it names; null: that can't be told from the two.
-- `asked`: a single order, whose named limit may be refused by the nearest price that is taken.
CREATE OR REPLACE FUNCTION core.is_beyond(reason text, limit_value text, actual_value text, is_single_order boolean)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when reason in ('max_order_value', 'symbol_cap', 'insufficient_funds', 'freeze_quantity',
    'quantity_zero')
      or (reason = 'no_position' and named.most is not null) then coalesce(named.found > named.most, false)
    when reason = 'below_min_value' then coalesce(named.found < named.most, false)
    when reason in ('max_open_positions', 'max_orders_per_day')
      then coalesce(named.found >= named.most, false)
    when reason = 'daily_loss_limit' then named.most is not null
      and coalesce(named.found <= named.most, actual_value is null)
    when reason = 'price_outside_band' then coalesce(abs(named.found) > named.most
      or (is_single_order and named.found <> named.most), named.most is not null and actual_value is null)
    when reason = 'price_unavailable' and named.most is not null
      then coalesce(named.found <> named.most, false) end
  from (select case when limit_value ~ '^-?[0-9]+(\.[0-9]+)?$' then limit_value::numeric end as most,
    case when actual_value ~ '^-?[0-9]+(\.[0-9]+)?$' then actual_value::numeric end as found) named;
$function$;

-- Whether an account's accepts may not all fit: a share twice, more than its money, more buys than it may
-- still have open or order today (null: as many as it likes).
CREATE OR REPLACE FUNCTION core.is_crowded(has_one_twice boolean, hold_minor numeric, available_minor bigint, buys bigint, positions_left bigint, orders_left bigint)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select has_one_twice or hold_minor > available_minor or coalesce(buys > positions_left, false)
    or coalesce(buys > orders_left, false);
$function$;

-- Whether this transaction removes records of a month that is marked for it (0854_remove_old).
CREATE OR REPLACE FUNCTION core.is_removing()
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$ select coalesce(current_setting('daily_scan.removing', true), '') <> ''; $function$;

-- Whether a run lived on a clock of its own, as demos and replays of past days do: then nothing of it is
-- late by ours.
CREATE OR REPLACE FUNCTION core.is_scripted(run public.scan_runs)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select run.opened_at not between run.recorded_at - interval '1 hour'
    and run.recorded_at + interval '1 hour';
$function$;

-- Whether nothing goes out over a channel at the moment.
CREATE OR REPLACE FUNCTION core.is_stopped(by_channel text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (select from public.message_stops where resumed_at is null and channel = by_channel);
$function$;

-- Of two JSON objects what the first says otherwise than the second.
CREATE OR REPLACE FUNCTION core.json_changes(one jsonb, other jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(one)
  where other -> key is distinct from value;
$function$;

-- Outcomes of locked orders, but those of an account with anything unusual in it. That is, beside what
-- `is_usual` says: an end that was never open; a fill of before what its position knows; a sale that is not
-- all that happens to its share, or of more than is held; a buy of what is short. `rows 1`: who joins with
-- it begins with it, whatever the tables hold.
CREATE OR REPLACE FUNCTION core.judge_outcomes(outcomes core.outcome[], now_at timestamptz)
 RETURNS SETOF core.judged_outcome
 LANGUAGE plpgsql
 STABLE ROWS 1
 SET search_path TO ''
AS $function$
begin
  return query
  with checked as (
    select input.*, is_usual and not (status = 'submitting' and next_status in ('canceled', 'expired'))
      and (n = 0 or coalesce(first_at > held_until, true) and case side
        when 'BUY' then coalesce(held, 0) >= 0 else coalesce(more_quantity <= held, false) end)
      and (count(*) filter (where side = 'SELL' and n > 0) over of_share = 0 or sum(n) over of_share = 1)
        as is_in_turn
    from core.outcome_inputs(outcomes) input window of_share as (partition by account_id, instrument_id)
  ), judged as (
    select checked.*, bool_and(is_in_turn) over (partition by account_id) as is_ordinary,
      coalesce((status, next_status) in (select t.from_status, t.to_status from core.order_transitions t),
        false) as moves
    from checked
  ), valued as (
    select judged.*, moves and next_status in ('filled', 'rejected', 'canceled', 'expired') as ends,
      case side when 'BUY' then core.margin_on(before_minor + more_minor, leverage_centi) else 0 end
        as bound,
      case when side = 'SELL' and n > 0 then core.pro_rata(held_cost_minor, more_quantity, held) else 0 end
        as out_minor,
      case when side = 'SELL' and n > 0 then core.pro_rata(held_margin_minor, more_quantity, held) else 0 end
        as freed
    from judged where is_ordinary
  )
  select id, account_id, instrument_id, product, places, side, run_id, leverage_centi, hold_minor,
    venue_order_id, next_status,
    case when filled < quantity or venue_status = 'filled' then reason end, message,
    coalesce(core.at(next_lookup_ms),
      case when venue_status = 'queued' and next_status = 'unknown' then now_at end),
    core.at(next_attempt_ms), fresh, n, more_quantity, more_minor, last_at, filled, before_minor,
    before_minor + more_minor, bound, out_minor, freed,
    released_minor + case side when 'SELL' then more_minor - out_minor + freed else 0 end,
    case when ends then (select core.charges_on(before_minor + more_minor, rate)
      from public.charge_rates rate where rate.id = rate_id) end, moves, ends
  from valued;
end $function$;

-- Trigger: another scale would make every quantity and price that is written another one.
CREATE OR REPLACE FUNCTION core.keep_scales()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if exists (select from public.signals s where s.instrument_id = new.id)
    or exists (select from public.positions p where p.instrument_id = new.id)
    or exists (select from public.run_prices p where p.instrument_id = new.id)
    or exists (select from public.daily_prices d where (d.exchange, d.symbol) = (new.exchange, new.symbol))
  then
    raise exception '%:% is signalled, priced or held in quantities of % and prices of % decimals, so it '
      'cannot have % and % now', new.exchange, new.symbol, old.quantity_scale, old.price_scale,
      new.quantity_scale, new.price_scale using errcode = 'PT403';
  end if;
  return new;
end $function$;

-- Why a key opens nothing any more; null: it does.
CREATE OR REPLACE FUNCTION core.key_fault(k public.api_keys)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select case when k.revoked_at is not null then 'revoked' when k.expires_at <= core.database_now()
    then 'expired' end;
$function$;

-- Whether a user would trade with this account on a day if he logged in at its venue: the last check says
-- that a login is what it lacks, and nothing was stored since that could be one. What only its operator can
-- mend is no login of the user's.
CREATE OR REPLACE FUNCTION core.lacks_login(of_account bigint, on_day date)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (select from public.accounts a
    join public.users u on u.id = a.user_id and u.active and u.trading_enabled
      and (u.venue = a.venue or a.currency <> 'INR')
    where a.id = of_account and a.mode = 'live'
      and core.not_ready_on(a, on_day) ~ '^(no_login|login_ends_at):'
      and core.not_ready_on(a, on_day)
        !~ '^no_login: (not_connected|credentials_unreadable|keys_refused|trading_blocked|account_)'
      and not exists (select from public.account_credentials c
        where c.account_id = a.id and c.stored_at > a.checked_at));
$function$;

-- The last number a table has given out.
CREATE OR REPLACE FUNCTION core.last_number(of_table text)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(pg_sequence_last_value(pg_get_serial_sequence(of_table, 'id')::regclass), 0);
$function$;

-- The last price known of an instrument, with its time: of a run, or the stored close of a day.
CREATE OR REPLACE FUNCTION core.last_price(of_instrument bigint, OUT price_minor bigint, OUT priced_at timestamptz)
 RETURNS record
 LANGUAGE sql
 STABLE
AS $function$
  select price_minor, priced_at from (
    (select p.price_minor, p.priced_at from public.run_prices p where p.instrument_id = of_instrument
      order by p.priced_at desc limit 1)
    union all
    (select d.close_minor, core.ordinary_close(d.exchange, d.day)
      from public.instruments i join public.daily_prices d on (d.exchange, d.symbol) = (i.exchange, i.symbol)
      where i.id = of_instrument and d.close_minor is not null order by d.day desc limit 1)) known
  order by priced_at desc limit 1;
$function$;

-- The last order that was removed, or is marked to be; 0: none.
CREATE OR REPLACE FUNCTION core.last_removed_order()
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce((select max(r.last_order_id) from public.removed_periods r), 0);
$function$;

-- The last of them, which a text names to say how far it goes.
CREATE OR REPLACE FUNCTION core.last_single_order(m public.messages)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(max(o.id)::text, '') from core.orders_in_message(m) o;
$function$;

-- For what must not happen too late: by whichever clock is later.
CREATE OR REPLACE FUNCTION core.later_of(args jsonb)
 RETURNS timestamptz
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return greatest(core.now_of(args), case when not core.uses_virtual_clock(args)
    then core.database_now() end);
end $function$;

-- At the venue by all we know, and nobody asks it any more: a person has to say how it ended.
CREATE OR REPLACE FUNCTION core.left_to_a_person(o public.orders)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select o.status in ('unknown', 'working', 'partially_filled') and o.next_lookup_at is null;
$function$;

-- All listings of the share an instrument is.
CREATE OR REPLACE FUNCTION core.listings_of(of_instrument bigint)
 RETURNS bigint[]
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select array(select same.id from public.instruments same
      where same.share = (select named.share from public.instruments named where named.id = of_instrument)
      order by same.id)
  );
end $function$;

-- Whether a list of symbols names this one, whatever its series.
CREATE OR REPLACE FUNCTION core.lists_symbol(list text[], exchange text, symbol text)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
begin
  return (
    select exists (select from unnest(list) one
      where core.folded_symbol(exchange, one) = core.folded_symbol(exchange, symbol))
  );
end $function$;

-- Accounts by id. Where a cap is set its lock, too: nobody adds to a symbol's sum before this transaction
-- ends. Gives the decisions that may go on: all, or, skipping what is locked, those of users who have no
-- accept on such an account.
CREATE OR REPLACE FUNCTION core.lock_accounts(run public.scan_runs, decisions core.decision[], skip_locked boolean)
 RETURNS core.decision[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  account_ids constant bigint[] := array(select distinct "accountId" from unnest(decisions));
  locked bigint[];
begin
  if skip_locked then
    locked := array(select id from public.accounts where id = any(account_ids)
      order by id for no key update skip locked);
    if cardinality(locked) = cardinality(array_remove(account_ids, null)) then return decisions; end if;
    decisions := array(select row from unnest(decisions) row
      where not row."userId" = any(array(select other."userId"
      from unnest(decisions) other where other.outcome = 'accepted'
        and not other."accountId" = any(locked))));
  else
    perform from public.accounts where id = any(account_ids) order by id for no key update;
  end if;
  if run.limits ->> 'symbolCapMinor' is not null then
    perform pg_advisory_xact_lock(hashtextextended('symbol caps ' || run.mode || run.trade_date, 0));
  end if;
  return decisions;
end $function$;

-- One act after the other, until the transaction ends.
CREATE OR REPLACE FUNCTION core.lock_actions()
 RETURNS void
 LANGUAGE sql
AS $function$
  select pg_advisory_xact_lock(hashtextextended('daily_scan operator_actions', 0));
$function$;

-- Gives everybody exactly what they are meant to have, however it was before: what somebody granted by hand
-- is taken back. Every migration file ends with it, and npm run migrate -- --login calls it.
CREATE OR REPLACE FUNCTION core.lock_down()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  who text;
begin
  perform core.lock_down_tables();
  perform core.lock_down_functions();
  foreach who in array core.callers() loop
    execute format('revoke all on schema core, paper_venue from public, %I', who);
    if not has_schema_privilege(who, 'public', 'usage') then
      execute format('grant usage on schema public to %I', who);
    end if;
  end loop;
  notify pgrst, 'reload schema';
end $function$;

-- Takes every function of ours from everybody, and gives those of schema public to the service, with their
-- limits of time. Ours there are those with the one argument args jsonb: what other programs keep in schema
-- public is left alone.
CREATE OR REPLACE FUNCTION core.lock_down_functions()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  thing record;
  who text;
  callers text := 'public, ' || array_to_string(core.callers(), ', ');
begin
  for thing in
    select p.oid::regprocedure as name, p.proname, n.nspname = 'public' as is_called
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = any (core.schemas()) and p.prokind in ('f', 'a') and pg_has_role(p.proowner, 'usage')
      and (n.nspname <> 'public'
        or p.proargtypes::text = 'jsonb'::regtype::oid::text and p.proargnames = array['args'])
  loop
    execute format('revoke execute on function %s from %s', thing.name, callers);
    continue when not thing.is_called;
    -- Nobody waits for ever: a lock that is not to be had in time ends the call (55P03), and so does a call
    -- that takes too long (57014). PostgREST sets the latter for the whole request; over `pg` the caller
    -- does.
    execute format('alter function %s set lock_timeout = ''1500ms'' set statement_timeout = %L', thing.name,
      case when thing.proname = any (core.long_functions()) then '60s' else '5s' end);
    foreach who in array core.callers() loop
      if who in ('service_role', 'daily_scan_service')
        or who = 'daily_scan_http' and thing.proname = any (core.http_functions()) then
        execute format('grant execute on function %s to %I', thing.name, who);
      end if;
    end loop;
  end loop;
  grant execute on function core.current_user_id() to authenticated;
end $function$;

-- Takes tables and sequences from everybody, and turns row security on. What has a policy for users they may
-- read: all of it, or the columns that the policy's comment names ("columns: id, name").
CREATE OR REPLACE FUNCTION core.lock_down_tables()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  thing record;
  callers text := 'public, ' || array_to_string(core.callers(), ', ');
begin
  for thing in
    select format('%I.%I', n.nspname, c.relname) as name, c.relkind = 'S' as is_sequence,
      not c.relrowsecurity as is_open, (select coalesce(
          ' (' || substring(obj_description(p.oid, 'pg_policy') from '^columns: (.*)$') || ')', '')
        from pg_policy p where p.polrelid = c.oid and p.polcmd = 'r'
          and p.polroles @> array[to_regrole('authenticated')::oid] limit 1) as read_columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any (core.schemas()) and c.relkind in ('r', 'p', 'S')
      and pg_has_role(c.relowner, 'usage')
  loop
    execute format('revoke all on %s %s from %s',
      case when thing.is_sequence then 'sequence' else 'table' end, thing.name, callers);
    if thing.is_open and not thing.is_sequence then
      execute format('alter table %s enable row level security', thing.name);
    end if;
    if thing.read_columns is not null then
      execute format('grant select%s on table %s to authenticated', thing.read_columns, thing.name);
    end if;
  end loop;
end $function$;

-- Locks orders with their accounts; gives those it has: all, or, skipping what is locked, those nobody else
-- holds.
CREATE OR REPLACE FUNCTION core.lock_orders(order_ids bigint[], skip_locked boolean)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  of_accounts constant bigint[] := array(select account_id from public.orders where id = any(order_ids));
  free bigint[];
begin
  if skip_locked then
    free := array(select id from public.accounts where id = any(of_accounts)
      order by id for no key update skip locked);
    return array(select id from public.orders where id = any(order_ids) and account_id = any(free)
      order by id for no key update skip locked);
  end if;
  perform from public.accounts where id = any(of_accounts) order by id for no key update;
  perform from public.orders where id = any(order_ids) order by id for no key update;
  return order_ids;
end $function$;

-- Knows and locks the numbers that messages are to go to, where the provider asks for a pace. Gives how many
-- new recipients the day has left; null: as many as there are.
CREATE OR REPLACE FUNCTION core.lock_recipients(args jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  max_recipients constant bigint := (args -> 'pace' ->> 'dailyRecipients')::bigint;
begin
  insert into public.whatsapp_numbers (number)
  select distinct "to" from jsonb_to_recordset(args -> 'messages') as row("to" text)
  where "to" is not null order by 1
  on conflict do nothing;
  if args ? 'pace' then
    perform from public.whatsapp_numbers n
    where n.number in (select "to" from jsonb_to_recordset(args -> 'messages') as row("to" text))
    order by n.number for no key update;
  end if;
  if max_recipients is null then return null; end if;
  -- One at a time: two processes must not both see the last recipient of the day free.
  perform pg_advisory_xact_lock(hashtextextended('whatsapp recipients', 0));
  return max_recipients - (select count(*) from (select from public.whatsapp_numbers
    where template_at > core.database_now() - interval '24 hours' limit max_recipients) recent);
end $function$;

-- Locks a user with their accounts, in the order everybody does: runs, users, accounts by id. To erase
-- (`scrubs`) also the runs and other people's accounts that say their name.
CREATE OR REPLACE FUNCTION core.lock_user(for_user text, scrubs boolean)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  pattern constant text := (select core.user_pattern(u) from public.users u
    where u.id = for_user and scrubs);
begin
  perform from public.scan_runs where pattern is not null and problems <> '[]' and problems::text ~* pattern
  order by id for no key update;
  perform from public.users where id = for_user for update;
  perform from public.accounts
  where user_id = for_user or (pattern is not null and concat_ws(' ', not_ready, check_found) ~* pattern)
  order by id for no key update;
end $function$;

-- What goes over a whole run, file or year; isLong in ports/store/ says the same.
CREATE OR REPLACE FUNCTION core.long_functions()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select array[
    'adjust_books',
    'check_books',
    'close_books',
    'decide_run',
    'erase_user',
    'export_user',
    'finish_run',
    'finish_runs',
    'forget_old',
    'import_calendar',
    'import_corporate_actions',
    'import_holdings',
    'import_instruments',
    'import_prices',
    'import_restrictions',
    'import_signals',
    'import_users',
    'mark_removed',
    'open_run',
    'preview_users',
    'queue_corrections',
    'read_all_credentials',
    'read_books',
    'read_condition',
    'read_facts',
    'read_gauges',
    'read_inputs',
    'read_live_accounts',
    'read_messages',
    'read_plan_lines',
    'read_removable',
    'read_report',
    'read_report_decisions',
    'read_report_messages',
    'read_run',
    'read_run_timings',
    'remove_page',
    'reprice_run',
    'trip_breakers',
    'verify_actions',
    'why'
  ];
$function$;

-- When an order is looked up next, after a word that means `next_status` and asks for a look at `asked_at`.
CREATE OR REPLACE FUNCTION core.lookup_after(status text, lookup_at timestamptz, next_status text, asked_at timestamptz)
 RETURNS timestamptz
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case
    -- A sender that reports «not sent» after the order was given up as unknown does not stop the lookups.
    when status = 'unknown' and next_status = 'queued' then lookup_at
    -- One that was left to a person meanwhile stays so, unless the venue has something to say: a look that
    -- began before comes back after its run is done.
    when status in ('unknown', 'working', 'partially_filled') and lookup_at is null
      and next_status = 'unknown' then null
    -- Nor does a look without an answer that comes back after another one found the order open.
    when status in ('working', 'partially_filled') then coalesce(asked_at, lookup_at)
    else asked_at end;
$function$;

-- Whether looking an order up again is of no use: an unknown one has had `max_lookups`; one its venue has
-- confirmed had as many in a row that did not find it, the last of them after its day, or its venue calls it
-- open five days after (orders are for a day, which at a venue abroad may be its next one).
CREATE OR REPLACE FUNCTION core.lookups_exhausted(o public.orders, max_lookups integer, now_at timestamptz)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select case when o.status = 'unknown' then o.lookups >= max_lookups
    else least(o.next_lookup_at, now_at) >= core.day_ends_at(o)
      and (o.missed_lookups >= max_lookups or now_at >= core.day_ends_at(o) + interval '5 days') end;
$function$;

-- Counted when it was claimed; a look that had to wait for its rate was none.
CREATE OR REPLACE FUNCTION core.lookups_made(counted integer, reason text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when reason = 'waiting_for_rate' then greatest(counted - 1, 0) else counted end;
$function$;

-- The account's own money that a value binds at a leverage, rounded up. As marginFor in
-- domain/decision/sizing.ts.
CREATE OR REPLACE FUNCTION core.margin_on(value_minor bigint, leverage_centi integer)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select ceil(value_minor::numeric * 100 / leverage_centi)::bigint;
$function$;

-- Marks what is `fresh`, and gives it, with what was marked before and may still go, as columns: an array
-- for each field.
CREATE OR REPLACE FUNCTION core.mark_taken(this_mark text, fresh bigint[], again bigint[], now_at timestamptz, lease interval)
 RETURNS json
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  answer json;
begin
  with marked as (
    update public.orders o set status = 'submitting', submitted_at = now_at, changed_at = now_at,
      attempts = o.attempts + 1, mark_id = this_mark, claim_id = this_mark,
      lease_until = core.database_now() + lease
    where o.id = any(fresh)
    returning o.id, o.client_order_id, o.run_id, o.signal_id, o.user_id, o.account_id, o.instrument_id,
      o.venue, o.position, o.queue_position, o.side, o.quantity, o.limit_price_minor, o.product,
      o.send_before, o.attempts, o.lookups
  ), given as (
    select * from marked
    union all
    select o.id, o.client_order_id, o.run_id, o.signal_id, o.user_id, o.account_id, o.instrument_id,
      o.venue, o.position, o.queue_position, o.side, o.quantity, o.limit_price_minor, o.product,
      o.send_before, o.attempts, o.lookups
    from public.orders o
    where o.id = any(again) and o.mark_id = this_mark and o.status = 'submitting' and o.send_before > now_at
      and o.lease_until >= core.database_now() and core.halted_for(o) is null
      and core.settings_block_of(o) is null
  )
  select json_build_object('orderId', array_agg(o.id), 'clientOrderId', array_agg(o.client_order_id::text),
    'runId', array_agg(o.run_id), 'signalId', array_agg(o.signal_id), 'userId', array_agg(o.user_id),
    'accountId', array_agg(o.account_id), 'venue', array_agg(o.venue), 'exchange', array_agg(o.exchange),
    'symbol', array_agg(o.symbol), 'side', array_agg(o.side), 'quantity', array_agg(o.quantity),
    'limitPriceMinor', array_agg(o.limit_price_minor), 'product', array_agg(o.product),
    'sendBeforeMs', array_agg(core.ms(o.send_before)), 'attempts', array_agg(o.attempts),
    'lookups', array_agg(o.lookups))
  into answer
  from (select given.*, i.exchange, i.symbol
    from given join public.instruments i on i.id = given.instrument_id
    order by given.position, given.queue_position) o
  having count(*) > 0;
  return answer;
end $function$;

-- A phone number by which its owner can be told from others, and not be called: the last six digits are
-- hidden.
CREATE OR REPLACE FUNCTION core.masked(number text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
AS $function$
  select regexp_replace(number, '.{1,6}$', 'xxxxxx');
$function$;

-- How many refused single orders are kept of one caller in a day.
CREATE OR REPLACE FUNCTION core.max_denied_orders()
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$ select 1000::bigint; $function$;

-- How many rows are kept of one sender in a day, taken or not.
CREATE OR REPLACE FUNCTION core.max_received_rows()
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$ select 5000::bigint; $function$;

-- How many single orders are placed of one user in a day.
CREATE OR REPLACE FUNCTION core.max_single_orders()
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$ select 2000::bigint; $function$;

-- False: sent once at most, never looked up, and not answered yet or answered clearly: its events hold
-- nothing wrong.
CREATE OR REPLACE FUNCTION core.may_have_setbacks(o public.orders)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select o.attempts > 1 or o.lookups > 0 or o.status not in ('submitting', 'filled', 'rejected');
$function$;

-- Who is told what: each user of a run once, each single order, and every message as its history says.
CREATE OR REPLACE FUNCTION core.message_findings(since date, until date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'every user of a decided run has one summary', run.id, null::text, summaries.n::text, users.n::text,
    null::text, false
  from public.scan_runs run
  cross join lateral (select count(*) as n from public.messages m where m.run_id = run.id
    and m.kind = 'summary') summaries
  cross join lateral (select count(*) as n from public.run_users ru where ru.run_id = run.id) users
  where run.state <> 'planning' and run.takes_orders_until is null and summaries.n <> users.n
    and run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  union all
  select 'a single order has a message that tells of it', o.client_order_id, o.user_id, 'none',
    'one', null, false
  from public.scan_runs run join public.orders o on o.run_id = run.id
  where run.takes_orders_until is not null
    and run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    and not exists (select from public.messages m
      where (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id <= o.id)
  union all
  select 'a message is to a user of its run', m.run_id || ' ' || m.kind, m.user_id, m.user_id,
    'a user of the run', null, false
  from public.scan_runs run join public.messages m on m.run_id = run.id
  where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
    and (not exists (select from public.run_users ru
      where (ru.run_id, ru.user_id) = (m.run_id, m.user_id))
    or (m.first_order_id is not null and not exists (select from public.orders o
      where o.id = m.first_order_id and (o.run_id, o.user_id) = (m.run_id, m.user_id))))
  union all
  select 'a message is as its history says', coalesce(m.run_id, m.trade_date::text) || ' '
    || m.kind, m.user_id, concat_ws(' ', m.status, m.provider_status, m.attempts),
    concat_ws(' ', last.status, last.provider_status, last.attempt), null, false
  from public.messages m left join public.scan_runs run on run.id = m.run_id
  left join lateral (select * from public.message_events e where e.message_id = m.id
    order by e.id desc limit 1) last on true
  where coalesce(run.trade_date, m.trade_date) between coalesce(since, '-infinity')
    and coalesce(until, 'infinity')
    and ((m.status, m.attempts) is distinct from (coalesce(last.status, 'queued'), coalesce(last.attempt, 0))
      or m.provider_status is distinct from last.provider_status
      or m.changed_at < last.at - core.check_skew()
      or (m.attempts > 0) <> (m.sending_at is not null));
$function$;

-- Everything a message says, from rows only: a user's orders of a run, or the login he is reminded of. A
-- table of one row, as `orders_digest`.
CREATE OR REPLACE FUNCTION core.message_json(m public.messages, now_at timestamptz)
 RETURNS TABLE(message json)
 LANGUAGE sql
 STABLE
AS $function$
  select json_build_object('messageId', m.id, 'runId', m.run_id, 'userId', m.user_id, 'kind', m.kind,
    'userName', u.name, 'whatsapp', case when u.opted_in_at is not null and n.stopped_at is null
    then u.whatsapp end, 'silenced', (select suppressed_for from core.suppression_reason(m, u, n)),
    'language', u.language, 'channel', m.channel, 'attempt', m.attempts + 1,
    -- Five minutes less than WhatsApp's 24 hours: clocks differ, and free text outside is refused (63016).
    'windowOpen', coalesce(n.last_inbound_at > now_at - interval '23 hours 55 minutes', false),
    'dueMs', core.ms(m.due_at), 'contentHash', case when m.first_order_id is null
      then (select digest from core.orders_digest(m.run_id, m.user_id))
      else core.last_single_order(m) end,
    'tradeDate', coalesce(run.trade_date, m.trade_date), 'mode', coalesce(run.mode, a.mode),
    'pricesFrom', run.limits ->> 'pricesFrom',
    'availableMinor', (select traded.cash_minor - traded.held_minor from public.run_users ru
      join public.accounts traded on traded.id = ru.account_id
      where (ru.run_id, ru.user_id) = (m.run_id, m.user_id)),
    'login', case when a.id is not null then json_build_object('accountId', a.id, 'venue', a.venue,
      'beforeMs', core.ms(m.send_before)) end,
    'lines', case when m.first_order_id is not null then core.single_order_lines(m)::json
      else (select lines from core.summary_lines(m.run_id, m.user_id)) end)
  from public.users u left join public.whatsapp_numbers n on n.number = u.whatsapp
  left join public.scan_runs run on run.id = m.run_id left join public.accounts a on a.id = m.account_id
  where u.id = m.user_id;
$function$;

-- The messages of a closing: of its runs, of its orders, and reminders of its days.
CREATE OR REPLACE FUNCTION core.messages_to_remove(c public.closings)
 RETURNS SETOF public.messages
 LANGUAGE sql
 STABLE
AS $function$
  select m.* from core.runs_to_remove(c) run join public.messages m on m.run_id = run
  union
  select m.* from core.orders_in(core.period_to(c.through)) o
  join public.messages m on (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id = o.id
  union
  select m.* from public.messages m where m.run_id is null and m.trade_date <= c.through;
$function$;

-- A label of a metric must not hold free text: the word a reason begins with, or `other`.
CREATE OR REPLACE FUNCTION core.metric_label(reason text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when reason is null then ''
    when split_part(reason, ':', 1) ~ '^[a-z][a-z0-9_]{0,39}$' then split_part(reason, ':', 1)
    else 'other' end;
$function$;

-- Sales of these runs that were refused although the share is held now: how many, and the first 20. The
-- listings of a share are asked once for each share, and positions by account and instrument: asked for each
-- decision, a run of 5,000 users took two seconds.
CREATE OR REPLACE FUNCTION core.missed_exits(of_runs text[])
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  with refused as materialized (
    select d.run_id, d.signal_id, d.user_id, d.account_id, d.reason, d.queue_position, s.instrument_id
    from public.decisions d join public.signals s on s.id = d.signal_id and s.side = 'SELL'
    where d.run_id = any(of_runs) and d.outcome <> 'accepted' and d.reason <> 'already_decided'
  ), listed as materialized (
    select one.instrument_id, i.symbol, listing
    from (select distinct instrument_id from refused) one
    join public.instruments i on i.id = one.instrument_id
    cross join lateral unnest(core.listings_of(one.instrument_id)) listing
  ), missed as (
    select r.user_id, u.name, listed.symbol, r.reason, core.clamp_to_safe(sum(p.quantity)) as quantity,
      r.queue_position
    from refused r join listed on listed.instrument_id = r.instrument_id
    cross join lateral (select held.* from public.positions held
      where held.account_id = r.account_id and held.instrument_id = listed.listing and held.quantity > 0
      -- Found by its key, however many positions there are.
      offset 0) p
    join public.users u on u.id = r.user_id
    group by r.run_id, r.signal_id, r.user_id, u.name, listed.symbol, r.reason, p.instrument_id,
      r.queue_position
  )
  select jsonb_build_object('count', (select count(*) from missed), 'first', (select coalesce(jsonb_agg(
      jsonb_build_object('userId', user_id, 'userName', name, 'symbol', symbol, 'reason', reason,
        'quantity', quantity) order by queue_position, symbol), '[]')
    from (select * from missed order by queue_position, symbol limit 20) first));
$function$;

-- Each account at the end of a period: the cash and held money its entries come to, and the cash that what
-- was paid in and what orders made of it come to.
CREATE OR REPLACE FUNCTION core.money_at_end(p core.period)
 RETURNS TABLE(account_id bigint, cash_minor numeric, held_minor numeric, earned_minor numeric)
 LANGUAGE sql
 STABLE
AS $function$
  with opened as (
    select b.account_id, b.cash_minor from public.closed_balances b
    where b.through = (p).opening and (p).accounts is null
    union all select behind.account_id, behind.cash_minor from core.accounts_behind(p) behind
  ), entry as (
    select e.account_id, sum(e.cash_delta_minor) as cash, sum(e.held_delta_minor) as held,
      coalesce(sum(e.cash_delta_minor) filter (where e.order_id is null), 0) as moved
    from core.entries_in(p) e group by 1
  ), earned as (
    select cost.account_id, sum(cost.cash_minor) as cash from core.cost_of_orders(p) cost group by 1
  )
  select a.id, coalesce(opened.cash_minor, 0) + coalesce(entry.cash, 0), coalesce(entry.held, 0),
    coalesce(opened.cash_minor, 0) + coalesce(entry.moved, 0) + coalesce(earned.cash, 0)
  from public.accounts a left join opened on opened.account_id = a.id
  left join entry on entry.account_id = a.id left join earned on earned.account_id = a.id
  where ((p).accounts is null or a.id = any((p).accounts)) and ((p).closing is null
    or a.id in (select b.account_id from public.closed_balances b where b.through = (p).closing));
$function$;

-- Each account against its entries, its open orders, and what was paid in and earned; of the period up to
-- now.
CREATE OR REPLACE FUNCTION core.money_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with opened as (
    select account_id, sum(hold_minor) as held from public.orders where ended_at is null group by 1
  ), stands as (
    select a, made.cash_minor as entered_cash, made.held_minor as entered_held,
      coalesce(opened.held, 0) as open_held, made.earned_minor as earned_cash
    from public.accounts a join core.money_at_end(p) made on made.account_id = a.id
    left join opened on opened.account_id = a.id
    where (p).closing is null
  ), wrong as (
    select 'cash is the sum of its entries' as rule, a, (a).cash_minor as ours, entered_cash as should
    from stands where (a).cash_minor <> entered_cash
    union all
    select 'cash is what was paid in and what orders made of it', a, (a).cash_minor, earned_cash
    from stands where (a).cash_minor <> earned_cash
    union all
    select 'held is the sum of its entries', a, (a).held_minor, entered_held
    from stands where (a).held_minor <> entered_held
    union all
    select 'held is the open holds', a, (a).held_minor, open_held from stands
    where (a).held_minor <> open_held
    union all
    select 'available is not below zero unless the account is blocked', a, (a).cash_minor - (a).held_minor, 0
    from stands where (a).cash_minor < (a).held_minor and (a).not_ready is null
  )
  select rule, core.account_name(a), (a).user_id, core.decimal(ours), core.decimal(should), null,
    false from wrong;
$function$;

-- Whether an account's available money was taken down by something other than a hold after an entry of its
-- ledger.
CREATE OR REPLACE FUNCTION core.money_left_since(of_account bigint, snapshot_entry bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (select from public.ledger_entries e where e.account_id = of_account
    and e.id > snapshot_entry
    and e.kind <> 'hold' and (e.kind = 'late_post' or e.cash_delta_minor < e.held_delta_minor));
$function$;

-- Everything under the user's id goes under the tombstone's; what only names or reaches them goes.
CREATE OR REPLACE FUNCTION core.move_to_tombstone(u public.users, tombstone text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into public.users (id, name, active, trading_enabled, priority, venue, notify)
  values (tombstone, tombstone, false, false, u.priority, u.venue, 'off');
  update public.accounts set user_id = tombstone where user_id = u.id;
  delete from public.account_credentials c using public.accounts a where a.id = c.account_id
    and a.user_id = tombstone;
  update public.run_users set user_id = tombstone where user_id = u.id;
  update public.decisions set user_id = tombstone where user_id = u.id;
  update public.orders set user_id = tombstone, message = case when message is not null then tombstone end
  where user_id = u.id;
  update public.order_requests set user_id = tombstone,
    principal = case principal when 'user:' || u.id then 'user:' || tombstone else principal end
  where user_id = u.id;
  update public.message_events e set provider_id = null, reason = null
  from public.messages m where m.id = e.message_id and m.user_id = u.id;
  update public.messages set user_id = tombstone, text = tombstone, sent_to = null, provider_id = null,
    reason = null,
    content_hash = null, may_change = false where user_id = u.id;
  update public.api_keys set user_id = tombstone, label = '',
    revoked_at = coalesce(revoked_at, core.database_now())
  where user_id = u.id;
  update public.halts set target = tombstone where scope = 'user' and target = u.id;
  update paper_venue.orders set user_id = tombstone where user_id = u.id;
  delete from paper_venue.faults where user_id = u.id;
  delete from public.users where id = u.id;
  -- A number somebody else has too is theirs.
  if not exists (select from public.users other where other.whatsapp = u.whatsapp) then
    delete from public.whatsapp_numbers where number = u.whatsapp;
    delete from public.consents where number = u.whatsapp;
  end if;
end $function$;

-- An instant as milliseconds since 1970; null: none.
CREATE OR REPLACE FUNCTION core.ms(at timestamptz)
 RETURNS bigint
 LANGUAGE sql
 STABLE STRICT
AS $function$
  select (extract(epoch from at) * 1000)::bigint;
$function$;

-- Opened again soon after it was closed, it goes on with longer pauses.
CREATE OR REPLACE FUNCTION core.next_pause(b public.breakers, first_ms bigint, now_at timestamptz)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when b.closed_at > now_at - interval '2 minutes'
      then least(greatest(b.pause_ms * 2, first_ms), 300000)
    else first_ms end;
$function$;

-- What a venue's word means for an order of which so much is filled by now. Fills prove fills: a venue that
-- says «filled» and does not name them all is asked again, and one that says «rejected» after some has
-- canceled the rest. `is_named`: the venue has a number for it.
CREATE OR REPLACE FUNCTION core.next_status(status text, venue_status text, filled numeric, quantity bigint, is_named boolean)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when filled >= quantity then 'filled'
    when filled > 0 and venue_status in ('working', 'queued', 'partially_filled', 'filled')
      then 'partially_filled'
    when filled > 0 and venue_status = 'rejected' then 'canceled'
    when venue_status in ('partially_filled', 'filled') then 'working'
    -- Not sent, and yet the venue has a number for it: it must not go again before somebody has looked.
    when venue_status = 'queued' and is_named and status = 'submitting' then 'unknown'
    else venue_status end;
$function$;

-- Why an account may not open anything new on a day; null: it may. A live one needs a check of that very
-- day.
CREATE OR REPLACE FUNCTION core.not_ready_on(a public.accounts, on_day date)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case
    when a.mode <> 'live' or (a.not_ready is not null and not core.awaits_check(a.not_ready))
      then a.not_ready
    when a.checked_for = on_day then coalesce(a.check_found, a.not_ready)
    else coalesce(a.not_ready, 'not_checked_today') end;
$function$;

-- Why an account that has come to this cash and this held may open nothing new; null: it may.
CREATE OR REPLACE FUNCTION core.not_ready_with(not_ready text, cash_minor numeric, held_minor numeric)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when cash_minor < held_minor
    then core.block_reason(not_ready, 'available money is below zero: acknowledge it') else not_ready end;
$function$;

-- Says once per statement that statuses may have changed (equal notices of a transaction are one), so a
-- batch of 500 costs one. A hint without content: who hears it reads the events. A new order is watched by
-- nobody yet.
CREATE OR REPLACE FUNCTION core.notify_order_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  perform pg_notify('daily_scan_orders', '');
  return null;
end $function$;

-- The caller's time. One that is far from the database's is refused: whoever acts on it is wrong about the
-- day or the hour.
CREATE OR REPLACE FUNCTION core.now_of(args jsonb)
 RETURNS timestamptz
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  caller_now constant timestamptz := core.at((args ->> 'nowMs')::bigint);
begin
  if core.clock_is_far(args) then
    raise exception 'the clock of this process says %, the database''s % (India), more than two minutes '
      'apart, so nothing was done: let both machines take their time from the network (NTP)',
      coalesce(to_char(caller_now at time zone 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS'), 'nothing'),
      to_char(core.database_now() at time zone 'Asia/Kolkata',
        'YYYY-MM-DD HH24:MI:SS') using errcode = 'PT425';
  end if;
  return caller_now;
end $function$;

-- Opens what the last sends say is failing. Whose trouble it is: a venue's, where it is found outside its
-- worst signal, too (or there is but one); else a signal's; and an account's own by its own sends. A venue
-- that is stopped stops its signals and accounts with it, so theirs are not opened besides.
CREATE OR REPLACE FUNCTION core.open_breakers(run public.scan_runs, for_venue text, of_accounts bigint[], judge text, now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  pct constant bigint := core.breaker_limit(run.limits, 'breakerPct', 50);
  least_orders constant bigint := core.breaker_limit(run.limits, 'breakerMinOrders', 10);
  least_accounts constant bigint := core.breaker_limit(run.limits, 'breakerMinAccounts', 3);
  accounts_pct constant bigint := core.breaker_limit(run.limits, 'breakerAccountsPct', 50);
  least_of_account constant bigint := core.breaker_limit(run.limits, 'breakerAccountMinOrders', 5);
  first_ms constant bigint := core.breaker_limit(run.limits, 'breakerPauseMs', 5000);
  is_lone constant boolean := (select count(*) < 2
    from (select from public.run_signals where run_id = run.id limit 2) first_two);
  failing core.sends_counted[];
begin
  if exists (select from public.breakers b where b.is_open
    and (b.run_id, b.venue, b.signal_id, b.account_id) = (run.id, for_venue, '', 0)) then return; end if;
  failing := array(select c from core.count_sends(run.id, for_venue, greatest(100, least_orders * 2), pct) c
    where c.tried >= least_orders and c.failed * 100 >= c.tried * pct
      and c.failed_accounts >= least_accounts and c.failed_accounts * 100 >= c.accounts * accounts_pct
      and (c.signal_id <> '' or is_lone or (c.elsewhere_accounts >= least_accounts
        and c.elsewhere_failed * 100 >= c.elsewhere_tried * pct)));
  if exists (select from unnest(failing) f where f.signal_id = '') then
    failing := array(select f from unnest(failing) f where f.signal_id = '');
    update public.breakers set is_open = false, closed_at = now_at, probe_order_id = null
    where run_id = run.id and venue = for_venue and account_id = 0 and is_open;
  end if;
  insert into public.breakers as b (run_id, venue, signal_id, is_open, tried, failed, accounts,
    failed_accounts, openings, opened_at, pause_ms, next_probe_at, judge_id)
  select run.id, for_venue, f.signal_id, true, f.tried, f.failed, f.accounts, f.failed_accounts,
    1, now_at, first_ms, now_at + first_ms * interval '1 millisecond', judge
  from unnest(failing) f order by f.signal_id
  on conflict on constraint breakers_pkey do update set (is_open, tried, failed, accounts, failed_accounts,
    openings, opened_at, pause_ms, next_probe_at, probe_order_id, answered_probes, judge_id) = (true,
    excluded.tried, excluded.failed, excluded.accounts, excluded.failed_accounts, b.openings + 1, now_at,
    core.next_pause(b, excluded.pause_ms, now_at),
    now_at + core.next_pause(b, excluded.pause_ms, now_at) * interval '1 millisecond', null, 0, judge)
  where not b.is_open;
  if failing[1].signal_id = '' then return; end if;
  update public.breakers b set is_open = true, openings = b.openings + 1, opened_at = now_at,
    pause_ms = core.next_pause(b, first_ms, now_at), probe_order_id = null, answered_probes = 0,
    judge_id = judge,
    next_probe_at = now_at + core.next_pause(b, first_ms, now_at) * interval '1 millisecond'
  where b.run_id = run.id and b.venue = for_venue and b.signal_id = '' and b.account_id = any(of_accounts)
    and not b.is_open and b.failed >= least_of_account and b.failed * 100 >= b.tried * pct;
end $function$;

-- What blocks an account whose books differ from its venue's; null: nothing that is not acknowledged.
CREATE OR REPLACE FUNCTION core.open_drift(of_account bigint)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select format('drift: %s %s: ours %s, theirs %s%s: acknowledge it', kind, what, ours, theirs,
    case when more > 0 then format(' (and %s more)', more) else '' end)
  from (select d.*, count(*) over () - 1 as more from public.drifts d
    where account_id = of_account and acknowledged_at is null) open
  order by kind <> 'unknown_order', id limit 1;
$function$;

-- Opens the accounts that imported users have not, a paper one with its capital as a deposit. Gives how
-- many.
CREATE OR REPLACE FUNCTION core.open_imported_accounts(args jsonb, now_at timestamptz)
 RETURNS bigint
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  with opened as (
    insert into public.accounts (user_id, venue, mode, currency, capital_minor, allocation_bps,
      leverage_centi, max_open_positions, daily_loss_limit_bps, max_orders_per_day, max_order_value_minor,
      not_ready, cash_minor)
    select id, venue, args ->> 'mode', currency, "capitalMinor", "allocationBps", "leverageCenti",
      "maxOpenPositions", "dailyLossLimitBps", "maxOrdersPerDay", "maxOrderValueMinor",
      case when args ->> 'mode' = 'live' then 'not connected yet' end,
      case when args ->> 'mode' = 'paper' then "capitalMinor" else 0 end
    from core.imported_users(args)
    order by id
    on conflict (user_id, venue, mode, currency) do nothing
    returning id, mode, capital_minor
  ), deposited as (
    insert into public.ledger_entries (account_id, kind, cash_delta_minor, held_delta_minor, source, at)
    select id, 'deposit', capital_minor, 0, args ->> 'source', now_at from opened
    where mode = 'paper' order by id
  )
  select count(*) from opened;
$function$;

-- How many shares are held or being bought, whatever listings of them.
CREATE OR REPLACE FUNCTION core.open_instruments(of_account bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
begin
  return (
    select count(distinct i.share) from (
      select p.instrument_id from public.positions p where p.account_id = of_account and p.quantity <> 0
      union
      select o.instrument_id from public.orders o where o.account_id = of_account and o.side = 'BUY'
        and o.ended_at is null) open_one
    join public.instruments i on i.id = open_one.instrument_id
  );
end $function$;

-- What has to end before a user may be erased, as {kind, count}: nothing of it can be ended by erasing it.
CREATE OR REPLACE FUNCTION core.open_obligations(for_user text)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'count', n) order by kind)
    filter (where n > 0), '[]')
  from (values
    ('open_order', (select count(*) from public.orders o where o.user_id = for_user and o.ended_at is null)),
    ('open_position', (select count(*) from public.positions p join public.accounts a on a.id = p.account_id
      where a.user_id = for_user and p.quantity <> 0)),
    ('unsettled_message', (select count(*) from public.messages m
      where m.user_id = for_user and m.status in ('queued', 'sending', 'unknown'))),
    ('undecided_run', (select count(*) from public.run_users r join public.scan_runs run on run.id = r.run_id
      where r.user_id = for_user and run.state <> 'done'))
  ) tie(kind, n);
$function$;

-- The day's run of single orders, opened by the first. Its limits are those in force: each order is judged
-- by the limits it is asked under, which its request keeps; the run's own, which breakers judge by, follow
-- where nobody holds the run.
CREATE OR REPLACE FUNCTION core.open_single_order_run(args jsonb, now_at timestamptz)
 RETURNS public.scan_runs
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  run public.scan_runs;
begin
  select * into run from public.scan_runs where id = args ->> 'runId' for share;
  if not found then
    insert into public.scan_runs (id, session_id, trade_date, mode, state, limits, cut_off_at,
      takes_orders_until, opened_at, decided_at, plan_hash)
    values (args ->> 'runId', args ->> 'sessionId', (args ->> 'tradeDate')::date, args ->> 'mode', 'decided',
      args -> 'limits', core.at((args ->> 'takesOrdersUntilMs')::bigint),
      core.at((args ->> 'takesOrdersUntilMs')::bigint), now_at, now_at, '')
    on conflict (id) do nothing;
    select * into run from public.scan_runs where id = args ->> 'runId' for share;
  end if;
  if run.limits <> run.limits || (args -> 'limits') then
    update public.scan_runs set limits = limits || (args -> 'limits')
    where id = (select free.id from public.scan_runs free where free.id = run.id
      for no key update skip locked);
  end if;
  run.limits := args -> 'limits';
  return run;
end $function$;

-- What of a closing nobody has ended yet, as {kind, count}; and what never was closed.
CREATE OR REPLACE FUNCTION core.open_through(c public.closings)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'count', n) order by kind)
    filter (where n > 0), '[]')
  from (values
    ('account', (select count(*) from public.accounts a
      where not exists (select from public.closed_balances b
          where (b.account_id, b.through) = (a.id, c.through))
        and exists (select from public.orders o where (o.user_id, o.account_id) = (a.user_id, a.id)
          and o.id <= c.last_order_id))),
    ('order', (select count(*) from public.orders o where o.ended_at is null and o.id <= c.last_order_id)),
    ('run', (select count(*) from core.runs_to_remove(c) gone join public.scan_runs run on run.id = gone
      where run.state <> 'done')),
    ('message', (select count(*) from core.messages_to_remove(c) m
      where m.status in ('queued', 'sending', 'unknown'))),
    ('drift', (select count(*) from public.drifts d where d.acknowledged_at is null
      and d.trade_date <= c.through))
  ) tie(kind, n);
$function$;

-- What an account's facts begin with: the cash the removed orders made, and the positions that were held.
CREATE OR REPLACE FUNCTION core.opening_of(of_account bigint, begins public.closings)
 RETURNS json
 LANGUAGE sql
 STABLE
AS $function$
  select json_build_object('cashMinor', (select coalesce(sum(x.cash_minor), 0) from public.removed_cash x
      where x.account_id = of_account),
    'positions', (select coalesce(json_agg(json_build_object('instrumentId', p.instrument_id,
        'product', p.product, 'quantity', p.quantity, 'costMinor', p.cost_minor,
        'marginMinor', p.margin_minor, 'realisedMinor', p.realised_minor,
        'freedMarginMinor', p.freed_margin_minor) order by p.instrument_id, p.product), '[]')
      from (select distinct on (one.instrument_id, one.product) one.* from public.closed_positions one
        where one.account_id = of_account and one.through <= begins.through
        order by one.instrument_id, one.product, one.through desc) p))
  where begins.through is not null;
$function$;

-- One order as its owner and the operator see it. A function, so that list and single answer are the same.
CREATE OR REPLACE FUNCTION core.order_details(o public.orders)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('orderId', o.id, 'clientOrderId', o.client_order_id, 'runId', o.run_id,
    'userId', o.user_id, 'exchange', i.exchange, 'symbol', i.symbol, 'side', o.side, 'quantity', o.quantity,
    'status', o.status, 'reason', o.reason, 'message', o.message, 'venue', o.venue,
    'venueOrderId', o.venue_order_id, 'limitPriceMinor', o.limit_price_minor,
    'filledQuantity', o.filled_quantity, 'filledValueMinor', o.filled_value_minor,
    'chargesMinor', o.charges_minor, 'lateFill', o.late_fill, 'createdAtMs', core.ms(o.created_at),
    'changedAtMs', core.ms(o.changed_at))
  from public.instruments i where i.id = o.instrument_id;
$function$;

-- The orders of an account, each with its day and its rate. Found by their user, whom an index knows.
CREATE OR REPLACE FUNCTION core.order_facts_of(of_account bigint, of_user text, begins public.closings)
 RETURNS json
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(json_agg(json_build_object('orderId', o.id, 'clientOrderId', o.client_order_id,
    'side', o.side, 'tradeDate', run.trade_date, 'leverageCenti', o.leverage_centi,
    'holdMinor', o.hold_minor, 'createdAtMs', core.ms(o.created_at), 'endedAtMs', core.ms(o.ended_at),
    'filledQuantity', o.filled_quantity, 'filledValueMinor', o.filled_value_minor,
    'chargesMinor', o.charges_minor, 'releasedMinor', o.released_minor,
    'rate', json_build_object('transactionTaxPpb', rate.transaction_tax_ppb,
      'exchangePpb', rate.exchange_ppb, 'regulatorPpb', rate.regulator_ppb, 'stampPpb', rate.stamp_ppb,
      'brokeragePpb', rate.brokerage_ppb, 'brokerageCapMinor', rate.brokerage_cap_minor,
      'gstBps', rate.gst_bps)) order by o.id), '[]')
  from public.orders o join public.scan_runs run on run.id = o.run_id
  join public.charge_rates rate on rate.id = o.rate_id
  where o.user_id = of_user and o.account_id = of_account and o.id > coalesce(begins.last_order_id, 0);
$function$;

-- Each order against what was decided and what it may cost; of runs since a day, until a day (null: all).
CREATE OR REPLACE FUNCTION core.order_findings(since date, until date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with made as (
    select o, a, run, rs.send_before,
      core.margin_on(at_limit.minor, o.leverage_centi) as margin,
      core.charges_on(case when o.ended_at is null then at_limit.minor else o.filled_value_minor end, rate)
        as charges, core.charges_on(at_limit.minor, rate) as charges_at_limit
    from public.scan_runs run join public.orders o on o.run_id = run.id
    join public.accounts a on a.id = o.account_id
    join public.charge_rates rate on rate.id = o.rate_id
    cross join lateral (select core.value_up(o.quantity, o.limit_price_minor,
      core.places_of(o.instrument_id))::bigint as minor) at_limit
    left join public.run_signals rs on (rs.run_id, rs.signal_id) = (o.run_id, o.signal_id)
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'an order is of its account''s user, venue and mode' as rule, o,
      concat_ws(' ', (o).user_id, (o).venue) as ours,
      concat_ws(' ', (a).user_id, core.order_venue((a).mode, (a).venue), (a).mode) as should
    from made where ((o).user_id, (o).venue, (run).mode)
      is distinct from ((a).user_id, core.order_venue((a).mode, (a).venue), (a).mode)
    union all
    select 'a client order id is made of its account and signal', o, (o).client_order_id::text, id.should
    from made cross join lateral (select
      core.client_order_id_of((a).mode, (a).venue, (a).user_id, (o).signal_id) as should) id
    where (o).client_order_id <> id.should and (a).user_id !~ '^erased-'
    union all
    select 'an order is sent before its signal''s time is over', o, (o).send_before::text,
      made.send_before::text
    from made where (o).send_before is distinct from made.send_before
    union all
    -- A venue's own margin may be more than ours, and a sale without money holds what there is.
    select 'an order holds what it may cost at most', o, core.decimal((o).hold_minor),
      core.decimal(case (o).side when 'BUY' then margin else 0 end + charges_at_limit)
    from made where case when (o).side = 'SELL' then (o).hold_minor > charges_at_limit
      when (run).mode = 'paper' then (o).hold_minor <> margin + charges_at_limit
      else (o).hold_minor < margin + charges_at_limit end
    union all
    select 'the charges of an order are those of what it filled, or may fill', o,
      core.decimal((o).charges_minor), core.decimal(charges) from made where (o).charges_minor <> charges
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$function$;

-- Our number of an order, where a name is one.
CREATE OR REPLACE FUNCTION core.order_id_of(name text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when name ~ '^[0-9]{1,18}$' then name::bigint end;
$function$;

-- With its instrument given, so that it is one expression and no query for each order; as text (json), since
-- nobody here looks into it and jsonb costs three times as much to build.
CREATE OR REPLACE FUNCTION core.order_json(o public.orders, i public.instruments, halted text DEFAULT NULL::text, spent boolean DEFAULT NULL::boolean)
 RETURNS json
 LANGUAGE sql
 STABLE
AS $function$
  select json_build_object('orderId', o.id, 'clientOrderId', o.client_order_id, 'runId', o.run_id,
    'signalId', o.signal_id, 'userId', o.user_id, 'accountId', o.account_id, 'venue', o.venue,
    'exchange', i.exchange, 'symbol', i.symbol, 'side', o.side, 'quantity', o.quantity,
    'limitPriceMinor', o.limit_price_minor, 'product', o.product, 'status', o.status,
    'sendBeforeMs', core.ms(o.send_before), 'attempts', o.attempts, 'lookups', o.lookups,
    'missedLookups', o.missed_lookups, 'venueOrderId', o.venue_order_id, 'filledQuantity', o.filled_quantity,
    'submittedAtMs', core.ms(o.submitted_at), 'halted', halted, 'spent', spent);
$function$;

-- Each order against the rows it names.
CREATE OR REPLACE FUNCTION core.order_reference_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'an order names rows that are there', 'order ' || o.client_order_id, o.user_id,
    concat_ws(', ', case when run.id is null then 'run ' || o.run_id end,
      case when s.id is null then 'signal ' || o.signal_id
        when frozen.run_id is null then 'signal ' || o.signal_id || ' in its run' end,
      case when u.id is null then 'user ' || o.user_id end,
      case when a.id is null then 'account ' || o.account_id end,
      case when i.id is null then 'instrument ' || o.instrument_id end,
      case when rate.id is null then 'rate ' || o.rate_id end) || ': not there',
    'there', null::text, false
  from core.orders_in(p) o left join public.scan_runs run on run.id = o.run_id
  left join public.signals s on s.id = o.signal_id
  left join public.run_signals frozen on (frozen.run_id, frozen.signal_id) = (o.run_id, o.signal_id)
  left join public.users u on u.id = o.user_id
  left join public.accounts a on a.id = o.account_id
  left join public.instruments i on i.id = o.instrument_id
  left join public.charge_rates rate on rate.id = o.rate_id
  where run.id is null or s.id is null or frozen.run_id is null or u.id is null or a.id is null
    or i.id is null or rate.id is null;
$function$;

-- Each order against its signal: side, share, and the price it was decided at.
CREATE OR REPLACE FUNCTION core.order_signal_findings(since date, until date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with made as (
    select o, s.side, signalled.symbol, signalled.share, traded.share as traded_share, rate, run.trade_date,
      coalesce((run.limits ->> 'protectionBps')::bigint, 0) as bps,
      case when run.takes_orders_until is not null then s.reference_price_minor end as named_minor,
      coalesce(traded.tick_minor, 500) as tick
    from public.scan_runs run join public.orders o on o.run_id = run.id
    join public.signals s on s.id = o.signal_id
    join public.instruments signalled on signalled.id = s.instrument_id
    join public.instruments traded on traded.id = o.instrument_id
    join public.charge_rates rate on rate.id = o.rate_id
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'an order is for the share and on the side of its signal' as rule, o,
      concat_ws(' ', (o).side, traded_share) as ours, concat_ws(' ', side, share) as should
    from made where ((o).side, traded_share) <> (side, share)
    union all
    select 'an order is charged at the rate of its side and product on its day', o,
      format('rate %s', (o).rate_id),
      format('one of %s %s in force on %s', (o).product, (o).side, trade_date)
    from made where ((rate).side, (rate).product) <> ((o).side, (o).product)
      or (rate).exchange <> core.charging_exchange((o).run_id)
      or (rate).valid_from <> (select max(r.valid_from) from public.charge_rates r
      where (r.exchange, r.product, r.side) = ((rate).exchange, (rate).product, (rate).side)
        and r.valid_from <= trade_date)
    union all
    select 'a buy with leverage is of margin, another is delivered', o, (o).product,
      format('leverage %s', (o).leverage_centi)
    from made where (o).side = 'BUY' and ((o).product = 'mtf') <> ((o).leverage_centi > 100)
    union all
    select 'an order''s limit is near the price it was decided at', o, core.decimal((o).limit_price_minor),
      'near ' || core.decimal((o).decision_price_minor)
    from made where (o).limit_price_minor is distinct from named_minor and (o).limit_price_minor not between
      least((o).decision_price_minor * (10000 - bps) / 10000, (o).decision_price_minor) - tick
      and (o).decision_price_minor * (10000 + bps) / 10000 + tick
  )
  select rule, 'order ' || (o).client_order_id, (o).user_id, ours, should, null, false from wrong;
$function$;

-- Where an account's orders go: paper mode trades at the paper venue, whatever venue the account is for.
CREATE OR REPLACE FUNCTION core.order_venue(mode text, account_venue text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case mode when 'paper' then 'paper' else account_venue end;
$function$;

-- A digest of a user's orders of a run as a message tells them. A table of one row, so that it becomes part
-- of the query that asks and is planned once, not once a message.
CREATE OR REPLACE FUNCTION core.orders_digest(for_run text, for_user text)
 RETURNS TABLE(digest text)
 LANGUAGE sql
 STABLE
AS $function$
  select md5(coalesce(string_agg(concat_ws('|', o.signal_id, o.status, o.reason, o.message,
    o.filled_quantity, o.filled_value_minor), E'\n' order by o.id), ''))
  -- `offset 0`: found by run and user, not by walking all the user ever ordered because that is in order
  -- already.
  from (select * from public.orders one where one.run_id = for_run and one.user_id = for_user offset 0) o;
$function$;

-- The orders of a period. `case`, here and below: of a range of numbers in a table that was never analyzed
-- the planner expects one row in two hundred, and joins each order with each fill; of what it can't look
-- into it expects every second row (472 orders of which nothing was known: 74,000 ms to check their entries,
-- so 86 ms).
CREATE OR REPLACE FUNCTION core.orders_in(p core.period)
 RETURNS SETOF public.orders
 LANGUAGE sql
 STABLE
AS $function$
  select o.* from public.orders o where o.id > (p).after_order
    and case when o.id <= (p).last_order then true else false end
    and ((p).closing is null or (o.account_id, o.user_id) not in (
      select a.id, a.user_id from public.accounts a where a.id in (select core.accounts_left_open(p))))
  union all
  select o.* from core.accounts_behind(p) behind join public.orders o on o.user_id = behind.user_id
    and o.account_id = behind.account_id and o.id > behind.after_order
    and case when o.id <= (p).after_order then true else false end;
$function$;

-- The orders a message of single orders tells of.
CREATE OR REPLACE FUNCTION core.orders_in_message(m public.messages)
 RETURNS SETOF public.orders
 LANGUAGE sql
 STABLE
AS $function$
  select o.* from public.orders o
  where (o.run_id, o.user_id) = (m.run_id, m.user_id) and o.id >= m.first_order_id
    and not exists (select from public.messages later
      where (later.run_id, later.user_id) = (m.run_id, m.user_id)
      and later.first_order_id > m.first_order_id and later.first_order_id <= o.id);
$function$;

-- How many orders were recorded on each day after the last closing, up to a day (null: of none).
CREATE OR REPLACE FUNCTION core.orders_to_close(until date)
 RETURNS TABLE(day date, orders bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select core.day_of(run.recorded_at), count(*)
  from public.scan_runs run join public.orders o on o.run_id = run.id
  where core.day_of(run.recorded_at) <= until and core.day_of(run.recorded_at)
    > coalesce((select max(c.through) from public.closings c), '-infinity')
  group by 1;
$function$;

-- How many orders to buy an account has of a trading day, by scans and one by one, without those that were
-- never sent, or are known not to have reached their venue: what ended from the queue was tried, perhaps,
-- and never got there.
CREATE OR REPLACE FUNCTION core.orders_today(of_account bigint, of_user text, for_mode text, on_date date)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select count(*) from public.scan_runs run
    -- Run by run, by index: a user's past is longer than their day.
    cross join lateral (select * from public.orders one
      where (one.run_id, one.user_id) = (run.id, of_user) offset 0) o
    where run.trade_date = on_date and run.mode = for_mode and o.account_id = of_account and o.side = 'BUY'
      and (o.ended_at is null or (o.attempts > 0 and o.reason is distinct from 'never_reached_venue'
        and (select last.from_status from public.order_events last where last.order_id = o.id
          order by last.id desc limit 1) is distinct from 'queued'))
  );
end $function$;

-- When an ordinary day's trading ends there. What a simulated market ends its orders at, and the time of a
-- stored close; the calendar with its short days is the caller's.
CREATE OR REPLACE FUNCTION core.ordinary_close(code text, day date)
 RETURNS timestamptz
 LANGUAGE sql
 STABLE
AS $function$
  select case core.zone_of(code) when 'UTC' then core.trade_date_ends(code, day)
    when 'America/New_York' then (day + time '16:00') at time zone 'America/New_York'
    else (day + time '15:30') at time zone 'Asia/Kolkata' end;
$function$;

-- What each outcome means for its order, with the fills it brought (`+ 0`: found by their orders alone;
-- by both indexes it would be each order times each fill). `moves`: the table of transitions lets the order
-- follow.
CREATE OR REPLACE FUNCTION core.outcome_effects(outcomes core.outcome[], fresh bigint[], now_at timestamptz)
 RETURNS TABLE(order_id bigint, next_status text, reason text, message text, venue_order_id text, next_lookup_at timestamptz, next_attempt_at timestamptz, more_quantity numeric, more_value_minor numeric, released_minor numeric, filled numeric, late boolean, moves boolean)
 LANGUAGE sql
 STABLE
AS $function$
  with applicable as (
    select row.*, o.status, o.quantity, o.filled_quantity + added.more_quantity as filled, added.*,
      coalesce(row."venueOrderId", o.venue_order_id) is not null as is_named
    from unnest(outcomes) row
    join public.orders o on o.id = row."orderId" and o.attempts = coalesce(row.attempts, o.attempts)
    cross join lateral (select coalesce(sum(f.quantity), 0) as more_quantity,
        coalesce(sum(f.value_minor), 0) as more_value_minor,
        coalesce(sum(f.realised_minor + f.freed_margin_minor), 0) as released_minor,
        coalesce(bool_or(f.late), false) as late
      from public.fills f where f.order_id = o.id and f.id + 0 = any(fresh)) added
  ), interpreted as (
    select applicable.*, core.next_status(status, "venueStatus", filled, quantity, is_named) as next_status
    from applicable
  )
  select "orderId", next_status, case when filled < quantity or "venueStatus" = 'filled'
    then interpreted.reason end, interpreted.message, "venueOrderId", coalesce(core.at("nextLookupMs"),
      case when "venueStatus" = 'filled' and filled < quantity then now_at + interval '2 seconds'
        when "venueStatus" = 'queued' and next_status = 'unknown' then now_at end),
    core.at("nextAttemptMs"), more_quantity, more_value_minor, interpreted.released_minor, filled,
    interpreted.late, (select true from core.order_transitions t
      where (t.from_status, t.to_status) = (interpreted.status, next_status) limit 1)
      is not null
  from interpreted;
$function$;

-- What outcomes are judged by, each row found by its index. `is_usual`: the order has not ended, nor been
-- sent again since; all it fills is within it and its limit, and named once; what is called filled is.
CREATE OR REPLACE FUNCTION core.outcome_inputs(outcomes core.outcome[])
 RETURNS SETOF core.outcome_input
 LANGUAGE sql
 STABLE
AS $function$
  with told as (
    select o.id, o.account_id, o.instrument_id, o.product, places, o.side, o.quantity, o.status, o.run_id,
      o.rate_id, o.leverage_centi, o.hold_minor, o.filled_value_minor, o.released_minor,
      coalesce(t."venueOrderId", o.venue_order_id) as venue_order_id, t."venueStatus", t.reason, t.message,
      t."nextLookupMs", t."nextAttemptMs", added.fresh, added.n, added.more_quantity, added.more_minor,
      added.first_at, added.last_at, o.filled_quantity + added.more_quantity as filled,
      o.ended_at is null and o.attempts = coalesce(t.attempts, o.attempts) and not added.is_wrong as is_usual
    from unnest(outcomes) t
    cross join lateral (select * from public.orders one where one.id = t."orderId" limit 1) o
    cross join lateral (select quantity_scale + price_scale as places from public.instruments one
      where one.id = o.instrument_id limit 1) instrument
    cross join lateral (
      select array_agg(f) as fresh, count(*) as n, coalesce(sum(f.quantity), 0)::bigint as more_quantity,
        coalesce(sum(core.fill_value(o.side, f.quantity, f."priceMinor", places)), 0)::bigint as more_minor,
        core.at(min(f."atMs")) as first_at, core.at(max(f."atMs")) as last_at,
        count(*) > count(distinct f."venueFillId") or coalesce(bool_or(case o.side
          when 'BUY' then f."priceMinor" > o.limit_price_minor
          else f."priceMinor" < o.limit_price_minor end), false) as is_wrong
      from unnest(t.fills) f where (select true from public.fills old
        where (old.order_id, old.venue_fill_id) = (o.id, f."venueFillId") limit 1) is null) added
  )
  select id, told.account_id, told.instrument_id, told.product, places, side, told.quantity, status, run_id,
    rate_id, leverage_centi, hold_minor, filled_value_minor, released_minor, venue_order_id, "venueStatus",
    reason, message,
    "nextLookupMs", "nextAttemptMs", fresh, n, more_quantity, more_minor, first_at, last_at, filled,
    core.next_status(status, "venueStatus", filled, told.quantity, venue_order_id is not null),
    is_usual and filled <= told.quantity
      and ("venueStatus" is distinct from 'filled' or filled = told.quantity),
    p.quantity, p.cost_minor, p.margin_minor, p.last_filled_at
  from told left join lateral (select * from public.positions one
    where (one.account_id, one.instrument_id, one.product)
      = (told.account_id, told.instrument_id, told.product) limit 1) p on told.n > 0;
$function$;

-- The outcomes of a call, by the database's clock: of a clock that is far off, what is to come is as far
-- off.
CREATE OR REPLACE FUNCTION core.outcomes_in(args jsonb, now_at timestamptz)
 RETURNS core.outcome[]
 LANGUAGE plpgsql
 STABLE
AS $function$
declare
  outcomes constant core.outcome[] := array(select row
    from jsonb_populate_recordset(null::core.outcome, args -> 'outcomes') row);
begin
  if not core.clock_is_far(args) then return outcomes; end if;
  return array(select jsonb_populate_record(row, jsonb_build_object(
      'nextLookupMs', row."nextLookupMs" + off.ms, 'nextAttemptMs', row."nextAttemptMs" + off.ms))
    from unnest(outcomes) row, (select core.ms(now_at) - (args ->> 'nowMs')::bigint as ms) off);
end $function$;

-- Answers to fresh requests of `place_orders` that leave nothing, by principal and key: a refusal beyond the
-- day's, and a buy beyond the user's single orders of the day; never a sale.
CREATE OR REPLACE FUNCTION core.over_quota_answers(args jsonb, of_run text, decisions core.decision[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select coalesce(jsonb_object_agg(name, answer), '{}') from (
      select row.principal || ' ' || row.key as name, case
        when d.outcome <> 'accepted'
          and core.daily_count('denied ' || row.principal) >= core.max_denied_orders()
          then jsonb_build_object('kind', 'over_quota', 'of', 'refused', 'limit', core.max_denied_orders(),
            'reason', d.reason)
        when d.outcome = 'accepted' and row.signal ->> 'side' = 'BUY' and (select count(*) from (
            select from public.orders o where (o.run_id, o.user_id) = (of_run, d."userId")
            limit core.max_single_orders()) of_user) >= core.max_single_orders()
          then jsonb_build_object('kind', 'over_quota', 'of', 'placed', 'limit', core.max_single_orders(),
            'reason', null) end as answer
      from unnest(decisions) d
      join jsonb_to_recordset(args -> 'requests') as row(principal text, key text, signal jsonb)
        on row.signal ->> 'id' = d."signalId") answered
    where answer is not null
  );
end $function$;

-- What nobody has ended though its time is over. A run on a clock of its own (a demo of a past day) is never
-- late by ours.
CREATE OR REPLACE FUNCTION core.overdue_findings()
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'nothing waits to be sent when its time is over', 'order ' || o.client_order_id, o.user_id,
    o.status || ', to be sent before ' || o.send_before, 'ended',
    'npm run worker (every call ends what is over)', false
  from public.orders o join public.scan_runs run on run.id = o.run_id
  where o.ended_at is null and o.status = 'queued' and not core.is_scripted(run)
    and o.send_before < core.database_now() - core.check_grace()
  union all
  select 'nothing is at its venue after its day, but what a person was told of',
    'order ' || o.client_order_id, o.user_id, o.status || ' of ' || run.trade_date,
    'ended, or left to a person', 'npm run worker (it looks up, or hands it over)', false
  from public.orders o join public.scan_runs run on run.id = o.run_id
  where o.ended_at is null and o.status <> 'queued' and core.unfinished(o) and not core.is_scripted(run)
    and core.database_now() > core.trade_date_ends(run.id, run.trade_date) + core.check_grace()
  union all
  select 'no run is planned after its cut-off', run.id, null, 'planning, to end at '
    || run.cut_off_at, 'decided', 'npm run worker (every call closes what is over)', false
  from public.scan_runs run where run.state = 'planning' and not core.is_scripted(run)
    and run.cut_off_at < core.database_now() - core.check_grace();
$function$;

-- The messages that may go, each with the instant it has to wait for (`not_before`; null: it goes now): a
-- number gets one at a time with a pause between, and a day's templates go to so many numbers.
CREATE OR REPLACE FUNCTION core.paced_messages(args jsonb, now_at timestamptz, bursts bigint[], recipients_left bigint)
 RETURNS TABLE(message_id bigint, text text, content_hash text, number text, is_template boolean, channel text, not_before timestamptz)
 LANGUAGE sql
 STABLE
AS $function$
  with requested as (
    select m.*, n.sent_at, row_number() over (partition by m.number order by m.id) as nth,
      m.is_template and coalesce(n.template_at <= core.database_now() - interval '24 hours', true) as is_new,
      coalesce((args -> 'pace' ->> 'pairPauseMs')::bigint, 0) * interval '1 millisecond' as pause
    from core.requested_messages(args) m
    left join lateral (select known.sent_at, known.template_at from public.whatsapp_numbers known
      where known.number = m.number limit 1) n on true
    where m.status = 'queued' and coalesce(m.send_before > now_at, true)
      and (m.account_id is null or core.lacks_login(m.account_id, m.trade_date))
      and (m.first_order_id is null or m.id = any(bursts))
  )
  select id, text, content_hash, number, is_template, channel, case
      when not args ? 'pace' then null
      when nth > 1 then now_at + pause
      when sent_at > core.database_now() - pause then now_at + (sent_at + pause - core.database_now())
      when recipients_left is not null and is_new and sum(case when is_new and nth = 1 then 1 else 0 end)
        over (order by id) > recipients_left then now_at + interval '10 minutes' end
  from requested;
$function$;

-- Whether somebody's message got through a stage: taken over by the provider (send), or arrived (delivery).
CREATE OR REPLACE FUNCTION core.passed_stage(e public.message_events, stage text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case stage
    when 'send' then e.status = 'sent'
      and coalesce(e.provider_status, 'queued') in ('accepted', 'scheduled', 'queued', 'sending')
    else e.status = 'delivered' end;
$function$;

-- Some accounts' records up to a closing they are not closed at.
CREATE OR REPLACE FUNCTION core.period_of_accounts(c public.closings, accounts bigint[])
 RETURNS core.period
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select (c.through, c.last_order_id, c.last_entry_id, c.last_fill_id, null, c.last_order_id,
    c.last_entry_id, c.last_fill_id, c.last_entry_id, c.last_fill_id, accounts)::core.period;
$function$;

-- The period that ends with a closing; null: the one since the last.
CREATE OR REPLACE FUNCTION core.period_to(closing date)
 RETURNS core.period
 LANGUAGE sql
 STABLE
AS $function$
  select (opened.through, coalesce(opened.last_order_id, 0), coalesce(opened.last_entry_id, 0),
    coalesce(opened.last_fill_id, 0), closed.through, coalesce(closed.last_order_id, most),
    coalesce(closed.last_entry_id, most), coalesce(closed.last_fill_id, most),
    coalesce(closed.seen_entry_id, most), coalesce(closed.seen_fill_id, most), null)::core.period
  from (values (9223372036854775807)) as every(most)
  left join public.closings closed on closed.through = period_to.closing
  left join lateral (select * from public.closings c
    where c.through < coalesce(period_to.closing, 'infinity')
    order by c.through desc limit 1) opened on true;
$function$;

-- The places of an instrument's quantities and prices, together.
CREATE OR REPLACE FUNCTION core.places_of(of_instrument bigint)
 RETURNS integer
 LANGUAGE sql
 STABLE
AS $function$
  select i.quantity_scale + i.price_scale from public.instruments i where i.id = of_instrument;
$function$;

-- The hash of a run's plan: over its lines, sorted. As planHash in domain/ids.ts.
CREATE OR REPLACE FUNCTION core.plan_hash(for_run text)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select encode(sha256(convert_to(coalesce(string_agg(line, E'\n' order by line collate "C"), ''), 'UTF8')),
    'hex')
  from core.plan_lines(for_run) line;
$function$;

-- The lines are those of planLine in domain/ids.ts.
CREATE OR REPLACE FUNCTION core.plan_lines(for_run text)
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
AS $function$
  select concat_ws('|', signal_id, user_id, outcome, coalesce(reason, ''), quantity,
    coalesce(price_minor::text, ''), hold_minor)
  from public.decisions where run_id = for_run;
$function$;

-- The fills of a position after what is closed of it (`after_…`; 0: all) as core.holding_from wants them,
-- ordered by (filled_at, side, client_order_id, venue_fill_id): of one moment, for which many venues take a
-- second, buys first. `added` are counted as if they were booked. What a buy of an order binds is a
-- difference of running totals over the order, so that the order's fills bind what all of them together do.
CREATE OR REPLACE FUNCTION core.position_fills(of_account bigint, of_instrument bigint, of_product text, after_order bigint, after_fill bigint, added core.reported_fill[])
 RETURNS TABLE(account_id bigint, instrument_id bigint, product text, order_id bigint, client_order_id text, side text, quantity bigint, value_minor bigint, bound_minor bigint, filled_at timestamptz, venue_fill_id text)
 LANGUAGE sql
 STABLE
AS $function$
  select account_id, instrument_id, product, order_id, client_order_id, side, quantity, value_minor,
    case when side = 'SELL' then 0 when order_id is null then value_minor
      else core.margin_on(upto_minor::bigint, leverage_centi)
        - core.margin_on((upto_minor - value_minor)::bigint, leverage_centi) end,
    filled_at, venue_fill_id
  from (
    select fill.*, sum(value_minor) over (partition by account_id, instrument_id,
      product, order_id
      order by filled_at, venue_fill_id collate "C") as upto_minor
    from (
      select f.account_id, f.instrument_id, f.product, f.order_id,
        coalesce(o.client_order_id::text, '') as client_order_id, o.leverage_centi, f.side, f.quantity,
        f.value_minor, f.filled_at, f.venue_fill_id
      from core.effective_fills f left join public.orders o on o.id = f.order_id
      where f.account_id = of_account and f.instrument_id = of_instrument and f.product = of_product
        and f.id > after_fill and coalesce(f.order_id > after_order, true)
        and not f.id = any(array(select corrects from unnest(added) where corrects is not null))
      union all
      select one.account_id, one.instrument_id, one.product, one.order_id, coalesce(one.client_order_id, ''),
        one.leverage_centi, one.side, one.quantity, one.value_minor, one.filled_at,
        coalesce((select was.venue_fill_id from public.fills was where was.id = one.corrects),
          one.venue_fill_id)
      from unnest(added) one where one.quantity > 0
    ) fill
  ) counted;
$function$;

-- The fills of positions in a period with what each binds, as core.position_fills has them.
CREATE OR REPLACE FUNCTION core.position_fills_in(p core.period)
 RETURNS TABLE(account_id bigint, instrument_id bigint, product text, client_order_id text, side text, quantity bigint, value_minor bigint, bound_minor bigint, filled_at timestamptz, venue_fill_id text)
 LANGUAGE sql
 STABLE
AS $function$
  select account_id, instrument_id, product, client_order_id, side, quantity, value_minor,
    case when side = 'SELL' then 0 when order_id is null then value_minor
      else core.margin_on(upto_minor::bigint, leverage_centi)
        - core.margin_on((upto_minor - value_minor)::bigint, leverage_centi) end,
    filled_at, venue_fill_id
  from (
    select f.*, coalesce(o.client_order_id::text, '') as client_order_id, o.leverage_centi,
      sum(f.value_minor) over (partition by f.account_id, f.instrument_id, f.product, f.order_id
        order by f.filled_at, f.venue_fill_id collate "C") as upto_minor
    from core.effective_fills_in(p) f left join public.orders o on o.id = f.order_id
  ) counted;
$function$;

-- What is held, and what was earned with it, computed anew from the fills in the order they were traded in;
-- of the period up to now.
CREATE OR REPLACE FUNCTION core.position_findings(in_period core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with stands as (
    select account_id, instrument_id, product, p.quantity, p.cost_minor as cost, p.margin_minor as margin,
      p.last_filled_at, made.said_realised_minor as realised, made.said_freed_minor as freed,
      made.last_filled_at as last_at, coalesce(made.quantity, 0) as should_quantity,
      coalesce(made.cost_minor, 0) as should_cost, coalesce(made.margin_minor, 0) as should_margin,
      coalesce(made.realised_minor, 0) as should_realised, coalesce(made.freed_minor, 0) as should_freed
    from public.positions p
    full join core.positions_at_end(in_period) made using (account_id, instrument_id, product)
    where (in_period).closing is null
  ), wrong as (
    select 'a position is what its fills make' as rule, stands, format('%s shares, cost %s, margin %s',
        coalesce(quantity, 0), core.decimal(coalesce(cost, 0)), core.decimal(coalesce(margin, 0))) as ours,
      format('%s shares, cost %s, margin %s', should_quantity, core.decimal(should_cost),
        core.decimal(should_margin)) as should
    from stands where (coalesce(quantity, 0), coalesce(cost, 0), coalesce(margin, 0))
      <> (should_quantity, should_cost, should_margin)
    union all
    select 'fills realised what their position did', stands, core.decimal(coalesce(realised, 0)),
      core.decimal(should_realised)
    from stands where coalesce(realised, 0) <> should_realised
    union all
    select 'fills freed what their position no longer binds', stands, core.decimal(coalesce(freed, 0)),
      core.decimal(should_freed) from stands where coalesce(freed, 0) <> should_freed
    union all
    select 'a position binds no more than it cost', stands, core.decimal(margin),
      'from 0 to ' || core.decimal(cost)
    from stands where quantity >= 0 and margin not between 0 and cost
    union all
    select 'a position ends with its last fill', stands, coalesce(last_filled_at::text, 'nothing'),
      last_at::text
    from stands where last_filled_at is distinct from last_at
  )
  select rule, format('%s:%s (%s) of account %s', i.exchange, i.symbol, (stands).product, a.id), a.user_id,
    ours, should, null, false
  from wrong left join public.accounts a on a.id = (stands).account_id
  left join public.instruments i on i.id = (stands).instrument_id
  union all
  select 'nothing is held below zero',
    format('%s:%s (%s) of account %s', i.exchange, i.symbol, p.product, a.id), a.user_id,
    p.quantity::text, '0 or more',
    format('npm run account -- --user %s --acknowledge %s', a.user_id, a.venue),
    exists (select from public.drifts d where (d.account_id, d.kind, d.what)
      = (a.id, 'oversold', i.exchange || ':' || i.symbol) and d.acknowledged_at is null)
  from public.positions p join public.accounts a on a.id = p.account_id
  join public.instruments i on i.id = p.instrument_id
  where p.quantity < 0 and (in_period).closing is null;
$function$;

-- Each position at the end of a period: what its fills make, what they realised by that, and what they say
-- they realised and freed; `freed_minor` is what they should have. `first_filled_at`: in the period;
-- `opened_at`: the last before it, where it was not removed.
CREATE OR REPLACE FUNCTION core.positions_at_end(p core.period)
 RETURNS TABLE(account_id bigint, instrument_id bigint, product text, quantity bigint, cost_minor bigint, margin_minor bigint, realised_minor numeric, freed_minor numeric, said_realised_minor numeric, said_freed_minor numeric, last_filled_at timestamptz, first_filled_at timestamptz, opened_at timestamptz)
 LANGUAGE sql
 STABLE
AS $function$
  with folded as (
    select t.account_id, t.instrument_id, t.product, sum(t.bound_minor) as bound,
      core.holding_from((coalesce(c.quantity, 0), coalesce(c.cost_minor, 0), coalesce(c.margin_minor, 0),
        coalesce(c.realised_minor, 0))::core.holding, t.side, t.quantity, t.value_minor, t.bound_minor
        order by t.filled_at, t.side, t.client_order_id collate "C", t.venue_fill_id collate "C") as held
    from core.position_fills_in(p) t left join core.positions_closed_on((p).opening, p) c
      using (account_id, instrument_id, product) group by 1, 2, 3
  ), said as (
    select f.account_id, f.instrument_id, f.product, sum(f.realised_minor) as realised,
      sum(f.freed_margin_minor) as freed, max(f.filled_at) as last_at, min(f.filled_at) as first_at
    from core.fills_in(p) f group by 1, 2, 3
  ), counted as (
    select account_id, instrument_id, product, realised, freed, last_at, first_at, f.bound,
      c.last_filled_at as opened_at, c.through as opened_through,
      coalesce(f.held, (c.quantity, c.cost_minor, c.margin_minor, c.realised_minor)::core.holding) as held,
      coalesce(c.realised_minor, 0) as opened_realised, coalesce(c.freed_margin_minor, 0) as opened_freed,
      coalesce(c.freed_margin_minor + c.margin_minor, 0) as opened_bound
    from core.positions_closed_on((p).opening, p) c
    full join said using (account_id, instrument_id, product)
    full join folded f using (account_id, instrument_id, product)
  )
  select account_id, instrument_id, product, coalesce((held).quantity, 0), coalesce((held).cost_minor, 0),
    coalesce((held).margin_minor, 0), coalesce((held).realised_minor, 0),
    opened_bound + coalesce(bound, 0) - coalesce((held).margin_minor, 0),
    opened_realised + coalesce(realised, 0), opened_freed + coalesce(freed, 0),
    greatest(opened_at, last_at), first_at,
    case when opened_through > core.removed_through() then opened_at end
  from counted;
$function$;

-- The positions of a period's accounts as they are closed on a day: its opening, or its closing.
CREATE OR REPLACE FUNCTION core.positions_closed_on(day date, p core.period)
 RETURNS SETOF public.closed_positions
 LANGUAGE sql
 STABLE
AS $function$
  select distinct on (c.account_id, c.instrument_id, c.product) c.* from public.closed_positions c
  where c.through <= day and ((p).accounts is null or c.account_id = any((p).accounts))
    and ((p).closing is null or c.account_id not in (select core.accounts_left_open(p)))
  order by c.account_id, c.instrument_id, c.product, c.through desc;
$function$;

-- The part of an amount that belongs to some of the pieces of a position; rounded towards zero, and all of
-- it with the last.
CREATE OR REPLACE FUNCTION core.pro_rata(amount_minor bigint, pieces bigint, of_pieces bigint)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select div(amount_minor::numeric * pieces, of_pieces)::bigint;
$function$;

-- A message for each user an order was just accepted for, unless one of theirs still waits and will tell of
-- it too. That one is locked, so that it does not go without this order; where its sender has it, it may be
-- gone already, and the order begins the next. Orders never wait for messages here. One user's orders come
-- one after another, by the lock of their account.
CREATE OR REPLACE FUNCTION core.queue_order_messages(of_run text, decisions core.decision[], now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  with placed as materialized (
    select o.user_id, min(o.id) as first_order_id from unnest(decisions) d
    cross join lateral (select one.id, one.user_id from public.orders one
      where one.client_order_id = d."clientOrderId" limit 1) o
    where d.outcome = 'accepted' group by o.user_id
  ), latest as materialized (
    select p.*, m.id, m.n from placed p
    cross join lateral (select max(earlier.id) as id, count(*) as n from public.messages earlier
      where (earlier.run_id, earlier.user_id) = (of_run, p.user_id) and earlier.first_order_id is not null) m
  ), waiting as materialized (
    select m.user_id from public.messages m
    -- Not said as the index of what waits says it: by that, each order would read all messages there are.
    where m.id = any(array(select id from latest)) and m.status || '' = 'queued'
    for no key update of m skip locked
  )
  insert into public.messages (run_id, user_id, kind, first_order_id, due_at, changed_at)
  select of_run, user_id, case n when 0 then 'single_orders' else 'single_orders-' || n + 1 end,
    first_order_id, now_at + interval '3 minutes', now_at
  from latest where user_id not in (select user_id from waiting) order by user_id
  on conflict (run_id, user_id, kind) do nothing;
end $function$;

-- How long to wait before one more use fits: 0 = it fits now, null = not today any more.
CREATE OR REPLACE FUNCTION core.rate_wait_ms(for_key text, limits jsonb)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
  select case
    when limits is null then 0
    when coalesce((select used from core.rate_days where key = for_key
      and day = (core.database_now() at time zone 'Asia/Kolkata')::date), 0) >= (limits ->> 'perDay')::bigint
        then null
    when last_minute >= (limits ->> 'perMinute')::bigint then 1000
    when last_second >= (limits ->> 'perSecond')::bigint then 100
    else 0 end
  from (select coalesce(sum(used), 0) as last_minute,
      coalesce(sum(used) filter (where bucket > core.database_now() - interval '1100 milliseconds'),
        0) as last_second
    from core.rate_uses where key = for_key
      and bucket > core.database_now() - interval '60100 milliseconds') recent;
$function$;

-- The charge rates of the market of a run (of its id) in force on a day.
CREATE OR REPLACE FUNCTION core.rates_json(for_run text, on_date date)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', id, 'product', product, 'side', side,
      'transactionTaxPpb', transaction_tax_ppb, 'exchangePpb', exchange_ppb, 'regulatorPpb', regulator_ppb,
      'stampPpb', stamp_ppb, 'brokeragePpb', brokerage_ppb, 'brokerageCapMinor', brokerage_cap_minor,
      'gstBps', gst_bps)), '[]')
    from (select distinct on (product, side) * from public.charge_rates
      where exchange = core.charging_exchange(for_run) and valid_from <= on_date
      order by product, side, valid_from desc) in_force
  );
end $function$;

-- The last deposits and withdrawals of an account, the newest first.
CREATE OR REPLACE FUNCTION core.recent_cash_moves(of_account bigint, most integer)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('entryId', id, 'kind', kind,
    'amountMinor', abs(cash_delta_minor), 'reference', reference, 'source', source, 'atMs', core.ms(at))
    order by id desc), '[]')
  from (select * from public.ledger_entries e
    where e.account_id = of_account and e.kind in ('deposit', 'withdrawal')
    order by e.id desc limit most) newest;
$function$;

-- The newest refusals of each user with this code, since messages were last resumed: at most 50 are looked
-- at.
CREATE OR REPLACE FUNCTION core.recent_refusals(args jsonb)
 RETURNS TABLE(event_id bigint, at timestamptz, message_id bigint, user_id text)
 LANGUAGE sql
 STABLE
AS $function$
  select distinct on (recent.user_id) recent.id, recent.at, recent.message_id, recent.user_id from (
    select e.id, e.at, m.id as message_id, m.user_id
    from public.message_events e join public.messages m on m.id = e.message_id
    where e.error_code = args ->> 'code' and e.status = 'failed' and m.channel = args ->> 'channel'
      and (e.provider_status is null) = (args ->> 'stage' = 'send')
      and e.at >= coalesce((select max(resumed_at) from public.message_stops
        where channel = args ->> 'channel'), '-infinity')
    order by e.id desc limit 50) recent
  order by recent.user_id, recent.id desc;
$function$;

-- Judges decisions once more, by what there is now, but for the cap of their symbols. What was no accept
-- stands.
CREATE OR REPLACE FUNCTION core.recheck(run public.scan_runs, decisions core.decision[], now_at timestamptz)
 RETURNS SETOF core.rechecked
 LANGUAGE sql
 STABLE
AS $function$
  select "queuePosition", "signalId", "userId", "accountId", outcome, reason, "limit", actual, quantity,
    "priceMinor", "limitPriceMinor", "chargesMinor", "holdMinor", "leverageCenti", product, "rateId",
    "clientOrderId", signal_position, send_before, side, named_minor,
    -- A sale goes out under the listing that is held.
    case side when 'SELL' then held[1] else signal_instrument_id end, places, share, is_share_twice,
    listings, account_id, venue, not_ready, available_minor, max_order_value_minor, max_open_positions,
    open_positions,
    max_orders_per_day, orders_today, null::bigint, null::numeric,
    case when outcome <> 'accepted' then null
      when settings_block <> 'symbol_not_allowed' then settings_block
      when not_ready is not null then 'account_not_ready'
      when side = 'BUY' and held is not null then 'already_holding'
      when has_open_orders and (select true from public.orders o where o.account_id = input.account_id
        and o.instrument_id = any(listings) and o.ended_at is null limit 1) then 'working_order'
      when side = 'SELL' and coalesce(held[2], 0) < quantity then 'no_position'
      when settings_block is not null then settings_block
      when halt is not null then 'halted'
      when now_at >= run.cut_off_at then 'cut_off'
      when valid_until <= now_at then 'signal_expired'
      when side = 'BUY' and open_positions >= max_open_positions then 'max_open_positions'
      -- 2^53 - 1 is the most that can be computed with, for a sale, too.
      when side = 'BUY' and value_minor > max_order_value_minor
        or greatest(value_minor, core.value_up(quantity, "priceMinor", places)) > 9007199254740991
        then 'max_order_value'
      when side = 'BUY' and orders_today >= max_orders_per_day then 'max_orders_per_day'
      when side = 'BUY' and "holdMinor" > available_minor then 'insufficient_funds' end
  from (select input.*,
    -- What it may cost: the price is what it may be bought for, not what it is quoted at.
    core.value_up(quantity, "limitPriceMinor", places) as value_minor,
    case when is_restricted then (select core.settings_block(u, side, strategy, exchange, symbol)
      from public.users u where u.id = "userId") end as settings_block,
    -- A sale is of one product, the one it was decided and charged for. Of a share held under several
    -- listings, the one that has enough; of those the signal's own.
    case when account_id is not null then (select array[p.instrument_id, p.quantity]
      from public.positions p where p.account_id = input.account_id and p.instrument_id = any(listings)
        and p.quantity <> 0 and (side = 'BUY' or p.product = input.product)
      order by p.quantity >= input.quantity desc, p.instrument_id = signal_instrument_id desc limit 1)
      end as held
    -- offset 0, twice: nothing is looked up more than once.
    from core.recheck_inputs(run, decisions) input offset 0) input offset 0;
$function$;

-- The same with the cap of each symbol, where the run has one: its lock is held, so nobody adds to what is
-- used of it meanwhile. A cap refuses before money does.
CREATE OR REPLACE FUNCTION core.recheck_capped(run public.scan_runs, decisions core.decision[], now_at timestamptz)
 RETURNS SETOF core.rechecked
 LANGUAGE sql
 STABLE
AS $function$
  with used as materialized (
    select * from core.symbol_use(run.mode, run.trade_date) where run.limits ->> 'symbolCapMinor' is not null
  ), checked as materialized (
    select judged.*, (run.limits ->> 'symbolCapMinor')::bigint as cap,
      coalesce((select used.minor from used where used.share = judged.share), 0) as used_minor,
      -- As core.cap_use_minor will count it.
      core.value_up(quantity, greatest("priceMinor", named_minor), places) as cap_use_minor
    from core.recheck(run, decisions, now_at) judged
  ), capped as (
    -- With what those before it in the queue take of the cap: only who would be accepted takes anything.
    select checked.*, used_minor + cap_use_minor + coalesce(core.sum_that_fits(
        case when side = 'BUY' and refusal is null then cap_use_minor else 0 end, cap - used_minor)
      over (partition by listings order by signal_position, "queuePosition"
        rows between unbounded preceding and 1 preceding), 0) as with_this_minor
    from checked
  )
  select "queuePosition", "signalId", "userId", "accountId", outcome, reason, "limit", actual, quantity,
    "priceMinor", "limitPriceMinor", "chargesMinor", "holdMinor", "leverageCenti", product, "rateId",
    "clientOrderId", signal_position, send_before, side, named_minor, instrument_id, places, share,
    is_share_twice, listings, account_id, venue, not_ready, available_minor, max_order_value_minor,
    max_open_positions, open_positions, max_orders_per_day, orders_today, cap, with_this_minor,
    case when side = 'BUY' and with_this_minor > cap
      and coalesce(refusal, 'insufficient_funds') = 'insufficient_funds' then 'symbol_cap' else refusal end
  from capped;
$function$;

-- What the page's decisions are judged by: what is of a signal or an account is looked up once for each of
-- them, and never for all there are. A user's accepts are of one account.
CREATE OR REPLACE FUNCTION core.recheck_inputs(run public.scan_runs, decisions core.decision[])
 RETURNS SETOF core.recheck_input
 LANGUAGE sql
 STABLE
AS $function$
  with frozen as materialized (
    select rs.signal_id, rs.position, rs.send_before, s.side,
      case when s.source <> 'api' then s.strategy end as strategy, s.valid_until,
      -- Of a single order: the limit it names.
      case when run.takes_orders_until is not null then s.reference_price_minor end as named_minor,
      s.instrument_id, i.quantity_scale + i.price_scale as places, i.exchange, i.symbol, i.share, i.currency,
      count(*) over (partition by i.share) > 1 as is_share_twice, core.listings_of(i.id) as listings
    from (select distinct "signalId" as id from unnest(decisions)) named
    cross join lateral (select * from public.run_signals one
      where (one.run_id, one.signal_id) = (run.id, named.id) limit 1) rs
    cross join lateral (select * from public.signals one where one.id = named.id limit 1) s
    cross join lateral (select * from public.instruments one where one.id = s.instrument_id limit 1) i
  ), halted as materialized (
    select scope, target from public.halts where resumed_at is null
  ), trader as materialized (
    -- Who changes a user's settings holds the account, so what is read here stands.
    select u.id as user_id, a.id, a.currency, core.order_venue(run.mode, a.venue) as venue,
      core.not_ready_on(a, run.trade_date) as not_ready, a.cash_minor - a.held_minor as available_minor,
      not (u.active and u.trading_enabled and u.deny_symbols = '{}')
        or u.strategies is not null or u.allow_symbols is not null as is_restricted,
      (select h.scope from halted h where h.scope = 'all' or (h.scope = 'user' and h.target = u.id)
        or (h.scope = 'venue' and h.target = core.order_venue(run.mode, a.venue)) limit 1) as halt,
      exists (select from public.orders o where o.account_id = a.id and o.ended_at is null)
        as has_open_orders,
      a.max_order_value_minor, a.max_open_positions,
      case when a.max_open_positions is not null then core.open_instruments(a.id) end as open_positions,
      a.max_orders_per_day, case when a.max_orders_per_day is not null
        then core.orders_today(a.id, u.id, run.mode, run.trade_date) end as orders_today
    from (select distinct "userId" as user_id, "accountId" as account_id from unnest(decisions)
      where outcome = 'accepted') named
    cross join lateral (select * from public.accounts one where one.id = named.account_id limit 1) a
    cross join lateral (select * from public.users one where one.id = named.user_id limit 1) u
  )
  select d.*, f.position, f.send_before, f.side, f.strategy, f.valid_until, f.named_minor, f.instrument_id,
    f.places, f.exchange, f.symbol, f.share, f.is_share_twice, f.listings, t.id, t.venue, t.not_ready,
    t.available_minor, t.is_restricted, t.halt, t.has_open_orders, t.max_order_value_minor,
    t.max_open_positions, t.open_positions, t.max_orders_per_day, t.orders_today
  from unnest(decisions) d join frozen f on f.signal_id = d."signalId"
  -- An account in another currency than the instrument is none to order with: the page fails.
  left join trader t on t.id = d."accountId" and t.user_id = d."userId" and d.outcome = 'accepted'
    and t.currency = f.currency;
$function$;

-- Records an act in the transaction that does it. Call it last: it takes the log's lock, after every other
-- lock, until the transaction ends. Gives the action's number.
CREATE OR REPLACE FUNCTION core.record_action(by jsonb, action text, target text, before jsonb DEFAULT NULL::jsonb, after jsonb DEFAULT NULL::jsonb, why text DEFAULT NULL::text, of_user text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  return core.append_actions(array[core.action_row(by, action, target, before, after, why, of_user)]);
end $function$;

-- Trigger: each status of a message, and each word of its provider, is an event; those of one statement are
-- written together. enable_nestloop: rows of a statement have no statistics, and the loop over 500 × 500 of
-- them took 24 microseconds more for each message, 12 ms in all. jit: as in record_order_statuses.
CREATE OR REPLACE FUNCTION core.record_message_statuses()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
 SET jit TO 'off'
 SET enable_nestloop TO 'off'
AS $function$
begin
  insert into public.message_events (message_id, at, status, attempt, provider_id, provider_status,
    error_code, reason)
  select m.id, m.changed_at, m.status, m.attempts, m.provider_id, m.provider_status, m.error_code, m.reason
  from after_it m join before_it was on was.id = m.id
  where (was.status, was.provider_status) is distinct from (m.status, m.provider_status)
  order by m.id;
  return null;
end $function$;

-- Per statement, since orders change in batches.
CREATE OR REPLACE FUNCTION core.record_new_orders()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into public.order_events (order_id, at, to_status, reason, filled_quantity, filled_value_minor)
  select id, changed_at, status, reason, filled_quantity, filled_value_minor from started order by id;
  return null;
end $function$;

-- Trigger: a status follows the one before it as the table says, and each change of it is an event.
-- enable_nestloop, enable_hashjoin: both sides hold what one statement touched, without an index, and a plan
-- is kept from when that was one order: then 1,500 orders settle in 1,440 ms, with a join of both as a whole
-- in 560 ms, whatever the function that changes them has switched off. jit: to the planner what is switched
-- off costs ten billion, and it compiles: after an analyze 10,000 orders settled in 14,800 ms for 2,600 ms.
CREATE OR REPLACE FUNCTION core.record_order_statuses()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
 SET jit TO 'off'
 SET enable_nestloop TO 'off'
 SET enable_hashjoin TO 'on'
AS $function$
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
end $function$;

-- More was sold than was held: a drift of its own, which blocks its account until somebody has seen it.
CREATE OR REPLACE FUNCTION core.record_oversold(of_account bigint, of_instrument bigint, quantity bigint, on_day date, now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  insert into public.drifts (account_id, trade_date, kind, what, ours, theirs, found_at, last_found_at)
  select of_account, on_day, 'oversold', i.exchange || ':' || i.symbol, quantity::text, '0', now_at, now_at
  from public.instruments i where i.id = of_instrument
  on conflict (account_id, kind, what, ours, theirs) where acknowledged_at is null do nothing;
  update public.accounts a set not_ready = core.open_drift(a.id)
  where a.id = of_account and core.open_drift(a.id) is not null
    and (a.not_ready is null or core.awaits_check(a.not_ready) or a.not_ready like 'drift:%');
end $function$;

-- What operators asked for in users' names is an act of theirs each, also where it was refused.
CREATE OR REPLACE FUNCTION core.record_placed_orders(args jsonb, of_run text, fresh_signals text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  acts public.operator_actions[];
begin
  acts := array(select core.action_row(request.by, 'place_order',
      coalesce('order:' || placed.client_order_id, 'signal:' || d.signal_id),
      of_user => d.user_id, after => jsonb_strip_nulls(jsonb_build_object('runId', of_run,
        'outcome', d.outcome, 'reason', d.reason, 'symbol', request.signal -> 'symbol',
        'side', request.signal -> 'side', 'quantity', d.quantity)))
    from rows from (jsonb_to_recordset(args -> 'requests')
      as (signal jsonb, by jsonb)) with ordinality as request(signal, by, n)
    cross join lateral (select * from public.decisions made where made.run_id = of_run
      and made.signal_id = request.signal ->> 'id' limit 1) d
    left join lateral (select o.client_order_id from public.orders o
      where (o.run_id, o.user_id, o.signal_id) = (of_run, d.user_id, d.signal_id) limit 1) placed on true
    where request.signal ->> 'id' = any(fresh_signals) and nullif(request.by, 'null') is not null
    order by n);
  if acts <> '{}' then
    perform core.append_actions(acts);
  end if;
end $function$;

-- Notes what came of sends, before their orders move: no clear answer, or not even sent, is trouble, at an
-- order's first try; a refusal is an answer. A lookup says nothing here, nor does a late word about an
-- earlier try. An account's own counts begin with its first trouble, and older ones fade.
CREATE OR REPLACE FUNCTION core.record_sends(outcomes core.outcome[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  sent constant core.send[] := array(
    select row(o.run_id, o.venue, o.signal_id, o.account_id,
      row."venueStatus" in ('unknown', 'queued'))::core.send
    from unnest(outcomes) row
    cross join lateral (select * from public.orders one where one.id = row."orderId" limit 1) o
    where o.status = 'submitting' and o.attempts = coalesce(row.attempts, o.attempts)
      and (o.attempts = 1 or row."venueStatus" not in ('unknown', 'queued')));
begin
  if cardinality(sent) = 0 then return; end if;
  insert into public.sends (run_id, venue, signal_id, answered, failed, at)
  select one.run_id, one.venue, one.signal_id,
    coalesce(array_agg(one.account_id) filter (where not one.failed), '{}'),
    coalesce(array_agg(one.account_id) filter (where one.failed), '{}'), core.database_now()
  from unnest(sent) one group by 1, 2, 3;

  -- Mostly no account is in trouble, or was.
  if not exists (select from unnest(sent) one where one.failed)
    and not exists (select from (select distinct s.run_id, s.venue from unnest(sent) s) one
      cross join lateral (select from public.breakers b where (b.run_id, b.venue, b.signal_id)
        = (one.run_id, one.venue, '') and b.account_id > 0 limit 1) known) then return; end if;
  -- In one order, whoever else counts or judges them.
  perform from public.breakers b join unnest(sent) one
    on (b.run_id, b.venue, b.signal_id, b.account_id) = (one.run_id, one.venue, '', one.account_id)
  order by b.run_id, b.venue, b.account_id for no key update of b;
  insert into public.breakers as b (run_id, venue, account_id, tried, failed)
  select one.run_id, one.venue, one.account_id, count(*), count(*) filter (where one.failed)
  from unnest(sent) one
  group by 1, 2, 3
  having bool_or(one.failed) or exists (select from public.breakers known
    where (known.run_id, known.venue) = (one.run_id, one.venue)
      and (known.signal_id, known.account_id) = ('', one.account_id))
  order by 1, 2, 3
  on conflict (run_id, venue, signal_id, account_id) do update set
    tried = case when b.tried >= 20 then b.tried / 2 else b.tried end + excluded.tried,
    failed = case when b.tried >= 20 then b.failed / 2 else b.failed end + excluded.failed
  where not b.is_open;
end $function$;

-- Keeps what a take marked, for a minute.
CREATE OR REPLACE FUNCTION core.record_take(this_mark text, taken bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if cardinality(taken) = 0 then return; end if;
  delete from core.takes where taken_at < core.database_now() - interval '1 minute';
  insert into core.takes values (this_mark, taken, core.database_now());
end $function$;

-- A text with what names a person taken out, and their tombstone in its place.
CREATE OR REPLACE FUNCTION core.redact(text_in text, pattern text, tombstone text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE STRICT
AS $function$
  -- Twice: what ends one match may have begun the next.
  select regexp_replace(regexp_replace(text_in, pattern, '\1' || tombstone, 'gi'), pattern,
    '\1' || tombstone, 'gi');
$function$;

-- Where people write as they like, and where venues do.
CREATE OR REPLACE FUNCTION core.redact_free_text(pattern text, tombstone text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  update public.halts set why = core.redact(why, pattern, tombstone),
    resume_why = core.redact(resume_why, pattern, tombstone)
  where concat_ws(' ', why, resume_why) ~* pattern;
  update public.notices set text = core.redact(text, pattern, tombstone),
    reason = core.redact(reason, pattern, tombstone), key = core.redact(key, pattern, tombstone)
  where concat_ws(' ', key, text, reason) ~* pattern;
  update public.message_stops set why = core.redact(why, pattern, tombstone) where why ~* pattern;
  update public.scan_runs set problems = core.redact(problems::text, pattern, tombstone)::jsonb
  where problems <> '[]' and problems::text ~* pattern;
  delete from core.rate_days where key ~* pattern;
  update public.accounts set not_ready = core.redact(not_ready, pattern, tombstone),
    check_found = core.redact(check_found, pattern, tombstone)
  where concat_ws(' ', not_ready, check_found) ~* pattern;
end $function$;

-- Takes a user out of the log of acts: gives the rows that name them, as they will be.
CREATE OR REPLACE FUNCTION core.redacted_actions(for_user text, pattern text, tombstone text)
 RETURNS public.operator_actions[]
 LANGUAGE sql
AS $function$
  select coalesce(array_agg(row(a.id, a.at, core.redact(a.who, pattern, tombstone), a.how, a.action,
    core.redact(a.target, pattern, tombstone), case a.user_id when for_user then tombstone
    else a.user_id end, core.redact(a.before::text, pattern, tombstone)::jsonb,
    core.redact(a.after::text, pattern, tombstone)::jsonb, core.redact(a.why, pattern, tombstone),
    gen_random_uuid()::text, a.content_hash, a.previous_hash, a.hash, a.redacted_by)::public.operator_actions
    order by a.id), '{}')
  from public.operator_actions a
  where a.user_id = for_user or concat_ws(' ', a.who, a.target, a.before, a.after, a.why) ~* pattern;
$function$;

-- Each fill, position and entry of the ledger against the rows it names.
CREATE OR REPLACE FUNCTION core.reference_findings(in_period core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select * from core.order_reference_findings(in_period)
  union all
  select 'a fill names rows that are there', 'fill ' || f.venue_fill_id, a.user_id,
    concat_ws(', ', case when o.id is null then 'order ' || f.order_id end,
      case when a.id is null then 'account ' || f.account_id end,
      case when i.id is null then 'instrument ' || f.instrument_id end,
      case when was.id is null then 'corrected fill ' || f.corrects end) || ': not there',
    'there', null::text, false
  from core.fills_in(in_period) f left join public.orders o on o.id = f.order_id
  left join public.accounts a on a.id = f.account_id
  left join public.instruments i on i.id = f.instrument_id
  left join public.fills was on was.id = f.corrects
  where (o.id is null and f.order_id is not null) or a.id is null or i.id is null
    or (was.id is null and f.corrects is not null)
  union all
  select 'an entry names rows that are there', 'entry ' || e.id, a.user_id,
    concat_ws(', ', case when o.id is null then 'order ' || e.order_id end,
      case when f.id is null then 'fill ' || e.fill_id end) || ': not there', 'there', null, false
  from core.entries_in(in_period) e join public.accounts a on a.id = e.account_id
  left join public.orders o on o.id = e.order_id
  left join public.fills f on f.id = e.fill_id
  where (o.id is null and e.order_id is not null) or (f.id is null and e.fill_id is not null)
  union all
  select 'a position names rows that are there',
    format('instrument %s (%s) of account %s', p.instrument_id, p.product, p.account_id), a.user_id,
    concat_ws(', ', case when a.id is null then 'account ' || p.account_id end,
      case when i.id is null then 'instrument ' || p.instrument_id end) || ': not there',
    'there', null, false
  from public.positions p left join public.accounts a on a.id = p.account_id
  left join public.instruments i on i.id = p.instrument_id
  where (in_period).closing is null and (a.id is null or i.id is null);
$function$;

-- A decision that may not stand, as it is written: skipped or denied, by which limit, and what was found.
CREATE OR REPLACE FUNCTION core.refusal_of(judged core.rechecked)
 RETURNS core.refusal
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  value_minor constant numeric := core.value_up(judged.quantity, judged."limitPriceMinor", judged.places);
  is_beyond_own constant boolean := judged.side = 'BUY' and value_minor > judged.max_order_value_minor;
begin
  return row(judged."signalId", judged."userId",
    case when judged.refusal in ('user_inactive', 'trading_disabled', 'not_subscribed', 'account_not_ready',
      'already_holding', 'working_order', 'no_position', 'symbol_not_allowed') then 'skipped'
      else 'denied' end, judged.refusal,
    case judged.refusal when 'insufficient_funds' then core.decimal(judged.available_minor)
      when 'max_open_positions' then judged.max_open_positions::text
      when 'max_order_value' then core.decimal(
        case when is_beyond_own then judged.max_order_value_minor else 9007199254740991 end)
      when 'max_orders_per_day' then judged.max_orders_per_day::text
      when 'symbol_cap' then core.decimal(judged.cap_minor) end,
    case judged.refusal when 'insufficient_funds' then core.decimal(judged."holdMinor")
      when 'max_open_positions' then judged.open_positions::text
      when 'max_order_value' then core.decimal(case when is_beyond_own then value_minor
        else greatest(value_minor, core.value_up(judged.quantity, judged."priceMinor", judged.places)) end)
      when 'max_orders_per_day' then judged.orders_today::text
      when 'symbol_cap' then core.decimal(judged.capped_minor)
      when 'account_not_ready' then judged.not_ready end)::core.refusal;
end $function$;

-- Trigger: rows of the log are added and, where a person is erased, redacted; nothing else.
CREATE OR REPLACE FUNCTION core.refuse_action_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- Only what names a person may go, and only by an action that says so.
  if tg_op = 'UPDATE' and new.redacted_by > greatest(old.id, old.redacted_by)
    and (new.id, new.at, new.how, new.action,
      new.content_hash, new.previous_hash, new.hash)
    = (old.id, old.at, old.how, old.action, old.content_hash, old.previous_hash, old.hash) then
    return new;
  end if;
  raise exception 'operator_actions is append-only: add a row instead' using errcode = 'PT403';
end $function$;

-- Facts that may only lose who they are about: `tg_argv` are the columns that may, and to nothing or
-- `erased-…` alone; or go with their month (0854_remove_old).
CREATE OR REPLACE FUNCTION core.refuse_all_but_erasure()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
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
end $function$;

-- Trigger: rows of this table are added and never changed; `but removal`: nor deleted, unless they go with
-- their month.
CREATE OR REPLACE FUNCTION core.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if tg_op = 'DELETE' and tg_nargs = 1 and core.is_removing() then return null; end if;
  raise exception '% is append-only: add a row instead', tg_table_name using errcode = 'PT403';
end $function$;

-- Trigger: whom an order names goes only once their orders are a tombstone's (0860_people).
CREATE OR REPLACE FUNCTION core.refuse_deleting_traders()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if exists (select from gone join public.orders o on o.user_id = gone.id) then
    raise exception 'orders name this user: erase_user takes a person out' using errcode = 'PT403';
  end if;
  return null;
end $function$;

-- Trigger: rows that others name by an id without a foreign key stay, under the id they have; `but removal`:
-- unless they go with their month.
CREATE OR REPLACE FUNCTION core.refuse_deletion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if tg_op = 'DELETE' and tg_nargs = 1 and core.is_removing() then return null; end if;
  raise exception '% keeps its rows, and what others go by in them: other tables name them', tg_table_name
    using errcode = 'PT403';
end $function$;

-- What was found stays as it was found, and what was acknowledged stays acknowledged.
CREATE OR REPLACE FUNCTION core.refuse_drift_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if tg_op = 'UPDATE' and to_jsonb(new) - '{last_found_at,acknowledged_at}'::text[]
      = to_jsonb(old) - '{last_found_at,acknowledged_at}'::text[] and new.last_found_at >= old.last_found_at
    and (old.acknowledged_at is null or new.acknowledged_at = old.acknowledged_at) then
    return new;
  end if;
  raise exception 'a drift is a fact: it is only seen again and acknowledged once' using errcode = 'PT403';
end $function$;

-- Trigger: what was removed can't be closed anew.
CREATE OR REPLACE FUNCTION core.refuse_opening_removed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  if exists (select from gone where gone.through <= core.removed_through()) then
    raise exception 'the records through % were removed: what they came to stays', core.removed_through()
      using errcode = 'PT403';
  end if;
  return null;
end $function$;

-- Trigger: what was deleted belongs to a closing that is marked as removed; by its order, whose number is in
-- the column `tg_argv`, or by its run.
CREATE OR REPLACE FUNCTION core.refuse_removing_others()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  upto constant bigint := (select max(r.last_order_id) from public.removed_periods r);
begin
  if tg_argv[0] = 'run_id' then
    if not exists (select from gone left join public.scan_runs run on run.id = to_jsonb(gone) ->> 'run_id'
      where core.day_of(run.recorded_at) <= core.removed_through() is not true) then return null; end if;
  elsif not exists (select from gone where (to_jsonb(gone) ->> tg_argv[0])::bigint <= upto is not true) then
    return null;
  end if;
  raise exception '% keeps its rows until their month is removed', tg_table_name using errcode = 'PT403';
end $function$;

-- Which requests of `place_orders` show an API key (`apiKey`, its hint) that may not place their order, and
-- why.
CREATE OR REPLACE FUNCTION core.refused_api_keys(args jsonb)
 RETURNS TABLE(name text, why text)
 LANGUAGE sql
 STABLE
AS $function$
  select checked.name, checked.why from (
    select row.principal || ' ' || row.key as name, case when k.hash is null then 'unknown'
      when core.key_fault(k) is not null then core.key_fault(k) when k.scope is distinct from 'trade'
        then 'read_only'
      when k.user_id <> (select d ->> 'userId' from jsonb_array_elements(args -> 'decisions') d
        where d ->> 'signalId' = row.signal ->> 'id' limit 1) then 'other_user' end as why
    from jsonb_to_recordset(args -> 'requests') as row(principal text, key text, "apiKey" text, signal jsonb)
    left join lateral (select * from public.api_keys named where named.hint = row."apiKey" limit 1) k on true
    where row."apiKey" is not null) checked
  where checked.why is not null;
$function$;

-- Only what is older than this day may be removed: books of the financial year (April to March) and of the
-- eight before it are kept (Companies Act 2013, section 128(5)), of more where somebody says so.
CREATE OR REPLACE FUNCTION core.removable_before(years integer)
 RETURNS date
 LANGUAGE sql
 STABLE
AS $function$
  select make_date(extract(year from core.day_of(core.database_now()) - interval '3 months')::integer
    - greatest(8, coalesce(years, 8)), 4, 1);
$function$;

-- Why the records of a closing can't be removed; null: they can.
CREATE OR REPLACE FUNCTION core.removal_refusal(c public.closings, years integer)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  earlier date;
  findings jsonb;
  still_open jsonb;
  hold text;
begin
  if c.through is null then return '{"kind": "not_closed"}'; end if;
  if c.through >= core.removable_before(years) then
    return jsonb_build_object('kind', 'too_recent', 'before', core.removable_before(years));
  end if;
  select why into hold from public.legal_holds where lifted_at is null;
  if found then return jsonb_build_object('kind', 'legal_hold', 'why', hold); end if;
  earlier := (select min(e.through) from public.closings e where e.through < c.through
    and e.through > core.removed_through());
  if earlier is not null then return jsonb_build_object('kind', 'earlier_first', 'through', earlier); end if;
  still_open := core.open_through(c);
  if still_open <> '[]' then return jsonb_build_object('kind', 'open', 'open', still_open); end if;
  findings := public.check_books(jsonb_build_object('closing', c.through));
  if findings <> '[]' then return jsonb_build_object('kind', 'not_adding_up', 'findings', findings); end if;
  return null;
end $function$;

-- Deletes messages with their history. Gives how many.
CREATE OR REPLACE FUNCTION core.remove_messages(ids bigint[])
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  delete from public.message_events where message_id = any(ids);
  delete from public.messages where id = any(ids);
  return cardinality(ids);
end $function$;

-- Deletes rows of the first run up to a day that has no orders left, and something else. Gives how many.
CREATE OR REPLACE FUNCTION core.remove_of_run(upto date, most bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  of_run constant text := (select run.id from public.scan_runs run
    where core.day_of(run.recorded_at) <= upto
      and not exists (select from public.orders o where o.run_id = run.id)
      and (exists (select from public.run_users u where u.run_id = run.id)
        or exists (select from public.run_signals s where s.run_id = run.id)
        or exists (select from public.run_prices p where p.run_id = run.id))
    order by run.id limit 1);
  n bigint;
  all_in bigint;
begin
  if of_run is null then return 0; end if;
  delete from public.order_requests r where r.ctid = any(array(select one.ctid
    from public.order_requests one where one.run_id = of_run
      and one.user_id in (select u.user_id from public.run_users u where u.run_id = of_run) limit most));
  get diagnostics all_in = row_count;
  -- A request names its decision: that goes after it.
  if all_in > 0 then return all_in; end if;
  all_in := core.remove_messages(array(select m.id from public.messages m where m.run_id = of_run
    limit most));
  delete from public.decisions d where d.ctid = any(array(select one.ctid from public.decisions one
    where one.run_id = of_run limit most));
  get diagnostics n = row_count;
  all_in := all_in + n;
  -- What finds the run again goes last.
  if all_in > 0 then return all_in; end if;
  delete from public.run_prices where run_id = of_run;
  get diagnostics all_in = row_count;
  delete from public.run_signals where run_id = of_run;
  get diagnostics n = row_count;
  all_in := all_in + n;
  delete from public.run_users u where u.ctid = any(array(select one.ctid from public.run_users one
    where one.run_id = of_run limit most));
  get diagnostics n = row_count;
  return all_in + n;
end $function$;

-- Deletes the first orders up to a number, with everything recorded under them. Gives how many.
CREATE OR REPLACE FUNCTION core.remove_orders(upto bigint, most bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  batch constant bigint[] := array(select o.id from public.orders o where o.id <= upto order by o.id
    limit most);
  told constant bigint[] := array(select m.id from public.orders o join public.messages m
    on (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id = o.id where o.id = any(batch));
begin
  delete from public.message_events where message_id = any(told);
  delete from public.messages where id = any(told);
  delete from public.ledger_entries where kind = 'hold' and order_id = any(batch);
  delete from public.ledger_entries where kind in ('post', 'void') and order_id = any(batch);
  delete from public.ledger_entries where fill_id = any(array(select f.id from public.fills f
    where f.order_id = any(batch)));
  delete from public.fills where order_id = any(batch);
  delete from public.order_events where order_id = any(batch);
  delete from public.orders where id = any(batch);
  return cardinality(batch);
end $function$;

-- What was removed, against what is left of it: nothing of its orders; and what was kept of an account
-- makes, with what was removed, the cash that is closed. With a closing: of that one; without: only that it
-- is gone, once somebody has had the time to remove it.
CREATE OR REPLACE FUNCTION core.removed_findings(closing date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'what was removed is gone', 'records through ' || r.through, null::text, 'some are left', 'none',
    format('npm run purge -- --through %s --why …', to_char(r.through, 'YYYY-MM')), true
  from public.removed_periods r
  where r.through = coalesce(removed_findings.closing, core.removed_through())
    and r.removed_at < core.database_now() - core.check_grace()
    and (exists (select from public.orders o where o.id <= r.last_order_id)
      or exists (select from public.scan_runs run where core.day_of(run.recorded_at) <= r.through
        and not exists (select from public.orders o where o.run_id = run.id)
        and exists (select from public.run_users u where u.run_id = run.id)))
  union all
  select 'closed cash is what was kept and what was removed',
    format('%s through %s', core.account_name(a), b.through), a.user_id, core.decimal(b.cash_minor),
    core.decimal(kept.minor + removed.minor), null, false
  from public.closed_balances b join public.closings c using (through)
  join public.accounts a on a.id = b.account_id
  cross join lateral (select coalesce(sum(e.cash_delta_minor), 0) as minor from public.ledger_entries e
    where e.account_id = b.account_id and e.id <= c.last_entry_id and e.order_id is null) kept
  cross join lateral (select coalesce(sum(x.cash_minor), 0) as minor from public.removed_cash x
    where x.account_id = b.account_id and x.through <= b.through) removed
  where b.through = removed_findings.closing and b.cash_minor <> kept.minor + removed.minor;
$function$;

-- Up to which day records were removed; -infinity: none ever were.
CREATE OR REPLACE FUNCTION core.removed_through()
 RETURNS date
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce((select max(r.through) from public.removed_periods r), '-infinity');
$function$;

-- Trigger: a fill of an order that is closed, or traded before what is closed, opens its account again from
-- there on; what was removed stays closed. Whoever books a fill has locked its account, and so has
-- close_books.
CREATE OR REPLACE FUNCTION core.reopen_closed_balances()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  delete from public.closed_balances b where b.account_id = new.account_id
    and b.through > core.removed_through() and b.through >= least(
    (select min(c.through) from public.closings c
      where c.last_order_id >= new.order_id or (new.order_id is null and c.last_fill_id >= new.id)),
    (select min(p.through) from public.closed_positions p
      where (p.account_id, p.instrument_id, p.product) = (new.account_id, new.instrument_id, new.product)
        and p.last_filled_at >= new.filled_at));
  return null;
end $function$;

-- One answer per request, in their order: one that is ready (`early_answers`), that somebody else is just
-- placing it (`busy`), or what became of it.
CREATE OR REPLACE FUNCTION core.request_answers(args jsonb, early_answers jsonb, busy text[], fresh_signals text[])
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select coalesce(jsonb_agg(case when early_answers ? name then early_answers -> name
        when name = any(busy) then jsonb_build_object('kind', 'in_flight')
        -- Nothing was written: its account is somebody else's for now.
        when outcome.answer is null then jsonb_build_object('kind', 'locked')
        else outcome.answer || jsonb_build_object('fresh', request.signal ->> 'id' = any(fresh_signals)) end
      order by n), '[]')
    from rows from (jsonb_to_recordset(args -> 'requests') as (principal text, key text, "bodyHash" text,
      signal jsonb)) with ordinality as request(principal, key, "bodyHash", signal, n)
    cross join lateral (select request.principal || ' ' || request.key as name) named
    left join lateral core.request_outcome(request.principal, request.key, request."bodyHash") outcome
      on true
  );
end $function$;

-- What became of a request; null for a key that was never used.
CREATE OR REPLACE FUNCTION core.request_outcome(by_principal text, by_key text, with_body text)
 RETURNS TABLE(answer jsonb)
 LANGUAGE sql
 STABLE
AS $function$
  select case when old.body_hash <> with_body then jsonb_build_object('kind', 'other_body')
    else jsonb_build_object('kind', 'decided', 'fresh', false, 'outcome', d.outcome, 'reason', d.reason,
      'limit', d.limit_value, 'actual', d.actual_value,
      'order', (select jsonb_build_object('orderId', o.id, 'clientOrderId', o.client_order_id)
        from public.orders o
        where (o.run_id, o.signal_id, o.user_id) = (d.run_id, d.signal_id, d.user_id))) end
  -- One by one, by key: a kept plan may be from when there were none, and join all of both.
  from (select * from public.order_requests request
    where (request.principal, request.idempotency_key) = (by_principal, by_key) limit 1) old
  cross join lateral (select * from public.decisions made
    where (made.run_id, made.signal_id, made.user_id) = (old.run_id, old.signal_id, old.user_id) limit 1) d;
$function$;

-- The messages a call is about, as they are, each found by its id: a join may be with all that wait (500 of
-- 5,000 read 2.5 million rows and took 260 ms of a batch).
CREATE OR REPLACE FUNCTION core.requested_messages(args jsonb)
 RETURNS TABLE(id bigint, text text, content_hash text, number text, is_template boolean, channel text, status text, mark_id text, send_before timestamptz, account_id bigint, trade_date date, first_order_id bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select m.id, row.text, row."contentHash", row."to", coalesce(row.template, false), row.channel, m.status,
    m.mark_id, m.send_before, m.account_id, m.trade_date, m.first_order_id
  from jsonb_to_recordset(args -> 'messages') as row("messageId" bigint, text text, "contentHash" text,
    "to" text, template boolean, channel text)
  cross join lateral (select * from public.messages one where one.id = row."messageId" limit 1) m;
$function$;

-- The accounts whose sizing or limits an import changes, with what they will be. A file without the column
-- says nothing of a limit: it stays.
CREATE OR REPLACE FUNCTION core.resized_accounts(args jsonb)
 RETURNS TABLE(id bigint, capital_minor bigint, allocation_bps integer, leverage_centi integer, max_open_positions integer, daily_loss_limit_bps integer, max_orders_per_day integer, max_order_value_minor bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select a.id, row."capitalMinor", row."allocationBps", row."leverageCenti", row."maxOpenPositions",
    row."dailyLossLimitBps", most.orders, most.value
  from core.imported_users(args) row
  join public.accounts a
    on (a.user_id, a.venue, a.mode, a.currency) = (row.id, row.venue, args ->> 'mode', row.currency)
  cross join lateral (select
    case when fields ? 'maxOrdersPerDay' then row."maxOrdersPerDay" else a.max_orders_per_day end as orders,
    case when fields ? 'maxOrderValueMinor' then row."maxOrderValueMinor"
      else a.max_order_value_minor end as value) most
  where (a.capital_minor, a.allocation_bps, a.leverage_centi, a.max_open_positions, a.daily_loss_limit_bps,
      a.max_orders_per_day, a.max_order_value_minor)
    is distinct from (row."capitalMinor", row."allocationBps", row."leverageCenti", row."maxOpenPositions",
      row."dailyLossLimitBps", most.orders, most.value);
$function$;

-- Messages with their histories, as an export has them: {table, row}.
CREATE OR REPLACE FUNCTION core.rows_of_messages(ids bigint[])
 RETURNS SETOF jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('table', 'messages', 'row', m) from public.messages m where m.id = any(ids)
  union all
  select jsonb_build_object('table', 'message_events', 'row', e) from public.message_events e
  where e.message_id = any(ids);
$function$;

-- The rows of some orders and of all under them, the same.
CREATE OR REPLACE FUNCTION core.rows_of_orders(c public.closings, ids bigint[])
 RETURNS SETOF jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('table', 'orders', 'row', o) from public.orders o where o.id = any(ids)
  union all
  select jsonb_build_object('table', 'order_events', 'row', e) from public.order_events e
  where e.order_id = any(ids)
  union all
  select jsonb_build_object('table', 'fills', 'row', f) from public.fills f where f.order_id = any(ids)
  union all
  select jsonb_build_object('table', 'ledger_entries', 'row', e) from public.ledger_entries e
  where (e.kind = 'hold' and e.order_id = any(ids)) or (e.kind in ('post', 'void') and e.order_id = any(ids))
    or e.fill_id = any(array(select f.id from public.fills f where f.order_id = any(ids)))
  union all
  select told.* from core.rows_of_messages(array(select m.id from public.orders o
    join public.messages m on (m.run_id, m.user_id) = (o.run_id, o.user_id) and m.first_order_id = o.id
    where o.id = any(ids) and o.run_id not in (select core.runs_to_remove(c)))) told;
$function$;

-- The rows of a run for some of its users; with its first users also what is of nobody.
CREATE OR REPLACE FUNCTION core.rows_of_run(run text, user_ids text[], is_first boolean)
 RETURNS SETOF jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('table', 'run_users', 'row', u) from public.run_users u
  where u.run_id = run and u.user_id = any(user_ids)
  union all
  select jsonb_build_object('table', 'decisions', 'row', d) from public.decisions d
  where d.run_id = run and d.user_id = any(user_ids)
  union all
  select jsonb_build_object('table', 'order_requests', 'row', r) from public.order_requests r
  where r.run_id = run and r.user_id = any(user_ids)
  union all
  select told.* from core.rows_of_messages(array(select m.id from public.messages m
    where m.run_id = run and m.user_id = any(user_ids))) told
  union all
  select jsonb_build_object('table', 'run_signals', 'row', s) from public.run_signals s
  where is_first and s.run_id = run
  union all
  select jsonb_build_object('table', 'run_prices', 'row', p) from public.run_prices p
  where is_first and p.run_id = run;
$function$;

-- Each run's own times and plan; of runs since a day, until a day (null: all).
CREATE OR REPLACE FUNCTION core.run_findings(since date, until date)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with runs as (
    select * from public.scan_runs run
    where run.trade_date between coalesce(since, '-infinity') and coalesce(until, 'infinity')
  ), wrong as (
    select 'a run is opened, decided and done in this order, on its day' as rule, id as subject,
      concat_ws(', ', 'opened ' || opened_at, 'decided ' || decided_at, 'done ' || done_at,
        'to end ' || cut_off_at) as ours,
      'on ' || trade_date as should
    from runs where decided_at < opened_at or done_at < decided_at or done_at < takes_orders_until
      or trade_date not in (core.date_in(id, opened_at))
      -- The end of a market that never closes is the next day's midnight.
      or trade_date <> core.date_in(id, cut_off_at - interval '1 millisecond')
      or takes_orders_until <> cut_off_at
    union all
    -- Who was taken out of the books is still in the hash.
    select 'a run''s plan hash is that of its decisions', run.id, run.plan_hash, hash.should
    from runs run cross join lateral (select core.plan_hash(run.id) as should) hash
    where run.state <> 'planning' and run.takes_orders_until is null and run.plan_hash <> hash.should
      and not exists (select from public.run_users gone where gone.run_id = run.id
        and gone.user_id like 'erased-%')
    union all
    select 'every user of a decided run is decided, while it was open', run.id,
      coalesce(ru.decided_at::text, 'undecided') || ' (' || ru.user_id || ')', 'from its opening on'
    from runs run join public.run_users ru on ru.run_id = run.id
    where (ru.decided_at is null and run.state <> 'planning')
      or ru.decided_at < run.opened_at - core.check_skew()
      or (ru.decided_at > run.decided_at + core.check_skew() and run.takes_orders_until is null)
    union all
    select 'a user''s account in a run is theirs', run.id, ru.user_id, a.user_id
    from runs run join public.run_users ru on ru.run_id = run.id
    join public.accounts a on a.id = ru.account_id
    where (a.user_id, a.mode) <> (ru.user_id, run.mode)
    union all
    select 'every signal of a decided run has a decision for every user', run.id, made.n::text,
      (signals.n * users.n)::text
    from runs run
    cross join lateral (select count(*) as n from public.decisions d where d.run_id = run.id) made
    cross join lateral (select count(*) as n from public.run_signals rs where rs.run_id = run.id) signals
    cross join lateral (select count(*) as n from public.run_users ru where ru.run_id = run.id) users
    where run.state <> 'planning' and run.takes_orders_until is null and made.n <> signals.n * users.n
    union all
    select 'a run that is done has nothing open', run.id, o.client_order_id || ' is ' || o.status, 'ended'
    from public.orders o join public.scan_runs run on run.id = o.run_id
    where o.ended_at is null and run.state = 'done' and core.unfinished(o)
  )
  select rule, subject, null, ours, should, null, false from wrong;
$function$;

-- What a run froze, and every request and message, against the rows they name, and entries against their
-- account: all there ever was, since what names no run has no day, and what names no account no period.
CREATE OR REPLACE FUNCTION core.run_reference_findings()
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'what a run froze is there', 'signal ' || rs.signal_id, null::text,
    concat_ws(', ', case when run.id is null then 'run ' || rs.run_id end,
      case when s.id is null then 'signal ' || rs.signal_id end) || ': not there', 'there', null::text, false
  from public.run_signals rs left join public.scan_runs run on run.id = rs.run_id
  left join public.signals s on s.id = rs.signal_id
  where run.id is null or s.id is null
  union all
  select 'what a run froze is there', 'user ' || ru.user_id, ru.user_id,
    'run ' || ru.run_id || ': not there', 'there', null, false
  from public.run_users ru
  where not exists (select from public.scan_runs run where run.id = ru.run_id)
  union all
  select 'an entry names rows that are there', 'entry ' || e.id, null,
    format('account %s: not there', e.account_id), 'there', null, false
  from public.ledger_entries e where not exists (select from public.accounts a where a.id = e.account_id)
  union all
  select 'a request names its decision', 'request ' || r.signal_id, r.user_id,
    'decision: not there', 'there', null, false
  from public.order_requests r where not exists (select from public.decisions d
    where (d.run_id, d.signal_id, d.user_id) = (r.run_id, r.signal_id, r.user_id))
  union all
  select 'a message names rows that are there', 'message ' || m.id, m.user_id,
    concat_ws(', ', case when run.id is null and m.run_id is not null then 'run ' || m.run_id end,
      case when o.id is null and m.first_order_id is not null
        then 'order ' || m.first_order_id end) || ': not there', 'there', null, false
  from public.messages m left join public.scan_runs run on run.id = m.run_id
  left join public.orders o on o.id = m.first_order_id
  where (run.id is null and m.run_id is not null) or (o.id is null and m.first_order_id is not null);
$function$;

-- The runs of a closing: recorded by its end, and without an order after it (a market that never closes has
-- runs that go on; these go with the next closing).
CREATE OR REPLACE FUNCTION core.runs_to_remove(c public.closings)
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
AS $function$
  select run.id from public.scan_runs run where core.day_of(run.recorded_at) <= c.through
    and not exists (select from public.orders o where o.run_id = run.id and o.id > c.last_order_id);
$function$;

-- The schemas of this program.
CREATE OR REPLACE FUNCTION core.schemas()
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$ select array['public', 'core', 'paper_venue']; $function$;

-- Which messages of single orders among these may go now. Locked first: then the text says all there is, and
-- an order that is being placed begins the next message. A user gets one in three minutes; another has to
-- wait for that, also where an outage kept the one before until now.
CREATE OR REPLACE FUNCTION core.sendable_order_messages(args jsonb, now_at timestamptz)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  message_ids bigint[];
begin
  message_ids := array(select id from core.requested_messages(args)
    where status = 'queued' and first_order_id is not null);
  if message_ids = '{}' then return message_ids; end if;
  perform from public.messages m where m.id = any(message_ids) order by m.id for no key update;
  update public.messages m set next_attempt_at = least(recent.at, now_at) + interval '3 minutes'
  from unnest(message_ids) one(id) join public.messages this on this.id = one.id
  cross join lateral (select max(e.at) as at from public.messages other
    join public.message_events e on e.message_id = other.id and e.status = 'sending'
    where (other.run_id, other.user_id) = (this.run_id, this.user_id) and other.first_order_id is not null
      and other.id <> this.id) recent
  where m.id = one.id and m.status = 'queued' and recent.at > now_at - interval '3 minutes';
  return array(select m.id
    from jsonb_to_recordset(args -> 'messages') as row("messageId" bigint, "contentHash" text)
    join public.messages m on m.id = row."messageId" and m.id = any(message_ids)
    where coalesce(m.next_attempt_at <= now_at, true) and row."contentHash" = core.last_single_order(m));
end $function$;

-- An ISIN that becomes known names the share of all its namesakes.
CREATE OR REPLACE FUNCTION core.set_shares()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
begin
  -- Its own update fires it again: that one finds nothing to do.
  if not exists (select from changed) then return null; end if;
  update public.instruments i set share = core.share_of_instrument(i)
  where core.folded_symbol(i.exchange, i.symbol)
      in (select core.folded_symbol(changed.exchange, changed.symbol) from changed
        where changed.share = '' or exists (
        select from public.instruments now where now.id = changed.id
          and now.isin is distinct from changed.isin))
    and i.share is distinct from core.share_of_instrument(i);
  return null;
end $function$;

-- Why a user's settings keep an order from going; null: they don't. The same as the rules of these names in
-- domain/decision/rules.ts: a test compares the two. `strategy` null: of an order that was asked for by
-- itself.
CREATE OR REPLACE FUNCTION core.settings_block(u public.users, side text, strategy text, exchange text, symbol text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when not u.active then 'user_inactive'
    when not u.trading_enabled then 'trading_disabled'
    when not strategy = any(u.strategies) then 'not_subscribed'
    -- What they hold they may sell.
    when side = 'BUY' and (core.lists_symbol(u.deny_symbols, exchange, symbol)
      or (u.allow_symbols is not null and not core.lists_symbol(u.allow_symbols, exchange, symbol)))
      then 'symbol_not_allowed' end;
$function$;

-- Why its user's settings, as they are now, keep an order from going; null: they don't.
CREATE OR REPLACE FUNCTION core.settings_block_of(o public.orders)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select core.settings_block(u, o.side, case when s.source <> 'api' then s.strategy end,
    i.exchange, i.symbol)
  from public.users u, public.signals s, public.instruments i
  where u.id = o.user_id and s.id = o.signal_id and i.id = o.instrument_id;
$function$;

-- What an operator sets of a user, as it stands.
CREATE OR REPLACE FUNCTION core.settings_json(u public.users)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select jsonb_build_object('active', u.active, 'tradingEnabled', u.trading_enabled, 'notify', u.notify,
    'language', u.language, 'strategies', u.strategies, 'allowSymbols', u.allow_symbols,
    'denySymbols', u.deny_symbols, 'login', u.auth_user_id);
$function$;

-- Settles the accounts of outcomes that are ordinary: fills, orders, ledger, positions and balances, all
-- from the same rows. Gives the orders it settled and how many fills it booked; the others are as they were.
CREATE OR REPLACE FUNCTION core.settle_at_once(outcomes core.outcome[], now_at timestamptz, OUT settled bigint[], OUT booked bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  -- Asked once: as the column's default it is asked for each fill, a tenth of all the time.
  told_at constant timestamptz := core.database_now();
begin
  with heard as materialized (
    select * from core.judge_outcomes(outcomes, now_at)
  ), filled as (
    insert into public.fills (order_id, account_id, instrument_id, product, venue_fill_id, side, quantity,
      price_minor, value_minor, realised_minor, freed_margin_minor, late, trade_date, filled_at, booked_at)
    select id, account_id, instrument_id, product, f."venueFillId", side, f.quantity, f."priceMinor",
      core.fill_value(side, f.quantity, f."priceMinor", places),
      case side when 'SELL' then more_minor - out_minor else 0 end, freed_minor, false,
      (select trade_date from public.scan_runs run where run.id = run_id), core.at(f."atMs"), told_at
    from heard, unnest(fresh) f returning 1
  ), moved as (
    update public.orders o set changed_at = greatest(now_at, o.changed_at),
      status = case when moves then next_status else o.status end,
      reason = case when moves then h.reason else o.reason end,
      message = case when moves then h.message else o.message end,
      ended_at = case when ends then now_at end, venue_order_id = h.venue_order_id,
      filled_quantity = filled, filled_value_minor = value_minor, released_minor = h.released_minor,
      charges_minor = coalesce(h.charges_minor, o.charges_minor),
      lookups = core.lookups_made(o.lookups, h.reason),
      missed_lookups = case when next_status not in ('unknown', 'queued') then 0
        else core.lookups_made(o.missed_lookups, h.reason) end,
      next_lookup_at = core.lookup_after(o.status, o.next_lookup_at, next_status, h.next_lookup_at),
      next_attempt_at = h.next_attempt_at, claim_id = null, lease_until = null
    from heard h where o.id = h.id
  ), entry as (
    insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
    select account_id, id, case when filled > 0 then 'post' else 'void' end,
      case when filled > 0 then released_minor - charges_minor - bound_minor else 0 end, -hold_minor, now_at
    from heard where ends order by id
    returning account_id, cash_delta_minor, held_delta_minor
  ), placed as (
    insert into public.positions as p (account_id, instrument_id, product, quantity, cost_minor,
      margin_minor, last_filled_at)
    select account_id, instrument_id, product,
      sum(case side when 'BUY' then more_quantity else -more_quantity end),
      sum(case side when 'BUY' then more_minor else -out_minor end),
      sum(case side when 'BUY' then bound_minor - core.margin_on(before_minor, leverage_centi)
        else -freed_minor end), max(last_at)
    from heard where n > 0 group by 1, 2, 3 order by 1, 2, 3
    on conflict (account_id, instrument_id, product) do update set quantity = p.quantity + excluded.quantity,
      cost_minor = p.cost_minor + excluded.cost_minor, margin_minor = p.margin_minor + excluded.margin_minor,
      last_filled_at = excluded.last_filled_at
  ), balanced as (
    update public.accounts a set cash_minor = a.cash_minor + cash, held_minor = a.held_minor + held,
      not_ready = core.not_ready_with(a.not_ready, a.cash_minor + cash, a.held_minor + held)
    from (select account_id, sum(cash_delta_minor) as cash, sum(held_delta_minor) as held
      from entry group by 1) total where a.id = total.account_id
  )
  select (select coalesce(array_agg(id), '{}') from heard), (select count(*) from filled)
  into settled, booked;
end $function$;

-- Settles outcomes whose orders are locked, whatever they say: fills first, each where its position has it,
-- then what they mean for the orders, then money. Gives what came of it as settle_orders answers it.
CREATE OR REPLACE FUNCTION core.settle_by_steps(outcomes core.outcome[], now_at timestamptz)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  removed constant jsonb := core.fills_of_removed(outcomes);
  touched constant bigint[] := array(select "orderId" from unnest(outcomes)
    where "orderId" > core.last_removed_order());
  fresh bigint[];
  late_ones bigint[];
begin
  outcomes := array(select row from unnest(outcomes) row where row."orderId" = any(touched));
  select booked.fresh, booked.late_ones into fresh, late_ones from core.book_fills(outcomes, now_at) booked;
  if cardinality(late_ones) > 0 then
    perform core.book_late_fills(late_ones, now_at);
  end if;
  perform core.apply_outcomes(outcomes, fresh, now_at);
  perform core.close_orders(touched, now_at);
  if cardinality(late_ones) > 0 then
    update public.orders o set charges_minor = core.charges_on(o.filled_value_minor, rate)
    from public.charge_rates rate where o.id = any(touched) and o.late_fill and rate.id = o.rate_id;
  end if;
  return jsonb_build_object('fills', cardinality(fresh),
    'lateFills', (select coalesce(jsonb_agg(distinct o.client_order_id), '[]')
      from public.fills f join public.orders o on o.id = f.order_id where f.id = any(late_ones)),
    'wrongFills', core.block_for_wrong_fills(touched, fresh) || removed,
    -- Said to be filled, three looks on, and the fills still don't bear it out: somebody has to see that.
    'unproven', (select coalesce(jsonb_agg(o.client_order_id), '[]') from unnest(outcomes) row
      join public.orders o on o.id = row."orderId"
      where row."venueStatus" = 'filled' and o.filled_quantity < o.quantity and o.lookups = 3));
end $function$;

-- What probes came to: answered three times in a row (one time for an account), or with nothing left that
-- waits, their breaker closes; else the next one goes at once after an answer, and without one after a
-- pause twice as long.
CREATE OR REPLACE FUNCTION core.settle_probes(order_ids bigint[], for_run text, for_venue text, judge text, now_at timestamptz)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  b public.breakers;
  o public.orders;
  answered boolean;
  closes boolean;
begin
  for b in select * from public.breakers
    where run_id = for_run and venue = for_venue and is_open and probe_order_id = any(order_ids)
    order by signal_id, account_id for no key update
  loop
    select * into o from public.orders where id = b.probe_order_id;
    continue when o.status = 'submitting';
    answered := o.status not in ('unknown', 'queued');
    closes := answered and (b.answered_probes >= case when b.account_id > 0 then 0 else 2 end
      or not exists (select from public.orders waiting where waiting.ended_at is null
        and waiting.venue_order_id is null and waiting.status = 'queued'
        and core.breaker_stops(b, waiting)));
    b.pause_ms := case when answered then b.pause_ms else least(b.pause_ms * 2, 300000) end;
    update public.breakers set probe_order_id = null, pause_ms = b.pause_ms, is_open = not closes,
      answered_probes = case when answered then b.answered_probes + 1 else 0 end,
      next_probe_at = now_at + case when answered then 0 else b.pause_ms end * interval '1 millisecond',
      closed_at = case when closes then now_at else b.closed_at end,
      judge_id = case when closes then judge else b.judge_id end,
      tried = case when closes and b.account_id > 0 then 0 else b.tried end,
      failed = case when closes and b.account_id > 0 then 0 else b.failed end,
      counted_from = case when closes then coalesce((select max(id) from public.sends), 0)
        else b.counted_from end
    where (run_id, venue, signal_id, account_id) = (b.run_id, b.venue, b.signal_id, b.account_id);
    if closes and b.account_id = 0 and b.signal_id = '' then
      -- Its accounts were in trouble with it: each may try again at once.
      update public.breakers set next_probe_at = least(next_probe_at, now_at)
      where run_id = for_run and venue = for_venue and is_open and probe_order_id is null;
    end if;
  end loop;
end $function$;

-- The ISIN; else that of its namesake at the other Indian exchange or in another series; else the symbol,
-- which NSE and BSE have in common. The same rule as shareOf in domain/market/share.ts.
CREATE OR REPLACE FUNCTION core.share_of_instrument(i public.instruments)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(i.isin, (select twin.isin from public.instruments twin
      where core.folded_symbol(twin.exchange, twin.symbol) = core.folded_symbol(i.exchange, i.symbol)
        and twin.isin is not null order by twin.exchange = i.exchange desc, twin.symbol limit 1),
    core.folded_symbol(i.exchange, i.symbol));
$function$;

-- A signal as `decide` reads it.
CREATE OR REPLACE FUNCTION core.signal_json(s public.signals, i public.instruments)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select jsonb_build_object('id', s.id, 'tradeDate', s.trade_date, 'rank', s.rank, 'strategy', s.strategy,
    'exchange', i.exchange, 'symbol', i.symbol, 'side', s.side,
    'referencePriceMinor', s.reference_price_minor, 'stopLossMinor', s.stop_loss_minor,
    'targetMinor', s.target_minor, 'validUntilMs', core.ms(s.valid_until));
$function$;

-- Who sends, as the database knows them: {source, strategies (null: all), perDay (null: no ceiling)}, or
-- {refused}: why nothing is taken of them. A key (`apiKey`, its hint) says by itself which source it is for.
CREATE OR REPLACE FUNCTION core.signal_sender(args jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO ''
AS $function$
declare
  k public.api_keys;
  s public.signal_sources;
begin
  if args ->> 'apiKey' is null then
    return jsonb_build_object('source', args -> 'source', 'strategies', null, 'perDay', args -> 'perDay');
  end if;
  select * into k from public.api_keys where hint = args ->> 'apiKey';
  if k.hash is null then return '{"refused": "unknown"}'; end if;
  if core.key_fault(k) is not null then return jsonb_build_object('refused', core.key_fault(k)); end if;
  if k.role = 'operator' and k.scope = 'trade' then
    return jsonb_build_object('source', args -> 'source', 'strategies', null, 'perDay', null);
  end if;
  if k.role <> 'signals' then return '{"refused": "not_for_signals"}'; end if;
  select * into s from public.signal_sources where name = k.source;
  if not s.enabled then return '{"refused": "source_disabled"}'; end if;
  return jsonb_build_object('source', 'http:source:' || s.name, 'strategies', s.strategies,
    'perDay', s.per_day);
end $function$;

-- Each entry against the order and the fill it names.
CREATE OR REPLACE FUNCTION core.single_entry_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'an entry is of the account of its order', format('entry %s of order %s', e.id, o.client_order_id),
    o.user_id, 'account ' || e.account_id, 'account ' || o.account_id, null::text, false
  from core.entries_in(p) e join public.orders o on o.id = e.order_id where e.account_id <> o.account_id
  union all
  select 'what came late is entered once, for its order',
    format('fill %s of order %s', f.venue_fill_id, o.client_order_id), o.user_id,
    coalesce(e.n, 0) || ' entries', f.late::integer || ' entries', null, false
  from core.fills_in(p) f join public.orders o on o.id = f.order_id
  left join (select fill_id, order_id, count(*) as n from core.entries_in(p)
    where fill_id is not null group by 1, 2) e on (e.fill_id, e.order_id) = (f.id, f.order_id)
  where coalesce(e.n, 0) <> f.late::integer
  union all
  select 'what came late is entered after the end of its order',
    format('entry %s of order %s', e.id, o.client_order_id), o.user_id, e.at::text,
    o.ended_at::text, null, false
  from core.entries_in(p) e join public.orders o on o.id = e.order_id
  where e.fill_id is not null and coalesce(e.at < o.ended_at - core.check_skew(), true);
$function$;

-- Each of them with who placed it: the user, with a key (by its label, else its hint) or a login, or an
-- operator.
CREATE OR REPLACE FUNCTION core.single_order_lines(m public.messages)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('symbol', i.symbol, 'side', o.side, 'outcome', 'accepted',
      'reason', null, 'limit', null, 'actual', null, 'status', o.status, 'orderReason', o.reason,
      'message', o.message, 'quantity', o.quantity, 'filledQuantity', o.filled_quantity,
      'filledValueMinor', o.filled_value_minor, 'limitPriceMinor', o.limit_price_minor,
      'marginMinor', core.margin_on(o.filled_value_minor, o.leverage_centi), 'chargesMinor', o.charges_minor,
      'realisedMinor', case when o.side = 'SELL' then
        (select sum(f.realised_minor) from public.fills f where f.order_id = o.id) end,
      'placedBy', jsonb_build_object('own', request.principal is not distinct from 'user:' || o.user_id,
        'key', coalesce(nullif(trim(k.label), ''), request.api_key))) order by o.id), '[]')
  from core.orders_in_message(m) o
  join public.instruments i on i.id = o.instrument_id
  left join lateral (select * from public.order_requests one
    where (one.user_id, one.run_id, one.signal_id) = (o.user_id, o.run_id, o.signal_id)
      limit 1) request on true
  left join public.api_keys k on k.hint = request.api_key;
$function$;

-- For facts and for what stops something, which are never refused: far from the database's clock they get
-- its time.
CREATE OR REPLACE FUNCTION core.stamp_of(args jsonb)
 RETURNS timestamptz
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return case when core.clock_is_far(args) then core.database_now()
    else core.at((args ->> 'nowMs')::bigint) end;
end $function$;

-- What to do where no command settles what is wrong.
CREATE OR REPLACE FUNCTION core.stop_trading(of_user text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select format('npm run halt -- %s--why books, then find out what wrote it (npm run log)',
    case when of_user is not null then format('--user %s ', of_user) else '' end);
$function$;

-- Until when open breakers hold an order back, at most its own time; null: none does.
CREATE OR REPLACE FUNCTION core.stopped_until(o public.orders)
 RETURNS timestamptz
 LANGUAGE sql
 STABLE
AS $function$
  select least(max(b.next_probe_at), o.send_before) from public.breakers b where core.breaker_stops(b, o)
  having count(*) > 0;
$function$;

-- What of a sequence of amounts fits into a room, in their order.
create aggregate core.sum_that_fits(minor numeric, room numeric) (sfunc = core.add_if_it_fits, stype = numeric, initcond = '0');

-- What a summary says line by line, best signal first: each of a user's decisions, with what became of the
-- order it led to. A table of one row, as `orders_digest`. Records, not json_build_object: 12 instead of 23
-- microseconds a user; and json, because jsonb is built anew each time it is put into another.
CREATE OR REPLACE FUNCTION core.summary_lines(for_run text, for_user text)
 RETURNS TABLE(lines json)
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(json_agg(line), '[]') from (
    select i.symbol as "symbol", s.side as "side", d.outcome as "outcome", d.reason as "reason",
      d.limit_value as "limit", d.actual_value as "actual", o.status as "status", o.reason as "orderReason",
      o.message as "message", o.quantity as "quantity", o.filled_quantity as "filledQuantity",
      o.filled_value_minor as "filledValueMinor", o.limit_price_minor as "limitPriceMinor",
      s.stop_loss_minor as "stopLossMinor", s.target_minor as "targetMinor",
      core.margin_on(o.filled_value_minor, o.leverage_centi) as "marginMinor",
      o.charges_minor as "chargesMinor", case when o.side = 'SELL' then
        (select sum(f.realised_minor) from public.fills f where f.order_id = o.id) end as "realisedMinor"
    -- By run, signals and user, or by user and run: whichever index is taken, not all decisions of the run.
    from (select * from public.decisions made where made.run_id = for_run and made.user_id = for_user
      and made.signal_id = any(array(select signal_id from public.run_signals where run_id = for_run))
      offset 0) d
    join public.signals s on s.id = d.signal_id join public.instruments i on i.id = s.instrument_id
    left join (select * from public.orders placed where placed.run_id = for_run
      and placed.user_id = for_user offset 0) o on o.signal_id = d.signal_id
    order by d.position) line;
$function$;

-- Why a message is not to go at all; null: it may. A table of one row, as `orders_digest`.
CREATE OR REPLACE FUNCTION core.suppression_reason(m public.messages, u public.users, n public.whatsapp_numbers)
 RETURNS TABLE(suppressed_for text)
 LANGUAGE sql
 STABLE
AS $function$
  select case when u.notify = 'off' then 'notify_off'
    when u.notify = 'orders' and m.run_id is not null
      and not exists (select from public.orders o where (o.run_id, o.user_id) = (m.run_id, m.user_id))
      then 'no_order_placed'
    when n.stopped_at is not null then 'opted_out'
    when u.whatsapp is null or u.opted_in_at is null then 'no_whatsapp_number'
    when n.unreachable is not null and m.channel = 'whatsapp' then 'unreachable' end;
$function$;

-- What each share's cap is used up by, as JSON: {share: minor}.
CREATE OR REPLACE FUNCTION core.symbol_exposure(for_mode text, on_date date)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select coalesce(jsonb_object_agg(share, core.clamp_to_safe(minor)), '{}')
    from core.symbol_use(for_mode, on_date)
  );
end $function$;

-- What each share's cap is used up by, over all users and runs of a day. The reference price of a single
-- order's signal is the limit it names.
CREATE OR REPLACE FUNCTION core.symbol_use(for_mode text, on_date date)
 RETURNS TABLE(share text, minor numeric)
 LANGUAGE sql
 STABLE
AS $function$
  select i.share, sum(core.cap_use_minor(o,
    case when run.takes_orders_until is not null and o.ended_at is null
      then (select s.reference_price_minor from public.signals s where s.id = o.signal_id) end,
    i.quantity_scale + i.price_scale))
  from public.scan_runs run join public.orders o on o.run_id = run.id
  join public.instruments i on i.id = o.instrument_id
  where run.trade_date = on_date and run.mode = for_mode and o.side = 'BUY'
  group by i.share;
$function$;

-- Takes one use of the account's and of the venue's budget, both or none. 0: taken; else how long to wait
-- before asking again; null: not today any more. `budget` is {account, venue}, each {perSecond, perMinute,
-- perDay}, or null.
CREATE OR REPLACE FUNCTION core.take_rate(for_venue text, for_account bigint, budget jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  account_key constant text := for_venue || ' account ' || for_account;
  wait_ms bigint;
begin
  if budget is null then return 0; end if;
  -- One at a time per venue, to the end of the transaction: two processes must not both see the last use
  -- free.
  perform pg_advisory_xact_lock(hashtextextended('rate ' || for_venue, 0));
  wait_ms := core.rate_wait_ms(account_key, nullif(budget -> 'account', 'null'));
  if wait_ms is null or wait_ms > 0 then return wait_ms; end if;
  wait_ms := core.rate_wait_ms(for_venue, nullif(budget -> 'venue', 'null'));
  if wait_ms is null or wait_ms > 0 then return wait_ms; end if;
  perform core.use_rate(account_key);
  perform core.use_rate(for_venue);
  return 0;
end $function$;

-- Marks the users of a page as decided, and gives the decisions of those who were not yet.
CREATE OR REPLACE FUNCTION core.take_undecided(of_run text, decisions core.decision[], now_at timestamptz)
 RETURNS core.decision[]
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  asked constant bigint[] := array(select distinct "queuePosition" from unnest(decisions));
  positions bigint[];
  users text[];
begin
  with taken as (
    update public.run_users set decided_at = now_at
    where run_id = of_run and decided_at is null and queue_position = any(asked)
    returning queue_position, user_id
  )
  select coalesce(array_agg(queue_position), '{}'), coalesce(array_agg(user_id), '{}') into positions, users
  from taken;
  return array(select row from unnest(decisions) row
    join unnest(positions, users) as fresh(queue_position, user_id)
      on (fresh.queue_position, fresh.user_id) = (row."queuePosition", row."userId"));
end $function$;

-- A JSON list of strings as an array; JSON null as null.
CREATE OR REPLACE FUNCTION core.text_array(list jsonb)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when jsonb_typeof(list) = 'array' then array(select jsonb_array_elements_text(list)) end;
$function$;

-- When a market's trade date is over: midnight there.
CREATE OR REPLACE FUNCTION core.trade_date_ends(code text, day date)
 RETURNS timestamptz
 LANGUAGE sql
 STABLE
AS $function$ select (day + 1)::timestamp at time zone core.zone_of(code); $function$;

-- Whether a run, {runId, mode}, trades with an account: it is in the currency of the run's market, at the
-- venue its user is imported with, or, in another currency than rupees, at whichever venue they have one.
CREATE OR REPLACE FUNCTION core.trades_in(a public.accounts, at_venue text, run jsonb)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select a.mode = run ->> 'mode' and a.currency = core.currency_of(run ->> 'runId')
    and (a.venue = at_venue or a.currency <> 'INR');
$function$;

-- What somebody has to look at before an account trades on: money that went late, or a drift. null since:
-- it is there until it is acknowledged.
CREATE OR REPLACE FUNCTION core.unacknowledged_facts(p core.period)
 RETURNS TABLE(account_id bigint, what text, since timestamptz)
 LANGUAGE sql
 STABLE
AS $function$
  select f.account_id, format('blocked for the late fill %s', f.venue_fill_id), f.booked_at
  from core.fills_in(p) f where f.late and f.corrects is null
  union all
  select d.account_id, format('blocked for the drift of %s', d.what), null
  from public.drifts d where d.acknowledged_at is null;
$function$;

-- Accounts that may trade though nobody has looked at what has to be looked at. Materialized: of tables that
-- were never analyzed the planner would look for what that is once for each account.
CREATE OR REPLACE FUNCTION core.unacknowledged_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with fact as materialized (select * from core.unacknowledged_facts(p))
  select 'an account stays blocked until somebody has seen why', core.account_name(a), a.user_id,
    'not blocked', fact.what,
    format('npm run account -- --user %s --acknowledge %s', a.user_id, a.venue), false
  from fact join public.accounts a on a.id = fact.account_id and a.not_ready is null
  where fact.since is null or not core.acknowledged_since(a, fact.since);
$function$;

-- Neither ended nor handed to a person (an order at the venue that nobody will look up again).
CREATE OR REPLACE FUNCTION core.unfinished(o public.orders)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select o.status in ('queued', 'submitting')
    or (o.status in ('working', 'partially_filled', 'unknown') and o.next_lookup_at is not null);
$function$;

-- Trades of accounts whose last check of that day called them ready without their books having been brought
-- up.
CREATE OR REPLACE FUNCTION core.unready_findings()
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  select 'who trades on a day had their books brought up for it', core.account_name(a), a.user_id,
    coalesce('brought up for ' || a.books_for, 'never brought up'), 'brought up for ' || a.checked_for,
    'npm run ready', false
  from public.accounts a
  where a.mode = 'live' and a.checked_at is not null and a.check_found is null
    and a.books_for is distinct from a.checked_for
    and exists (select from public.scan_runs run
      join public.orders o on (o.run_id, o.user_id) = (run.id, a.user_id)
      where run.trade_date = a.checked_for and run.mode = 'live' and o.account_id = a.id);
$function$;

-- Counts one use of a budget, and forgets what no window looks back to.
CREATE OR REPLACE FUNCTION core.use_rate(for_key text)
 RETURNS void
 LANGUAGE sql
 SET search_path TO ''
AS $function$
  delete from core.rate_uses where key = for_key and bucket < core.database_now() - interval '61 seconds';
  insert into core.rate_uses as recent (key, bucket, used)
  values (for_key, date_bin('100 milliseconds', core.database_now(), timestamptz 'epoch'), 1)
  on conflict (key, bucket) do update set used = recent.used + 1;
  insert into core.rate_days as today (key, day, used)
  values (for_key, (core.database_now() at time zone 'Asia/Kolkata')::date, 1)
  on conflict (key, day) do update set used = today.used + 1;
$function$;

-- What an import changes of users there are, by id: their settings as they were and as they will be. A name
-- is only said to have changed, and of a number its last digits are hidden.
CREATE OR REPLACE FUNCTION core.user_changes(args jsonb)
 RETURNS jsonb
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(jsonb_agg(jsonb_build_object('userId', id,
    'was', core.without_names(core.json_changes(old, new)),
    'now', core.without_names(core.json_changes(new, old)))
    || case when currency = 'INR' then '{}' else jsonb_build_object('currency', currency) end
    order by id, currency <> 'INR'), '[]')
  from (
    select row.id, row.currency,
      jsonb_build_object('whatsapp', u.whatsapp, 'name', u.name, 'venue', u.venue, 'priority', u.priority,
        'capitalMinor', a.capital_minor, 'allocationBps', a.allocation_bps,
        'leverageCenti', a.leverage_centi, 'maxOpenPositions', a.max_open_positions,
        'dailyLossLimitBps', a.daily_loss_limit_bps, 'maxOrdersPerDay', a.max_orders_per_day,
        'maxOrderValueMinor', a.max_order_value_minor) as old,
      jsonb_build_object('whatsapp', person.whatsapp, 'name', person.name, 'venue', person.venue,
        'priority', person.priority, 'capitalMinor', row."capitalMinor",
        'allocationBps', row."allocationBps",
        'leverageCenti', row."leverageCenti", 'maxOpenPositions', row."maxOpenPositions",
        'dailyLossLimitBps', row."dailyLossLimitBps", 'maxOrdersPerDay', most.orders,
        'maxOrderValueMinor', most.value) as new
    from core.imported_users(args) row join public.users u on u.id = row.id
    cross join lateral (select case when is_first then row.whatsapp else u.whatsapp end as whatsapp,
      case when is_first then row.name else u.name end as name,
      case when is_first then user_venue else u.venue end as venue,
      case when is_first then row.priority else u.priority end as priority) person
    left join public.accounts a
      on (a.user_id, a.venue, a.mode, a.currency) = (u.id, row.venue, args ->> 'mode', row.currency)
    cross join lateral (select
      case when fields ? 'maxOrdersPerDay' then row."maxOrdersPerDay"
        else a.max_orders_per_day end as orders,
      case when fields ? 'maxOrderValueMinor' then row."maxOrderValueMinor"
        else a.max_order_value_minor end as value) most
    where (u.whatsapp, u.name, u.venue, u.priority, a.capital_minor, a.allocation_bps, a.leverage_centi,
        a.max_open_positions, a.daily_loss_limit_bps, a.max_orders_per_day, a.max_order_value_minor)
      is distinct from (person.whatsapp, person.name, person.venue, person.priority, row."capitalMinor",
        row."allocationBps", row."leverageCenti", row."maxOpenPositions", row."dailyLossLimitBps",
        most.orders, most.value)
  ) changed;
$function$;

-- What names or reaches a user, wherever somebody wrote it.
CREATE OR REPLACE FUNCTION core.user_pattern(u public.users)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select core.words_pattern(array[u.id, u.name, u.whatsapp, core.masked(u.whatsapp), u.auth_user_id::text]);
$function$;

-- Users of a run in the order they are served: priority, then a hash that differs from run to run, so nobody
-- is always last. The same order as queueHash in domain/ids.ts gives a dry run.
CREATE OR REPLACE FUNCTION core.user_queue(for_run text, only_users jsonb)
 RETURNS TABLE(queue_position bigint, user_id text, venue text)
 LANGUAGE sql
 STABLE
AS $function$
  select row_number() over (order by u.priority,
      encode(sha256(convert_to(for_run || '|' || u.id, 'UTF8')), 'hex') collate "C"), u.id, u.venue
  from (
    -- Two halves, so that a few users are found by their ids and not among all.
    select * from public.users where only_users is null
    union all
    select * from public.users where id = any(array(select jsonb_array_elements_text(only_users)))
  ) u;
$function$;

-- Business time, {nowMs, clock}, and how far a caller's clock is believed. Two minutes: a call may wait so
-- long for its database and its turn, and what must not be late (a send, an accept) or early (an end) is
-- judged by the later or the earlier of both clocks, so that within them nothing goes wrong. A session whose
-- clock is its own by intent (a sample, --at, --date, a test) says `virtual`, with each call or for the
-- whole database; a process that says nothing is real.
CREATE OR REPLACE FUNCTION core.uses_virtual_clock(args jsonb)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(args ->> 'clock' = 'virtual', false)
    or coalesce(current_setting('daily_scan.clock', true) = 'virtual', false);
$function$;

-- The same rounded down, for what is got.
CREATE OR REPLACE FUNCTION core.value_down(quantity bigint, price_minor bigint, places integer)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case places when 0 then quantity::numeric * price_minor
    else div(quantity::numeric * price_minor, 10::numeric ^ places) end;
$function$;

-- What each fill is said to be worth, against its quantity and price.
CREATE OR REPLACE FUNCTION core.value_findings(p core.period)
 RETURNS SETOF core.finding
 LANGUAGE sql
 STABLE
AS $function$
  with worth as (
    select f, core.fill_value(f.side, f.quantity, f.price_minor, core.places_of(f.instrument_id)) as value
    from core.fills_in(p) f
  )
  select 'a fill is worth its quantity at its price', 'fill ' || (f).venue_fill_id, a.user_id,
    core.decimal((f).value_minor), core.decimal(value), null, false
  from worth join public.accounts a on a.id = (f).account_id where (f).value_minor <> value;
$function$;

-- What so much is worth at a price, in minor units of any size: rounded up, for what is paid or held.
-- `places`: those of the quantity and of the price, together. As valueUp in domain/value.ts, a test compares
-- the two.
CREATE OR REPLACE FUNCTION core.value_up(quantity bigint, price_minor bigint, places integer)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case places when 0 then quantity::numeric * price_minor
    else ceil(quantity::numeric * price_minor / 10::numeric ^ places) end;
$function$;

-- The venues whose rate has room. Each that has a budget is locked to the end of this transaction; one that
-- somebody else is counting is left for a moment, since it may take long.
CREATE OR REPLACE FUNCTION core.venues_with_rate(all_venues text[], budgets jsonb, OUT venues text[], OUT waits core.rate_wait[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  venue text;
  wait_ms bigint;
begin
  venues := '{}';
  waits := '{}';
  foreach venue in array all_venues loop
    wait_ms := case when not budgets ? venue then 0
      when not pg_try_advisory_xact_lock(hashtextextended('rate ' || venue, 0)) then 100
      else core.rate_wait_ms(venue, nullif(budgets -> venue -> 'venue', 'null')) end;
    if wait_ms = 0 then venues := venues || venue;
    elsif wait_ms > 0 then waits := waits || (venue, null, wait_ms)::core.rate_wait; end if;
  end loop;
end $function$;

-- Decisions with the places their users have in the run.
CREATE OR REPLACE FUNCTION core.with_queue_positions(in_run text, decisions core.decision[])
 RETURNS core.decision[]
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  return (
    select coalesce(array_agg(row(ru.queue_position, d."signalId", d."userId", d."accountId", d.outcome,
      d.reason, d."limit", d.actual, d.quantity, d."priceMinor", d."limitPriceMinor", d."marginMinor",
      d."chargesMinor", d."holdMinor", d."leverageCenti", d.product, d."rateId",
      d."clientOrderId")::core.decision), '{}')
    from unnest(decisions) d
    cross join lateral (select queue_position from public.run_users frozen
      where (frozen.run_id, frozen.user_id) = (in_run, d."userId") limit 1) ru
  );
end $function$;

-- Decisions with their signals and where these stand in the run. Each by index: a run of single orders has
-- as many signals as orders, and a join could be with all of them.
CREATE OR REPLACE FUNCTION core.with_signals(run public.scan_runs, decisions core.decision[])
 RETURNS TABLE(decision core.decision, "position" bigint, send_before timestamptz, signal public.signals)
 LANGUAGE sql
 STABLE
AS $function$
  select row, rs.position, rs.send_before, s.signal
  from unnest(decisions) row
  cross join lateral (select * from public.run_signals frozen
    where (frozen.run_id, frozen.signal_id) = (run.id, row."signalId") limit 1) rs
  cross join lateral (select frozen as signal from public.signals frozen
    where frozen.id = row."signalId" limit 1) s;
$function$;

-- Of orders with their accounts, best first: those that leave each account at most `most` with what the
-- caller `held` of it already; and the accounts that have so many.
CREATE OR REPLACE FUNCTION core.within_shares(ids bigint[], accounts bigint[], held jsonb, most bigint, OUT go bigint[], OUT full_accounts bigint[])
 RETURNS record
 LANGUAGE sql
 STABLE
 SET search_path TO ''
AS $function$
  select coalesce(array_agg(id order by n) filter (where nth <= most), '{}'),
    coalesce(array_agg(distinct account_id) filter (where nth >= most), '{}')
  from (
    select one.id, account_id, n, coalesce((held ->> account_id::text)::bigint, 0)
      + row_number() over (partition by account_id order by n) as nth
    from unnest(ids, accounts) with ordinality as one(id, account_id, n)
  ) counted;
$function$;

-- Settings of a user without what names or reaches them: that they have a name and a login, and how a number
-- begins.
CREATE OR REPLACE FUNCTION core.without_names(settings jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select settings || jsonb_strip_nulls(jsonb_build_object('whatsapp', core.masked(settings ->> 'whatsapp'),
    'name', case when settings ->> 'name' is not null then '(a name)' end,
    'login', case when settings ->> 'login' is not null then '(a login)' end));
$function$;

-- A pattern of these words as whole words, whatever their case, as they stand and as JSON writes them; null:
-- no word. A hyphen is part of a word: an id that begins like another is another.
CREATE OR REPLACE FUNCTION core.words_pattern(words text[])
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select '(^|[^[:alnum:]_-])('
    || string_agg(distinct regexp_replace(spelling, '([\\.*+?()\[\]{}|^$])', '\\\1', 'g'), '|')
    || ')(?=$|[^[:alnum:]_-])'
  from unnest(words) word, unnest(array[word, trim(both '"' from to_json(word)::text)]) spelling
  where length(word) > 0;
$function$;

-- Writes every decision with what became of it, and counts the accepted.
CREATE OR REPLACE FUNCTION core.write_decisions(run public.scan_runs, decisions core.decision[], refusals core.refusal[])
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  accepted bigint;
begin
  with written as (
    insert into public.decisions (run_id, signal_id, user_id, account_id, position, queue_position, outcome,
      reason, limit_value, actual_value, quantity, price_minor, hold_minor)
    select run.id, (decision)."signalId", (decision)."userId", (decision)."accountId",
      case when run.takes_orders_until is null then input.position else 0 end, (decision)."queuePosition",
      coalesce(no.outcome, (decision).outcome), coalesce(no.reason, (decision).reason),
      case when no.reason is null then (decision)."limit" else no."limit" end,
      case when no.reason is null then (decision).actual else no.actual end,
      case when no.reason is null then (decision).quantity else 0 end, (decision)."priceMinor",
      case when no.reason is not null then 0 when (signal).side = 'BUY' then (decision)."holdMinor"
        else coalesce((select o.hold_minor from public.orders o
          where o.client_order_id = (decision)."clientOrderId"), (decision)."holdMinor") end
    from core.with_signals(run, decisions) input
    left join unnest(refusals) no
      on (no."signalId", no."userId") = ((decision)."signalId", (decision)."userId")
    returning outcome
  )
  select count(*) filter (where outcome = 'accepted') into accepted from written;
  return accepted;
end $function$;

-- Writes signals; where they can't all be written, one by one. Gives those that can't be, with the
-- database's reason (SQLSTATE): one odd row must not take the others with it, whatever the readers before it
-- let through.
CREATE OR REPLACE FUNCTION core.write_each_signal(source jsonb, signals jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  one jsonb;
  unwritable jsonb := '{}';
begin
  begin
    perform core.write_signals(jsonb_build_object('source', source, 'signals', signals));
    return unwritable;
  exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
    for one in select value from jsonb_array_elements(signals) loop
      begin
        perform core.write_signals(jsonb_build_object('source', source, 'signals', jsonb_build_array(one)));
      exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        unwritable := unwritable || jsonb_build_object(one ->> 'id', 'not_writable: ' || sqlstate);
      end;
    end loop;
  end;
  return unwritable;
end $function$;

-- Signals whose symbol no instruments file has named get an assumed instrument: paper may trade it, live
-- refuses.
CREATE OR REPLACE FUNCTION core.write_signals(args jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
declare
  written bigint;
begin
  insert into public.instruments (exchange, symbol, assumed)
  select distinct exchange, symbol, true
  from jsonb_to_recordset(args -> 'signals') as row(exchange text, symbol text)
  where (select true from public.instruments i where (i.exchange, i.symbol) = (row.exchange, row.symbol)
    limit 1) is null
  order by exchange, symbol
  on conflict (exchange, symbol) do nothing;

  insert into public.signals (id, trade_date, rank, strategy, instrument_id, side, reference_price_minor,
    stop_loss_minor, target_minor, valid_until, source)
  select row.id, "tradeDate", rank, strategy, instrument.id, side, "referencePriceMinor", "stopLossMinor",
    "targetMinor", core.at("validUntilMs"), args ->> 'source'
  from jsonb_to_recordset(args -> 'signals') as row(id text, "tradeDate" date, rank integer, strategy text,
    exchange text, symbol text, side text, "referencePriceMinor" bigint, "stopLossMinor" bigint,
    "targetMinor" bigint, "validUntilMs" bigint)
  join public.instruments instrument using (exchange, symbol)
  order by row.id
  -- Corrected until a run has frozen it; from then on its first word stands.
  on conflict (id) do update set rank = excluded.rank,
    reference_price_minor = excluded.reference_price_minor,
    stop_loss_minor = excluded.stop_loss_minor, target_minor = excluded.target_minor,
    valid_until = excluded.valid_until, source = excluded.source
  where not exists (select from public.run_signals frozen where frozen.signal_id = excluded.id);
  get diagnostics written = row_count;
  return written;
end $function$;

-- The zone of a market, by its code (a MIC or an exchange code) or an id that begins with it, such as a
-- run's: as in domain/market/market.ts, a test compares the two. What begins with no code is India's, as
-- everything was before there were markets.
CREATE OR REPLACE FUNCTION core.zone_of(code text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case when split_part(code, ':', 1) in ('XNYS', 'US', 'NYSE', 'NASDAQ', 'ARCA', 'AMEX', 'BATS')
      then 'America/New_York'
    when split_part(code, ':', 1) = 'SOLANA' then 'UTC' else 'Asia/Kolkata' end;
$function$;

-- The zone in which a currency is traded.
CREATE OR REPLACE FUNCTION core.zone_of_currency(code text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select core.zone_of(case code when 'USD' then 'XNYS' when 'INR' then 'XNSE' else 'SOLANA' end);
$function$;

-- What the simulated venue says of an order at an instant: its status, and its fills so far.
CREATE OR REPLACE FUNCTION paper_venue.report_json(o paper_venue.orders, now_at timestamptz)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO ''
AS $function$
  select jsonb_build_object('venueOrderId', o.venue_order_id, 'clientOrderId', o.client_order_id,
    'status', case when now_at >= o.end_at then o.end_status
      when now_at >= o.fill_at and o.fill_quantity > 0 then 'partially_filled' else 'working' end,
    'message', o.message,
    'fills', case when o.fill_quantity > 0 and now_at >= o.fill_at then jsonb_build_array(jsonb_build_object(
      'venueFillId', o.venue_order_id || '-1', 'quantity', o.fill_quantity, 'priceMinor', o.fill_price_minor,
      'atMs', core.ms(o.fill_at))) else '[]' end);
$function$;

-- The orders of a submission with the day's fault and market of each; of one that comes twice, which is the
-- first.
CREATE OR REPLACE FUNCTION paper_venue.submitted_orders(args jsonb)
 RETURNS TABLE("clientOrderId" text, "userId" text, exchange text, symbol text, side text, quantity bigint, "limitPriceMinor" bigint, n bigint, now_at timestamptz, day date, fault text, message text, delay interval, fault_quantity bigint, market_minor bigint, slippage_minor bigint, is_first boolean)
 LANGUAGE sql
 STABLE
AS $function$
  select "clientOrderId", "userId", request.exchange, request.symbol, side, request.quantity,
    "limitPriceMinor", n, clock.now_at, clock.day, coalesce(f.fault, 'none'), f.message,
    f.delay_ms * interval '1 millisecond', f.quantity, m.price_minor,
    m.price_minor * coalesce("slippageBps", 0) / 10000,
    row_number() over (partition by "clientOrderId" order by n) = 1
  from rows from (jsonb_to_recordset(args -> 'orders') as ("clientOrderId" text, "userId" text,
    exchange text,
      symbol text, side text, quantity bigint, "limitPriceMinor" bigint, "slippageBps" bigint,
      "nowMs" bigint))
    with ordinality as request("clientOrderId", "userId", exchange, symbol, side, quantity,
      "limitPriceMinor", "slippageBps", "nowMs", n)
  cross join lateral (select core.at("nowMs") as now_at,
    core.date_in(request.exchange, core.at("nowMs")) as day) clock
  left join lateral (select * from paper_venue.faults f
    where coalesce(f.user_id, request."userId") = request."userId"
      and coalesce(f.symbol, request.symbol) = request.symbol and f.trade_date = clock.day
    order by f.id limit 1) f on true
  left join lateral (select price_minor from paper_venue.market
    where (market.exchange, market.symbol, trade_date) = (request.exchange, request.symbol, clock.day)
    limit 1) m on true;
$function$;
