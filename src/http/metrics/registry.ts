// The counters and gauges of the metrics, filled from events and from the database.
import { Counter, collectDefaultMetrics, Gauge, Histogram, type PrometheusContentType, Registry } from 'prom-client';
import { type Emit, isAlert } from '../../ports/events/events.ts';
import type { Gauges } from '../../ports/store/watch.ts';

/**
 * Prometheus metrics of one process. What passes (calls, requests, stages) is counted from the events it gets; what
 * stands (orders, queue, messages) is read from the database at each scrape, so that it is right after a restart and the
 * same in every process. Labels are terms of ours, venues and symbols: never a user, never free text.
 */
export interface Metrics {
  emit: Emit;
  /** The text format, with what stands now; null: the database did not say, and its gauges are left out. */
  text(gauges: Gauges | null, nowMs: number): Promise<string>;
  contentType: PrometheusContentType;
}

/** The counters and gauges themselves, and Node's own of this process. */
export function makeRegistry(): Pick<Metrics, 'emit' | 'text'> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'daily_scan_' });
  const show = makeGauges(registry);
  return {
    emit: metricsSink(registry),
    text(gauges, nowMs) {
      show(gauges, nowMs);
      return registry.metrics();
    },
  };
}

const QUICK_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STAGE_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Counts events; one it does not know costs nothing. */
function metricsSink(registry: Registry): Emit {
  const registers = [registry];
  const [venue, stage, http] = [
    histogram('venue_seconds', 'Calls of venues by what came of them.', ['venue', 'call', 'outcome'], QUICK_SECONDS),
    histogram('stage_seconds', 'Stages of a run in this process.', ['stage'], STAGE_SECONDS),
    histogram('http_seconds', 'HTTP requests by route.', ['method', 'route', 'status'], QUICK_SECONDS),
  ];
  const breakers = counter('breakers_opened_total', 'How often a failing fan-out was stopped.', []);
  const messages = counter('messages_settled_total', 'Messages by what came of them.', ['outcome']);
  const connectionsRefused = counter('connections_refused_total', 'Connections closed before a request was whole.', [
    'why',
  ]);
  const brokenOff = counter('uploads_broken_off_total', 'Requests that the other end broke off.', []);
  const alerts = counter('alerts_total', 'Alerts, by event.', ['event']);

  function histogram(name: string, help: string, labelNames: string[], buckets: number[]) {
    return new Histogram({ name: `daily_scan_${name}`, help, labelNames, buckets, registers });
  }
  function counter(name: string, help: string, labelNames: string[]) {
    return new Counter({ name: `daily_scan_${name}`, help, labelNames, registers });
  }
  return (event) => {
    if (isAlert(event)) alerts.inc({ event: event.type });
    switch (event.type) {
      case 'order_settled':
        return observe(venue, { venue: event.venue, call: 'submit', outcome: event.outcome }, event.ms);
      case 'order_looked_up':
        return observe(venue, { venue: event.venue, call: 'lookup', outcome: event.found }, event.ms);
      case 'stage_done':
        return observe(stage, { stage: event.stage }, event.ms);
      case 'http': {
        const { method, route, status, ms } = event;
        return observe(http, { method, route, status: String(status) }, ms);
      }
      case 'breaker_opened':
        return breakers.inc();
      case 'connection_refused':
        return connectionsRefused.inc(labels({ why: event.why }));
      case 'upload_aborted':
        return brokenOff.inc();
      case 'message_settled':
        return messages.inc(labels({ outcome: event.outcome }));
    }
  };
}

function observe(into: Histogram, of: Record<string, string>, ms: number | undefined): void {
  if (ms !== undefined) into.observe(labels(of), ms / 1000);
}

function labels(of: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, labelValue(value)]));
}

/** A label's value: a word or a route of ours, or `other`. */
function labelValue(value: string): string {
  return /^[\w/:*-]{1,64}$/.test(value) ? value : 'other';
}

/** The gauges of what stands in the database. */
function makeGauges(registry: Registry): (gauges: Gauges | null, nowMs: number) => void {
  const all: Gauge[] = [];
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge => {
    const made = new Gauge({ name: `daily_scan_${name}`, help, labelNames, registers: [registry] });
    all.push(made);
    return made;
  };
  const answered = gauge('database_up', '1: the database answered this scrape.');
  const orders = gauge('orders', 'Orders of today’s runs.', ['mode', 'venue', 'status', 'reason', 'market']);
  const messages = gauge('messages', 'Messages of today’s runs.', ['mode', 'status', 'market']);
  const runs = gauge('runs', 'Today’s runs.', ['slot', 'mode', 'state', 'market']);
  const took = gauge('run_seconds', 'How long today’s runs took, by part.', ['slot', 'mode', 'part', 'market']);
  const spread = gauge('price_spread_pct', 'Average price, dearest over cheapest user.', [
    'mode',
    'symbol',
    'side',
    'market',
  ]);
  const plain: [Gauge, (gauges: Gauges, nowMs: number) => number][] = [
    [gauge('queue_orders', 'Orders waiting to be sent.'), ({ queued }) => queued.count],
    [gauge('queue_age_seconds', 'Age of the oldest of them.'), ({ queued }, nowMs) => age(queued.oldestAtMs, nowMs)],
    [gauge('orders_unknown', 'Orders nobody knows the end of.'), ({ unknownOrders }) => unknownOrders],
    [gauge('orders_need_person', 'Those not looked up any more.'), ({ leftToAPerson }) => leftToAPerson],
    [gauge('messages_waiting', 'Messages not sent yet.'), ({ messagesWaiting }) => messagesWaiting.count],
    [
      gauge('messages_overdue_seconds', 'How long the oldest of them is due.'),
      ({ messagesWaiting }, nowMs) => age(messagesWaiting.oldestDueAtMs, nowMs),
    ],
    [gauge('accounts_blocked', 'Accounts that may not open anything new.'), ({ blockedAccounts }) => blockedAccounts],
    [gauge('halts', 'Halts that stand.'), ({ halts }) => halts],
  ];
  const fill = ({ orders: rows, messages: sent, runs: today, spreads }: Gauges): void => {
    for (const { count, ...of } of rows) orders.set(of, count);
    for (const { count, ...of } of sent) messages.set(of, count);
    for (const { market, slot, mode, state, ...parts } of today) {
      runs.inc({ slot, mode, state, market });
      for (const [part, ms] of Object.entries(parts)) {
        if (ms !== null) took.set({ slot, mode, part: part.replace(/Ms$/, ''), market }, ms / 1000);
      }
    }
    for (const { lowestMilli, highestMilli, ...of } of spreads) {
      spread.set(of, ((highestMilli - lowestMilli) / lowestMilli) * 100);
    }
  };
  return (gauges, nowMs) => {
    for (const one of all) one.reset();
    answered.set(gauges ? 1 : 0);
    // A gauge without labels is 0 when reset, and not read is not 0.
    for (const [one, value] of plain) one.set(gauges ? value(gauges, nowMs) : Number.NaN);
    if (gauges) fill(gauges);
  };
}

function age(sinceMs: number | null, nowMs: number): number {
  return sinceMs === null ? 0 : Math.max(nowMs - sinceMs, 0) / 1000;
}
