// The hostile case's callers that make trouble, as a process of their own.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { listen, say } from '../child-process.ts';

/** How often a second each is asked, whatever the service does. */
const paces = { noisy: 50, badKeys: 50, kite: 25, twilio: 25, twilioBig: 5, signals: 20, lists: 10, halves: 5 };
const WITHIN_MS = 30_000;

const inputSchema = z.object({ address: z.string(), noisyKey: z.string(), operatorKeys: z.array(z.string()) });

interface RequestToSend {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * Every caller that makes trouble, in a process of their own: one client that asks without end, unknown callers at the
 * webhooks and with keys that do not exist, half uploads, and operators who ask for lists. Says what was answered: how often which status.
 */
export async function hostileCallersPart(input: unknown): Promise<void> {
  const { address, noisyKey, operatorKeys } = inputSchema.parse(input);
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  let answers = new Map<string, number>();
  const count = (what: string): void => void answers.set(what, (answers.get(what) ?? 0) + 1);
  let on = false;
  const underWay = new Set<Promise<void>>();
  const sendForever = async (who: keyof typeof paces, next: () => RequestToSend): Promise<void> => {
    for (;;) {
      await pause(1000 / paces[who]);
      if (!on) continue;
      const answered = ask(agent, address, next())
        .then((status) => count(`${who} ${status}`))
        .finally(() => underWay.delete(answered));
      underWay.add(answered);
    }
  };
  let turn = 0;
  const operator = (): string => {
    turn += 1;
    return operatorKeys[turn % operatorKeys.length] ?? '';
  };
  const loops: Record<keyof typeof paces, () => RequestToSend> = {
    noisy: () => order(noisyKey),
    badKeys: () => order(`dsk_${randomUUID().replaceAll('-', '')}`),
    kite: () => ({ method: 'POST', path: '/api/webhooks/kite', body: '{"order_id":"1\\u0000","tag":"a"}' }),
    twilio: () => ({ ...form, body: 'MessageSid=SM1&MessageStatus=delivered' }),
    twilioBig: () => ({ ...form, body: 'a=&'.repeat(21_000) }),
    signals: () => ({ method: 'POST', path: '/api/signals', body: '[{"constructor":1,"__proto__":2}]' }),
    lists: () => ({ method: 'GET', path: '/api/trading/orders?limit=200', headers: bearer(operator()) }),
    halves: () => ({ ...form, headers: { ...form.headers, 'Content-Length': '60000' }, body: 'a=' }),
  };
  for (const who of Object.keys(paces) as (keyof typeof paces)[]) void sendForever(who, loops[who]);
  listen(async (message) => {
    on = z.object({ on: z.boolean() }).parse(message).on;
    if (on) return;
    await Promise.all(underWay);
    say(Object.fromEntries(answers));
    answers = new Map();
  });
  say({ ready: true });
}

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` });

const form = {
  method: 'POST',
  path: '/api/webhooks/twilio',
  headers: {
    'Content-Type': 'application/x-www-form-urlencoded',
    'X-Twilio-Signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  },
} as const;

function order(key: string): RequestToSend {
  const headers = { ...bearer(key), 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() };
  return { method: 'POST', path: '/api/trading/orders', headers, body: '{"symbol":"S1","side":"BUY","quantity":1}' };
}

/** Its status; `none`: no answer came; `broken off`: we hung up in the middle, and want none. */
function ask(agent: Agent, address: string, { method, path, headers = {}, body = '' }: RequestToSend): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const isHalf = Number(headers['Content-Length'] ?? 0) > body.length;
  const outgoing = request(`${address}${path}`, { method, headers, agent, timeout: WITHIN_MS }, (response) => {
    response.resume();
    response.on('end', () => resolve(String(response.statusCode)));
    response.on('error', () => resolve('none'));
  });
  outgoing.on('timeout', () => outgoing.destroy());
  outgoing.on('error', () => resolve(isHalf ? 'broken off' : 'none'));
  if (!isHalf) outgoing.end(body);
  else outgoing.write(body, () => setTimeout(() => outgoing.destroy(), 100));
  return promise;
}
