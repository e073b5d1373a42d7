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
    case 'heartbeat_failed':
      return `The database did not take a sign of life for ${String(facts['orders'])} orders; another process may take them over.`;
    default:
      return `Please look: ${step}${facts.clientOrderId === undefined ? '' : ` (order ${facts.clientOrderId})`}`;
  }
}
