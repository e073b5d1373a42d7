// Writes the reference of the HTTP routes from the app's own routes.
import { type Route, routes } from '../../test/http/routes.ts';
import { markdownTable } from './markdown.ts';

/** What each route does. A test refuses one that is missing here, or here and not in the service. */
export const routeTexts: Readonly<Record<string, string>> = {
  'GET /health': 'the process is alive; no database is asked',
  'GET /ready':
    '200 with the next session, or 503 with named `problems`, unless a database call goes through, schema and calendar are there, no order is stuck with a sender that is gone, and changes are heard',
  'GET /metrics': 'Prometheus text',
  'GET /api/log': 'who did what, the newest first; `userId`, `action`, `since`, `limit`, `cursor`',
  'GET /api/cron/daily-scan':
    'opens, resumes or closes the run of the session the clock is in; the RunReport with empty lists (`truncated`)',
  'GET /api/cron/order-worker':
    'sends at most `limit` orders (25, at most 1,000), looks up, notifies, finishes runs: `{sent, lookedUp, messages, finished, left}`',
  'GET /api/cron/ready': 'the readiness check of all live accounts; lists those that are not ready',
  'GET /api/cron/sync':
    'the evening: the books against themselves (`brokenBooks`) and against the venues’, and the deletion of old rows; `complete: false` where time was up',
  'POST /api/signals': 'signals, as a list or as one TradingView alert; also by a source’s key or signature (below)',
  'POST /api/signals/:key': 'the same by the secret address of a source, such as ChartInk’s webhook (below)',
  'POST /api/webhooks/twilio': 'what became of messages, and what users write; only with Twilio’s signature',
  'POST /api/webhooks/kite':
    'Kite’s postback; only with Kite’s checksum. It causes a lookup of the order, nothing else',
  'GET /api/venues/:venue/login': 'where a user comes back from a venue’s login; only with a state this service signed',
  'POST /api/trading/orders':
    'one order through the same rules and accept as a scan: 202 before any venue is called (below)',
  'GET /api/trading/orders': 'orders, with filters and a cursor',
  'GET /api/trading/orders/:id': 'one order with its history, by id or client order id',
  'GET /api/trading/orders/:id/stream': 'its status changes, live: SSE (`Last-Event-ID`) or WebSocket',
};

function whoOf({ open, byAddress }: Route): string {
  if (byAddress) return 'a source of signals, by the address';
  return open === 'everybody' ? 'without a key' : open.join(', ');
}

/** Every route of the service and whom it is open to. */
export function routesText(): string {
  const rows = routes.map((one) => [`\`${one.route}\``, whoOf(one), routeTexts[one.route] ?? '']);
  return markdownTable(['route', 'for', 'what'], rows);
}
