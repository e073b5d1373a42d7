// Writes events to stderr as JSON lines, with secrets and numbers of people taken out.
import pino from 'pino';
import { hidden, scrubbed, secretFields } from './domain/text/secrets.ts';
import { type Emit, isAlert } from './ports/events/events.ts';

/** Causes further down are left out. */
const MAX_CAUSE_DEPTH = 5;

/** What is logged of an error: what it says and where, with its causes; other members may hold anything. */
function errorFacts(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return thrown;
  const { name, message, stack, cause } = thrown;
  const code = 'code' in thrown ? { code: String(thrown.code) } : {};
  const errors = thrown instanceof AggregateError && depth < MAX_CAUSE_DEPTH;
  return {
    name,
    message,
    ...code,
    stack,
    ...(cause === undefined || depth >= MAX_CAUSE_DEPTH ? {} : { cause: errorFacts(cause, depth + 1) }),
    ...(errors ? { errors: thrown.errors.slice(0, 5).map((error) => errorFacts(error, depth + 1)) } : {}),
  };
}

/**
 * Structured logs to stderr (file descriptor 2), so that stdout stays the command's own. Every event carries its ids and
 * the time, and an alert is logged at every level; what could be a number, a token or a text to a person is taken out wherever it stands.
 */
export function makeLog(level: string, fileDescriptor = 2): Emit {
  const destination = pino.destination({ dest: fileDescriptor, sync: true });
  destination.on('error', ignoreClosedPipe);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: secretFields.flatMap((key) => [key, `*.${key}`, `*[*].${key}`]), censor: hidden },
      hooks: { streamWrite: scrubbed },
    },
    destination,
  );
  // What somebody has to look at is in the log whatever level was asked for.
  const alerts = logger.isLevelEnabled('warn') ? logger : logger.child({}, { level: 'warn' });
  return (event) => {
    const facts = Object.entries(event).filter(([key]) => key !== 'type' && key !== 'alert');
    const shown = Object.fromEntries(facts.map(([key, value]) => [key, errorFacts(value)]));
    return isAlert(event) ? alerts.warn(shown, event.type) : logger.info(shown, event.type);
  };
}

/** Who reads a pipe may stop reading (`| head`): what is written then goes nowhere, and the work goes on. */
export function ignoreClosedPipe(error: Error): void {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
}
