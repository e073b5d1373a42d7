// Bugs planted in weeks, one for each kind found from outside: the checks have to catch every one.
import { isBeyondExact } from '../../../../src/domain/decision/rules.ts';
import { safe } from '../../../../src/domain/money.ts';
import type { UserSettings } from '../../../../src/domain/types.ts';
import type { DecisionToAccept } from '../../../../src/ports/store/runs.ts';
import type { Arguments } from '../../../../src/ports/store/store.ts';
import { edit, type PlantedBug, withStore, withVenues } from '../../common/planting.ts';
import { plantedCaps } from './planted-caps.ts';
import { plantedClosings } from './planted-closings.ts';
import { plantedCurrencies } from './planted-currencies.ts';

/** Bugs that only show over the days of an operator's life, at least one for each kind that was found from outside. */
export const plantedInWeeks: readonly PlantedBug[] = [
  {
    name: 'brings nobody’s books up once any order of the day was asked for',
    promise: /^nobody is kept out: .* books_not_brought_up/,
    seed: 6,
    edits: [
      edit(
        'public.adjust_books',
        `join public.run_users frozen on frozen.run_id = run.id and frozen.account_id = a.id
        and frozen.decided_at is null
      where run.trade_date = day and run.mode = args ->> 'mode' and run.state = 'planning')`,
        `where run.trade_date = day and run.mode = args ->> 'mode' and run.state <> 'done')`,
      ),
    ],
  },
  {
    name: 'takes a sale’s product from today’s leverage',
    promise: /^(a sale is of what is held|the model)/,
    seed: 2,
    edits: [
      edit(
        'core.accept_batch',
        '"leverageCenti", product,',
        `"leverageCenti", case when "leverageCenti" > 100 then 'mtf' else 'delivery' end,`,
      ),
      edit(
        'core.accept_at_once',
        'judged.product, rate.id',
        `case when "leverageCenti" > 100 then 'mtf' else 'delivery' end, rate.id`,
      ),
    ],
  },
  {
    name: 'never closes a plan that was left',
    promise: /^every run ends/,
    seed: 22,
    edits: [edit('public.sweep_orders', `|| coalesce(abandoned, '{}')`, '')],
  },
  {
    name: 'looks orders up for ever that their venue no longer shows',
    promise: /^every order ends/,
    seed: 5,
    edits: [edit('core.lookups_exhausted', 'o.missed_lookups >= max_lookups', 'false')],
  },
  {
    name: 'takes a miss in an emptied book for proof',
    promise: /^unknown is not failed: .* said to have never reached/,
    seed: 4,
    change: withVenues(({ capabilities: { dealing: _, ...of } }) => ({ capabilities: of })),
  },
  {
    name: 'keeps in who may not place an order of that value',
    promise: /^leaving is free: .* max_order_value/,
    seed: 13,
    edits: [
      edit(
        'core.recheck',
        `when side = 'BUY' and value_minor > max_order_value_minor`,
        'when value_minor > max_order_value_minor',
      ),
    ],
  },
  {
    name: 'keeps in who has no money: a sale’s charges have to be there before it',
    promise: /^leaving is free: .* insufficient_funds/,
    seed: 11,
    edits: [
      edit(
        'core.recheck',
        `when side = 'BUY' and "holdMinor" > available_minor`,
        'when "chargesMinor" > available_minor',
      ),
    ],
  },
  {
    name: 'keeps in who has as many positions as they may',
    promise: /^leaving is free: .* max_open_positions/,
    seed: 1,
    edits: [
      edit(
        'core.recheck',
        `when side = 'BUY' and open_positions >= max_open_positions`,
        'when open_positions >= max_open_positions',
      ),
    ],
  },
  {
    name: 'keeps in who placed as many orders as they may a day',
    promise: /^leaving is free: .* max_orders_per_day/,
    seed: 3,
    edits: [
      edit(
        'core.recheck',
        `when side = 'BUY' and orders_today >= max_orders_per_day`,
        'when orders_today >= max_orders_per_day',
      ),
    ],
  },
  {
    name: 'keeps in who may not buy the share any more',
    promise: /^leaving is free: .* symbol_not_allowed/,
    seed: 12,
    edits: [edit('core.settings_block', `when side = 'BUY' and (core`, 'when (core')],
  },
  {
    name: 'leaves what was sold today out of the day’s loss',
    promise: /^the day’s loss/,
    seed: 1,
    edits: [edit('core.day_trades', `'soldMinor', sold_minor`, `'soldMinor', 0`)],
  },
  {
    name: 'counts a fill in the order it was told in',
    promise: /^the model/,
    seed: 20,
    edits: [edit('core.book_reported_fills', '(last_filled_at is null or first_at > last_filled_at)', 'true')],
  },
  ...plantedCaps,
  ...plantedCurrencies,
  ...plantedClosings,
  {
    name: 'sends what was queued before its user was paused',
    promise: /^the switch: .* is paused/,
    seed: 32,
    edits: [
      edit('core.find_queued', 'core.settings_block_of(o) is not null as is_blocked', 'false as is_blocked'),
      edit('core.end_blocked_orders', 'o.filled_quantity = 0 and core.settings_block_of(o) is not null', 'false'),
    ],
  },
  {
    name: 'accepts an order of who was paused meanwhile',
    promise: /^the switch: .* is accepted/,
    seed: 17,
    edits: [
      edit('core.recheck', `when settings_block <> 'symbol_not_allowed' then settings_block`, ''),
      edit('core.recheck', 'when settings_block is not null then settings_block', ''),
    ],
  },
  {
    name: 'names an order after the venue its user was moved to',
    promise: /^its own venue/,
    seed: 17,
    edits: [edit('public.read_accounts', `'venue', coalesce(a.venue, u.venue)`, `'venue', u.venue`)],
  },
  {
    name: 'believes every clock',
    promise: /^no wrong clock is believed/,
    seed: 2,
    edits: [edit('core.clock_is_far', '> 120000', '> 120000000')],
  },
  {
    name: 'books what is beyond an order without a word',
    promise: /^wrong facts are told/,
    seed: 5,
    edits: [
      edit('core.block_for_wrong_fills', 'o.filled_quantity > o.quantity or beyond.price_minor is not null', 'false'),
    ],
  },
  {
    name: 'books money twice that was moved once',
    promise: /^money adds up: people moved/,
    seed: 27,
    sql: ['drop index public.a_reference_counts_once'],
    edits: [edit('public.move_cash', `where account_id = a.id and reference = args ->> 'reference'`, 'where false')],
  },
  {
    name: 'reads a page in one sum: what is beyond a bigint for one person ends it for all',
    promise: /^one failure stays one: .* bigint out of range/,
    seed: 27,
    edits: [
      edit(
        'public.read_accounts',
        `coalesce(a.cash_minor - a.held_minor, 0)`,
        `coalesce(least(a.cash_minor - a.held_minor, a.cash_minor + a.capital_minor * a.allocation_bps * a.leverage_centi), 0)`,
      ),
    ],
  },
  {
    name: 'computes a page as a whole: an exception of one person ends the run of all',
    promise: /^one failure stays one: .* RangeError/,
    seed: 27,
    change: withStore((call) => ({
      async read_accounts(args: Arguments['read_accounts']) {
        const page = await call('read_accounts', args);
        for (const { settings } of page) orderAtMost(settings);
        return page;
      },
    })),
  },
  {
    name: 'skips the whole page for one person’s numbers',
    promise: /^one person’s numbers are theirs: .* could not be computed/,
    seed: 28,
    change: withStore((call) => ({
      accept_page: (args: Arguments['accept_page']) =>
        call('accept_page', { ...args, decisions: skippedForOne(args.decisions) }),
    })),
  },
  {
    name: 'tells nobody whose numbers can not be computed',
    promise: /^one person’s numbers are theirs: nobody was told/,
    seed: 28,
    change: (world) => ({
      ...world,
      emit(event) {
        if (event.type !== 'beyond_exact_numbers') world.emit(event);
      },
    }),
  },
];

/** What the largest order of somebody may cost, in numbers that are exact or throw. */
function orderAtMost({ capitalMinor, allocationBps, leverageCenti }: UserSettings): number {
  return safe((BigInt(capitalMinor) * BigInt(allocationBps) * BigInt(leverageCenti) * 101n) / 100_000_000n);
}

function skippedForOne(decisions: DecisionToAccept[]): DecisionToAccept[] {
  if (!decisions.some(isBeyondExact)) return decisions;
  const none = { quantity: 0, limitPriceMinor: null, marginMinor: 0, chargesMinor: 0, holdMinor: 0 };
  const why = {
    outcome: 'skipped',
    reason: 'account_not_ready',
    limit: null,
    actual: 'its numbers could not be computed',
  } as const;
  return decisions.map((one) => ({ ...one, ...none, ...why, rateId: null, clientOrderId: null }));
}
