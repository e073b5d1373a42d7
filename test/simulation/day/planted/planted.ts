// Bugs planted in days: the checks have to catch every one.
import type { Arguments } from '../../../../src/ports/store/store.ts';
import { edit, oldOutcomes, type PlantedBug, withCapabilities, withStore, withVenues } from '../../common/planting.ts';
import { plantedRates } from './planted-rates.ts';

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'speaks before it writes',
    promise: /^(write first|one failure)/,
    seed: 1,
    edits: [edit('core.mark_taken', `status = 'submitting', submitted_at`, 'submitted_at')],
  },
  {
    name: 'tries again after a timeout',
    promise: /^unknown is not failed: \w+ is sent again/,
    seed: 4,
    change: withVenues((venue) => ({
      async submit(order) {
        const outcome = await venue.submit(order);
        return outcome.kind === 'unknown' ? venue.submit(order) : outcome;
      },
    })),
  },
  {
    name: 'takes unknown for rejected',
    promise: /^(unknown is not failed|fills)/,
    seed: 1,
    change: withStore((call) => ({
      settle_orders({ outcomes, nowMs }: Arguments['settle_orders']) {
        const failed = outcomes.map((one) =>
          one.venueStatus === 'unknown' ? { ...one, venueStatus: 'rejected' as const, nextLookupMs: null } : one,
        );
        return call('settle_orders', { outcomes: failed, nowMs });
      },
    })),
  },
  {
    name: 'gives the hold of an unknown order back',
    promise: /^money adds up/,
    seed: 1,
    sql: [
      `create function core.planted() returns trigger language plpgsql as $$ begin
        insert into public.ledger_entries (account_id, order_id, kind, cash_delta_minor, held_delta_minor, at)
        values (new.account_id, new.id, 'void', 0, -new.hold_minor, new.changed_at) on conflict do nothing;
        if found then update public.accounts set held_minor = held_minor - new.hold_minor where id = new.account_id; end if;
        return null; end $$`,
      `create trigger planted after update of status on public.orders for each row
        when (new.status = 'unknown') execute function core.planted()`,
    ],
  },
  {
    name: 'hands out what another has marked',
    promise: /^(write first|unknown is not failed)/,
    seed: 15,
    edits: [edit('core.find_queued', `o.status = 'queued'`, `o.status in ('queued', 'submitting')`)],
  },
  {
    name: 'takes twice as many orders as there are slots',
    promise: /^slots/,
    seed: 1,
    edits: [edit('core.choose_orders', `:= (args ->> 'limit')::bigint`, `:= 2 * (args ->> 'limit')::bigint`)],
  },
  {
    name: 'queues an order again when its sender is gone',
    promise: /^unknown is not failed: \w+ is sent again/,
    seed: 33,
    edits: [
      edit(
        'public.sweep_orders',
        `set status = 'unknown', reason = 'sender_lost'`,
        `set status = 'queued', reason = 'sender_lost'`,
      ),
    ],
  },
  {
    name: 'makes another client order id for every try',
    promise: /^write first: \w+ hears of \w+, which is not in our table/,
    seed: 1,
    change: withVenues((venue) => {
      let tries = 0;
      return {
        submit(order) {
          tries += 1;
          return venue.submit({ ...order, clientOrderId: `${order.clientOrderId.slice(0, 17)}x${tries}` });
        },
      };
    }),
  },
  {
    name: 'decides twice: the keys are not unique and the place is not taken',
    promise: /^(one order per signal|money adds up|one failure)/,
    seed: 19,
    edits: [
      edit('core.take_undecided', 'and decided_at is null', ''),
      edit(
        'core.decided_before',
        'and (select true from public.decisions old',
        'and false and (select true from public.decisions old',
      ),
      edit('core.recheck', `limit 1) then 'working_order'`, `and false limit 1) then 'working_order'`),
    ],
    sql: [
      'alter table public.decisions drop constraint decisions_pkey cascade',
      'drop index public.a_signal_is_decided_once_per_account',
      'alter table public.orders drop constraint a_client_order_id_exists_once cascade',
    ],
  },
  {
    name: 'sends a summary without its mark',
    promise: /^one summary/,
    seed: 1,
    change: withStore(() => ({
      mark_sending: async ({ messages }: Arguments['mark_sending']) => ({
        marked: messages.map(({ messageId }) => messageId),
      }),
    })),
  },
  {
    name: 'sends a summary again when its sender is gone',
    promise: /^one summary: message \d+ is sent twice/,
    seed: 14,
    edits: [edit('public.sweep_messages', `set status = 'unknown'`, `set status = 'queued'`)],
  },
  {
    name: 'sends a summary before the orders have ended',
    promise: /^one summary: message \d+ is sent before its orders ended/,
    seed: 1,
    edits: [edit('public.read_due_messages', 'and core.unfinished(o)', 'and false')],
  },
  {
    name: 'keeps the hold of an order that has ended',
    promise: /^money adds up/,
    seed: 1,
    edits: [
      edit('core.close_orders', '-hold_minor, now_at', '0, now_at'),
      edit('core.settle_at_once', '-hold_minor, now_at', '0, now_at'),
    ],
  },
  {
    name: 'forgets a fill that comes after the end',
    promise: /^fills/,
    seed: 20,
    edits: [
      edit(
        'core.book_fills',
        'where (select true from public.fills old',
        'where o.ended_at is null and (select true from public.fills old',
      ),
    ],
  },
  {
    name: 'counts a fill as often as it is told',
    promise: /^fills/,
    seed: 1,
    change: withVenues((venue) => {
      let reports = 0;
      return {
        async lookup(order) {
          const outcome = await venue.lookup(order);
          if (outcome.kind !== 'found') return outcome;
          reports += 1;
          const fills = outcome.report.fills.map((one) => ({ ...one, venueFillId: `${one.venueFillId}-${reports}` }));
          return { kind: 'found', report: { ...outcome.report, fills } };
        },
      };
    }),
  },
  {
    name: 'takes what is halted',
    promise: /^the switch/,
    seed: 9,
    edits: [edit('core.find_queued', 'h where h.resumed_at is null', 'h where false')],
  },
  {
    name: 'takes what is past its time',
    promise: /^send before/,
    seed: 82,
    suits: ({ signals }) => signals.some(({ validUntilMs }) => validUntilMs !== null),
    edits: [edit('core.find_queued', 'o.send_before > now_at', 'true')],
  },
  {
    name: 'takes a miss for proof everywhere',
    promise: /^unknown is not failed/,
    seed: 1,
    change: withCapabilities({ missIsProof: true }),
  },
  {
    name: 'asks again where duplicates are not refused',
    promise: /^unknown is not failed: \w+ is unknown and asked again/,
    seed: 4,
    change: withCapabilities({ refusesDuplicates: true }),
  },
  {
    name: 'lets an ended order change',
    promise: /^terminal/,
    seed: 13,
    change: oldOutcomes,
    sql: [
      'alter table public.orders drop constraint an_ended_order_has_its_time',
      `insert into core.order_transitions select ended, next from unnest(array['filled', 'rejected', 'canceled', 'expired']) ended,
        unnest(array['working', 'partially_filled', 'filled', 'rejected', 'canceled', 'expired']) next`,
    ],
  },
  {
    name: 'lets a late word about one attempt undo the next',
    promise: /^(unknown is not failed|write first)/,
    seed: 20,
    edits: [edit('core.outcome_effects', 'and o.attempts = coalesce(row.attempts, o.attempts)', '')],
  },
  {
    name: 'renews whatever claim there is on its orders',
    promise: /^claims: \w+ is renewed by who does not hold it/,
    seed: 52,
    edits: [edit('public.renew_claims', `and claim_id in (select jsonb_array_elements_text(args -> 'claimIds'))`, '')],
  },
  {
    name: 'revives a claim that has lapsed',
    promise: /^claims: \w+ is renewed after its lease has lapsed/,
    seed: 20,
    edits: [edit('public.renew_claims', 'and lease_until >= core.database_now()', '')],
  },
  {
    name: 'opens a breaker by orders, whoever they are of',
    promise: /^fair shares: .* is stopped/,
    seed: 2,
    edits: [
      edit(
        'core.open_breakers',
        'and c.failed_accounts >= least_accounts and c.failed_accounts * 100 >= c.accounts * accounts_pct',
        '',
      ),
    ],
  },
  {
    name: 'lets one account have all the slots',
    promise: /^fair shares: \w+ takes a slot of others/,
    seed: 26,
    change: withStore((call) => ({
      take_orders: ({ held: _, perAccount: __, ...args }: Arguments['take_orders']) => call('take_orders', args),
    })),
  },
  {
    name: 'claims for a lookup what somebody else holds',
    promise: /^claims: \w+ is taken from who holds it/,
    seed: 1,
    edits: [
      edit(
        'public.claim_lookups',
        `and (lease_until is null or lease_until < core.database_now() or claim_id = args ->> 'claimId')`,
        '',
      ),
    ],
  },
  ...plantedRates,
];
