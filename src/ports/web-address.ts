// Addresses of services that secrets are sent to, as settings name them.
import { z } from 'zod';

/** 127/8, 10/8, 172.16/12, 192.168/16 and 169.254/16. */
const PRIVATE_IPV4 = /^(127|10|172\.(1[6-9]|2\d|3[01])|192\.168|169\.254)\.[\d.]+$/;
/** The loopback, unique local and link-local addresses. */
const PRIVATE_IPV6 = /^\[(::1|f[cd][0-9a-f]{2}:.*|fe80:.*)\]$/i;
/** A name without a dot is this machine's, or a container's beside this one; the three ends are no public ones. */
const PRIVATE_NAME = /^([a-z_][a-z0-9_-]*|.+\.(localhost|internal|local))$/i;

/** Whether a host is this machine or one of a private network: what goes there may go without TLS. '' is this machine. */
export function isNear(host: string): boolean {
  return host === '' || PRIVATE_IPV4.test(host) || PRIVATE_IPV6.test(host) || PRIVATE_NAME.test(host);
}

/**
 * Where secrets are sent to or come back to: https, or http to this machine or a private network. Without a slash at its
 * end; no user, query or fragment.
 */
export function webAddress(example: string, withPath = true) {
  const error = `must be an address such as ${example}, without ${withPath ? '' : 'path, '}user, query or fragment`;
  return z.string().transform((text, context) => {
    const url = URL.canParse(text) && /^https?:\/\/[^\s\\]+$/.test(text) ? new URL(text) : null;
    const plain = url !== null && url.username + url.password === '' && !/[?#]/.test(text);
    if (!plain || (!withPath && url.pathname !== '/')) {
      context.addIssue({ code: 'custom', message: error });
      return z.NEVER;
    }
    if (url.protocol === 'http:' && !isNear(url.hostname)) {
      const message = `must be https://: what goes to ${url.hostname} in clear can be read and changed on its way (http:// only to this machine, or a private address or a name without a dot)`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
    return text.replace(/\/+$/, '');
  });
}
