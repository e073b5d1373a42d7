// GET /api/log: the log of operator actions, page by page.
import { Hono } from 'hono';
import { z } from 'zod';
import { actionNames } from '../domain/actions.ts';
import { istIso } from '../domain/market/india-time.ts';
import { type HttpEnv, requireOperator } from './callers/auth.ts';
import type { HttpDeps } from './deps.ts';
import { problem } from './problem.ts';
import { badBody } from './routes/order-request.ts';

const MAX_PAGE_SIZE = 200;

const list = z.object({
  userId: z
    .string()
    .max(200)
    .regex(/^[^\p{C}]*$/u, 'must be printable')
    .optional(),
  action: z.enum(actionNames).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(50),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number)
    .optional(),
});

/** `GET /api/log`, for operators: who did what, the newest first, a page at a time: `{actions, nextCursor}`. */
export function logRoutes({ world }: HttpDeps): Hono<HttpEnv> {
  return new Hono<HttpEnv>().get('/api/log', requireOperator, async (c) => {
    const parsed = list.safeParse(c.req.query());
    if (!parsed.success) return problem(c, { ...badBody(parsed.error), code: 'invalid_query' });
    const { userId = null, action = null, since, limit, cursor = null } = parsed.data;
    const sinceMs = since === undefined ? null : Date.parse(since);
    // One more than asked for: it tells whether there is a next page.
    const query = { beforeId: cursor, limit: limit + 1, userId, action, sinceMs };
    const rows = await world.store.call('read_actions', query);
    const page = rows.slice(0, limit);
    const nextCursor = rows.length > limit ? String(page.at(-1)?.id) : null;
    return c.json({ actions: page.map(({ atMs, ...one }) => ({ ...one, at: istIso(atMs) })), nextCursor });
  });
}
