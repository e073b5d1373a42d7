-- Optional, and no migration: a second scheduler inside a Supabase project, for when Vercel's is late, slow or silent.
-- It needs the extensions pg_cron and pg_net (Dashboard: Integrations) and, once, three secrets:
--   select vault.create_secret('https://YOUR-PROJECT.vercel.app', 'daily_scan_url');
--   select vault.create_secret('the value of CRON_SECRET', 'daily_scan_cron_secret');
--   select vault.create_secret('https://…', 'daily_scan_alert_url');  -- optional: takes a POST of {"text": "…"}, as Slack does
-- Run this file again to change it: a job of the same name is replaced. Times are UTC (IST − 5:30).

create schema if not exists daily_scan_backstop;
revoke all on schema daily_scan_backstop from public;

-- Asks a route of the service. pg_net sends after the commit and waits at most this long; the work goes on without it.
create or replace function daily_scan_backstop.ask(path text) returns bigint
language sql set search_path = '' as $$
  select net.http_get(
    url := (select decrypted_secret from vault.decrypted_secrets where name = 'daily_scan_url') || path,
    headers := jsonb_build_object('Authorization', 'Bearer '
      || (select decrypted_secret from vault.decrypted_secrets where name = 'daily_scan_cron_secret')),
    timeout_milliseconds := 10000)
$$;

-- The dead-man check: signals of a market for its today and no decided run of it means that the scan did not come. Without
-- signals nothing is said, so a holiday raises no alarm; who wants to hear of missing signals runs the long-lived process, which knows the
-- calendar.
-- An earlier one knew no markets, and would be called as well.
drop function if exists daily_scan_backstop.check_run();
create or replace function daily_scan_backstop.check_run(market text default 'XNSE') returns bigint
language plpgsql set search_path = '' as $$
declare
  today date := core.date_in(market, now());
  alert_url text := (select decrypted_secret from vault.decrypted_secrets where name = 'daily_scan_alert_url');
begin
  if not exists (select from public.signals s join public.instruments i on i.id = s.instrument_id
                 where s.trade_date = today and core.zone_of(i.exchange) = core.zone_of(market))
    or exists (select from public.scan_runs r
               where r.trade_date = today and r.session_id like market || ':%:open' and r.state <> 'planning') then
    return null;
  end if;
  raise warning 'daily-scan: there are signals for % (%) and no decided run', today, market;
  if alert_url is null then
    return null;
  end if;
  return net.http_post(
    url := alert_url,
    body := jsonb_build_object('text', format('daily-scan: there are signals for %s and no decided run. '
      'Look at GET /ready, then call GET /api/cron/daily-scan or run npm run scan before the cut-off.', today)));
end
$$;

revoke all on all functions in schema daily_scan_backstop from public;

-- 09:20 IST, and again at 09:21 and 09:23: a call for a run that is done answers so and does nothing.
select cron.schedule('daily-scan', '50,51,53 3 * * 1-5', $$ select daily_scan_backstop.ask('/api/cron/daily-scan') $$);
-- Every minute of the market's hours: what was left to send, to look up and to tell.
select cron.schedule('daily-scan-order-worker', '* 3-10 * * 1-5',
  $$ select daily_scan_backstop.ask('/api/cron/order-worker?limit=100') $$);
-- 08:45 and 09:10 IST: whether every live account can trade today; without it they get no orders.
select cron.schedule('daily-scan-ready', '15,40 3 * * 1-5', $$ select daily_scan_backstop.ask('/api/cron/ready') $$);
-- 09:25 IST, and once more at 09:30, five minutes before the cut-off.
select cron.schedule('daily-scan-check', '55 3 * * 1-5', $$ select daily_scan_backstop.check_run() $$);
select cron.schedule('daily-scan-check-again', '0 4 * * 1-5', $$ select daily_scan_backstop.check_run() $$);
-- pg_cron keeps every run for ever.
select cron.schedule('daily-scan-tidy', '0 20 * * 0',
  $$ delete from cron.job_run_details where end_time < now() - interval '30 days' $$);
