// What was closed is what the records up to there come to: by the database's own checks, and by the account model.
import { z } from 'zod';
import { modelOf } from '../../../../src/domain/account-model.ts';
import type { BrokenRule } from '../../../../src/ports/store/money.ts';
import type { Week } from '../week.ts';
import { factsOf, type Rows } from './books.ts';

const id = z.coerce.number();
const big = z.coerce.bigint();
const position = z.object({ of: z.string(), is: z.array(big) });
const closings = z.array(
  z.object({
    through: z.string(),
    lastOrderId: id,
    lastEntryId: id,
    lastFillId: id,
    accounts: z.array(z.object({ accountId: id, cashMinor: big, positions: z.array(position) })),
  }),
);
type Closing = z.infer<typeof closings>[number];

/** Each closing with the accounts closed at it, and the positions each had then. */
const CLOSINGS_SQL = `select coalesce(json_agg(json_build_object('through', c.through, 'lastOrderId', c.last_order_id,
    'lastEntryId', c.last_entry_id, 'lastFillId', c.last_fill_id, 'accounts', (
      select coalesce(json_agg(json_build_object('accountId', b.account_id, 'cashMinor', b.cash_minor::text, 'positions', (
        select coalesce(json_agg(json_build_object('of', p.instrument_id || ' ' || p.product, 'is', json_build_array(
            p.quantity::text, p.cost_minor::text, p.margin_minor::text, p.realised_minor::text, p.freed_margin_minor::text))),
          '[]')
        from (select distinct on (instrument_id, product) * from public.closed_positions
          where account_id = b.account_id and through <= c.through order by instrument_id, product, through desc) p))
        order by b.account_id), '[]')
      from public.closed_balances b where b.through = c.through)) order by c.through), '[]') as found
  from public.closings c`;

export async function checkClosings(week: Week): Promise<void> {
  const { store, breaks, ground } = week;
  const [row] = await ground.session.query(CLOSINGS_SQL);
  const all = closings.parse(row?.['found']);
  if (all.length === 0) return;
  const found = await store.call('check_books', {});
  for (const { through } of all) {
    const ofIt = await store.call('check_books', { closing: through });
    for (const { rule, subject } of ofIt) breaks('closings add up', `${rule} (${subject}) through ${through}`);
    found.push(...ofIt);
  }
  await checkAgreement(week, found);
  const rows = await week.rows();
  for (const what of all.flatMap((closing) => notAsModelled(closing, rows))) breaks('closings as modelled', what);
}

const namesOf = (found: readonly BrokenRule[]) => [
  ...new Set(found.map(({ rule, subject }) => `${rule} (${subject})`)),
];

/** Closings and the rest together say what is said where nothing is closed: no more, and no less. */
async function checkAgreement({ ground, store, breaks }: Week, found: readonly BrokenRule[]): Promise<void> {
  await ground.session.exec(`begin; delete from public.closed_balances where through > core.removed_through();
    delete from public.closings where through > core.removed_through()`);
  const whole = await store.call('check_books', {}).finally(() => ground.session.exec('rollback'));
  const [inParts, atOnce] = [namesOf(found), namesOf(whole)];
  for (const what of atOnce) if (!inParts.includes(what)) breaks('closings hide nothing', what);
  for (const what of inParts)
    if (!atOnce.includes(what)) breaks('closings add up', `${what}, only where books are closed`);
}

function notAsModelled({ through, lastOrderId, lastEntryId, lastFillId, accounts }: Closing, rows: Rows): string[] {
  return accounts.flatMap(({ accountId, cashMinor, positions }) => {
    const { cash, orders, fills } = factsOf(rows, accountId);
    const facts = {
      cash: cash.filter(({ entryId }) => entryId <= lastEntryId),
      orders: orders.filter(({ orderId }) => orderId <= lastOrderId),
      fills: fills.filter(({ orderId, fillId }) => (orderId === null ? fillId <= lastFillId : orderId <= lastOrderId)),
    };
    const model = modelOf(facts, Number.POSITIVE_INFINITY);
    const is = new Map([...positions.map((one) => [one.of, one.is.join(' ')] as const), ['cash', `${cashMinor}`]]);
    const should = new Map([
      ...[...model.positions].map(([of, { quantity, costMinor, marginMinor, realisedMinor, boundMinor }]) => {
        return [of, [quantity, costMinor, marginMinor, realisedMinor, boundMinor - marginMinor].join(' ')] as const;
      }),
      ['cash', `${model.cashMinor}`] as const,
    ]);
    const wrong = [...new Set([...is.keys(), ...should.keys()])].filter((key) => is.get(key) !== should.get(key));
    const held = model.heldMinor === 0n ? [] : [`account ${accountId} held ${model.heldMinor} through ${through}`];
    return wrong
      .map(
        (key) =>
          `${key} of account ${accountId} is ${is.get(key)} through ${through}, and its facts make ${should.get(key)}`,
      )
      .concat(held);
  });
}
