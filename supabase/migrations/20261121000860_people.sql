-- One person's data: all of it for them to have, and taken out where they ask for it. What the law wants
-- kept (orders, fills, ledger, decisions, acts) stays under a tombstone, `erased-` and 12 random hex digits.

-- Everything kept of a user, {userId}; null: there is no such user. What opens accounts is only said to be
-- there.
create function public.export_user(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
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
$$;

-- What has to end before a user may be erased, as {kind, count}: nothing of it can be ended by erasing it.
create function core.open_obligations(for_user text) returns jsonb
language sql stable as $$
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
$$;

-- A pattern of these words as whole words, whatever their case, as they stand and as JSON writes them; null:
-- no word. A hyphen is part of a word: an id that begins like another is another.
create function core.words_pattern(words text[]) returns text
language sql immutable as $$
  select '(^|[^[:alnum:]_-])('
    || string_agg(distinct regexp_replace(spelling, '([\\.*+?()\[\]{}|^$])', '\\\1', 'g'), '|')
    || ')(?=$|[^[:alnum:]_-])'
  from unnest(words) word, unnest(array[word, trim(both '"' from to_json(word)::text)]) spelling
  where length(word) > 0;
$$;

-- What names or reaches a user, wherever somebody wrote it.
create function core.user_pattern(u public.users) returns text
language sql stable as $$
  select core.words_pattern(array[u.id, u.name, u.whatsapp, core.masked(u.whatsapp), u.auth_user_id::text]);
$$;

-- Locks a user with their accounts, in the order everybody does: runs, users, accounts by id. To erase
-- (`scrubs`) also the runs and other people's accounts that say their name.
create function core.lock_user(for_user text, scrubs boolean) returns void
language plpgsql set search_path = '' as $$
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
end $$;

-- A text with what names a person taken out, and their tombstone in its place.
create function core.redact(text_in text, pattern text, tombstone text) returns text
language sql immutable strict as $$
  -- Twice: what ends one match may have begun the next.
  select regexp_replace(regexp_replace(text_in, pattern, '\1' || tombstone, 'gi'), pattern,
    '\1' || tombstone, 'gi');
$$;

-- Takes a user out of the log of acts: gives the rows that name them, as they will be.
create function core.redacted_actions(for_user text, pattern text, tombstone text)
  returns public.operator_actions[]
language sql volatile as $$
  select coalesce(array_agg(row(a.id, a.at, core.redact(a.who, pattern, tombstone), a.how, a.action,
    core.redact(a.target, pattern, tombstone), case a.user_id when for_user then tombstone
    else a.user_id end, core.redact(a.before::text, pattern, tombstone)::jsonb,
    core.redact(a.after::text, pattern, tombstone)::jsonb, core.redact(a.why, pattern, tombstone),
    gen_random_uuid()::text, a.content_hash, a.previous_hash, a.hash, a.redacted_by)::public.operator_actions
    order by a.id), '{}')
  from public.operator_actions a
  where a.user_id = for_user or concat_ws(' ', a.who, a.target, a.before, a.after, a.why) ~* pattern;
$$;

-- Everything under the user's id goes under the tombstone's; what only names or reaches them goes.
create function core.move_to_tombstone(u public.users, tombstone text) returns void
language plpgsql set search_path = '' as $$
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
end $$;

-- Where people write as they like, and where venues do.
create function core.redact_free_text(pattern text, tombstone text) returns void
language plpgsql set search_path = '' as $$
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
end $$;

-- Takes a person out, {userId, confirmed (false: only says what would happen), by}. Refused while something
-- of theirs is open (`tied`). The chain of acts still holds: each row that named them keeps its old hash,
-- and this act the hash of what is left of it. Safe to repeat: whoever is erased is not found any more.
create function public.erase_user(args jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
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
end $$;
