// The venue and notifier adapters that speak to the torture's venue over HTTP.
import { z } from 'zod';
import { defaultRate, type LookupOutcome, type SubmitOutcome, type Venue } from '../../src/ports/venue.ts';
import type { Notifier } from '../../src/ports/world.ts';
import { reportShape } from './book.ts';

/** Longer than a slow answer, shorter than a lease of 30 s at ten times the speed. */
const TIMEOUT_MS = 900;

type Answered =
  | { kind: 'answer'; status: number; body: unknown }
  | { kind: 'refused' }
  | { kind: 'no_answer'; reason: string };

/** One HTTP exchange; only a refused connection proves that nothing was heard. */
async function exchange(url: string, body?: unknown): Promise<Answered> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const init = body === undefined ? { signal } : { signal, method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(url, init);
    const text = await response.text();
    return { kind: 'answer', status: response.status, body: parsed(text) };
  } catch (error) {
    if (codeOf(error) === 'ECONNREFUSED') return { kind: 'refused' };
    return { kind: 'no_answer', reason: error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'reset' };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `fetch` hides the socket's error in its cause. */
function codeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause ? cause.code : null;
}

const ended = z.object({ status: z.literal('rejected'), message: z.string().nullable() });

/** Two a second of the day: sending takes long enough for strikes to hit it. */
const slowRate = { perSecond: 2, perMinute: 100, perDay: 100_000 };

/** The adapter of the torture's venue: proven not sent are a refused connection and a 429, nothing else. */
export function loopbackVenue(url: string): Venue {
  return {
    name: 'paper',
    capabilities: {
      refusesDuplicates: false,
      missIsProof: false,
      rates: { account: defaultRate, venue: slowRate },
      ratesCountLookups: true,
    },
    async submit({ clientOrderId, accountId, symbol, quantity, limitPriceMinor }): Promise<SubmitOutcome> {
      const answer = await exchange(`${url}/orders`, { clientOrderId, accountId, symbol, quantity, limitPriceMinor });
      if (answer.kind === 'refused') return { kind: 'not_sent', reason: 'connection_refused' };
      if (answer.kind === 'no_answer') return { kind: 'unknown', reason: answer.reason };
      if (answer.status === 429) return { kind: 'not_sent', reason: 'rate_limited' };
      if (answer.status !== 200) return { kind: 'unknown', reason: `http_${answer.status}` };
      const refused = ended.safeParse(answer.body);
      if (refused.success) return { kind: 'rejected', message: refused.data.message ?? 'no reason given' };
      const report = reportShape.safeParse(answer.body);
      if (!report.success) return { kind: 'unknown', reason: 'unreadable_answer' };
      return { kind: 'acknowledged', report: report.data };
    },
    async lookup({ clientOrderId }): Promise<LookupOutcome> {
      const answer = await exchange(`${url}/orders/${clientOrderId}`);
      if (answer.kind !== 'answer') return { kind: 'unreadable', reason: answer.kind };
      if (answer.status === 404) return { kind: 'missing' };
      const report = reportShape.safeParse(answer.body);
      return report.success
        ? { kind: 'found', report: report.data }
        : { kind: 'unreadable', reason: 'unreadable_answer' };
    },
  };
}

/** A messenger that may lose its answer, as a real one. */
export function loopbackNotifier(url: string): Notifier {
  return {
    name: 'loopback',
    async send({ messageId }) {
      const answer = await exchange(`${url}/messages`, { messageId });
      if (answer.kind === 'refused') return { kind: 'failed', reason: 'connection_refused' };
      if (answer.kind === 'no_answer') return { kind: 'unknown', reason: answer.reason };
      return answer.status === 200
        ? { kind: 'sent', providerId: null }
        : { kind: 'unknown', reason: `http_${answer.status}` };
    },
  };
}
