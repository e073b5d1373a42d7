import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

const streamRequest = z.discriminatedUnion('action', [
  z.object({ action: z.literal('authenticate'), data: z.object({ key_id: z.string(), secret_key: z.string() }) }),
  z.object({ action: z.literal('listen'), data: z.object({ streams: z.array(z.string()) }) }),
]);

export interface StreamServer {
  /** Sends a message to whoever listens, in binary frames, as the paper address does. */
  say(raw: string): void;
  /** Cuts all connections without a word. */
  drop(): void;
  /** How many connections there have been. */
  connections: number;
  /** How many listen now. */
  listening(): number;
  /** What `listen` is granted. */
  offers: string[];
  /** Takes connections and says nothing at all. */
  mute: boolean;
}

/** `/stream` of a loopback exchange: keys first, then `listen`, then what is said. */
export function openStream(server: Server, keysGood: (keyId: string, secretKey: string) => boolean): StreamServer {
  const sockets = new WebSocketServer({ server, path: '/stream' });
  const open = new Set<WebSocket>();
  const stream: StreamServer = {
    say(raw) {
      for (const socket of open) socket.send(Buffer.from(raw));
    },
    drop() {
      for (const socket of sockets.clients) socket.terminate();
    },
    connections: 0,
    listening: () => open.size,
    offers: ['trade_updates'],
    mute: false,
  };
  sockets.on('connection', (socket) => {
    stream.connections++;
    if (stream.mute) return;
    let authorized = false;
    const answer = (message: object) => socket.send(Buffer.from(JSON.stringify(message)));
    socket.on('close', () => open.delete(socket));
    socket.on('message', (data) => {
      const message = streamRequest.parse(JSON.parse(String(data)));
      if (message.action === 'authenticate') authorized = keysGood(message.data.key_id, message.data.secret_key);
      if (message.action === 'authenticate' || !authorized) {
        const status = authorized ? 'authorized' : 'unauthorized';
        return answer({ stream: 'authorization', data: { status, action: message.action } });
      }
      const streams = message.data.streams.filter((name) => stream.offers.includes(name));
      if (streams.length > 0) open.add(socket);
      answer({ stream: 'listening', data: { streams } });
    });
  });
  return stream;
}
