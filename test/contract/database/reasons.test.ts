// The reasons SQL names, beside the domain's: a code of one side that the other does not know is found here.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { denyReasons, skipReasons } from '../../../src/domain/decision/decision.ts';
import { namedRefusals, orderReasons } from '../../../src/domain/order.ts';
import { neverPlaced, reported, settlementOf } from '../../../src/stages/execute/outcome.ts';
import { freshPglite } from '../../support/postgres.ts';

let database: Awaited<ReturnType<typeof freshPglite>>;
/** What every function of ours says, by its name. */
let functions: Map<string, string>;

beforeAll(async () => {
  database = await freshPglite();
  const rows = await database.session.query(`select p.proname as name, p.prosrc as source from pg_proc p
    where p.pronamespace in ('core'::regnamespace, 'public'::regnamespace)`);
  functions = new Map(rows.map(({ name, source }) => [String(name), String(source).replaceAll(/--.*$/gm, '')]));
});
afterAll(() => database.close());

function sourceOf(name: string): string {
  const source = functions.get(name);
  if (source === undefined) throw new Error(`there is no function ${name}`);
  return source;
}

/** The words of a group in every match of a pattern. */
const words = (pattern: RegExp, text: string) => [...text.matchAll(pattern)].map(([, word = '']) => word);
const settingsReasons = () => words(/then '(\w+)'/g, sourceOf('settings_block'));

/** What accept turns an accept into under its locks, in the order it asks. */
function acceptReasons(): string[] {
  const judging = sourceOf('recheck');
  const named = [...judging.matchAll(/when settings_block (<> '(\w+)'|is not null) then settings_block|then '(\w+)'/g)];
  const [exceptFor] = named.map(([, , word]) => word).filter((word) => word !== undefined);
  const [, beforeThis, cap = 'none'] = /= '(\w+)' then '(\w+)'/.exec(sourceOf('recheck_capped')) ?? [];
  return named.flatMap(([, settings, , reason]) => {
    if (reason !== undefined) return reason === beforeThis ? [cap, reason] : [reason];
    return settingsReasons().filter((one) => (settings === 'is not null') === (one === exceptFor));
  });
}

/** Found before, of what does not change until the locks are held: the account’s currency, the price, the instrument, the size, the margin. */
const decidedOnce = [
  'no_account_in_currency',
  'price_unavailable',
  'price_outside_band',
  'margin_unavailable',
  'instrument_restricted',
  'daily_loss_limit',
  'quantity_zero',
  'below_min_value',
  'freeze_quantity',
];

test('accept refuses with the reasons of the rules, in their order', () => {
  const recheckReasons = acceptReasons();
  expect(recheckReasons).toContain('symbol_cap');
  expect(recheckReasons).toEqual([...skipReasons, ...denyReasons].filter((reason) => recheckReasons.includes(reason)));
});

test('every rule is asked again by accept, or is of what can’t change until then', () => {
  const again = [...acceptReasons(), ...words(/'skipped', '(\w+)'/g, sourceOf('decided_before'))];
  expect([...again, ...decidedOnce].toSorted()).toEqual([...skipReasons, ...denyReasons].toSorted());
});

test('accept skips with the skip reasons and denies with the others', () => {
  const [, skipped = ''] = /refusal in \(([^)]*)\) then 'skipped'\s+else 'denied'/.exec(sourceOf('refusal_of')) ?? [];
  const recheckReasons = acceptReasons();
  expect(words(/'(\w+)'/g, skipped)).toEqual(skipReasons.filter((reason) => recheckReasons.includes(reason)));
});

test('the audit of limits knows only reasons of the rules', () => {
  const audited = words(/'([a-z]+(?:_[a-z]+)+)'/g, sourceOf('is_beyond'));
  expect(audited).toContain('daily_loss_limit');
  expect([...skipReasons, ...denyReasons]).toEqual(expect.arrayContaining(audited));
});

const assigned = (set: string, column: string) => new RegExp(`\\b${column} = ([^,]*)`).exec(set)?.[1] ?? '';

/** What a statement that ends orders says why, and what a person's word is booked as. */
function orderReasonsOfSql(): string[] {
  return [...functions.values()].flatMap((source) => [
    ...words(/update public\.orders(?: o)? set([\s\S]*?)\bwhere\b/g, source)
      .filter((set) => /'(canceled|expired|rejected)'/.test(assigned(set, 'status')))
      .flatMap((set) => {
        const reason = assigned(set, 'reason');
        return reason.includes('settings_block_of') ? settingsReasons() : words(/'(\w+)'/g, reason);
      }),
    ...words(/'venueStatus', case[\s\S]*?'reason', '(\w+)'/g, source),
  ]);
}

/** What the venues' answers end orders with. */
function orderReasonsOfVenues(): (string | null)[] {
  const order = { orderId: 1, status: 'working', attempts: 1, lookups: 0, sendBeforeMs: 0 } as const;
  const report = { venueOrderId: 'V1', message: null, fills: [] };
  const ended = (['filled', 'rejected', 'canceled', 'expired'] as const).map((status) =>
    reported(order, { ...report, status }, 0),
  );
  const refused = [undefined, ...namedRefusals].map((reason) =>
    settlementOf(order, { kind: 'rejected', message: '', ...(reason && { reason }) }, 0),
  );
  return [...ended, ...refused, neverPlaced(order)].map(({ reason }) => reason);
}

test('an order ends with the domain’s reasons, and each of them ends orders', () => {
  const written = new Set([...orderReasonsOfSql(), ...orderReasonsOfVenues().filter((reason) => reason !== null)]);
  expect([...written].toSorted()).toEqual([...orderReasons].toSorted());
});
