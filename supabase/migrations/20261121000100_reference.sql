-- The nouns that exist before any run: instruments, signals, users, accounts, charges, halts, calendar days.
-- Money is bigint in the currency's minor unit (paise); percentages are basis points; leverage is
-- hundredths.

create schema core;
comment on schema core is 'Inner functions and tables of the order core; nobody calls them from outside.';
-- Its pure SQL functions have no `set search_path` of their own, so that the planner can inline them: they
-- name every object in full, and are only reached through functions of `public` that set it.

-- Leases, rate windows and backoff read this clock; tests may set it. Business time is always an argument.
-- Not in SQL: it says it is stable, so that rows can be found by it, and what it calls is not; such a
-- function is planned at each call.
create function core.database_now() returns timestamptz
language plpgsql stable as $$
begin
  return coalesce(nullif(current_setting('daily_scan.now', true), '')::timestamptz, clock_timestamp());
end $$;

-- Stable, as what they are made of is, else they would be called for every row instead of being part of the
-- query.
create function core.at(ms bigint) returns timestamptz
language sql stable strict as $$
  select timestamptz 'epoch' + ms * interval '1 millisecond';
$$;

-- An instant as milliseconds since 1970; null: none.
create function core.ms(at timestamptz) returns bigint
language sql stable strict as $$
  select (extract(epoch from at) * 1000)::bigint;
$$;

-- A sum over many, for people to read: 2^53 - 1 at most, the largest number everybody who reads JSON has
-- alike. What one account has is kept within it by constraints, so only numbers nobody means can add up to
-- more.
create function core.clamp_to_safe(amount numeric) returns numeric
language sql immutable strict as $$
  select greatest(least(amount, 9007199254740991), -9007199254740991);
$$;

-- Business time, {nowMs, clock}, and how far a caller's clock is believed. Two minutes: a call may wait so
-- long for its database and its turn, and what must not be late (a send, an accept) or early (an end) is
-- judged by the later or the earlier of both clocks, so that within them nothing goes wrong. A session whose
-- clock is its own by intent (a sample, --at, --date, a test) says `virtual`, with each call or for the
-- whole database; a process that says nothing is real.
create function core.uses_virtual_clock(args jsonb) returns boolean
language sql stable as $$
  select coalesce(args ->> 'clock' = 'virtual', false)
    or coalesce(current_setting('daily_scan.clock', true) = 'virtual', false);
$$;

-- Whether a call's clock is more than two minutes off the database's, and should not be.
create function core.clock_is_far(args jsonb) returns boolean
language plpgsql stable as $$
begin
  return not core.uses_virtual_clock(args) and coalesce(
    abs(core.ms(core.database_now()) - (args ->> 'nowMs')::bigint) > 120000, true);
end $$;

-- The caller's time. One that is far from the database's is refused: whoever acts on it is wrong about the
-- day or the hour.
create function core.now_of(args jsonb) returns timestamptz
language plpgsql stable set search_path = '' as $$
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
end $$;

-- For what must not happen too late: by whichever clock is later.
create function core.later_of(args jsonb) returns timestamptz
language plpgsql stable as $$
begin
  return greatest(core.now_of(args), case when not core.uses_virtual_clock(args)
    then core.database_now() end);
end $$;

-- For what must not happen too early.
create function core.earlier_of(args jsonb) returns timestamptz
language plpgsql stable as $$
begin
  return least(core.now_of(args), case when not core.uses_virtual_clock(args) then core.database_now() end);
end $$;

-- For facts and for what stops something, which are never refused: far from the database's clock they get
-- its time.
create function core.stamp_of(args jsonb) returns timestamptz
language plpgsql stable as $$
begin
  return case when core.clock_is_far(args) then core.database_now()
    else core.at((args ->> 'nowMs')::bigint) end;
end $$;

