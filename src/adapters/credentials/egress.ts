// Sends what goes to a venue through the account’s own proxy, where it has one.
import { createHash } from 'node:crypto';
import type { Agent } from 'node:http';
import type { ProxyAgent } from 'undici';
import { z } from 'zod';
import { egressSecrets } from '../../ports/vault.ts';
import type { AccountAtVenue } from '../../ports/venue.ts';

type SecretsOf = (account: AccountAtVenue) => Promise<unknown>;

/**
 * The account's `fetch`: through its proxy where it has one, else the process's own. Venues that take orders only from a
 * registered address (one per client) see the proxy's. Whatever goes wrong before the way is open is reported as a failed
 * connection, which it is: nothing has been said to the venue. A proxy is never gone round.
 */
export function egress(secretsOf: SecretsOf): (account: AccountAtVenue) => Promise<typeof fetch> {
  const agentFor = agents();
  return async (account) => {
    const proxyUrl = await proxyOf(secretsOf, account);
    if (proxyUrl === null) return fetch;
    // Loaded only where it is used: it takes a tenth of a second.
    const undici = await import('undici');
    // A proxy agent needs the fetch of its own package: that of Node 24 refuses it (undici 8.12 and 7.29).
    const through = undici.fetch as unknown as (of: Parameters<typeof fetch>[0], how: object) => Promise<Response>;
    return (input, init) => {
      const dispatcher = agentFor(account.accountId, proxyUrl, undici.ProxyAgent);
      return through(input, { ...init, dispatcher }).catch((error: unknown) => {
        throw tunnelFailed(error) ? notConnected('PROXY_REFUSED') : error;
      });
    };
  };
}

/**
 * The account's way out for a stream: through a tunnel of its proxy (CONNECT); undefined where it has none. For one
 * connection: what is still on the way through the proxy when `over` aborts is ended.
 * @throws TypeError where nobody can say whether it has a proxy: it is never gone round
 */
export function streamEgress(
  secretsOf: SecretsOf,
): (account: AccountAtVenue, over: AbortSignal) => Promise<Agent | undefined> {
  return async (account, over) => {
    const proxyUrl = await proxyOf(secretsOf, account);
    if (proxyUrl === null) return undefined;
    // Loaded only where it is used: it costs every command some time to start.
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return new HttpsProxyAgent(proxyUrl, { signal: over });
  };
}

async function proxyOf(secretsOf: SecretsOf, account: AccountAtVenue): Promise<string | null> {
  // The text of what failed may hold what must not be kept.
  const secrets = await secretsOf(account).catch(() => Promise.reject(notConnected('CREDENTIALS_UNAVAILABLE')));
  const read = egressSecrets.safeParse(secrets ?? {});
  if (!read.success) throw notConnected('PROXY_UNREADABLE');
  return read.data.proxyUrl ?? null;
}

/** An agent keeps its connections, so an account has one until its proxy changes; then the old one ends in peace. */
function agents(): (accountId: number, proxyUrl: string, Agent: typeof ProxyAgent) => ProxyAgent {
  const open = new Map<number, { digest: string; agent: ProxyAgent }>();
  return (accountId, proxyUrl, Agent) => {
    const digest = createHash('sha256').update(proxyUrl).digest('hex');
    const previous = open.get(accountId);
    if (previous?.digest === digest) return previous.agent;
    previous?.agent.close().catch(() => undefined);
    // A tunnel also where the venue's address is http (a test's): the proxy sees nothing of what is sent.
    const agent = new Agent({ uri: proxyUrl, proxyTunnel: true });
    open.set(accountId, { digest, agent });
    return agent;
  };
}

const failure = z.object({ code: z.string().optional(), message: z.string() });

/** The proxy hung up or said no to the tunnel (undici's texts; a test holds them): the venue got nothing. */
function tunnelFailed(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code, message } =
      failure.safeParse({ code: 'code' in one ? one.code : undefined, message: one.message }).data ?? {};
    if (code === 'UND_ERR_PRX_CONN') return true;
    if (code === 'UND_ERR_ABORTED' && message?.startsWith('Proxy response (')) return true;
  }
  return false;
}

/** As fetch reports that no connection came to stand. */
function notConnected(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code, syscall: 'connect' }) });
}
