// Which proxies in front of the service are trusted to say where a client is.
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

const IPV4_BITS = 32;
const IPV6_BITS = 128;
/** ::ffff:0:0/96 holds the IPv4 addresses. */
const MAPPED_BITS = 96;

/** Addresses and networks with commas between: 10.0.0.0/8, 2001:db8::/32, 127.0.0.1. */
export const networks = z.string().transform((text, context) => {
  const parsed: Network[] = [];
  for (const entry of text.split(',')) {
    const network = networkOf(entry.trim());
    if (typeof network === 'object') parsed.push(network);
    else context.addIssue({ code: 'custom', message: `${network}: ${JSON.stringify(entry.trim().slice(0, 60))}` });
  }
  return context.issues.length > 0 ? z.NEVER : parsed;
});

function networkOf(entry: string): Network | string {
  const [, text = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  // Four decimal parts or IPv6: 010.0.0.1 and 0x0a000001 are other addresses for other programs.
  const decimal = ipaddr.IPv4.isValidFourPartDecimal(text);
  if (!decimal && !(text.includes(':') && ipaddr.IPv6.isValid(text))) {
    return 'must be addresses or networks such as 10.0.0.0/8 with commas between, not';
  }
  const address = ipaddr.parse(text);
  const maxBits = decimal ? IPV4_BITS : IPV6_BITS;
  const length = bits === undefined ? maxBits : Number(bits);
  if (length > maxBits) return `must have at most ${maxBits} bits behind the slash`;
  if (length === 0) return 'must not be every address: anybody could then say who they are';
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    if (length <= MAPPED_BITS) return 'must not be every IPv4 address: anybody could then say who they are';
    return [address.toIPv4Address(), length - MAPPED_BITS];
  }
  return [address, length];
}
