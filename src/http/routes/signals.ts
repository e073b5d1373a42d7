// POST /api/signals: receives signals and alerts from senders outside.
import { randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { exchangesWithRuns } from '../../domain/market/market.ts';
import { marketOfExchange } from '../../domain/market/session.ts';
import { possibleSymbols, symbolReader } from '../../domain/market/symbols.ts';
import { parseJson } from '../../domain/text/json.ts';
import type { ReceivedSignal, RefusedSender } from '../../ports/store/access.ts';
import type { HttpEnv } from '../callers/auth.ts';
import type { KeyLookup } from '../callers/key-lookup.ts';
import { type SignalSender, senderReader } from '../callers/signal-senders.ts';
import type { UnknownCallers } from '../callers/unknown-callers.ts';
import { cutOffIn, type HttpDeps } from '../deps.ts';
import { type Problem, problem } from '../problem.ts';
import { isAlert } from './alert-text.ts';
import { isChartink } from './chartink.ts';
import {
  type MarketHours,
  type ReadRow,
  type RowProblem,
  readAlert,
  readChartinkRows,
  readRow,
  type SignalDay,
} from './signal-rows.ts';

const MAX_SIGNALS = 500;

/**
 * `POST /api/signals`: either `{signals: [{tradeDate?, rank?, strategy, exchange?, symbol, side, referencePrice,
 * stopLoss?, target?, validUntil?}]}`, or an alert of TradingView's (alert-text.ts) or ChartInk's (chartink.ts).
 * `POST /api/signals/KEY` is the same, in the address of a source.
 *
 * Who sends is shown as signal-senders.ts says. A source is limited to its strategies and its signals a day: each row
 * beyond is rejected with that reason; nobody may have more than 5,000 rows a day kept (429). A signed request names the
 * trade date of every signal and is answered once: sent again, by whomever, it gets the same answer and leaves nothing.
 *
 * 202 `{accepted, duplicates, rejected}`; 422 with the same lists where every row was rejected. Without a trade date a
 * signal is for today until the cut-off, from then on for the next trading day; without a rank it is 1000. Of signals
 * with the same id the first stands. A run's signals are frozen when it opens: one that comes after that, or after the
 * cut-off, is kept on record and rejected as `too_late`; it is never moved to another day.
 */
export function signalRoutes(
  deps: HttpDeps,
  senderDeps: { callerOfKey: KeyLookup; unknownCallers: UnknownCallers },
): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();
  const senderOf = senderReader(deps, senderDeps);
  const take = async (c: Context<HttpEnv>): Promise<Response> => {
    const raw = Buffer.from(await c.req.arrayBuffer());
    const body = parsed(c, raw);
    const sender = await senderOf(c, raw, member(body, 'key'));
    if (!('source' in sender)) return sender;
    const rows = body === undefined ? null : await rowsOf(c, body, deps, sender);
    if (!rows) return problem(c, body === undefined ? noJson : unreadable);
    const booked = await receive(deps, sender, rows);
    return 'refused' in booked ? deniedProblem(c, booked) : answer(c, booked, rows);
  };
  routes.post('/api/signals', take);
  routes.post('/api/signals/:key', take);
  return routes;
}

/**
 * The body's JSON, or its form as an object; undefined where it is neither. Whatever is odd in a row, its depth included,
 * is that row's fault.
 */
function parsed(c: Context<HttpEnv>, raw: Buffer): unknown {
  const text = raw.toString('utf8');
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(c.req.header('Content-Type') ?? '');
  return (
    parseJson(text, Number.POSITIVE_INFINITY) ?? (isForm ? Object.fromEntries(new URLSearchParams(text)) : undefined)
  );
}

/** Every row of the request, read; null where it is neither a list of signals nor an alert. */
async function rowsOf(
  c: Context<HttpEnv>,
  body: unknown,
  deps: HttpDeps,
  sender: SignalSender,
): Promise<ReadRow[] | null> {
  const list = member(body, 'signals');
  if (Array.isArray(list)) {
    if (list.length < 1 || list.length > MAX_SIGNALS) return null;
    const day = await dayOf(deps, sender, list);
    return list.map((row) => readRow(row, day));
  }
  if (list !== undefined) return null;
  if (isAlert(body)) return [readAlert(body, await dayOf(deps, sender, [body]))];
  if (!isChartink(body)) return null;
  const day = await dayOf(deps, sender, [body]);
  const strategy = c.req.query('strategy') ?? (await onlyStrategy(deps, sender));
  const rows = readChartinkRows(body, { nowMs: day.nowMs, side: c.req.query('side') ?? null, strategy }, day);
  return rows.length <= MAX_SIGNALS ? rows : null;
}

