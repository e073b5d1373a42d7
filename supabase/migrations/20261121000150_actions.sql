-- Who did what to what, why and when: every act of a person, in a chain of hashes in which a changed or
-- missing row shows.

-- Append-only. A row's hash is over the hash before it and its own content; so who keeps one hash elsewhere
-- can prove everything up to it. What may name a person (`content_hash` is over it, salted) can be taken out
-- of a row when that person is erased (`redacted_by`: the action that did it, which keeps the hash of what
-- is left): the chain still holds.
create table public.operator_actions (
  -- 1, 2, 3 … without a gap.
  id bigint primary key,
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
  redacted_by bigint references public.operator_actions,
  constraint an_action_is_done_by_cli_http_or_service check (how in ('cli', 'http', 'service')),
  constraint an_action_names_who_did_it check (who <> ''),
  constraint an_action_is_named_in_snake_case check (action ~ '^[a-z]+(_[a-z]+)*$')
);
create index actions_about_a_user on public.operator_actions (user_id, id) where user_id is not null;

-- The newest row's number and hash, so that the loss of the last rows shows.
create table public.operator_action_head (
  only_one boolean primary key default true,
  id bigint not null,
  hash text not null,
  constraint there_is_one_head check (only_one)
);

-- What may name a person.
create function core.action_content_hash(a public.operator_actions) returns text
language sql stable as $$
  select encode(sha256(convert_to(
    jsonb_build_array(a.salt, a.who, a.target, a.user_id, a.before, a.after, a.why)::text, 'UTF8')), 'hex');
$$;

-- The hash of a row: over the one before it, what it did when and how, and its content's hash.
create function core.action_hash(a public.operator_actions) returns text
language sql stable as $$
  select encode(sha256(convert_to(jsonb_build_array(a.previous_hash, a.id,
    (extract(epoch from a.at) * 1000000)::bigint, a.how, a.action, a.content_hash)::text, 'UTF8')), 'hex');
$$;

-- Trigger: rows of the log are added and, where a person is erased, redacted; nothing else.
create function core.refuse_action_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- Only what names a person may go, and only by an action that says so.
  if tg_op = 'UPDATE' and new.redacted_by > greatest(old.id, old.redacted_by)
    and (new.id, new.at, new.how, new.action,
      new.content_hash, new.previous_hash, new.hash)
    = (old.id, old.at, old.how, old.action, old.content_hash, old.previous_hash, old.hash) then
    return new;
  end if;
  raise exception 'operator_actions is append-only: add a row instead' using errcode = 'PT403';
end $$;
create trigger actions_are_append_only before update or delete on public.operator_actions
  for each row execute function core.refuse_action_change();
create trigger actions_are_never_truncated before truncate on public.operator_actions
  for each statement execute function core.refuse_action_change();

-- One act after the other, until the transaction ends.
create function core.lock_actions() returns void
language sql as $$
  select pg_advisory_xact_lock(hashtextextended('daily_scan operator_actions', 0));
$$;

-- Appends acts to the log, in their order; of each everything but its number, time, salt and hashes is
-- given. Gives the last one's number.
create function core.append_actions(acts public.operator_actions[]) returns bigint
language plpgsql set search_path = '' as $$
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
end $$;

-- An act as the acting function was given it: `by` is {who, how, why?}. `of_user` is whom it concerns; a
-- target `user:ID` says so by itself. An act nobody answers for is refused.
create function core.action_row(by jsonb, action text, target text, before jsonb default null,
  after jsonb default null, why text default null, of_user text default null)
returns public.operator_actions language plpgsql stable set search_path = '' as $$
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
end $$;

-- Records an act in the transaction that does it. Call it last: it takes the log's lock, after every other
-- lock, until the transaction ends. Gives the action's number.
create function core.record_action(by jsonb, action text, target text, before jsonb default null,
  after jsonb default null, why text default null, of_user text default null) returns bigint
language plpgsql set search_path = '' as $$
begin
  return core.append_actions(array[core.action_row(by, action, target, before, after, why, of_user)]);
end $$;

-- A phone number by which its owner can be told from others, and not be called: the last six digits are
-- hidden.
create function core.masked(number text) returns text
language sql immutable strict as $$
  select regexp_replace(number, '.{1,6}$', 'xxxxxx');
$$;

-- Of two JSON objects what the first says otherwise than the second.
create function core.json_changes(one jsonb, other jsonb) returns jsonb
language sql immutable as $$
  select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(one)
  where other -> key is distinct from value;
$$;

-- Settings of a user without what names or reaches them: that they have a name and a login, and how a number
-- begins.
create function core.without_names(settings jsonb) returns jsonb
language sql immutable as $$
  select settings || jsonb_strip_nulls(jsonb_build_object('whatsapp', core.masked(settings ->> 'whatsapp'),
    'name', case when settings ->> 'name' is not null then '(a name)' end,
    'login', case when settings ->> 'login' is not null then '(a login)' end));
$$;

-- The newest first: {beforeId (null: from the newest), limit, userId, action, sinceMs (each null: any)}.
create function public.read_actions(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
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
$$;

-- Computes the chain again, in one statement: what is wrong, the lowest number first (20 at most), and the
-- newest row, to be kept elsewhere. {keptId, keptHash}: a row as somebody kept it; null: none. Of a row out
-- of which a person was taken, what is left is compared with the hash the action that did it keeps.
create function public.verify_actions(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
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
$$;
