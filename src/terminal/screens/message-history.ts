// What happened to each message on its way, as lines.
import { istTime } from '../../domain/market/india-time.ts';
import type { StoredMessage } from '../../ports/store/messages.ts';
import { fitted } from '../width.ts';

/**
 * What happened to each message on its way, a line per message: times in India, our status, and the provider's status and
 * error code. Only messages there is something to show of; nothing where all were shown on the screen alone.
 */
export function historyText(rows: readonly StoredMessage[]): string {
  const notable = rows.filter(({ providerStatus, errorCode, attempts, kind, status, reason }) => {
    const waitsAgain = status === 'failed' || status === 'unknown' || (status === 'queued' && reason !== null);
    return providerStatus !== null || errorCode !== null || attempts > 1 || kind !== 'summary' || waitsAgain;
  });
  if (notable.length === 0) return '';
  return `\nHistory\n${notable.map(lineOf).join('\n')}\n`;
}

function lineOf({ userName, kind, channel, events }: StoredMessage): string {
  const steps = events.map(({ atMs, status, providerStatus, errorCode, reason }) => {
    const more = [providerStatus === status ? null : providerStatus, errorCode, reason].filter((part) => part !== null);
    return `${istTime(atMs)} ${status}${more.length > 0 ? ` (${fitted(more.join(', '), 60)})` : ''}`;
  });
  return `${fitted(userName, 30)}, ${kind} over ${channel}: ${steps.join(' → ')}`;
}
