// Counts open streams, and limits those of one caller and of all.
import type { Caller } from '../deps.ts';
import type { Problem } from '../problem.ts';

/** Counts open streams, and bounds those of one caller and of all. */
export interface OpenStreams {
  /** What is to be said to this caller instead of a stream; null: there is room. */
  refusal(caller: Caller): Problem | null;
  /** Takes one; what it gives ends it, once. */
  take(caller: Caller): () => void;
}

export function countStreams({
  streams,
  streamsPerCaller,
}: {
  streams: number;
  streamsPerCaller: number;
}): OpenStreams {
  const open = new Map<string, number>();
  let all = 0;
  // A user's keys and logins are all the same person.
  const nameOf = ({ userId, principal }: Caller) => (userId === null ? principal : `user:${userId}`);
  return {
    refusal(caller) {
      if ((open.get(nameOf(caller)) ?? 0) >= streamsPerCaller) {
        const detail = `${streamsPerCaller} streams of yours are open: close one, or ask for the list of orders instead.`;
        return { status: 429, code: 'too_many_streams', detail };
      }
      if (all < streams) return null;
      const detail = 'All streams are taken: try again in a minute, or ask for the order itself meanwhile.';
      return { status: 503, code: 'too_many_streams', detail };
    },
    take(caller) {
      const name = nameOf(caller);
      open.set(name, (open.get(name) ?? 0) + 1);
      all += 1;
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        all -= 1;
        const left = (open.get(name) ?? 1) - 1;
        if (left > 0) open.set(name, left);
        else open.delete(name);
      };
    },
  };
}
