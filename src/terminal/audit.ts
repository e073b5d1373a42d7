// The screen of npm run audit.
import type { Audit, AuditDay, Difference } from '../domain/audit.ts';
import { type CurrencyCode, currencies, currencyCodes } from '../domain/currency.ts';
import { formatMoney } from '../domain/text/money-text.ts';
import { grouped, plural } from './format.ts';
import type { Paint } from './table.ts';
import { fitted, padded } from './width.ts';

const MAX_SHOWN = 20;

/** What was audited, what happened on the day, and every difference (the first 20 of them), with what to do. */
export function auditText(audit: Audit, paint: Paint): string {
  const { tradeDate, accounts, orders, fills, entries, figures, differences } = audit;
  const days = daysOf(audit);
  const books = [plural(orders, 'order'), plural(fills, 'fill'), `${grouped(entries)} ledger entries`].join(', ');
  const lines: [string, string][] = [
    ['Audited', `${plural(accounts, 'account')} to the end of the day: ${books}`],
    ...days.flatMap((day) => dayLines(day, days.length > 1)),
    [
      'Differences',
      differences.length === 0
        ? paint('good', `none in ${plural(figures, 'figure')}${days.length > 1 ? '' : ': 0 paise'}`)
        : paint('bad', differenceCounts(differences)),
    ],
  ];
  const table = lines.map(([label, value]) => `${paint('quiet', padded(label, 12))}${value}`).join('\n');
  return [paint('strong', `Audit of ${tradeDate}`), table, ...differing(audit, paint)].join('\n\n');
}

/** The day in accounts of each currency, the rupee's first; where there is no account, of the rupee. */
export function daysOf({ days }: Audit): [CurrencyCode, AuditDay][] {
  const found = currencyCodes.flatMap((code): [CurrencyCode, AuditDay][] => {
    const day = days.get(code);
    return day ? [[code, day]] : [];
  });
  const none = { orders: 0, fills: 0, cashInMinor: 0n, cashOutMinor: 0n, chargesMinor: 0n, realisedMinor: 0n };
  return found.length > 0 ? found : [['INR', none]];
}

function dayLines([code, day]: [CurrencyCode, AuditDay], several: boolean): [string, string][] {
  const money = (minor: bigint) => moneyText(minor, code);
  return [
    ['On the day', `${plural(day.orders, 'order')}, ${plural(day.fills, 'fill')}${several ? ` in ${code}` : ''}`],
    ['Cash', `${money(day.cashInMinor)} came, ${money(day.cashOutMinor)} went, but for orders`],
    ['Charges', money(day.chargesMinor)],
    ['Realised', money(day.realisedMinor)],
  ];
}

function differenceCounts(differences: Difference[]): string {
  const figures = plural(differences.length, 'figure');
  const accounts = plural(
    new Set(differences.map(({ userId, venue, mode, currency }) => `${userId} ${venue} ${mode} ${currency}`)).size,
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

function differenceText(
  { userId, venue, mode, currency, what, unit, database, model }: Difference,
  paint: Paint,
): string {
  const figureText = (figure: bigint) => (unit === 'money' ? moneyText(figure, currency) : String(figure));
  const which = [venue, mode, ...(currency === 'INR' ? [] : [currency])].join(', ');
  const off = database - model;
  return `${paint('bad', fitted(`${userId} (${which}): ${what}`, 200))}
  database ${figureText(database)}, from the facts ${figureText(model)}: ${off > 0n ? '+' : ''}${figureText(off)}`;
}

function moneyText(minor: bigint, currency: CurrencyCode): string {
  return formatMoney(minor, currencies[currency]);
}
