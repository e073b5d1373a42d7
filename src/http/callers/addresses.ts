// Finds the client’s address a request is counted under, through trusted proxies only.
import type { Context } from 'hono';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

/** Who is believed about a client's address. */
export interface ProxyTrust {
  /** Networks of the proxies in front of this process, each with the length of its prefix; of IPv4, never mapped. */
  proxies: readonly (readonly [Address, number])[];
  /** On Vercel its edge is the only way in, and writes the client's address into a header of its own. */
  vercel: boolean;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Peers are few and ask often: a proxy, or clients that keep their connection. */
const MAX_PEERS = 1_000;
/** What one subscriber gets of IPv6 at least, within which they pick addresses as they like (RFC 6177). */
const SUBSCRIBER_PARTS = 4;

/**
 * Gives the name an unknown caller is counted by: the IPv4 address, or the /64 of an IPv6 one. It is the other end of the
 * connection; where that is a trusted proxy, X-Forwarded-For is read from its right end, where the nearest proxy wrote,
 * up to the first address that is no trusted proxy. What is no address there is counted under the proxy that passed it
 * on. Nobody else's headers are believed: without `proxies` there are none.
 */
export function addressReader({ proxies, vercel }: ProxyTrust): (c: Context) => string {
  const peers = new LRUCache<string, { name: string; trusted: boolean }>({ max: MAX_PEERS });
  const describe = (text: string): { name: string; trusted: boolean } => {
    const address = addressOf(text);
    if (!address) return { name: 'unknown', trusted: false };
    return { name: nameOf(address), trusted: proxies.some(([network, bits]) => isWithin(address, network, bits)) };
  };
  return (c) => {
    const peer = peerOf(c, vercel);
    const described = peers.get(peer) ?? describe(peer);
    if (!peers.has(peer)) peers.set(peer, described);
    if (!described.trusted) return described.name;
    let { name } = described;
    const hops = c.req.header('X-Forwarded-For')?.split(',') ?? [];
    for (const hop of hops.reverse()) {
      const next = describe(hop);
      if (next.name === 'unknown') break;
      name = next.name;
      if (!next.trusted) break;
    }
    return name;
  };
}

/** The other end of the connection, as the server, the platform or nobody knows it. */
function peerOf(c: Context, vercel: boolean): string {
  if (vercel) return c.req.header('X-Vercel-Forwarded-For')?.split(',').at(-1) ?? '';
  const socket = member(member(member(c.env, 'incoming'), 'socket'), 'remoteAddress');
  if (typeof socket === 'string') return socket;
  // AWS Lambda behind a function URL or an API gateway (hono/aws-lambda): from the event, not from a header.
  const gateway = member(c.env, 'requestContext');
  const caller = member(member(gateway, 'http'), 'sourceIp') ?? member(member(gateway, 'identity'), 'sourceIp');
  return typeof caller === 'string' ? caller : '';
}

/** One entry of a header or a socket's address: with a port or in brackets too, as some proxies write it. */
function addressOf(text: string): Address | null {
  const entry = text.trim().slice(0, 64);
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry;
  const address = strictly(bare.split('%')[0] ?? '');
  return address && (mappedIn(address) ?? address);
}

/** Four decimal parts or IPv6; nothing of what inet_aton takes beside (010.1, 0x7f000001). */
function strictly(text: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(':') && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : null;
}

function mappedIn(address: Address): ipaddr.IPv4 | null {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : null;
}

function nameOf(address: Address): string {
  if (address instanceof ipaddr.IPv4) return address.toString();
  const parts = address.parts.slice(0, SUBSCRIBER_PARTS).map((part) => part.toString(16));
  return `${parts.join(':')}::/64`;
}

function isWithin(address: Address, network: Address, bits: number): boolean {
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, bits);
  return network instanceof ipaddr.IPv6 && address.match(network, bits);
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && name in of ? Reflect.get(of, name) : undefined;
}
