// The screen of npm run day.

import { type CurrencyCode, currencies } from '../../domain/currency.ts';
import { istIso } from '../../domain/market/india-time.ts';
import { shortReason } from '../../domain/messages/texts/reasons-en.ts';
import { perUnit } from '../../domain/money.ts';
import { formatMoney } from '../../domain/text/money-text.ts';
import type { DayOverview } from '../../ports/store/watch.ts';
import { grouped, plural } from '../format.ts';
import { type Cell, type Column, type Paint, table } from '../table.ts';
import { fitted, padded } from '../width.ts';
import { positionValue, profitCell } from './holdings.ts';

const right = (title: string): Column => ({ title, align: 'right' });
const heldHeads: Column[] = [
  { title: 'Symbol' },
  ...['Accounts', 'Shares', 'Average cost', 'Last price', 'Value', 'Profit'].map(right),
  { title: 'Priced at', spare: true },
];

/** The evening page of one mode: money, what is held, what was traded, and what needs a person, with the commands. */
export function dayText(day: DayOverview, columns: number, paint: Paint): string {
  const currency = day.currency === 'INR' ? '' : `, ${day.currency}`;
  const head = paint('strong', `${day.tradeDate}, ${day.mode}${currency}`);
  const todo = troubles(day, paint);
  const needs =
    todo.length === 0 ? 'Nothing needs a person.' : `${paint('strong', 'Needs a person')}\n${todo.join('\n')}`;
  return [head, figures(day, paint), heldText(day, columns, paint), needs].filter((part) => part !== '').join('\n\n');
}

function figures({ currency, accounts, held, orders, messages, runs }: DayOverview, paint: Paint): string {
  const money = moneyIn(currency);
  const unpriced = held.unpriced === 0 ? '' : ` (${plural(held.unpriced, 'instrument')} without a price left out)`;
  const profit = profitCell(held.valueMinor - held.costMinor, currencies[currency]);
  const lines: [string, string][] = [
    ['Runs', runs.length === 0 ? 'none' : runs.slice(0, 4).join(', ')],
    ['Accounts', grouped(accounts.count)],
    ['Cash', `${money(accounts.cashMinor)}, of it on hold ${money(accounts.heldMinor)}`],
    ...movedLine(accounts, money),
    [
      'Positions',
      `${grouped(held.positions)} of ${plural(held.instruments, 'instrument')}, margin ${money(held.marginMinor)}`,
    ],
    ['Value', `${money(held.valueMinor)}, profit ${typeof profit === 'string' ? profit : profit.text}${unpriced}`],
    ['Orders', `${grouped(orders.count)}: ${grouped(orders.filled)} filled, ${grouped(orders.open)} open`],
    ['Bought', money(orders.boughtMinor)],
    ['Sold', `${money(orders.soldMinor)}, realised ${money(orders.realisedMinor)}`],
    ['Charges', money(orders.chargesMinor)],
    [
      'Messages',
      `${grouped(messages.sent)} sent, ${grouped(messages.queued)} waiting, ${grouped(messages.failed)} failed, ${grouped(messages.unknown)} unknown`,
    ],
  ];
  return lines.map(([label, value]) => `${paint('quiet', padded(label, 12))}${value}`).join('\n');
}

/** Writes amounts of one currency. */
function moneyIn(code: CurrencyCode) {
  return (minor: number | bigint) => formatMoney(minor, currencies[code]);
}

function movedLine(
  { depositedMinor, withdrawnMinor }: DayOverview['accounts'],
  money: ReturnType<typeof moneyIn>,
): [string, string][] {
  if (depositedMinor === 0 && withdrawnMinor === 0) return [];
  return [['', `deposited ${money(depositedMinor)}, withdrawn ${money(withdrawnMinor)} on this day`]];
}

