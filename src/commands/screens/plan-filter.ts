// Narrows a plan to one user or symbol.
import { userIdOf } from '../../domain/ids.ts';
import { shareReader } from '../../domain/market/symbols.ts';
import type { RunReport } from '../../domain/report.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface Narrowing {
  user?: string;
  symbol?: string;
}

/** Whether a plan is shown in part only. */
export function isNarrowed({ user, symbol }: Narrowing): boolean {
  return user !== undefined || symbol !== undefined;
}

/**
 * A plan narrowed to one user (name or id) or symbol. Its hash stays that of the whole plan, which is what would be
 * placed. Exit 2 for a user or symbol that the plan does not have.
 */
export function narrowedPlan(report: RunReport, narrowed: Narrowing): RunReport | Refusal {
  if (!isNarrowed(narrowed) || report.skipped !== null) return report;
  const unknown = unknownIn(report, narrowed);
  if (unknown) return unknown;
  const { user } = narrowed;
  const symbol = narrowed.symbol === undefined ? undefined : symbolIn(report, narrowed.symbol);
  const wanted = (row: { userId: string; userName: string; symbol: string }) =>
    (user === undefined || isNamed(row, user)) && (symbol === undefined || row.symbol === symbol);
  const decisions = report.decisions.filter(wanted);
  const orders = report.orders.filter(wanted);
  const signals = report.signals.filter((signal) => symbol === undefined || signal.symbol === symbol);
  const count = (outcome: string, of = decisions) => of.filter((one) => one.outcome === outcome).length;
  return {
    ...report,
    decisions,
    orders,
    signals: signals.map((signal) => {
      const own = decisions.filter((one) => one.signalId === signal.id);
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

/** The symbol of the report that is meant; what names none of it stays as it is, and matches nothing. */
function symbolIn({ signals }: RunReport, text: string): string {
  const read = shareReader(signals.map(({ symbol }) => ({ exchange: 'NSE', symbol })))(text);
  return 'value' in read ? read.value : text;
}

function isNamed({ userId, userName }: { userId: string; userName: string }, user: string): boolean {
  return userId === user || userId === userIdOf(user) || userName.toLowerCase() === user.toLowerCase();
}

function unknownIn(report: RunReport, { user, symbol }: Narrowing): Refusal | null {
  const { decisions, signals } = report;
  if (user !== undefined && !decisions.some((one) => isNamed(one, user))) {
    return refusal('no_such_user', `The plan has no user "${user}": give the name or the id.`);
  }
  if (symbol === undefined) return null;
  const meant = symbolIn(report, symbol);
  if (signals.some((one) => one.symbol === meant)) return null;
  const symbols = signals.map((one) => one.symbol).slice(0, 10);
  return refusal('no_such_symbol', `The plan has no signal for ${symbol}, only for ${symbols.join(', ')}.`);
}
