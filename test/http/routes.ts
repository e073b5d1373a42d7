/** Whom a request may be from, by what it shows. */
export type Who =
  | 'nobody'
  | 'a wrong key'
  | 'a revoked key'
  | 'a wrong login'
  | 'a login of nobody'
  | 'a user'
  | 'an operator'
  | 'the scheduler';

export interface Route {
  /** As the app has it: `GET /api/trading/orders/:id`. A new route fails a test until it is here. */
  route: string;
  /** What to ask for; default: the route itself. */
  path?: string;
  body?: unknown;
  /** Who may call it. Everybody else is answered 401, or 403 where their key is good but not for this. */
  open: 'everybody' | Who[];
  /** Whatever token comes with it: the address alone says who it is from. */
  byAddress?: boolean;
}

const order = { symbol: 'TITAN', side: 'BUY' };
const everyone: Who[] = ['a user', 'an operator'];

/** Every route of the service, and whom it is open to. */
export const routes: Route[] = [
  { route: 'GET /health', open: 'everybody' },
  { route: 'GET /ready', open: 'everybody' },
  { route: 'GET /metrics', open: ['an operator', 'the scheduler'] },
  { route: 'GET /api/log', open: ['an operator'] },
  { route: 'GET /api/cron/daily-scan', open: ['the scheduler'] },
  { route: 'GET /api/cron/order-worker', open: ['the scheduler'] },
  { route: 'GET /api/cron/ready', open: ['the scheduler'] },
  { route: 'GET /api/cron/sync', open: ['the scheduler'] },
  { route: 'POST /api/signals', body: { signals: [] }, open: ['an operator'] },
  // By the key of a source in the address: its own tests show whom it turns away.
  { route: 'POST /api/signals/:key', path: '/api/signals/none', body: {}, open: [], byAddress: true },
  // By Twilio's signature and nothing else: its own tests show whom it turns away.
  { route: 'POST /api/webhooks/twilio', open: 'everybody' },
  // By Kite's checksum, and by a state we signed: their own tests show whom they turn away.
  { route: 'POST /api/webhooks/kite', open: 'everybody' },
  { route: 'GET /api/venues/:venue/login', path: '/api/venues/lemonn/login', open: 'everybody' },
  { route: 'POST /api/trading/orders', body: order, open: everyone },
  { route: 'GET /api/trading/orders', open: everyone },
  { route: 'GET /api/trading/orders/:id', path: '/api/trading/orders/999', open: everyone },
  { route: 'GET /api/trading/orders/:id/stream', path: '/api/trading/orders/999/stream', open: everyone },
];
