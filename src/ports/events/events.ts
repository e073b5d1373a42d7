// Every event of the service, one type each: what is logged, shown, counted and sent to operators.
import type { AccountEvents } from './account-events.ts';
import type { MessageEvents } from './message-events.ts';
import type { OrderEvents } from './order-events.ts';
import type { RunEvents } from './run-events.ts';
import type { ServiceEvents } from './service-events.ts';

/** The facts of each event, by its name. Never a phone number or a token among them. */
type Facts = RunEvents & OrderEvents & MessageEvents & AccountEvents & ServiceEvents;

export type EventType = keyof Facts;

/** The event of a name, or of one of several. */
export type EventOf<T extends EventType> = { [K in T]: { type: K } & Facts[K] }[T];

export type Event = EventOf<EventType>;

/** The events a person has to see, always or in some cases. */
export type AlertType = { [T in EventType]: 'alert' extends keyof Facts[T] ? T : never }[EventType];

export type AlertEvent = EventOf<AlertType>;

/** Hands an event to whoever logs, shows, counts or passes it on. Never throws. */
export type Emit = (event: Event) => void;

/** Whether a person has to see it. */
export function isAlert(event: Event): event is AlertEvent {
  return 'alert' in event && event.alert === true;
}

/** Every sink gets every event: an event that is shown is logged, too. */
export function emitToAll(...sinks: Emit[]): Emit {
  return (event) => {
    for (const sink of sinks) sink(event);
  };
}