-- An instant the caller has seen on its clock, by the database's: how long ago it was, no clock disagrees
-- about.
create function core.caller_instant(args jsonb, ms bigint) returns timestamptz
language plpgsql stable as $$
begin
  return case when core.uses_virtual_clock(args) then core.at(ms)
    else core.database_now() - (core.now_of(args) - core.at(ms)) end;
end $$;

-- Whether this transaction removes records of a month that is marked for it (0854_remove_old).
create function core.is_removing() returns boolean
language sql stable as $$ select coalesce(current_setting('daily_scan.removing', true), '') <> ''; $$;

-- Trigger: rows that others name by an id without a foreign key stay, under the id they have; `but removal`:
-- unless they go with their month.
create function core.refuse_deletion() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' and tg_nargs = 1 and core.is_removing() then return null; end if;
  raise exception '% keeps its rows, and what others go by in them: other tables name them', tg_table_name
    using errcode = 'PT403';
end $$;

-- The currencies money can be in, as domain/currency.ts has them; a test compares the two.
create table public.currencies (
  code text primary key,
  minor_digits smallint not null
);
create trigger currencies_are_never_deleted before update or delete or truncate on public.currencies
  for each statement execute function core.refuse_deletion();
insert into public.currencies values ('INR', 2), ('USD', 2), ('USDC', 6), ('SOL', 9);

-- The zone of a market, by its code (a MIC or an exchange code) or an id that begins with it, such as a
-- run's: as in domain/market/market.ts, a test compares the two. What begins with no code is India's, as
-- everything was before there were markets.
create function core.zone_of(code text) returns text
language sql immutable as $$
  select case when split_part(code, ':', 1) in ('XNYS', 'US', 'NYSE', 'NASDAQ', 'ARCA', 'AMEX', 'BATS')
      then 'America/New_York'
    when split_part(code, ':', 1) = 'SOLANA' then 'UTC' else 'Asia/Kolkata' end;
$$;

-- The currency a market trades in, by the same codes.
create function core.currency_of(code text) returns text
language sql immutable as $$
  select case core.zone_of(code) when 'America/New_York' then 'USD' when 'UTC' then 'USDC' else 'INR' end;
$$;

create table public.instruments (
  id bigint generated always as identity primary key,
  exchange text not null,
  symbol text not null,
  currency text not null generated always as (core.currency_of(exchange)) stored
    references public.currencies,
  -- Quantities are in pieces of 10^-quantity_scale, prices in 10^-price_scale of the minor unit for a whole
  -- one: see core.value_up.
  quantity_scale smallint not null default 0,
  price_scale smallint not null default 0,
  isin text,
  name text not null default '',
  tick_minor bigint,
  lot_size bigint not null default 1,
  freeze_quantity bigint,
  fno boolean not null default false,
  restricted text,
  -- Seen in a signal only, never in an instruments file: paper treats it as plain equity, live refuses it.
  assumed boolean not null default false,
  -- What makes two listings one share; kept by the triggers below.
  share text not null default '',
  constraint an_instrument_is_listed_once_per_exchange unique (exchange, symbol),
  constraint a_listed_instrument_has_a_tick check (assumed or tick_minor > 0),
  constraint a_lot_is_at_least_one check (lot_size >= 1),
  constraint a_freeze_quantity_is_positive check (freeze_quantity >= 1),
  -- 9: the most decimals of what is traded here, a SOL's.
  constraint a_scale_has_at_most_nine_digits
    check (quantity_scale between 0 and 9 and price_scale between 0 and 9)
);
create trigger instruments_are_never_deleted
  before update of id, exchange or delete or truncate on public.instruments
  for each statement execute function core.refuse_deletion();

create index instruments_of_a_share on public.instruments (share);

-- The exchange whose charges hold in a market: the first of its codes in domain/market/market.ts, a test
-- compares the two. As above, what begins with no code is the NSE's.
create function core.charging_exchange(code text) returns text
language sql immutable as $$
  select case when core.zone_of(code) = 'America/New_York' then 'US'
    when split_part(code, ':', 1) in ('XBOM', 'BSE') then 'BSE'
    when core.zone_of(code) = 'UTC' then 'SOLANA' else 'NSE' end;
