// What notify may do: read what is due, send it and book what became of it. It knows neither orders' venues nor prices.
import type { Deps } from '../../ports/deps.ts';
import type { Notifier } from '../../ports/world.ts';

type StopCalls = 'stop_messages' | 'stop_refused_in_a_row';
type OperatorCalls = 'claim_notices' | 'queue_notices' | 'read_calendar_days' | 'read_digests' | 'settle_notices';

/** Stops all messages, where one more would only be refused like those before. */
export type StopDeps = Deps<'clock' | 'emit', StopCalls>;

export type OperatorDeps = Deps<'clock' | 'emit' | 'notifier', OperatorCalls>;

export type NotifyDeps = Deps<
  'clock' | 'emit' | 'loginLink' | 'notifier',
  | OperatorCalls
  | StopCalls
  | 'claim_message_lookups'
  | 'mark_sending'
  | 'queue_corrections'
  | 'read_due_messages'
  | 'settle_messages'
  | 'sweep_messages'
  | 'take_rates'
>;

/** Queues reminders of logins and sends what is due. */
export type RemindDeps = NotifyDeps & Deps<'clock' | 'emit', 'queue_login_reminders'>;

/** Books what a provider says by itself. It can't send. */
export type CallbackDeps = Deps<'clock' | 'emit', StopCalls | 'record_delivery' | 'record_inbound_message'> & {
  notifier: Pick<Notifier, 'classify' | 'pace'>;
};