/** What rows are judged by: the hour, the calendar, and what is listed under the symbols they name. */
async function dayOf(deps: HttpDeps, { requestId }: SignalSender, rows: unknown[]): Promise<SignalDay> {
  const { world, settings } = deps;
  const markets = new Map<string, MarketHours>();
  for (const exchange of exchangesWithRuns) {
    const market = marketOfExchange(exchange);
    const overrides = await world.operatorDays(market);
    markets.set(exchange, { market, cutOffTime: cutOffIn(deps, market), overrides });
  }
  const named = rows.flatMap((row) => {
    const inner = [row, member(row, 'strategy'), member(row, 'order')];
    const symbols = inner.flatMap((one) => [member(one, 'symbol'), member(one, 'ticker')]);
    const stocks = member(row, 'stocks');
    return [...symbols, ...(typeof stocks === 'string' ? stocks.split(',') : [])];
  });
  const texts = new Set(named.flatMap((text) => (typeof text === 'string' && text.length <= 60 ? [text] : [])));
  const symbols = [...texts].flatMap(possibleSymbols);
  const listings = symbols.length === 0 ? [] : await world.store.call('read_listings', { symbols });
  const hoursAt = (exchange: string) => markets.get(exchange) ?? unknownHours(exchange);
  const day = { nowMs: world.clock.nowMs(), mode: settings.mode, hoursAt, mustBeNamed: requestId !== null };
  return { ...day, readSymbol: symbolReader(listings) };
}

function unknownHours(exchange: string): never {
  throw new Error(`a signal of ${exchange} was let through, where no run is made`);
}

/** The strategy of a source that may send just one. */
async function onlyStrategy({ world }: HttpDeps, { source }: SignalSender): Promise<string | null> {
  if (!source.startsWith('source:')) return null;
  const sources = await world.store.call('read_signal_sources', {});
  const [strategy = null, ...more] = sources.find(({ name }) => `source:${name}` === source)?.strategies ?? [];
  return more.length === 0 ? strategy : null;
}

async function receive({ world }: HttpDeps, sender: SignalSender, rows: readonly ReadRow[]) {
  const { source, apiKey, perDay, requestId } = sender;
  const { store, clock, emit } = world;
  const booked = await store.call('receive_signals', {
    requestId: requestId ?? randomUUID(),
    source: `http:${source}`,
    apiKey,
    perDay,
    nowMs: clock.nowMs(),
    by: { who: source, how: 'http' },
    rows: rows.map((row, position) => {
      if ('signal' in row) return { ...row, position, problem: null };
      const { field, reason } = row.problem;
      const problem = field === null ? reason : `${field}: ${reason}`;
      return { position, payload: row.payload, signal: null, runId: null, problem };
    }),
  });
  if ('refused' in booked) {
    emit({ type: 'signals_invalid', source, why: booked.refused });
    return booked;
  }
  const count = (outcome: string) => booked.filter((row) => row.outcome === outcome).length;
  const [accepted, duplicates, rejected] = [count('accepted'), count('duplicate'), count('rejected')];
  emit({ type: 'signals_received', source, accepted, duplicates, rejected });
  return booked;
}

function deniedProblem(c: Context<HttpEnv>, { refused: why, limit }: RefusedSender): Response {
  const answerWith = (status: 401 | 403, code: string, detail: string) => problem(c, { status, code, detail });
  switch (why) {
    case 'daily_quota': {
      const detail = `Of one sender ${limit} rows are kept a day, taken or not: nothing of this request is, send again tomorrow.`;
      return problem(c, { status: 429, code: 'daily_quota', detail, more: { limit } });
    }
    case 'source_disabled':
      return answerWith(403, why, 'This source is switched off: npm run apikey -- source --source NAME --enabled yes.');
    case 'not_for_signals':
      return answerWith(403, 'forbidden', 'This key may send no signals.');
    default:
      return answerWith(401, 'unauthenticated', `This key is ${why === 'unknown' ? 'not known' : why}.`);
  }
}

function answer(c: Context<HttpEnv>, booked: ReceivedSignal[], rows: readonly ReadRow[]): Response {
  const of = (outcome: string) => {
    return booked.flatMap(({ position, signalId, ...row }) => {
      return row.outcome === outcome ? [{ index: position, id: signalId }] : [];
    });
  };
  const accepted = of('accepted');
  const duplicates = of('duplicate');
  const rejected = booked.flatMap(({ position, outcome, problem: why }) => {
    return outcome === 'rejected' ? [{ index: position, ...problemAt(rows[position], why) }] : [];
  });
  const lists = { accepted, duplicates, rejected };
  if (accepted.length + duplicates.length > 0) return c.json(lists, 202);
  const detail = 'No signal of this request can be used: see rejected.';
  return problem(c, { status: 422, code: 'no_good_signal', detail, more: lists });
}

/** What is wrong with a row: with what was sent, or why the database did not take it. */
function problemAt(row: ReadRow | undefined, why: string | null): RowProblem {
  if (row && 'problem' in row) return row.problem;
  const signal = row?.signal;
  if (why === 'strategy_not_allowed') return { field: 'strategy', reason: why, value: signal?.strategy ?? null };
  if (why === 'daily_limit') return { field: null, reason: why, value: null };
  return { field: 'tradeDate', reason: 'too_late', value: signal?.tradeDate ?? null };
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name) ? Reflect.get(of, name) : undefined;
}

const noJson: Problem = {
  status: 422,
  code: 'no_signals',
  detail:
    'The body is not JSON. In TradingView write as the alert’s message, for example: {"ticker": "{{ticker}}", ' +
    '"exchange": "{{exchange}}", "action": "buy", "price": {{close}}, "stop_loss": 3400} (a placeholder without a ' +
    'value becomes NaN, which is none).',
};
const unreadable: Problem = {
  status: 422,
  code: 'no_signals',
  detail: `Send JSON: {"signals": [1 to ${MAX_SIGNALS} signals]}, one alert {"ticker": …, "action": …, "price": …}, or ChartInk’s {"stocks": …, "trigger_prices": …}.`,
};