$$;

-- The date of an instant where the market is: its trade date.
create function core.date_in(code text, at timestamptz) returns date
language sql stable as $$ select (at at time zone core.zone_of(code))::date; $$;

-- When a market's trade date is over: midnight there.
create function core.trade_date_ends(code text, day date) returns timestamptz
language sql stable as $$ select (day + 1)::timestamp at time zone core.zone_of(code); $$;

-- When an ordinary day's trading ends there. What a simulated market ends its orders at, and the time of a
-- stored close; the calendar with its short days is the caller's.
create function core.ordinary_close(code text, day date) returns timestamptz
language sql stable as $$
  select case core.zone_of(code) when 'UTC' then core.trade_date_ends(code, day)
    when 'America/New_York' then (day + time '16:00') at time zone 'America/New_York'
    else (day + time '15:30') at time zone 'Asia/Kolkata' end;
$$;

-- NSE and BSE write the series a share trades in behind its symbol, where it is not the usual one: TITAN-BE
-- is TITAN, moved to where every trade is delivered. Series:
-- https://www.nseindia.com/market-data/legend-of-series; those that are not shares (bonds GB, funds MF,
-- rights RE) stay part of the symbol.
create function core.folded_symbol(exchange text, symbol text) returns text
language sql immutable as $$
  select case when exchange in ('NSE', 'BSE')
    then regexp_replace(symbol, '-(EQ|BE|BZ|BL|IL|T0|SM|ST|SZ)$', '')
    else exchange || ':' || symbol end;
$$;
create index instruments_by_folded_symbol on public.instruments (core.folded_symbol(exchange, symbol));

-- The ISIN; else that of its namesake at the other Indian exchange or in another series; else the symbol,
-- which NSE and BSE have in common. The same rule as shareOf in domain/market/share.ts.
create function core.share_of_instrument(i public.instruments) returns text
language sql stable as $$
  select coalesce(i.isin, (select twin.isin from public.instruments twin
      where core.folded_symbol(twin.exchange, twin.symbol) = core.folded_symbol(i.exchange, i.symbol)
        and twin.isin is not null order by twin.exchange = i.exchange desc, twin.symbol limit 1),
    core.folded_symbol(i.exchange, i.symbol));
$$;

-- An ISIN that becomes known names the share of all its namesakes.
create function core.set_shares() returns trigger
language plpgsql set search_path = '' as $$
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
end $$;
create trigger a_new_instrument_names_its_share after insert on public.instruments
  referencing new table as changed for each statement execute function core.set_shares();
create trigger a_changed_instrument_names_its_share after update on public.instruments
  referencing old table as changed for each statement execute function core.set_shares();

-- Trigger: another scale would make every quantity and price that is written another one.
create function core.keep_scales() returns trigger
language plpgsql set search_path = '' as $$
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
end $$;
create trigger a_used_instrument_keeps_its_scales before update on public.instruments
  for each row when ((old.quantity_scale, old.price_scale) is distinct from
    (new.quantity_scale, new.price_scale))
  execute function core.keep_scales();

-- All listings of the share an instrument is.
create function core.listings_of(of_instrument bigint) returns bigint[]
language plpgsql stable as $$
begin
  return (
    select array(select same.id from public.instruments same
      where same.share = (select named.share from public.instruments named where named.id = of_instrument)
      order by same.id)
  );
end $$;

