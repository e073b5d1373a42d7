import pino from 'pino';
import type { Step, Tell } from './ports/world.ts';

/**
 * Structured logs to stderr, so that stdout stays the command's own. Every step carries its ids and the time; what
 * could be a number, a token or a text to a person is taken out wherever it stands.
 */
export function makeLog(level: string): Tell {
  const hidden = ['whatsapp', 'text', 'token', 'authorization', 'password', 'secret'];
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: hidden.flatMap((key) => [key, `*.${key}`, `*[*].${key}`]), censor: '[hidden]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  return ({ step, ...facts }: Step) => logger.info(facts, step);
}
