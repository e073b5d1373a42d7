// The texts the demo prints.
import { signalOfRequest } from '../../domain/decision/single-order.ts';
import { clientOrderIdOf } from '../../domain/ids.ts';
import { istDate, istTime } from '../../domain/market/india-time.ts';
import type { Mode } from '../../domain/types.ts';
import type { MessageToSend } from '../../ports/world.ts';

/** What a person is shown when the demo has started. */
export interface DemoFacts {
  address: string;
  database: string;
  nowMs: number;
  date: string;
  /** Until then, a time in India, the clock goes `faster` times as fast. */
  scan: string;
  faster: number;
  mode: Mode;
  operatorKey: string;
  userKey: string;
  /** Whose the user key is. */
  userId: string;
  /** The idempotency key of the order to try. */
  orderKey: string;
}

const sampleOrder = { symbol: 'ICICIBANK', side: 'SELL', quantity: 10 } as const;

/** Where the demo is, with which keys, what to open, and three lines to paste. */
export function demoText(facts: DemoFacts): string {
  const { address, database, nowMs, date, scan, faster, operatorKey, userKey, userId } = facts;
  const pace = istTime(nowMs) < scan ? `, ${faster} times as fast until the scan at ${scan}, then as usual` : '';
  return `
daily-scan demo: everything in it is simulated. The prices are the real ones of ${date}, the users are made up, the
venue is the simulated one ("paper"), and messages are printed here and sent to nobody.

Address       ${address} (reached from this machine only)
Clock         ${date} ${istTime(nowMs)} IST${pace}
Database      ${database}
Operator key  ${operatorKey}
User key      ${userKey} (${userId})

Open
  ${address}/health
  ${address}/ready
  curl -s -H 'Authorization: Bearer ${operatorKey}' ${address}/metrics

Try: place an order, watch it, list all there are
${tries(facts)
  .map((line) => `  ${line}`)
  .join('\n')}

Ctrl-C stops it. npm run demo goes on from there; npm run demo -- --fresh starts over at 09:15.
`;
}

/** Three commands of one line each. The order's id is known before it is placed: it derives from who asks for what. */
function tries({ address, operatorKey, userKey, userId, orderKey, date, nowMs, mode }: DemoFacts): string[] {
  const { symbol, side, quantity } = sampleOrder;
  const order = { userId, exchange: 'NSE', symbol, side, quantity, limitPriceMinor: null };
  const requester = { principal: `user:${userId}`, key: orderKey };
  const signal = signalOfRequest(requester, order, { date, quote: null, nowMs });
  const orderId = clientOrderIdOf(mode, 'paper', userId, signal.id);
  const orders = `${address}/api/trading/orders`;
  const bearer = (key: string) => `-H 'Authorization: Bearer ${key}'`;
  const json = "-H 'Content-Type: application/json'";
  return [
    `curl -s -X POST ${orders} ${bearer(userKey)} -H 'Idempotency-Key: ${orderKey}' ${json} -d '${JSON.stringify(sampleOrder)}'`,
    `curl -sN ${orders}/${orderId}/stream ${bearer(userKey)}`,
    `curl -s '${orders}?limit=5' ${bearer(operatorKey)}`,
  ];
}

/** The session has ended there: what that means, and what to do. */
export function sessionOverText(nowMs: number): string {
  return (
    `The demo's session is over: it is ${istTime(nowMs)} on ${istDate(nowMs)} there, and orders are refused ("too_late").\n` +
    'To start over at 09:15: Ctrl-C, then npm run demo -- --fresh'
  );
}

/** A message as its reader would have it. */
export function printedMessage({ userName, text }: Pick<MessageToSend, 'userName' | 'text'>): string {
  return `── message to ${userName}: printed, not sent ──\n${text}\n`;
}
