import { expect, test } from 'vitest';
import { positionJson } from '../../src/commands/accounts/positions.ts';
import { positionsText } from '../../src/terminal/screens/holdings.ts';
import { planTable, usersTable } from '../../src/terminal/screens/tables.ts';
import { totalsText } from '../../src/terminal/screens/totals.ts';
import { plain } from '../../src/terminal/table.ts';
import { decision, order, sampleReport } from './sample-report.ts';

const dollars = {
  ...{ symbol: 'AAPL', quantity: 4, filledQuantity: 4, limitPrice: '233.60', averagePrice: '232.45' },
  ...{ exposure: '929.80', margin: '929.80', charges: '0.03', leverage: '1.00', currency: 'USD' as const },
};
const orders = [
  order(dollars),
  order({ ...dollars, userId: 'u2', userName: 'कृष्णा', quantity: 1000, filledQuantity: 1000, exposure: '232450.00' }),
  order({ ...dollars, side: 'SELL', averagePrice: '230.00' }),
];
const report = sampleReport({
  ...{ runId: 'XNYS:2026-07-01:open:paper', session: 'XNYS:2026-07-01:open', orders },
  decisions: orders.map(({ userId, userName, symbol, side }) => decision({ userId, userName, symbol, side })),
});

test('a report of a US run is in dollars: its totals, its users and its plan', () => {
  const totals = totalsText(report, plain);
  expect(totals).toContain('Bought for  $233,379.80');
  expect(totals).toContain('Sold for    $920.00');
  const users = usersTable(report, 200, plain);
  expect(users).toMatch(/Asha Rao .*\$929\.80 .*\$920\.00 .*\$0\.06/);
  const plan = planTable({ ...report, dryRun: true }, 200, plain);
  expect(plan).toContain('≤ $233.60');
  expect(plan).toContain('$232,450.00');
  expect([totals, users, plan].join()).not.toContain('₹');
});

test('rupees and dollars never meet in a sum: a report that mixes them is refused, not added up', () => {
  const mixed = { ...report, orders: [...orders, order({ symbol: 'TITAN' })] };
  const both = /order ab12 is in INR, and what it is summed in is USD/;
  expect(() => totalsText(mixed, plain)).toThrow(both);
  expect(() => usersTable(mixed, 200, plain)).toThrow(both);
});

test('what is held is shown in the currency of its exchange, each row in its own', () => {
  const held = {
    ...{ key: 'k', userId: 'u1', userName: 'Asha Rao', venue: 'paper', mode: 'paper' as const, quantity: 4 },
    ...{ costMinor: 92_980, marginMinor: 92_980, priceMinor: 23_300, pricedAtMs: 0 },
  };
  const apple = { ...held, exchange: 'US', symbol: 'AAPL' };
  const text = positionsText([apple, { ...held, exchange: 'NSE', symbol: 'TITAN' }], 0, 200, plain);
  expect(text).toMatch(/AAPL +4 +\$232\.45 +\$233\.00 .*\$932\.00 +\+\$2\.20 +\$929\.80/);
  expect(text).toMatch(/TITAN +4 +₹232\.45 +₹233\.00 .*₹932\.00 +\+₹2\.20 +₹929\.80/);
  expect(positionJson(apple)).toMatchObject({ currency: 'USD', cost: '929.80', profit: '2.20' });
});
