import { createHmac, randomUUID } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { parseJson } from '../domain/json.ts';
import type { Answer } from '../ports/store.ts';

import { type HttpEnv, isOneOf, onlyOperators, readOnly } from './auth.ts';
import type { KeyLookup } from './known-keys.ts';

import type { HttpParts } from './parts.ts';
import { type Problem, problem } from './problem.ts';
import { type ReadRow, type RowProblem, readAlert, readRow } from './signal-rows.ts';
import type { Strangers } from './strangers.ts';

const MOST_SIGNALS = 500;
/** The source of what came by its signature. */
const SIGNATURE = 'signature';

/**
 * `POST /api/signals`: either `{signals: [{tradeDate?, rank?, strategy, exchange?, symbol, side, referencePrice,
 * stopLoss?, target?}]}` or one TradingView-style alert `{ticker|symbol, action, price|close, strategy?, time?, key?}`.
 *
 * Who sends shows it by an operator's bearer token, or `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the raw body, or
 * (who can set no headers) an operator's API key as the body's `key`. A signed request names the trade date of every
 * signal, so that sent again, by whomever, it changes nothing: its signals are known.
 *
 * 202 `{accepted, duplicates, rejected}`; 422 with the same lists where every row was rejected. Without a trade date a
 * signal is for today until the cut-off, from then on for the next trading day; without a rank it is 1000. Of signals
 * with the same id the first stands. A run's signals are frozen when it opens: one that comes after that, or after the
 * cut-off, is kept on record and rejected as `too_late`; it is never moved to another day.
 */
export function signalRoutes(
  parts: HttpParts,
  { callerOfKey, strangers }: { callerOfKey: KeyLookup; strangers: Strangers },
): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();

  routes.post('/api/signals', async (c) => {
    const raw = Buffer.from(await c.req.arrayBuffer());
    const source = await sourceOf(c, raw);
    if (typeof source !== 'string') return source;
    const body = parsed(raw);
    const rows = body === undefined ? null : await rowsOf(body, parts, source);
    return rows ? answer(c, await received(parts, source, rows), rows) : problem(c, unreadable);
  });

  /** Who sent it, or the answer that turns it away. */
  async function sourceOf(c: Context<HttpEnv>, raw: Buffer): Promise<string | Response> {
    if (c.req.header('Authorization') !== undefined) {
      const no = await onlyOperators(c, async () => undefined);
      return no ?? c.get('caller').principal;
    }
    const signature = c.req.header('X-Signature');
    if (signature !== undefined) {
      const secrets = [parts.signalsSecret, parts.signalsSecretPrevious];
      const good = secrets.map((secret) => secret && signed(raw, secret));
      return isOneOf(signature.toLowerCase(), good) ? SIGNATURE : strangers.refuse(c, badSignature);
    }
    const key = member(parsed(raw), 'key');
    return typeof key === 'string' ? keySource(c, key) : strangers.refuse(c, nothingShown);
  }

  /** Of a key that stands in the body. */
  async function keySource(c: Context<HttpEnv>, key: string): Promise<string | Response> {
    const caller = await callerOfKey(key, strangers.isExhausted(c));
    if (!('role' in caller)) return strangers.refuse(c, caller);
    if (caller.role !== 'operator') return problem(c, usersKey);
    return caller.scope === 'trade' ? caller.principal : problem(c, readOnly);
  }

  return routes;
}

/** What `X-Signature` must be: the HMAC of the raw body. */
function signed(raw: Buffer, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(raw).digest('hex')}`;
}

/** The body's JSON; undefined where it is none. Whatever is odd in a row, its depth included, is that row's fault. */
function parsed(raw: Buffer): unknown {
  return parseJson(raw.toString('utf8'), Number.POSITIVE_INFINITY);
}

/** Every row of the request, read; null where it is neither a list of signals nor an alert. */
async function rowsOf(body: unknown, { world, settings }: HttpParts, source: string): Promise<ReadRow[] | null> {
  const { mode, cutOffTime } = settings;
  const overrides = await world.operatorDays();
  const day = { nowMs: world.clock.nowMs(), mode, cutOffTime, overrides, mustBeNamed: source === SIGNATURE };
  const list = member(body, 'signals');
  if (Array.isArray(list)) {
    return list.length >= 1 && list.length <= MOST_SIGNALS ? list.map((given) => readRow(given, day)) : null;
  }
  return list === undefined && member(body, 'action') !== undefined ? [readAlert(body, day)] : null;
}

async function received({ world }: HttpParts, source: string, rows: readonly ReadRow[]) {
  const { store, clock, tell } = world;
  const booked = await store.call('receive_signals', {
    requestId: randomUUID(),
    source: `http:${source}`,
    nowMs: clock.nowMs(),
    by: { who: source, how: 'http' },
    rows: rows.map((row, position) => {
      if ('signal' in row) return { ...row, position, problem: null };
      const { field, reason } = row.problem;
      const problem = field === null ? reason : `${field}: ${reason}`;
      return { position, payload: row.payload, signal: null, runId: null, problem };
    }),
  });
  const count = (outcome: string) => booked.filter((row) => row.outcome === outcome).length;
  const [accepted, duplicates, rejected] = [count('accepted'), count('duplicate'), count('rejected')];
  tell({ step: 'signals_received', source, accepted, duplicates, rejected });
  return booked;
}

function answer(c: Context<HttpEnv>, booked: Answer<'receive_signals'>, rows: readonly ReadRow[]): Response {
  const of = (outcome: string) => {
    return booked.flatMap(({ position, signalId, ...row }) => {
      return row.outcome === outcome ? [{ index: position, id: signalId }] : [];
    });
  };
  const accepted = of('accepted');
  const duplicates = of('duplicate');
  const rejected = of('rejected').map(({ index }) => ({ index, ...problemAt(rows[index]) }));
  const lists = { accepted, duplicates, rejected };
  if (accepted.length + duplicates.length > 0) return c.json(lists, 202);
  const detail = 'No signal of this request can be used: see rejected.';
  return problem(c, { status: 422, code: 'no_good_signal', detail, more: lists });
}

/** A row that could be read was rejected by the database, for one reason: its run is open. */
function problemAt(row: ReadRow | undefined): RowProblem {
  if (row && 'problem' in row) return row.problem;
  return { field: 'tradeDate', reason: 'too_late', value: row?.signal.tradeDate ?? null };
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name) ? Reflect.get(of, name) : undefined;
}

const unreadable: Problem = {
  status: 422,
  code: 'no_signals',
  detail: `Send JSON: {"signals": [1 to ${MOST_SIGNALS} signals]}, or one alert {"ticker": …, "action": …, "price": …}.`,
};
const nothingShown: Problem = {
  status: 401,
  code: 'unauthenticated',
  detail: 'Show who sends: an operator’s bearer key, an X-Signature of the body, or an operator’s "key" in the body.',
};
const badSignature: Problem = {
  status: 401,
  code: 'unauthenticated',
  detail: 'X-Signature is not sha256=<hex HMAC of the raw body> under the secret of this service.',
};
const usersKey: Problem = { status: 403, code: 'forbidden', detail: 'Only operators may do this.' };
