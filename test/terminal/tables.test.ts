import { describe, expect, test } from 'vitest';
import { databaseText, duration, sessionLabel } from '../../src/terminal/format.ts';
import { headerText } from '../../src/terminal/header.ts';
import { cellOf, matrixText } from '../../src/terminal/screens/matrix.ts';
import { planTable, signalsTable, usersTable } from '../../src/terminal/screens/tables.ts';
import { plain, table } from '../../src/terminal/table.ts';
import { displayWidth, fitted } from '../../src/terminal/width.ts';
import { decision, manyUsers, order, sampleReport } from './sample-report.ts';

describe('widths', () => {
  test.each([
    ['₹1,00,000.00', 12],
    ['कृष्णा', 4],
    ['अमित', 4],
    ['日本', 4],
    ['👍', 2],
    ['क\u200d्ष', 2],
  ])('%s takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });

  test('a long name is cut between letters, and control characters never reach the terminal', () => {
    expect(fitted('कृष्णा क्षत्रिय', 5)).toBe('कृष्णा…');
    expect(fitted('a\u001b[2J\nb', 20)).toBe('a [2J b');
  });

  test('a table stays aligned with Devanagari in it, and drops spare columns when it is too wide', () => {
    const columns = [{ title: 'User' }, { title: 'Paid', align: 'right' as const }, { title: 'Note', spare: true }];
    const rows = [
      ['कृष्णा', '₹5.00', 'x'],
      ['Asha', { text: '₹10.00', tone: 'good' as const }, ''],
    ];
    expect(table(columns, rows, 80, plain)).toBe(
      ['User    Paid  Note', '────  ──────  ────', 'कृष्णा   ₹5.00  x', 'Asha  ₹10.00'].join('\n'),
    );
    expect(table(columns, rows, 15, (tone, text) => `<${tone} ${text}>`)).toBe(
      ['<strong User>    <strong Paid>', '<quiet ────>  <quiet ──────>', 'कृष्णा   ₹5.00', 'Asha  <good ₹10.00>'].join(
        '\n',
      ),
    );
  });
});

describe('the matrix', () => {
  test('shows what became of every signal for every user, in short words', () => {
    expect(matrixText(sampleReport(), 80, plain)).toBe(`User      TITAN         ITC
────────  ────────────  ────────────
Asha Rao  28 @ 3564.80  holds it
कृष्णा      unknown       rejected
Meera     no money      240 @ 410.25`);
  });

  test('stands in blocks on a narrow terminal', () => {
    expect(matrixText(sampleReport(), 30, plain)).toContain(`Meera     no money

User      ITC
────────  ────────────
Asha Rao  holds it`);
  });

  test('two signals of one symbol keep their own orders', () => {
    const { signals } = sampleReport();
    const [first] = signals;
    if (!first) throw new Error('no signal');
    const report = sampleReport({
      signals: [first, { ...first, id: 's3', rank: 2, side: 'SELL' }],
      decisions: [decision({ side: 'SELL', signalId: 's3' }), decision({})],
      orders: [order({ side: 'SELL', quantity: 5, filledQuantity: 5 }), order({})],
    });
    expect(matrixText(report, 80, plain)).toContain('Asha Rao  28 @ 3564.80  5 @ 3564.80');
  });

  test.each([
    [{ status: 'planned' }, '28 planned'],
    [{ status: 'working', filledQuantity: 0 }, '28 working'],
    [{ status: 'partially_filled', filledQuantity: 10 }, '10/28 @ 3564.80'],
    [{ status: 'expired', filledQuantity: 10 }, '10/28 @ 3564.80'],
    [{ status: 'canceled', filledQuantity: 0, averagePrice: null }, 'canceled'],
  ] as const)('an order that is %o reads %s', (over, text) => {
    const cell = cellOf(decision({}), order(over));
    expect(typeof cell === 'string' ? cell : cell.text).toBe(text);
  });

  test('of a hundred users twelve are shown and the rest counted', () => {
    const lines = matrixText(manyUsers(100), 80, plain).split('\n');
    expect(lines.filter((line) => line.startsWith('User '))).toHaveLength(13);
    expect(lines).toContain('… and 88 more: npm run report -- --run XNSE:2025-08-28:open:paper --after 12');
  });
});

describe('the tables', () => {
  test('signals have counts, time and price spread; an empty column is left out', () => {
    expect(signalsTable(sampleReport(), 100, plain)).toBe(
      `Rank  Symbol  Side  Accepted  Filled  Rejected  Unknown  Skipped  Denied    Time  Price spread
────  ──────  ────  ────────  ──────  ────────  ───────  ───────  ──────  ──────  ────────────
   1  TITAN   BUY          2       1                  1                1  120 ms
   2  ITC     BUY          2       1         1                 1          120 ms        0.10 %`,
    );
    const filled = sampleReport().signals.map((one) => ({ ...one, rejected: 0, unknown: 0 }));
    expect(signalsTable(sampleReport({ signals: filled }), 100, plain)).not.toContain('Unknown');
  });

  test('users have their counts, their money and their message', () => {
    expect(usersTable(sampleReport(), 120, plain)).toBe(
      `User      Filled  Rejected  Unknown  Skipped  Denied  Bought for      Margin  Charges  Message
────────  ──────  ────────  ───────  ───────  ──────  ──────────  ──────────  ───────  ───────
Asha Rao       1                           1          ₹99,814.40  ₹19,962.88  ₹118.20  sent
कृष्णा                     1        1                                                    failed
Meera          1                                   1  ₹98,460.00  ₹19,962.88  ₹118.20  none`,
    );
    const narrow = usersTable(sampleReport(), 60, plain).split('\n');
    expect(narrow[0]).toBe('User      Filled  Rejected  Unknown  Bought for  Message');
    expect(usersTable(manyUsers(100), 120, plain)).toContain('… and 88 more: npm run report -- --run XNSE:');
  });

  test('a plan lists its orders, and sends nobody to a report that was not written', () => {
    const orders = [order({ status: 'planned' }), order({ status: 'planned', side: 'SELL', limitPrice: null })];
    expect(planTable(sampleReport({ dryRun: true, orders }), 120, plain)).toBe(
      `User      Order  Symbol  Shares  Limit price    Exposure      Margin  Charges  Leverage
────────  ─────  ──────  ──────  ───────────  ──────────  ──────────  ───────  ────────
Asha Rao  BUY    TITAN       28  ≤ ₹3,582.60  ₹99,814.40  ₹19,962.88  ₹118.20     5.00x
Asha Rao  SELL   TITAN       28       market  ₹99,814.40              ₹118.20     5.00x`,
    );
    const many = Array.from({ length: 15 }, (_, n) => order({ userId: `u${n}`, status: 'planned' }));
    expect(planTable(sampleReport({ dryRun: true, orders: many }), 120, plain)).toContain('… and 3 more: add --json');
    expect(planTable(sampleReport({ dryRun: true, orders: [] }), 120, plain)).toBe('No order would be placed.');
  });
});

describe('the head', () => {
  const facts = {
    session: 'XNSE:2025-08-28:open',
    time: '09:20 IST',
    mode: 'paper',
    dryRun: false,
    sample: 'the bundled sample: real NSE prices of that day, sample users',
    database: '.data/sample',
    users: 5,
    signals: [
      { rank: 1, symbol: 'TITAN', side: 'BUY', referencePriceMinor: 360000, priceMinor: 356480 },
      { rank: 2, symbol: 'ITC', side: 'BUY', referencePriceMinor: 41025, priceMinor: null },
    ],
  } as const;

  test('says what is about to happen, on what and where', () => {
    expect(headerText({ ...facts, signals: [...facts.signals] }, 80, plain)).toBe(`daily-scan

Session     NSE open, Thursday, 28 August 2025, 09:20 IST
Mode        paper: no real money
Data        the bundled sample: real NSE prices of that day, sample users
Database    .data/sample
Users       5
Signals     2

Rank  Symbol  Side  Reference      Price    Moved
────  ──────  ────  ─────────  ─────────  ───────
   1  TITAN   BUY   ₹3,600.00  ₹3,564.80  -0.98 %
   2  ITC     BUY     ₹410.25   no price

Next: decide 2 signals × 5 users, place the accepted orders at the paper venue,
and message every user once.`);
  });

  test('real money is said, a dry run too, and a password in an address is not', () => {
    const text = headerText(
      { ...facts, signals: [], mode: 'live', sample: null, database: 'postgres://me:s3cret@db.local/scan?password=x' },
      80,
      plain,
    );
    expect(text).toContain('LIVE: real orders, real money');
    expect(text).toContain('postgres://db.local/scan\n');
    expect(text).not.toMatch(/s3cret|bundled|password/);
    expect(headerText({ ...facts, signals: [], dryRun: true }, 80, plain)).toMatch(/dry run\n.*Nothing is written/s);
  });
});

describe('words', () => {
  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [3_420, '3.4 s'],
    [59_999, '59.9 s'],
    [125_000, '2 min 5 s'],
  ])('%i ms read %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test('an address without a password, and a session of an unknown shape, stand as they are', () => {
    expect(databaseText('file:///srv/data')).toBe('file:///srv/data');
    expect(databaseText('postgres://a:p@ss/w@host/db')).toBe('postgres://host/db');
    expect(databaseText('file:///srv/@data')).toBe('file:///srv/@data');
    expect(sessionLabel('api')).toBe('api');
  });
});
