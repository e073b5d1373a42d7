// What must be true in the moment a decision is accepted: day’s loss, pauses, use of a symbol.
import { z } from 'zod';
import { modelOf } from '../../../../src/domain/account-model.ts';
import { istDate } from '../../../../src/domain/market/india-time.ts';
import type { DecisionToAccept } from '../../../../src/ports/store/runs.ts';
import { everybody } from '../absurd.ts';
import { priceOn } from '../plan.ts';
import type { Week } from '../week.ts';
import { factsOf, type Rows } from './books.ts';

/** Just before decisions are accepted: whoever is bought for, or refused for the day's loss, has lost that much. */
export async function checkDayLoss(week: Week, decisions: readonly DecisionToAccept[]): Promise<void> {
  for (const { userId, accountId, signalId, outcome, reason, actual } of decisions) {
    const user = everybody(week.plan).find(({ settings }) => settings.id === userId);
    const bps = user?.settings.dailyLossLimitBps ?? null;
    if (!user || bps === null || !signalId.endsWith(':BUY') || signalId.startsWith('US:')) continue;
    if (outcome !== 'accepted' && reason !== 'daily_loss_limit') continue;
    const found = await week.rows();
    const { settings } = user;
    if (accountId === null) continue;
    const floor = -((BigInt(settings.capitalMinor) * BigInt(bps) + 9_999n) / 10_000n);
    const result = dayResult(week, found, accountId);
    const actualMinor = actual === null ? null : BigInt(actual.replace('.', ''));
    const isDenied = reason === 'daily_loss_limit';
    if (isDenied !== result <= floor || (isDenied && actualMinor !== result)) {
      const what = isDenied ? `is denied for ${actualMinor}` : 'is bought for';
      week.breaks('the day’s loss', `${userId} ${what}, made ${result} today, and may lose ${-floor}`);
    }
  }
}

/** Value now + sales today − purchases today − value at the previous close − charges. */
function dayResult({ day }: Week, found: Rows, accountId: number): bigint {
  const { date, before } = day;
  const model = modelOf(factsOf(found, accountId), Number.POSITIVE_INFINITY);
  const today = found.orders.filter((order) => order.accountId === accountId && istDate(order.createdAtMs) === date);
  const symbols = new Set([...found.positions, ...found.orders].map(({ symbol }) => symbol));
  let result = -today.reduce((sum, { orderId }) => sum + (model.orders.get(orderId)?.chargesMinor ?? 0n), 0n);
  for (const symbol of symbols) {
    const held = found.positions.filter((one) => one.accountId === accountId && one.symbol === symbol);
    const now = held.reduce((sum, { quantity }) => sum + quantity, 0n);
    let more = 0n;
    for (const { orderId, side, symbol: of } of today) {
      const traded = of === symbol ? model.orders.get(orderId) : undefined;
      if (!traded) continue;
      const sign = side === 'BUY' ? 1n : -1n;
      more += sign * traded.filledQuantity;
      result -= sign * traded.filledValueMinor;
    }
    result += now * BigInt(priceOn(date, symbol)) - (now - more) * BigInt(priceOn(before, symbol));
  }
  return result;
}

const exposure = z.object({ symbolExposure: z.record(z.string(), z.number()) });
const used = z.object({ symbol: z.string(), minor: z.coerce.number() });
/** What of a day's buys of a mode trades, or is open and may: a single order at the limit it names above the quote. */
const COUNTED = `sum(case when o.ended_at is not null then o.filled_value_minor
    else o.quantity * greatest(o.decision_price_minor, case when s.source = 'api' then s.reference_price_minor end) end)`;
const BUYS = `public.orders o join public.scan_runs run on run.id = o.run_id join public.signals s on s.id = o.signal_id
    join public.instruments i on i.id = o.instrument_id where o.side = 'BUY'`;
const USED_SQL = `select json_build_object('symbol', i.symbol, 'minor', ${COUNTED}) as found
  from ${BUYS} and run.trade_date = $1::date and run.mode = $2 group by i.symbol`;

/** What a decision is told of a symbol's use is what trades or is open: nothing that was refused. */
export async function checkUse(week: Week, args: object, answer: unknown): Promise<void> {
  const read = exposure.safeParse(answer);
  if (!read.success) return;
  // `XNSE:2025-08-28:open:live`: a plan that was left is closed on another day than its own.
  const [, date = week.day.date, mode = ''] =
    /:(\d{4}-\d{2}-\d{2}):.*:([a-z]+)$/.exec('runId' in args ? String(args.runId) : '') ?? [];
  for (const row of await week.ground.session.query(USED_SQL, [date, mode])) {
    const { symbol, minor } = used.parse(row['found']);
    const exposureMinor = read.data.symbolExposure[symbol] ?? 0;
    if (exposureMinor > minor)
      week.breaks('limits', `${symbol} is said to be used for ${exposureMinor}, and it is for ${minor}`);
  }
}

const bought = z.object({ symbol: z.string(), mode: z.string(), minor: z.coerce.number(), newest: z.coerce.number() });
/** Of what has been accepted since the last look. */
const BOUGHT_SQL = `select json_build_object('symbol', i.symbol, 'mode', run.mode, 'minor', ${COUNTED}, 'newest', max(o.id))
    as found
  from ${BUYS} group by i.symbol, run.mode, run.trade_date having max(o.id) > $1 order by i.symbol, run.mode`;

/**
 * Just after orders were accepted: with them the day's buys of a symbol that trade or are open are within its cap. What
 * venues fill, tell and take back later is no decision of ours.
 */
export async function checkCap(week: Week): Promise<void> {
  const { symbolCapMinor } = week.plan.limits;
  if (symbolCapMinor === null) return;
  for (const row of await week.ground.session.query(BOUGHT_SQL, [week.newestBuy])) {
    const { symbol, mode, minor, newest } = bought.parse(row['found']);
    if (minor > symbolCapMinor) {
      week.breaks('limits', `${symbol} is bought for ${minor} in ${mode} mode, and ${symbolCapMinor} is the most`);
    }
    week.newestBuy = Math.max(week.newestBuy, newest);
  }
}

const waiting = z.object({ clientOrderId: z.string(), userId: z.string() });

/** Nothing waits to be sent for who is paused. */
export async function checkPaused(week: Week): Promise<void> {
  if (week.paused.size === 0) return;
  const rows = await week.ground.session.query(`select json_build_object('clientOrderId', client_order_id, 'userId',
    user_id) as found from public.orders where status = 'queued' order by id`);
  for (const row of rows) {
    const { clientOrderId, userId } = waiting.parse(row['found']);
    if (week.paused.has(userId)) week.breaks('the switch', `${clientOrderId} is accepted though ${userId} is paused`);
  }
}