create table public.signals (
  id text primary key,
  trade_date date not null,
  rank integer not null,
  strategy text not null,
  instrument_id bigint not null references public.instruments,
  side text not null,
  reference_price_minor bigint not null,
  stop_loss_minor bigint,
  target_minor bigint,
  valid_until timestamptz,
  source text not null,
  received_at timestamptz not null default core.database_now(),
  constraint a_signal_is_given_once unique (trade_date, strategy, instrument_id, side),
  constraint a_signal_buys_or_sells check (side in ('BUY', 'SELL')),
  -- 0 only where somebody asked for one order and there was no price: its decision says so.
  constraint a_reference_price_is_positive check (reference_price_minor > 0
    or (source = 'api' and reference_price_minor = 0)),
  constraint a_rank_starts_at_one check (rank >= 1)
);
create trigger signals_are_never_deleted before update of id or delete or truncate on public.signals
  for each statement execute function core.refuse_deletion();

create index signals_of_an_instrument on public.signals (instrument_id);

create table public.users (
  id text primary key,
  name text not null,
  whatsapp text,
  opted_in_at timestamptz,
  opt_in_source text,
  active boolean not null default true,
  trading_enabled boolean not null default true,
  -- null: follows every strategy / may trade every symbol.
  strategies text[],
  allow_symbols text[],
  deny_symbols text[] not null default '{}',
  priority integer not null default 100,
  venue text not null default 'paper',
  -- Who he is where users log in (`sub` of the JWT); null: he does not.
  auth_user_id uuid constraint a_login_is_of_one_user unique,
  -- When he wants a message: always, only of a run that placed an order for him, or never; and in which
  -- language.
  notify text not null default 'always',
  language text not null default 'en',
  constraint a_user_wants_always_orders_or_off check (notify in ('always', 'orders', 'off')),
  constraint a_language_is_english_or_hindi check (language in ('en', 'hi')),
  constraint a_whatsapp_number_is_e164 check (whatsapp ~ '^\+[1-9][0-9]{6,14}$'),
  constraint an_opt_in_names_its_source check ((opted_in_at is null) = (opt_in_source is null))
);

create table public.accounts (
  id bigint generated always as identity primary key,
  user_id text not null references public.users,
  venue text not null,
  mode text not null,
  -- Of all its money; an account is one ledger.
  currency text not null default 'INR' references public.currencies,
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
  constraint a_user_has_one_account_per_venue_mode_and_currency
    unique (user_id, venue, mode, currency),
  constraint an_account_is_paper_or_live check (mode in ('paper', 'live')),
  constraint capital_is_positive check (capital_minor > 0),
  constraint allocation_is_a_share_of_the_whole check (allocation_bps between 1 and 10000),
  constraint leverage_is_at_least_one check (leverage_centi >= 100),
  -- The same as isBeyondSizing in domain/decision/sizing.ts; and 2^53 - 1 for what an account has.
  constraint the_largest_order_can_be_told_exactly
    check (capital_minor::numeric * allocation_bps * leverage_centi <= 9007199254740991 * 1000000.0),
  constraint an_accounts_money_can_be_told_exactly
    check (cash_minor <= 9007199254740991 and cash_minor - held_minor >= -9007199254740991),
  constraint a_daily_number_of_orders_is_not_negative check (max_orders_per_day >= 0),
  constraint a_largest_order_value_is_positive check (max_order_value_minor > 0),
  constraint held_money_is_never_negative check (held_minor >= 0),
  constraint money_blocked_by_others_is_never_negative check (blocked_by_others_minor >= 0),
  constraint available_money_is_negative_only_on_a_blocked_account
    check (cash_minor - held_minor >= 0 or not_ready is not null)
) with (fillfactor = 70);
create trigger accounts_are_never_deleted
  before update of id, currency or delete or truncate on public.accounts
  for each statement execute function core.refuse_deletion();

-- An account as the log of actions names it.
create function core.account_target(a public.accounts) returns text
language sql immutable as $$
  select 'account:' || concat_ws(' ', a.user_id, a.venue, a.mode, nullif(a.currency, 'INR'));
$$;

