// Limits the size of request bodies, and sets a client’s broken request apart from a failure of ours.
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit as chunkedBodyLimit } from 'hono/body-limit';
import { problem } from './problem.ts';

/**
 * Refuses bodies that no request of ours needs, before they are read. A body that says its length is not touched here:
 * the server takes no byte more than was said. One that is sent in chunks is counted while it is read.
 */
export function bodyLimit(maxBytes: number): MiddlewareHandler {
  const tooLarge = (c: Context): Response => {
    const detail = `A request body may have ${maxBytes} bytes: send fewer at once.`;
    return problem(c, { status: 413, code: 'too_large', detail });
  };
  const inChunks = chunkedBodyLimit({ maxSize: maxBytes, onError: tooLarge });
  return async (c, next) => {
    const length = c.req.header('Content-Length');
    if (c.req.header('Transfer-Encoding') === undefined) {
      if (length !== undefined) return Number(length) <= maxBytes ? next() : tooLarge(c);
      // Without either header an HTTP/1.1 request has no body; only a request that came over no wire may have one.
      if (incomingOf(c) !== null) return next();
    }
    return inChunks(c, next);
  };
}

/** Whether this error is the client's: it went away, or was cut off for being slow, in the middle of its request. */
export function isBrokenOff(c: Context, error: Error): boolean {
  const incoming = incomingOf(c);
  if (incoming === null || incoming.complete || !incoming.destroyed) return false;
  const code = 'code' in error ? String(error.code) : '';
  return error === incoming.errored || BROKEN_OFF.has(code) || error.message === CLOSED;
}

const BROKEN_OFF = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR']);
/** What @hono/node-server says where the connection was closed without an error. */
const CLOSED = 'Client connection prematurely closed.';

/** The request as Node has it; null where it came over no connection of ours (a platform, a test). */
function incomingOf(c: Context): { complete: boolean; destroyed: boolean; errored: unknown } | null {
  const env: unknown = c.env;
  if (typeof env !== 'object' || env === null || !('incoming' in env)) return null;
  const { incoming } = env;
  if (typeof incoming !== 'object' || incoming === null || !('complete' in incoming)) return null;
  const { complete } = incoming;
  const destroyed = 'destroyed' in incoming && incoming.destroyed === true;
  return { complete: complete === true, destroyed, errored: 'errored' in incoming ? incoming.errored : null };
}
