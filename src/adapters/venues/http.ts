// One request over HTTP to a venue: sent once, bounded in time and size, and never a thrown error.
import { z } from 'zod';
import { parseJson } from '../../domain/text/json.ts';
import { hidden } from '../../domain/text/secrets.ts';
import type { OrderToStart } from '../../ports/venue.ts';
import type { Clock } from '../../ports/world.ts';

/** The way out to a venue; a promise where finding it takes a while. One that is refused says that nothing left. */
export type WayOut = typeof fetch | Promise<typeof fetch>;

/** Whether a request may still leave now; asked when there is nothing left to wait for. */
export type MayLeave = () => boolean;

/** Until the moment by which an order must be on its way. */
export function inTime(clock: Clock, { startBeforeMs }: OrderToStart): MayLeave {
  return () => clock.nowMs() < startBeforeMs;
}

/** One request to a venue. All of it may hold secrets: they go onto the wire and nowhere else. */
export interface Request {
  method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH';
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The headers that let an account in: what an answer repeats of them is taken out of it. */
  secretHeaders?: Readonly<Record<string, string>>;
  body?: string;
}

/**
 * What came of one request. `json` is undefined where the text is none. `not_sent`: proven that not a byte of it reached
 * the venue; `silent`: it may have, and nothing readable came back. Reasons are short codes.
 */
export type HttpReply = { kind: 'answered'; status: number; text: string; json: unknown };
export type SendResult = HttpReply | { kind: 'not_sent'; reason: string } | { kind: 'silent'; reason: string };

/** Says one thing to a venue, once, and reads the whole answer. Never throws; redirects are not followed. */
export async function sendOnce(
  wayOut: WayOut,
  request: Request,
  timeoutMs: number,
  mayLeave: MayLeave = () => true,
): Promise<SendResult> {
  const { url, method, body, secretHeaders = {} } = request;
  const headers = { ...request.headers, ...secretHeaders };
  try {
    const fetcher = await wayOut;
    if (!mayLeave()) return { kind: 'not_sent', reason: 'too_late_to_start' };
    const signal = AbortSignal.timeout(timeoutMs);
    const sent = body === undefined ? { headers } : oneTimeBody(headers, body);
    const answer = await fetcher(url, { method, ...sent, signal, redirect: 'manual' });
    const read = await textOf(answer);
    if (read === null) return { kind: 'silent', reason: 'answer_too_large' };
    const text = withoutSecrets(read, secretHeaders);
    return { kind: 'answered', status: answer.status, text, json: parseJson(text) };
  } catch (error) {
    const neverConnected = connectFailure(error);
    if (neverConnected !== null) return { kind: 'not_sent', reason: `not_connected: ${neverConnected}` };
    return { kind: 'silent', reason: timedOut(error) ? 'timeout' : 'connection_lost' };
  }
}

/**
 * A body that can be read once only. fetch is bound by its standard to send a request again after a 421 if it still has
 * the body: two orders for one call (seen with Node 24). A stream it can't send again.
 */
function oneTimeBody(headers: Request['headers'], body: string): RequestInit {
  const bytes = new TextEncoder().encode(body);
  const length = { 'content-length': String(bytes.byteLength) };
  return { headers: { ...headers, ...length }, body: new Blob([bytes]).stream(), duplex: 'half' };
}

/** No answer of a venue comes near it: a day of 10,000 orders is about a third. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** The body of an answer as text, counted while it comes, unpacked; null: it is larger than any answer may be. */
async function textOf(answer: Response): Promise<string | null> {
  const decoder = new TextDecoder();
  const chunks: string[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop ends the connection: the rest is not waited for.
    if (bytes > MAX_ANSWER_BYTES) return null;
    chunks.push(decoder.decode(chunk, { stream: true }));
  }
  return chunks.join('') + decoder.decode();
}

const MIN_SECRET_LENGTH = 6;

/** An answer that repeats what the request was let in by is read without it: its text may be stored and shown. */
function withoutSecrets(text: string, secretHeaders: Request['headers']): string {
  const values = Object.values(secretHeaders).flatMap((value) => value.split(/[\s:]+/));
  const secrets = values.filter((one) => one.length >= MIN_SECRET_LENGTH);
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, hidden), text);
}

function timedOut(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

const failure = z.object({ code: z.string(), syscall: z.string().optional() });

/**
 * The code of a failure before any connection stood: of the name, or of every address that was tried. The code alone
 * proves nothing: «host unreachable» may also end a connection that has carried the request.
 */
function connectFailure(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  const failures = cause instanceof AggregateError ? cause.errors : [cause];
  const codes = failures.map((one) => {
    const { code, syscall } = failure.safeParse(one).data ?? {};
    const before = syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT';
    return before ? code : undefined;
  });
  return codes.every((code) => code !== undefined) ? (codes[0] ?? null) : null;
}

/** Whether an error speaks of a time-out or sends us to the order book: then it refuses nothing, whatever its code. */
export function isInconclusive(message: string): boolean {
  return /time[- ]?d?[- ]?out|order ?book|confirm/i.test(message);
}
