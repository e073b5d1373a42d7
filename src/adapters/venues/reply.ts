// One request to a venue and what its answer comes to, in the kinds that every venue shares.
import type { z } from 'zod';
import type { VenueRead } from '../../ports/venue.ts';
import { type HttpReply, type MayLeave, type Request, type SendResult, sendOnce, type WayOut } from './http.ts';

/** One request to a venue, below its address; a body is sent as a form or as JSON. */
export interface VenueRequest {
  method: Request['method'];
  path: string;
  /** Sent as form-urlencoded. */
  form?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  mayLeave?: MayLeave;
}

/** The headers a venue wants with every request; `secretHeaders` let the account in. */
export type VenueHeaders = Pick<Request, 'headers' | 'secretHeaders'>;

/** Sends one request to a venue, once. */
export function sendTo(
  baseUrl: string,
  fetcher: WayOut,
  { method, path, form, json, mayLeave }: VenueRequest,
  timeoutMs: number,
  { headers, secretHeaders = {} }: VenueHeaders,
): Promise<SendResult> {
  const request = { method, url: `${baseUrl.replace(/\/$/, '')}${path}`, headers, secretHeaders };
  const typed = (type: string) => ({ ...headers, 'content-type': type });
  if (form !== undefined) {
    const written = { headers: typed('application/x-www-form-urlencoded'), body: new URLSearchParams(form).toString() };
    return sendOnce(fetcher, { ...request, ...written }, timeoutMs, mayLeave);
  }
  if (json === undefined) return sendOnce(fetcher, request, timeoutMs, mayLeave);
  const written = { headers: typed('application/json'), body: JSON.stringify(json) };
  return sendOnce(fetcher, { ...request, ...written }, timeoutMs, mayLeave);
}

/**
 * What a venue answered. `error` is an error it wrote itself, with what it says of it; `odd` everything that is neither
 * its data nor its error, silence included; `not_sent`: no byte of the request went out.
 */
export type VenueReply<VenueError> =
  | { kind: 'data'; data: unknown }
  | ({ kind: 'error' } & VenueError)
  | { kind: 'no_session'; reason: string }
  | { kind: 'rate_limited' }
  | { kind: 'not_sent'; reason: string }
  | { kind: 'odd'; reason: string };

/** A request's fate; `read` is the venue's own reading of what it wrote. */
export function replyOf<VenueError>(
  sent: SendResult,
  read: (reply: HttpReply) => VenueReply<VenueError>,
): VenueReply<VenueError> {
  if (sent.kind === 'not_sent') return sent;
  if (sent.kind === 'silent') return { kind: 'odd', reason: sent.reason };
  return read(sent);
}

/** Data of a shape, or why there is none. */
export type ReadAs<VenueError> = <T>(reply: VenueReply<VenueError>, shape: z.ZodType<T>) => VenueRead<T>;

/**
 * How a venue's data is read. `wordsOf` makes a reason of an error of its own; `unreadable` of data of another shape than
 * was asked for, where there is more to say.
 */
export function readerOf<VenueError>(
  errorText: (error: VenueError) => string,
  unreadable: (error: z.ZodError) => string = () => 'unreadable_answer',
): ReadAs<VenueError> {
  return (reply, shape) => {
    if (reply.kind === 'no_session') return reply;
    if (reply.kind === 'rate_limited') return { kind: 'unreadable', reason: 'rate_limited' };
    if (reply.kind === 'error') return { kind: 'unreadable', reason: errorText(reply) };
    if (reply.kind !== 'data') return { kind: 'unreadable', reason: reply.reason };
    const read = shape.safeParse(reply.data);
    return read.success ? { kind: 'read', value: read.data } : { kind: 'unreadable', reason: unreadable(read.error) };
  };
}