-- What one leg costs, dated: parts per billion of turnover. GST is on brokerage + exchange + regulator
-- charges. `exchange`: the first code of a market, for all of its exchanges; the caps are in `currency`.
create table public.charge_rates (
  id integer primary key,
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
  constraint a_rate_is_given_once_per_day unique (exchange, product, side, valid_from),
  constraint a_product_is_delivery_or_mtf check (product in ('delivery', 'mtf')),
  constraint a_rate_is_for_a_buy_or_a_sell check (side in ('BUY', 'SELL')),
  constraint a_rate_is_in_the_currency_of_its_market
    check ((exchange, currency) in (('NSE', 'INR'), ('BSE', 'INR'), ('US', 'USD'), ('SOLANA', 'USDC')))
);
create trigger rates_are_never_deleted before update of id or delete or truncate on public.charge_rates
  for each statement execute function core.refuse_deletion();

insert into public.charge_rates
select 10 * era.n + leg.n, 'NSE', 'INR', leg.product, leg.side, era.valid_from,
  1000000, era.exchange_ppb, 1000, leg.stamp_ppb, leg.brokerage_ppb, leg.brokerage_cap_minor,
  1800, era.source
from (values
  (1, date '2024-10-01', 29700,
    'NSE transaction charge 0.00297 % from 2024-10-01; STT 0.1 %, SEBI Rs 10/crore, stamp 0.015 % on buys'),
  (2, date '2026-04-01', 30700,
    'NSE transaction charge 0.00307 % as published in broker charge lists of 2026; first day unverified')
) as era(n, valid_from, exchange_ppb, source),
(values
  (1, 'delivery', 'BUY', 150000, 0, 0),
  (2, 'delivery', 'SELL', 0, 0, 0),
  (3, 'mtf', 'BUY', 150000, 3000000, 2000),
  (4, 'mtf', 'SELL', 0, 3000000, 2000)
) as leg(n, product, side, stamp_ppb, brokerage_ppb, brokerage_cap_minor);

-- US shares at a broker without commission: on sales the SEC's fee (Section 31 of the Exchange Act, which
-- brokers pass on), on buys nothing. Each rate names the SEC's order in the Federal Register and who
-- was read for its figure: of the orders only the heads were at hand (release, date, subject). Of what goes
-- by the share instead (FINRA's trading activity fee, the audit trail's) no rate is here: a live
-- account's cash is what its venue says, so the next readiness books it.
insert into public.charge_rates
select 100 + 10 * era.n + leg.n, 'US', 'USD', leg.product, leg.side, era.valid_from,
  0, 0, case leg.side when 'SELL' then era.sec_ppb else 0 end, 0, 0, 0, 0, era.source
from (values
  (1, date '2024-05-22', 27800,
    'SEC Release 34-99973 (FR 2024-08512): $27.80 per million, as FINRA''s notice of 2025-04-24 says'),
  (2, date '2025-05-14', 0,
    'SEC Release 34-102779 (FR 2025-06214): $0.00 from 2025-05-14, as FINRA''s notice of 2025-04-24'),
  (3, date '2026-04-04', 20600,
    'SEC Release 34-104909 (FR 2026-04233): $20.60 per million, as brokers'' fee lists of 2026 say')
) as era(n, valid_from, sec_ppb, source),
(values (1, 'delivery', 'BUY'), (2, 'delivery', 'SELL'), (3, 'mtf', 'BUY'), (4, 'mtf', 'SELL')
) as leg(n, product, side);

-- The same formula as chargesOn in domain/decision/charges.ts, rounded up once at the end; a test compares
-- the two.
create function core.charges_on(value_minor bigint, rate public.charge_rates) returns bigint
language sql immutable as $$
  select case when value_minor = 0 then 0 else ceil((
      value_minor::numeric * (rate.transaction_tax_ppb + rate.stamp_ppb) * 10000
      + (10000 + rate.gst_bps) * (
          value_minor::numeric * (rate.exchange_ppb + rate.regulator_ppb)
          + least(value_minor::numeric * rate.brokerage_ppb, rate.brokerage_cap_minor * 1000000000::numeric))
    ) / 10000000000000)::bigint end;
