// The notifier that prints messages instead of sending them.
import type { Notifier } from '../../ports/world.ts';

/**
 * The notifier without a provider: the command that runs shows each message on its screen, exactly as it would be
 * sent, and nothing leaves the machine. So a message counts as sent once it is written to be shown.
 */
export function onScreenNotifier(): Notifier {
  return { name: 'on screen', send: async () => ({ kind: 'sent', providerId: null }) };
}
