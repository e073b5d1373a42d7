// Finds out who sends signals: by key, login, address or signature.
import { createHash, createHmac } from 'node:crypto';
import type { Context } from 'hono';
import type { Caller, HttpDeps, Sender } from '../deps.ts';
import { type Problem, problem } from '../problem.ts';
import { type HttpEnv, readOnly, requireOperator, sameSecret } from './auth.ts';
import type { KeyLookup } from './key-lookup.ts';
import type { UnknownCallers } from './unknown-callers.ts';

/** How far a signed time may be from ours, either way. */
const SIGNED_WITHIN_MS = 5 * 60_000;
const SOURCE = /^[a-z0-9][a-z0-9-]{0,39}$/;

/** Who sends signals, as the request shows it. */
export interface SignalSender {
  /** What its signals are recorded under, behind `http:`. */
  source: string;
  /** The hint of the key it showed or signed with: the database asks it once more. null: the service's own secret. */
  apiKey: string | null;
  /** Most signals a day; null: none, or what the source of the key has. */
  perDay: number | null;
  /** Of a signed request: the same one sent again is answered as the first was, and leaves nothing. */
  requestId: string | null;
}

interface SenderDeps {
  callerOfKey: KeyLookup;
  unknownCallers: UnknownCallers;
}

/**
 * Gives who sends the signals of a request, or the answer that turns it away. It is shown in one of four ways:
 * - `Authorization: Bearer` with an operator's key or login, or a key of a source;
 * - a key of a source as the last part of the address: for senders that can choose nothing else;
 * - `X-Timestamp` (seconds since 1970) and `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the timestamp, a full stop and
 *   the raw body. With `X-Source: NAME` its key is the SHA-256 of a key of that source, in hex; without, SIGNALS_SECRET;
 * - a key of a source, or an operator's, as the body's `key`.
 */
export function senderReader(deps: HttpDeps, { callerOfKey, unknownCallers }: SenderDeps) {
  /** Of a key that stands in the body or the address, where only a source's may stand. */
  const byKey = async (c: Context<HttpEnv>, key: string, isAddress: boolean): Promise<SignalSender | Response> => {
    const caller = await callerOfKey(key, unknownCallers.isExhausted(c));
    if (!('role' in caller)) return unknownCallers.refuse(c, caller);
    if (caller.role === 'signals') return ofSource(caller);
    if (isAddress) return problem(c, notInAddresses);
    if (caller.role !== 'operator') return problem(c, usersKey);
    return caller.scope === 'trade' ? ofOperator(caller) : problem(c, readOnly);
  };
  return async (c: Context<HttpEnv>, raw: Buffer, keyInBody: unknown): Promise<SignalSender | Response> => {
    const inAddress = c.req.param('key');
    if (inAddress !== undefined) return byKey(c, inAddress, true);
    if (c.req.header('Authorization') !== undefined) return byToken(c);
    const signature = c.req.header('X-Signature');
    if (signature !== undefined) {
      const signer = await signerOf(deps, c, raw, signature.toLowerCase());
      return 'source' in signer ? signer : unknownCallers.refuse(c, signer);
    }
    return typeof keyInBody === 'string' ? byKey(c, keyInBody, false) : unknownCallers.refuse(c, nothingShown);
  };
}

async function byToken(c: Context<HttpEnv>): Promise<SignalSender | Response> {
  const identity = c.get('identity');
  if (identity.kind === 'caller' && identity.caller.role === 'signals') return ofSource(identity.caller);
  const rejected = await requireOperator(c, async () => undefined);
  return rejected ?? ofOperator(c.get('caller'));
}

function ofSource({ source, apiKey }: Sender): SignalSender {
  return { source: `source:${source}`, apiKey, perDay: null, requestId: null };
}

function ofOperator({ principal, apiKey }: Caller): SignalSender {
  return { source: principal, apiKey, perDay: null, requestId: null };
}

/** Whose signature it is, or what is wrong with it. */
async function signerOf(
  { world, signalsSecret, signalsSecretPrevious = null, signalsPerDay }: HttpDeps,
  c: Context<HttpEnv>,
  raw: Buffer,
  signature: string,
): Promise<SignalSender | Problem> {
  const timestamp = c.req.header('X-Timestamp') ?? '';
  if (!/^\d{10}$/.test(timestamp)) return noTimestamp;
  const name = c.req.header('X-Source');
  if (name !== undefined && !SOURCE.test(name)) return badSignature;
  // Asked of the database only for a name that may be one; a signature under any other secret fits none of its keys.
  const keys = name === undefined ? [] : await world.store.call('find_source_keys', { name });
  const secrets =
    name === undefined
      ? [signalsSecret, signalsSecretPrevious].map((secret) => ({ apiKey: null, secret }))
      : keys.map(({ hint, hash }) => ({ apiKey: hint, secret: hash }));
  const signer = secrets.find(({ secret }) => secret !== null && sameSecret(signature, signed(timestamp, raw, secret)));
  if (!signer) return badSignature;
  if (Math.abs(world.clock.nowMs() - Number(timestamp) * 1000) > SIGNED_WITHIN_MS) return staleSignature;
  const source = name === undefined ? 'signature' : `source:${name}`;
  const requestId = uuidOf(`${source} ${signature}`);
  return { source, apiKey: signer.apiKey, perDay: name === undefined ? signalsPerDay : null, requestId };
}

/** What `X-Signature` must be. */
function signed(timestamp: string, raw: Buffer, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.`).update(raw).digest('hex')}`;
}

/** The same text is the same id. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text, 'utf8').digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

const nothingShown: Problem = {
  status: 401,
  code: 'unauthenticated',
  detail:
    'Show who sends: a bearer key of a source or an operator, X-Timestamp and X-Signature, a "key" in the body, or the ' +
    'address of a source.',
};
const noTimestamp: Problem = {
  status: 401,
  code: 'unauthenticated',
  detail:
    'A signed request needs X-Timestamp, the seconds since 1970 (10 digits), and signs them: X-Signature is ' +
    'sha256=<hex HMAC of the timestamp, a full stop and the raw body>.',
};
const badSignature: Problem = {
  status: 401,
  code: 'unauthenticated',
  detail:
    'X-Signature is not sha256=<hex HMAC of X-Timestamp, a full stop and the raw body> under the secret of this service ' +
    '(with X-Source: under the SHA-256, in hex, of a key of that source).',
};
const staleSignature: Problem = {
  status: 401,
  code: 'signature_out_of_time',
  detail: 'X-Timestamp is more than five minutes from the time here: sign each request anew, by a clock that is set.',
};
const usersKey: Problem = { status: 403, code: 'forbidden', detail: 'Only operators and sources may do this.' };
const notInAddresses: Problem = {
  status: 403,
  code: 'forbidden',
  detail:
    'In an address only the key of a source may stand (npm run apikey -- create --role signals): revoke this one.',
};
