import { userIdOf } from '../domain/ids.ts';
import type { RunReport } from '../domain/report.ts';
import { shareReader } from '../domain/symbols.ts';

/** A plan narrowed to one user or symbol. The whole plan was made, and the hash is the whole plan's. */
export function only(report: RunReport, narrowed: { user?: string; symbol?: string }): RunReport {
  const { user } = narrowed;
  const symbol = narrowed.symbol === undefined ? undefined : symbolIn(report, narrowed.symbol);
  if (user === undefined && symbol === undefined) return report;
  const wanted = (row: { userId: string; symbol: string }) =>
    (user === undefined || row.userId === user || row.userId === userIdOf(user)) &&
    (symbol === undefined || row.symbol === symbol);
  const decisions = report.decisions.filter(wanted);
  const orders = report.orders.filter(wanted);
  const signals = report.signals.filter((signal) => symbol === undefined || signal.symbol === symbol);
  const count = (outcome: string, of = decisions) => of.filter((one) => one.outcome === outcome).length;
  return {
    ...report,
    decisions,
    orders,
    signals: signals.map((signal) => {
      const own = decisions.filter((one) => one.symbol === signal.symbol);
      const [accepted, skipped, denied] = [count('accepted', own), count('skipped', own), count('denied', own)];
      return { ...signal, accepted, skipped, denied };
    }),
    totals: {
      ...report.totals,
      users: new Set(decisions.map(({ userId }) => userId)).size,
      signals: signals.length,
      decisions: decisions.length,
      accepted: count('accepted'),
      skipped: count('skipped'),
      denied: count('denied'),
    },
  };
}

/** The symbol of the report that is meant; what names none of it is looked for as it stands, and not found. */
function symbolIn({ signals }: RunReport, text: string): string {
  const found = shareReader(signals.map(({ symbol }) => ({ exchange: 'NSE', symbol })))(text);
  return 'value' in found ? found.value : text;
}
