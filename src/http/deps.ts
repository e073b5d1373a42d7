// What the HTTP routes are built with, and who may call them.
import type { UpgradeWebSocket } from 'hono/ws';
import type { Actor } from '../domain/actions.ts';
import type { RunLimits } from '../domain/decision/inputs.ts';
import { type Market, type Mic, markets } from '../domain/market/market.ts';
import type { VenueWebhook } from '../ports/vault.ts';
import type { World } from '../ports/world.ts';
import type { RunRequest } from '../stages/scan/request.ts';
import { stoppedWithin } from '../stages/until-stopped.ts';
import type { ProxyTrust } from './callers/addresses.ts';
import type { Metrics } from './metrics/registry.ts';
import type { Changes } from './streams/order-hub.ts';

/** What the token of a caller may do, and which API key it is. */
interface TokenRights {
  principal: string;
  /** `read`: whatever changes or places something is refused. */
  scope: 'read' | 'trade';
  /** The hint of the API key; null: a login. */
  apiKey: string | null;
}

/** Who is asking. Operators act for everybody; a user sees and places only what is their own. */
export type Caller = TokenRights & ({ role: 'operator'; userId: null } | { role: 'user'; userId: string });

/** Who asks, for the log of operator actions. */
export function actorOf({ principal }: Pick<Caller, 'principal'>): Actor {
  return { who: principal, how: 'http' };
}

/** A key of a source of signals: it may send them, and do nothing else. */
export interface Sender {
  role: 'signals';
  principal: string;
  apiKey: string;
  /** The source's name. */
  source: string;
}

/** Why a request is not let in: an HTTP status and our code for it, as problem JSON says them. */
export interface AuthProblem {
  status: 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 503;
  code: string;
  detail: string;
}

/** What the routes work with, built once per process. */
export interface HttpDeps {
  world: World;
  /** The same settings a scan from the command line has. */
  settings: Pick<RunRequest, 'mode' | 'market' | 'cutOffTime' | 'limits' | 'concurrency' | 'inline'> & {
    /** The limits of each market, in its currency; left out: `limits` are everybody's. */
    limitsOf?: (market: Market) => RunLimits;
  };
  /** The markets that are scanned; left out: the one that is meant where none is named. */
  markets?: readonly Market[];
  /** Cut-offs that are set, by market; left out: as each market's slot says. */
  cutOffTimes?: ReadonlyMap<Mic, string>;
  cronSecret: string;
  /** While it is changed: the one of before is taken too. */
  cronSecretPrevious?: string | null;
  /** For `POST /api/signals` signed with HMAC; null: only bearer keys may send signals. */
  signalsSecret: string | null;
  signalsSecretPrevious?: string | null;
  /** Most signals a day that are taken under `signalsSecret`. */
  signalsPerDay: number;
  /** Gives the claims of a valid Supabase JWT; null for one that is not. Not set: no JWT is accepted. */
  verifyJwt: ((token: string) => Promise<{ sub: string; role: string | null; aal: string | null } | null>) | null;
  /** What an operator's login must have shown (`aal` of its JWT): aal2 is a second factor. */
  operatorAal: 'aal1' | 'aal2';
  /** Signs the state of logins at venues; null: there are none. */
  loginKey: Buffer | null;
  /** The venues that push here what became of orders, traded or not. */
  webhooks: readonly VenueWebhook[];
  /** Who is believed about a client's address. */
  trust: ProxyTrust;
  /** How long one request may work before it hands back what is not sent. */
  deadlineMs: number;
  /** Aborts when this process is to end: what is under way then hands back what is not sent. */
  stop: AbortSignal;
  /** Work that goes on after the answer: the platform's `waitUntil`, or the process's own. */
  later: (work: Promise<unknown>) => void;
  /** Wakes the worker of this process, where it has one. */
  wake: () => void;
  /** Says when statuses of orders may have changed. */
  changes: Changes;
  /** Of the server this runs on; null where there is none that could (Vercel). */
  upgradeWebSocket: UpgradeWebSocket | null;
  /** After this a stream is closed for its client to come back; null: it stays open until its order has ended. */
  maxStreamMs: number | null;
  /** Must also be registered as an event sink. */
  metrics: Metrics;
  /** The versions of the migrations this code was written for. */
  migrations: readonly string[];
}

/** When a market's new decisions end, `HH:MM:SS` in its zone. */
export function cutOffIn(
  { settings, cutOffTimes }: Pick<HttpDeps, 'settings' | 'cutOffTimes'>,
  market: Market,
): string {
  if (market === (settings.market ?? markets[0])) return settings.cutOffTime;
  return cutOffTimes?.get(market.mic) ?? `${market.slots.open.cutOff}:00`;
}

/** Until when work that begins now may go on: its deadline, or the end of this process. */
export function untilDeadline({ stop, deadlineMs }: Pick<HttpDeps, 'stop' | 'deadlineMs'>): AbortSignal {
  return stoppedWithin(deadlineMs, stop);
}
