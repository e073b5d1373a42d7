// The screen of npm run audit.
import type { Audit, Difference } from '../domain/audit.ts';
import { INR } from '../domain/currency.ts';
import { formatMoney } from '../domain/text/money-text.ts';
import { grouped, plural } from './format.ts';
import type { Paint } from './table.ts';
import { fitted, padded } from './width.ts';

const MAX_SHOWN = 20;

/** What was audited, what happened on the day, and every difference (the first 20 of them), with what to do. */
export function auditText(audit: Audit, paint: Paint): string {
  const { tradeDate, accounts, orders, fills, entries, figures, day, differences } = audit;
  const books = [plural(orders, 'order'), plural(fills, 'fill'), `${grouped(entries)} ledger entries`].join(', ');
  const lines: [string, string][] = [
    ['Audited', `${plural(accounts, 'account')} to the end of the day: ${books}`],
    ['On the day', `${plural(day.orders, 'order')}, ${plural(day.fills, 'fill')}`],
    ['Cash', `${rupees(day.cashInMinor)} came, ${rupees(day.cashOutMinor)} went, but for orders`],
    ['Charges', rupees(day.chargesMinor)],
    ['Realised', rupees(day.realisedMinor)],
    [
      'Differences',
      differences.length === 0
        ? paint('good', `none in ${plural(figures, 'figure')}: 0 paise`)
        : paint('bad', differenceCounts(differences)),
    ],
  ];
  const table = lines.map(([label, value]) => `${paint('quiet', padded(label, 12))}${value}`).join('\n');
  return [paint('strong', `Audit of ${tradeDate}`), table, ...differing(audit, paint)].join('\n\n');
}

function differenceCounts(differences: Difference[]): string {
  const figures = plural(differences.length, 'figure');
  const accounts = plural(
    new Set(differences.map(({ userId, venue, mode }) => `${userId} ${venue} ${mode}`)).size,
    'account',
  );
  return `${figures} of ${accounts}`;
}

function differing({ tradeDate, differences }: Audit, paint: Paint): string[] {
  if (differences.length === 0) return [];
  const shown = differences.slice(0, MAX_SHOWN).map((one) => differenceText(one, paint));
  const left = differences.length - shown.length;
  const more = left > 0 ? [`… and ${grouped(left)} more: npm run audit -- --date ${tradeDate} --json`] : [];
  const [first] = differences;
  return [
    [...shown, ...more].join('\n'),
    `Facts are cash, orders, fills and corrections. A new one moves both figures, so
no deposit and no correction settles this: stop whom it concerns, keep a copy of
the database, find out what wrote the figure, and bring it back.
  npm run halt -- --user ${first === undefined ? '…' : fitted(first.userId, 40)} --why "the books are under audit"`,
  ];
}

function differenceText({ userId, venue, mode, what, unit, database, model }: Difference, paint: Paint): string {
  const figureText = (figure: bigint) => (unit === 'money' ? rupees(figure) : String(figure));
  const off = database - model;
  return `${paint('bad', fitted(`${userId} (${venue}, ${mode}): ${what}`, 200))}
  database ${figureText(database)}, from the facts ${figureText(model)}: ${off > 0n ? '+' : ''}${figureText(off)}`;
}

function rupees(minor: bigint): string {
  return formatMoney(Number(minor), INR);
}
