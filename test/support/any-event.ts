// An event as tests read it: any fact of it by its name.
import type { Event } from '../../src/ports/events/events.ts';

export interface AnyEvent {
  type: string;
  [fact: string]: unknown;
}

/** An event of a test, with the facts that matter to it only. */
export function anEvent(event: AnyEvent): Event {
  if (!isNamed(event)) throw new Error('an event has a name');
  return event;
}

function isNamed(event: AnyEvent): event is AnyEvent & Event {
  return event.type !== '';
}