function heldText({ currency, largest, held, mode }: DayOverview, columns: number, paint: Paint): string {
  if (largest.length === 0) return '';
  const money = moneyIn(currency);
  const rows = largest.map((row): Cell[] => {
    const value = positionValue(row);
    return [
      fitted(row.symbol, 24),
      ...[row.accounts, row.quantity].map(grouped),
      money(perUnit(row.costMinor, row.quantity)),
      row.priceMinor === null ? 'none' : money(row.priceMinor),
      value === null ? '' : money(value),
      value === null ? '' : profitCell(value - BigInt(row.costMinor), currencies[currency]),
      row.pricedAtMs === null ? '' : istIso(row.pricedAtMs).slice(0, 16).replace('T', ' '),
    ];
  });
  const left = held.instruments - largest.length;
  const more = left > 0 ? `… and ${grouped(left)} more instruments. ` : '';
  return `${table(heldHeads, rows, columns, paint)}\n${more}By user: npm run positions -- --mode ${mode}`;
}

/** A paragraph for each kind of trouble: how many, the first of them, and the command that settles it. */
function troubles(day: DayOverview, paint: Paint): string[] {
  const { halts, messagesStopped, notChecked, messages } = day;
  return [
    ...halts.map(({ scope, target, why }) => {
      const [what, flag] = scope === 'all' ? ['Everything', ''] : [`${scope} ${target}`, ` --${scope} ${target}`];
      return `${paint('bad', `${what} is halted`)} (${fitted(why, 60)}): npm run resume --${flag} --why …`;
    }),
    ...(messagesStopped === null
      ? []
      : [`${paint('bad', 'Messages are stopped')} (${fitted(messagesStopped, 80)}): npm run whatsapp -- resume`]),
    ...unknownOrders(day, paint),
    ...listed(
      paint('notice', plural(day.drifts.count, 'drift')),
      day.drifts,
      ({ userId, venue, kind, what, ours, theirs }) => {
        return `${userId} at ${venue}: ${kind} ${fitted(what, 40)}, ours ${fitted(ours, 30)}, theirs ${fitted(theirs, 30)}: npm run account -- --user ${userId} --acknowledge ${venue}`;
      },
    ),
    ...listed(
      paint('notice', `${plural(day.blocked.count, 'account')} blocked`),
      day.blocked,
      ({ userId, venue, why }) => {
        return `${userId} at ${venue} (${fitted(why, 60)}): npm run account -- --user ${userId}`;
      },
    ),
    ...listed(
      paint('notice', `${plural(day.missingLogins.count, 'login')} missing`),
      day.missingLogins,
      ({ userId, venue }) => {
        return `${userId} at ${venue}: npm run account -- check --user ${userId}`;
      },
    ),
    ...(notChecked === 0
      ? []
      : [
          `${paint('notice', `${plural(notChecked, 'account')} not compared`)} with the venue on this day: npm run ready`,
        ]),
    ...listed(
      paint('notice', `${plural(day.missedExits.count, 'position')} missed the exit`),
      day.missedExits,
      (row) => {
        return `${fitted(row.userName, 30)}: ${grouped(row.quantity)} ${row.symbol} (${shortReason(row.reason)}): npm run why -- --user ${row.userId} --symbol ${row.symbol}`;
      },
    ),
    ...messages.runs
      .slice(0, 4)
      .flatMap((run) =>
        (['failed', 'unknown'] as const)
          .filter((status) => messages[status] > 0)
          .map(
            (status) => `${paint('notice', `Messages ${status}`)}: npm run messages -- --run ${run} --status ${status}`,
          ),
      ),
  ];
}

function unknownOrders({ unknownOrders: orders }: DayOverview, paint: Paint): string[] {
  return listed(paint('bad', `${plural(orders.count, 'order')} unknown`), orders, (row) => {
    const open = row.status === 'unknown' ? '' : ` (${row.status.replace('_', ' ')}, its day is over)`;
    const what = `${row.clientOrderId}  ${fitted(row.userName, 30)}: ${row.side} ${grouped(row.quantity)} ${row.symbol} at ${row.venue}${open}`;
    return row.leftToAPerson
      ? `${what}: npm run resolve -- --order ${row.clientOrderId} --as filled|partly|canceled|rejected|not-placed`
      : `${what}: being looked up`;
  });
}

function listed<Row>(
  head: string,
  { count, first }: { count: number; first: Row[] },
  line: (row: Row) => string,
): string[] {
  if (count === 0) return [];
  const left = count - first.length;
  return [
    [head, ...first.map((row) => `  ${line(row)}`), ...(left > 0 ? [`  … and ${grouped(left)} more`] : [])].join('\n'),
  ];
}
