// Reads which markets the schedule scans, and their cut-offs: MARKETS, SCAN_CUTOFF.
import { z } from 'zod';
import { type Market, type Mic, marketOf, markets, xnse } from '../domain/market/market.ts';
import { cutOffRule, parseCutOff } from '../domain/market/session.ts';
import { cut } from '../domain/text/text.ts';

/** `09:35` (the NSE's), and for other markets `XNYS=09:50`, with commas between. */
export const cutOffs = z.string().transform((text, context): ReadonlyMap<Mic, string> => {
  const times = new Map<Mic, string>();
  for (const part of text.split(/, */)) {
    const [, code, time = ''] = /^(?:([^=]*)=)?(.*)$/.exec(part) ?? [];
    const fault = setCutOff(times, code, time);
    if (fault !== null) {
      context.addIssue({ code: 'custom', message: fault });
      return z.NEVER;
    }
  }
  return times;
});

function setCutOff(times: Map<Mic, string>, code: string | undefined, text: string): string | null {
  const found = code === undefined ? ({ kind: 'market', market: xnse } as const) : marketOf(code);
  if (found.kind === 'unknown_market') return found.message;
  const { market } = found;
  const time = parseCutOff(market, text);
  if (time === null) return `must be ${cutOffRule(market)}, such as ${market.slots.open.cutOff}`;
  if (times.has(market.mic)) return `names the cut-off of ${market.mic} twice`;
  times.set(market.mic, time);
  return null;
}

/** When a market's new decisions end: as it is set, else as the market's slot says. `HH:MM:SS` in its zone. */
export function cutOffIn({ cutOffTimes }: { cutOffTimes: ReadonlyMap<Mic, string> }, market: Market): string {
  return cutOffTimes.get(market.mic) ?? `${market.slots.open.cutOff}:00`;
}

/** The markets the schedule scans: codes with commas between. One no run is made in is refused with why. */
export const scheduledMarkets = z.string().transform((text, context): readonly Market[] => {
  const codes = text.split(',').map((code) => code.trim());
  const found = codes.map(marketOf);
  const chosen = found.flatMap((one) => (one.kind === 'market' ? [one.market] : []));
  const unknown = found.flatMap((one) => (one.kind === 'unknown_market' ? [notScanned(one.code)] : []));
  const idle = chosen.flatMap(({ mic, notTraded }) => (notTraded === null ? [] : [`can not be ${mic}: ${notTraded}`]));
  const [fault] = [...unknown, ...idle];
  if (fault === undefined) return [...new Set(chosen)];
  context.addIssue({ code: 'custom', message: fault });
  return z.NEVER;
});

const scannedCodes = markets
  .filter(({ notTraded }) => notTraded === null)
  .flatMap(({ mic, exchanges: [code] }) => [mic, code]);

function notScanned(code: string): string {
  return `must be markets that runs are made in (${scannedCodes.join(' or ')}) with commas between, not: "${cut(code, 80)}"`;
}
