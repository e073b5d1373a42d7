// A bounded queue of lines for one streaming client.
/** A client that leaves more than this unread is cut off; one order's whole life is a fraction of it. */
const MAX_UNREAD = 64;

/** What is on its way to one client, in order; it can't grow without bound. */
export interface Mailbox<Line> {
  put(line: Line): void;
  /** Like `put`, but a client that has not read since the last one is cut off: it is gone, or reads nothing. */
  beat(line: Line): void;
  /** The next line, or null: nothing more will come. One reader at a time. */
  next(): Promise<Line | null>;
  /** Nothing more is taken; what lies there is still read. */
  end(): void;
}

/** @param cut called once when the client is given up; it may come back with the last id it has read */
export function mailbox<Line>(cut: () => void): Mailbox<Line> {
  let lines: Line[] = [];
  let open = true;
  let waiting: ((line: Line | null) => void) | null = null;

  const giveUp = () => {
    lines = [];
    open = false;
    cut();
  };
  const put = (line: Line): void => {
    if (!open) return;
    if (waiting) {
      waiting(line);
      waiting = null;
    } else if (lines.push(line) > MAX_UNREAD) giveUp();
  };
  return {
    put,
    beat: (line) => (open && lines.length > 0 ? giveUp() : put(line)),
    next() {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (!open) return Promise.resolve(null);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    end() {
      open = false;
      waiting?.(null);
      waiting = null;
    },
  };
}
