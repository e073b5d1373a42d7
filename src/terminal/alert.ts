import type { Step } from '../ports/world.ts';

/** What a person at the terminal has to know at once and may have to do; null for a step that needs nobody. */
export function alertWords({ step, alert, ...facts }: Step): string | null {
  if (!alert) return null;
  const order = `Order ${facts.clientOrderId ?? ''}`;
  switch (step) {
    case 'order_left_to_a_person':
      return `${order} stays unknown (${String(facts['reason'] ?? 'no answer')}). Look it up at ${String(facts['venue'])}, then: npm run resolve -- --order ${facts.clientOrderId} --as filled|partly|rejected|not-placed`;
    case 'late_fill':
      return `${order} was filled after it had ended. Its money and position are booked; the account is blocked until you have looked: npm run account -- --user … --acknowledge ${String(facts['venue'] ?? 'VENUE')}`;
    case 'breaker_opened':
      return `${String(facts['failed'])} of ${String(facts['tried'])} orders got no clear answer (${String(facts['about'])}): the breaker is open, ${String(facts['waiting'])} orders wait unsent. ${String(facts['next'])}.`;
    case 'filled_without_fills':
      return `${order} is filled, its venue says, but its fills don't add up to it. It is looked up again; compare with the venue's trade book.`;
    case 'account_locked':
      return `Another session of the database holds the account of ${String(facts['userId'])}: nothing of it can be booked. Find it in pg_stat_activity and end it: ${JSON.stringify(facts['holders'] ?? [])}`;
    case 'settlement_refused':
      return `${order}: the database does not take what the venue said. It is unknown, keeps its hold, and is looked up again.`;
    case 'settlement_left':
      return `${order} could not be booked while its account was held. It is looked up again in half a minute.`;
    case 'heartbeat_failed':
      return `The database did not take a sign of life for ${String(facts['orders'])} orders; another process may take them over.`;
    default:
      return `Please look: ${step}${facts.clientOrderId === undefined ? '' : ` (order ${facts.clientOrderId})`}`;
  }
}
