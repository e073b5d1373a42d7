// Receives Twilio’s callbacks: statuses of messages, and what users wrote.
import { Hono } from 'hono';
import { bookProviderUpdate } from '../../stages/notify/callbacks.ts';
import { bodyLimit } from '../body.ts';
import type { HttpEnv } from '../callers/auth.ts';
import type { UnknownCallers } from '../callers/unknown-callers.ts';
import type { HttpDeps } from '../deps.ts';
import { type Problem, problem } from '../problem.ts';

const MAX_BYTES = 64 * 1024;
/** Twilio posts fewer than fifty. */
const MAX_FIELDS = 100;
/** HMAC-SHA1 in base64. */
const SIGNATURE = /^[A-Za-z0-9+/]{27}=$/;

const badSignature: Problem = {
  status: 403,
  code: 'bad_signature',
  detail: 'The signature does not fit: PUBLIC_URL must be the address Twilio calls, and the token the account’s.',
};
const badForm: Problem = {
  status: 400,
  code: 'bad_form',
  detail: `Send a form of at most ${MAX_FIELDS} fields, each of them once, as Twilio does.`,
};

/**
 * `POST /api/webhooks/twilio`: statuses of messages (the address we gave with each, with our message id) and messages
 * that users send. Only what Twilio signed for our public address is read: 403 else, 404 where no messages go over
 * Twilio. A repeated call changes nothing. Mounted before the rest: nobody's rate limit may keep statuses out; what is
 * not signed costs its address, is refused by its form first, and never reaches the database.
 */
export function whatsappRoutes({ world }: HttpDeps, unknownCallers: UnknownCallers): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();
  routes.post('/api/webhooks/twilio', bodyLimit(MAX_BYTES), async (c) => {
    const { parseCallback } = world.notifier;
    if (!parseCallback) {
      return problem(c, { status: 404, code: 'not_found', detail: 'No messages go over Twilio here.' });
    }
    const signature = c.req.header('X-Twilio-Signature') ?? '';
    if (!SIGNATURE.test(signature)) return unknownCallers.refuse(c, badSignature);
    const form = formOf(await c.req.text());
    if (!form) return unknownCallers.refuse(c, badForm);
    const { pathname, search } = new URL(c.req.url);
    const update = await parseCallback({ path: `${pathname}${search}`, signature, form });
    if (update === null) return unknownCallers.refuse(c, badSignature);
    await bookProviderUpdate(world, update);
    // An empty answer in Twilio's own language: nothing is written back.
    return c.body('<Response/>', 200, { 'Content-Type': 'text/xml' });
  });
  return routes;
}

/** The fields as they were posted; null where there are too many, or one comes twice. In a time linear in its length. */
function formOf(body: string): Record<string, string> | null {
  let separators = 0;
  for (let at = body.indexOf('&'); at >= 0; at = body.indexOf('&', at + 1)) {
    separators += 1;
    if (separators >= MAX_FIELDS) return null;
  }
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body)) {
    if (fields.has(name)) return null;
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}
