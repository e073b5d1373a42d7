import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { hearProvider } from '../stages/provider-word.ts';
import type { HttpEnv } from './auth.ts';
import type { HttpParts } from './parts.ts';
import { problem } from './problem.ts';

const MOST_BYTES = 64 * 1024;

/**
 * `POST /api/webhooks/twilio`: statuses of messages (the address we gave with each, with our message id) and messages
 * that users send. Only what Twilio signed for our public address is read: 403 else, 404 where no messages go over
 * Twilio. A repeated call changes nothing. Mounted before the rest: nobody's rate limit may keep statuses out.
 */
export function whatsappRoutes({ world }: HttpParts): Hono<HttpEnv> {
  const routes = new Hono<HttpEnv>();
  const sized = bodyLimit({
    maxSize: MOST_BYTES,
    onError: (c) => problem(c, { status: 413, code: 'too_large', detail: 'No message of Twilio is as long as this.' }),
  });
  routes.post('/api/webhooks/twilio', sized, async (c) => {
    const { parseCallback } = world.notifier;
    if (!parseCallback) {
      return problem(c, { status: 404, code: 'not_found', detail: 'No messages go over Twilio here.' });
    }
    const form = formOf(await c.req.text());
    const { pathname, search } = new URL(c.req.url);
    const signature = c.req.header('X-Twilio-Signature') ?? '';
    const word = await parseCallback({ path: `${pathname}${search}`, signature, form });
    if (word === null) {
      const detail =
        'The signature does not fit: PUBLIC_URL must be the address Twilio calls, and the token the account’s.';
      return problem(c, { status: 403, code: 'bad_signature', detail });
    }
    await hearProvider(world, word);
    // An empty answer in Twilio's own language: nothing is written back.
    return c.body('<Response/>', 200, { 'Content-Type': 'text/xml' });
  });
  return routes;
}

/** The fields as they were posted; one that comes twice is a list. */
function formOf(body: string): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>();
  // In one pass: what a stranger posts must not cost more than its length.
  for (const [name, value] of new URLSearchParams(body)) {
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(fields);
}
