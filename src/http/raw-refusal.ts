// Answers on a bare connection, for requests that never reach the routes.
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** A refusal before, or instead of, a request that the routes could answer. */
export interface RawRefusal {
  status: 400 | 408 | 413 | 431 | 503;
  code: string;
  detail: string;
}

/** The problem JSON of a refusal (RFC 9457); there is no request yet that could have an id. */
export function refusalBody({ status, code, detail }: RawRefusal): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code });
}

/** Writes a whole answer onto a connection and ends it, whether the other end reads it or not. */
export function answerRaw(
  socket: Duplex,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`, () => socket.destroy());
}

export function refuseRaw(socket: Duplex, refusal: RawRefusal): void {
  const wait = refusal.status === 503 ? { 'Retry-After': '1' } : {};
  answerRaw(socket, refusal.status, { 'Content-Type': 'application/problem+json', ...wait }, refusalBody(refusal));
}
