import type { Clock } from '../../../src/ports/world.ts';

/** One event of a stream. */
export interface Event {
  id?: string;
  event: string;
  data?: Record<string, unknown>;
}

/** Reads server-sent events one by one, as a browser does. */
export function reader(answer: Response) {
  if (!answer.body) throw new Error('the answer has no body');
  const chunks = answer.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let over = false;
  /** The next block that is text at all, or null at the end. */
  const block = async (): Promise<string | null> => {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const found = text.slice(0, end + 2);
        text = text.slice(end + 2);
        return found;
      }
      if (over) return null;
      const { done, value } = await chunks.read();
      over = done;
      text += decoder.decode(value, { stream: true });
    }
  };
  const next = async (): Promise<Event | null> => {
    for (let found = await block(); found !== null; found = await block()) {
      const event = parsed(found);
      if (event) return event;
    }
    return null;
  };
  return {
    raw: block,
    async take(count: number): Promise<Event[]> {
      const events: Event[] = [];
      while (events.length < count) {
        const event = await next();
        if (!event) throw new Error(`the stream ended after ${events.length} of ${count} events`);
        events.push(event);
      }
      return events;
    },
    async rest(): Promise<Event[]> {
      const events: Event[] = [];
      for (let event = await next(); event !== null; event = await next()) events.push(event);
      return events;
    },
    leave: () => chunks.cancel(),
  };
}

export function eventsOf(answer: Response): Promise<Event[]> {
  return reader(answer).rest();
}

function parsed(block: string): Event | null {
  const fields = new Map(
    block
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
  );
  const [event, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')];
  if (event === undefined) return null;
  return { ...(id === undefined ? {} : { id }), event, ...(data === undefined ? {} : { data: JSON.parse(data) }) };
}

/** What is done over and over is done when the test says that so much time has passed. */
export function handClock(): { every: Clock['every']; pass(periodMs: number): void; running(): number[] } {
  const beats = new Set<{ periodMs: number; beat: () => void }>();
  return {
    every(periodMs, beat) {
      const one = { periodMs, beat };
      beats.add(one);
      return () => beats.delete(one);
    },
    /** One period of everything that has this one. */
    pass(periodMs) {
      for (const one of [...beats]) if (one.periodMs === periodMs) one.beat();
    },
    running: () => [...beats].map(({ periodMs }) => periodMs).toSorted((a, b) => a - b),
  };
}
