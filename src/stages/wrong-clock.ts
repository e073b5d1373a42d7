// Reports a process whose clock is wrong, once, instead of as failures of everything.
import { istIso } from '../domain/market/india-time.ts';
import { DatabaseError, isClockWrong } from '../ports/database.ts';
import type { Emit, Event } from '../ports/events/events.ts';
import type { DatabaseReadiness } from '../ports/store/watch.ts';

/** Whoever has to set the clock is told once, and again if it is still wrong after so long. */
const AGAIN_AFTER_MS = 15 * 60_000;
/** Until it is set nothing else can succeed either; and a stop waits for this pause. */
export const WRONG_CLOCK_PAUSE_MS = 15_000;

const alerted = new WeakSet<Emit>();

/**
 * Emits the event of what failed; where it is this process's clock that the database refused, `clock_wrong` in its place,
 * as an alert the first time only: it is no lost database, and no fault of who met it. Gives whether it was.
 */
export function emitFailure(emit: Emit, error: unknown, event: Event): boolean {
  if (!isClockWrong(error)) {
    emit(event);
    return false;
  }
  const isNew = !alerted.has(emit);
  if (isNew) {
    alerted.add(emit);
    setTimeout(() => alerted.delete(emit), AGAIN_AFTER_MS).unref();
  }
  emit({ type: 'clock_wrong', ...(isNew ? { alert: true as const } : {}), met: event.type, error });
  return true;
}

/** What any call would be refused with, where the database says that our clock is far from its own. @throws DatabaseError */
export function refuseWrongClock({ clockIsFar, nowMs }: DatabaseReadiness, oursMs: number): void {
  if (!clockIsFar) return;
  const text = `the clock of this process says ${istIso(oursMs)}, the database's ${istIso(nowMs)}: let both machines take their time from the network (NTP)`;
  throw new DatabaseError(text, { kind: 'refused', code: 'PT425', answered: true });
}
