// A RunReport with plain defaults, for tests of what the terminal shows.
import type { ReportDecision, ReportOrder, RunReport } from '../../src/domain/report.ts';

/** An order of the report, filled unless told otherwise. */
export function order(over: Partial<ReportOrder>): ReportOrder {
  return {
    clientOrderId: 'ab12',
    userId: 'u1',
    userName: 'Asha Rao',
    symbol: 'TITAN',
    side: 'BUY',
    quantity: 28,
    status: 'filled',
    reason: null,
    limitPrice: '3582.60',
    averagePrice: '3564.80',
    filledQuantity: 28,
    exposure: '99814.40',
    margin: '19962.88',
    charges: '118.20',
    leverage: '5.00',
    currency: 'INR',
    ...over,
  };
}

export function decision(over: Partial<ReportDecision>): ReportDecision {
  return {
    userId: 'u1',
    userName: 'Asha Rao',
    symbol: 'TITAN',
    side: 'BUY',
    signalId: over.symbol === 'ITC' ? 's2' : 's1',
    outcome: 'accepted',
    reason: null,
    limit: null,
    actual: null,
    ...over,
  };
}

/** Two signals, three users: filled, rejected, unknown, skipped and denied all occur once or twice. */
export function sampleReport(over: Partial<RunReport> = {}): RunReport {
  const krishna = { userId: 'u2', userName: 'कृष्णा' };
  const meera = { userId: 'u3', userName: 'Meera' };
  const counts = { accepted: 2, skipped: 0, denied: 1, filled: 1, rejected: 0, unknown: 0, durationMs: 120 };
  return {
    runId: 'XNSE:2025-08-28:open:paper',
    session: 'XNSE:2025-08-28:open',
    mode: 'paper',
    dryRun: false,
    planHash: 'c0ffee',
    skipped: null,
    startedAt: '2025-08-28T09:20:00.000+05:30',
    finishedAt: '2025-08-28T09:20:00.412+05:30',
    durationMs: 412,
    truncated: false,
    totals: {
      ...{ users: 3, signals: 2, decisions: 6, accepted: 4, skipped: 1, denied: 1 },
      ...{ queued: 0, working: 0, partiallyFilled: 0, filled: 2, rejected: 1, canceled: 0, expired: 0, unknown: 1 },
      messages: { queued: 0, sent: 2, delivered: 0, failed: 1, unknown: 0, suppressed: 0 },
    },
    signals: [
      { id: 's1', symbol: 'TITAN', side: 'BUY', rank: 1, ...counts, unknown: 1, priceSpreadPct: null },
      {
        id: 's2',
        symbol: 'ITC',
        side: 'BUY',
        rank: 2,
        ...counts,
        skipped: 1,
        denied: 0,
        rejected: 1,
        priceSpreadPct: 0.1,
      },
    ],
    orders: [
      order({}),
      order({ ...krishna, clientOrderId: 'cd34', status: 'unknown', averagePrice: null, filledQuantity: 0 }),
      order({ ...krishna, symbol: 'ITC', status: 'rejected', averagePrice: null, filledQuantity: 0 }),
      order({ ...meera, symbol: 'ITC', quantity: 240, filledQuantity: 240, averagePrice: '410.25' }),
    ],
    decisions: [
      decision({}),
      decision(krishna),
      decision({ ...meera, outcome: 'denied', reason: 'insufficient_funds' }),
      decision({ symbol: 'ITC', outcome: 'skipped', reason: 'already_holding' }),
      decision({ ...krishna, symbol: 'ITC' }),
      decision({ ...meera, symbol: 'ITC' }),
    ],
    messages: [
      { userId: 'u1', status: 'sent', text: 'daily-scan · 28 Aug 2025\nHello Asha Rao' },
      { userId: 'u2', status: 'failed', text: 'Hello\u001b[2J\nthere' },
    ],
    problems: [],
    ...over,
  };
}

/** The same signals for `count` users who all hold TITAN already. */
export function manyUsers(count: number): RunReport {
  const report = sampleReport({ orders: [] });
  const users = Array.from({ length: count }, (_, n) => ({ userId: `u${n}`, userName: `User ${n}` }));
  const held = { outcome: 'skipped', reason: 'already_holding' } as const;
  return {
    ...report,
    totals: { ...report.totals, users: count },
    decisions: ['TITAN', 'ITC'].flatMap((symbol) => users.map((user) => decision({ ...user, ...held, symbol }))),
    messages: users.map(({ userId }) => ({ userId, status: 'sent', text: 'No order was placed' })),
  };
}