$$;

-- What so much is worth at a price, in minor units of any size: rounded up, for what is paid or held.
-- `places`: those of the quantity and of the price, together. As valueUp in domain/value.ts, a test compares
-- the two.
create function core.value_up(quantity bigint, price_minor bigint, places integer) returns numeric
language sql immutable as $$
  select case places when 0 then quantity::numeric * price_minor
    else ceil(quantity::numeric * price_minor / 10::numeric ^ places) end;
$$;

-- The same rounded down, for what is got.
create function core.value_down(quantity bigint, price_minor bigint, places integer) returns numeric
language sql immutable as $$
  select case places when 0 then quantity::numeric * price_minor
    else div(quantity::numeric * price_minor, 10::numeric ^ places) end;
$$;

-- What a fill is worth: a buy is paid, a sale is got.
create function core.fill_value(side text, quantity bigint, price_minor bigint, places integer)
returns numeric
language sql immutable as $$
  select case side when 'BUY' then core.value_up(quantity, price_minor, places)
    else core.value_down(quantity, price_minor, places) end;
$$;

-- The places of an instrument's quantities and prices, together.
create function core.places_of(of_instrument bigint) returns integer
language sql stable as $$
  select i.quantity_scale + i.price_scale from public.instruments i where i.id = of_instrument;
$$;

-- The account's own money that a value binds at a leverage, rounded up. As marginFor in
-- domain/decision/sizing.ts.
create function core.margin_on(value_minor bigint, leverage_centi integer) returns bigint
language sql immutable as $$
  select ceil(value_minor::numeric * 100 / leverage_centi)::bigint;
$$;

create table public.halts (
  id bigint generated always as identity primary key,
  scope text not null,
  target text not null default '',
  why text not null,
  halted_by text not null,
  halted_at timestamptz not null,
  resumed_by text,
  resumed_at timestamptz,
  resume_why text,
  constraint a_halt_is_for_all_a_venue_or_a_user check (scope in ('all', 'venue', 'user')),
  constraint a_halt_of_everything_names_no_target check ((scope = 'all') = (target = ''))
);
create unique index a_thing_is_halted_once_at_a_time on public.halts (scope, target)
  where resumed_at is null;

-- Why everything, a venue or a user is halted; null: it is not.
create function core.halted(for_scope text, for_target text) returns text
language plpgsql stable as $$
begin
  return (
    select why from public.halts where scope = for_scope and target = for_target and resumed_at is null
  );
end $$;

-- Days an operator adds to or takes from the shipped calendar.
create table public.calendar_days (
  exchange text not null,
  day date not null,
  kind text not null,
  name text not null,
  open_time time,
  close_time time,
  -- From an imported list of a whole year: then every weekday of that year it does not name is a trading
  -- day.
  of_year_list boolean not null default false,
  primary key (exchange, day),
  constraint a_calendar_day_is_open_or_closed check (kind in ('open', 'closed'))
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
  primary key (exchange, symbol, ex_date, kind),
  constraint a_ratio_is_of_two_whole_numbers check (ratio ~ '^[1-9][0-9]{0,4}:[1-9][0-9]{0,4}$')
);

-- Those that may lie between a trading day and the one before it; the caller knows the calendar.
create function core.corporate_actions(on_date date) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('exchange', exchange, 'symbol', symbol,
      'exDate', ex_date, 'kind', kind, 'ratio', ratio) order by exchange, symbol, ex_date, kind), '[]')
    from public.corporate_actions where ex_date between on_date - 10 and on_date
  );
end $$;

create table public.daily_prices (
  exchange text not null,
  symbol text not null,
  day date not null,
  open_minor bigint not null,
  -- null: not known yet, as at the open.
  close_minor bigint,
  primary key (exchange, symbol, day),
  constraint a_daily_price_is_positive check (open_minor > 0 and close_minor > 0)
);
