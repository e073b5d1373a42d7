// Gives the processes of a day their turns, one call to the outside at a time; whose, and what goes wrong, the seed draws.
import { DatabaseError } from '../../../../src/ports/database.ts';
import { drained } from '../../common/drained.ts';
import { type Fate, fateFor, type Life, type Question, type TurnsOptions } from './fates.ts';

interface Pending {
  life: Life;
  question: Question;
  readyAtMs: number;
  deadlineMs: number;
  /** null: not performed yet. */
  answer: { value: unknown } | { error: unknown } | null;
  /** False: nobody waits for it any more, but it still arrives. */
  awaited: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Due {
  atMs: number;
  life: Life | null;
  what: string;
  act(): Promise<void> | void;
}

export interface Turns {
  nowMs(): number;
  ask(life: Life, question: Question): Promise<unknown>;
  sleep(life: Life, ms: number): Promise<void>;
  /** Something a process does over and over of itself, late now and then; stops with it, or when it is told to. */
  every(life: Life, periodMs: number, act: () => void): () => void;
  /** Something that happens at a time, by itself. */
  at(atMs: number, what: string, act: Due['act']): void;
  kill(life: Life): void;
  /** The process stands still (SIGSTOP): what it sent goes on, but it hears and does nothing. */
  freeze(life: Life, forMs: number): void;
  isCalm(): boolean;
  /** From now on nothing goes wrong any more. */
  calm(): void;
  /** Gives turns until nothing is left to happen. False: stopped at the limit of steps. */
  play(maxSteps: number): Promise<boolean>;
  log: string[];
  steps(): number;
}

/** The processes are async functions that wait at every call to the world outside and at every pause. Time passes between. */
export function turnsOf({
  chance,
  startMs,
  faultShare,
  freezeShare,
  laggardMs,
  injected,
  killed,
  over,
}: TurnsOptions): Turns {
  let nowMs = startMs;
  let faults = faultShare;
  let freezes = freezeShare;
  let calm = false;
  let steps = 0;
  let pending: Pending[] = [];
  let due: Due[] = [];
  const log: string[] = [];
  const note = (line: string) => log.push(`+${((nowMs - startMs) / 1000).toFixed(3)} ${line}`);

  const kill = (life: Life): void => {
    if (!life.alive) return;
    life.alive = false;
    // What was under way may still arrive, or not.
    pending = pending.filter((one) => {
      if (one.life !== life) return true;
      if (one.answer === null && one.awaited && chance.happens(0.5)) one.question.dropped?.();
      else if (one.answer === null) return true;
      return false;
    });
    due = due.filter((one) => one.life !== life);
    note(`${life.name} dies`);
    killed(life);
  };

  const fateOf = (question: Question): Fate => {
    const { kind } = question;
    if (calm || kind === 'quotes' || !chance.happens(kind === 'store' ? faults : 3 * faults)) return 'none';
    const fate = fateFor(question, chance);
    injected(kind === 'store' ? fate : `${kind} ${fate}`);
    return fate;
  };

  const fates = new Map<Pending, Fate>();

  const arrive = (one: Pending): void => {
    const fate = fateOf(one.question);
    if (fate === 'crash_before') {
      note(`${one.life.name} ${one.question.what}: killed before it`);
      one.question.dropped?.();
      pending = pending.filter((other) => other !== one);
      kill(one.life);
      return;
    }
    one.question.leaves?.();
    if (fate === 'delayed_request') one.readyAtMs = nowMs + chance.between(1, one.question.withinMs);
    if (fate !== 'none') fates.set(one, fate);
  };

  const drop = (one: Pending): void => {
    pending = pending.filter((other) => other !== one);
    fates.delete(one);
  };

  const deliver = (one: Pending): void => {
    if (one.life.alive && one.life.frozenUntilMs > nowMs) return;
    drop(one);
    if (!one.life.alive || !one.answer) return;
    if ('error' in one.answer) one.reject(one.answer.error);
    else one.resolve(one.answer.value);
  };

  /** Its caller is told, now or after a while, that nobody knows. */
  const lose = (one: Pending): void => {
    const { question } = one;
    const error = new DatabaseError(`simulated: no answer to ${question.what}`, { kind: 'lost', code: '08006' });
    one.answer = question.lost === null ? { error } : { value: question.lost };
    one.readyAtMs = nowMs + chance.pick([0, 0, chance.between(0, 10_000)]);
    if (one.readyAtMs <= nowMs) deliver(one);
  };

  const again = (one: Pending, withinMs: number): void => {
    const readyAtMs = nowMs + chance.between(0, withinMs);
    pending.push({ ...one, answer: null, awaited: false, readyAtMs, deadlineMs: Number.POSITIVE_INFINITY });
  };

  /** The question is at the far end. */
  const perform = async (one: Pending): Promise<void> => {
    const { life, question } = one;
    const fate = fates.get(one) ?? 'none';
    if (fate === 'lost_request') {
      note(`${life.name} ${question.what}: the request is lost`);
      return lose(one);
    }
    if (fate === 'runs_after_timeout') {
      note(`${life.name} ${question.what}: times out and will run all the same`);
      again(one, question.straysMs);
      return lose(one);
    }
    const answer = await question.perform().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    note(`${life.name} ${question.what} → ${brief(answer)}${fate === 'none' ? '' : ` (${fate})`}`);
    if (!one.awaited) return drop(one);
    if (fate === 'repeated') again(one, question.straysMs);
    if (fate === 'crash_after') {
      drop(one);
      return kill(life);
    }
    if (fate === 'lost_reply') return lose(one);
    one.answer = answer;
    if (fate === 'delayed_reply') one.readyAtMs = nowMs + chance.between(100, chance.pick([4000, 60_000]));
    else deliver(one);
  };

  const ready = (one: Pending): boolean =>
    one.readyAtMs <= nowMs && (one.answer === null || one.life.frozenUntilMs <= nowMs);

  const awake = (one: Due): number => Math.max(one.atMs, one.life?.frozenUntilMs ?? 0);

  const next = (): Pending | Due | null => {
    const overdue = pending.find((one) => one.answer === null && one.deadlineMs <= nowMs);
    if (overdue) return overdue;
    const choices = [...pending.filter(ready), ...due.filter((one) => awake(one) <= nowMs)];
    return choices.length === 0 ? null : chance.pick(choices);
  };

  const skipAhead = (): boolean => {
    const times = [
      ...pending.map((one) => Math.max(one.readyAtMs, one.answer === null ? 0 : one.life.frozenUntilMs)),
      ...due.map(awake),
    ];
    if (times.length === 0) return false;
    nowMs = Math.max(nowMs, Math.min(...times));
    return true;
  };

  const freeze = (life: Life, forMs: number): void => {
    life.frozenUntilMs = nowMs + forMs;
    injected('freeze');
    note(`${life.name} freezes until +${((life.frozenUntilMs - startMs) / 1000).toFixed(3)}`);
  };

  const freezeSomebody = (): void => {
    if (calm || !chance.happens(freezes)) return;
    const lives = [...new Set([...pending, ...due].flatMap(({ life }) => (life?.alive ? [life] : [])))];
    if (lives.length > 0) freeze(chance.pick(lives), chance.between(1000, chance.pick([5000, 40_000, 120_000])));
  };

  const event = async (): Promise<boolean> => {
    const chosen = next();
    if (!chosen) return skipAhead();
    steps += 1;
    if ('question' in chosen) {
      await (chosen.answer === null ? perform(chosen) : deliver(chosen));
    } else {
      due = due.filter((one) => one !== chosen);
      if (chosen.what !== '') note(chosen.what);
      await chosen.act();
    }
    await drained();
    freezeSomebody();
    nowMs += chance.between(0, 20);
    return true;
  };

  return {
    log,
    kill,
    freeze,
    isCalm: () => calm,
    steps: () => steps,
    nowMs: () => nowMs,
    calm() {
      calm = true;
      faults = 0;
      freezes = 0;
      for (const { life } of [...pending, ...due]) if (life) life.frozenUntilMs = 0;
    },
    ask(life, question) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      if (!life.alive) return promise;
      const deadlineMs = nowMs + question.withinMs;
      const one: Pending = {
        life,
        question,
        readyAtMs: nowMs,
        deadlineMs,
        answer: null,
        awaited: true,
        resolve,
        reject,
      };
      pending.push(one);
      arrive(one);
      return promise;
    },
    sleep(life, ms) {
      const { promise, resolve } = Promise.withResolvers<void>();
      // A machine may always sleep longer; short polls would make schedules long and teach nothing.
      const most = laggardMs ?? (calm ? 60_000 : chance.pick([500, 5000, 60_000]));
      const pauseMs = ms + chance.between(0, most);
      if (life.alive) due.push({ atMs: nowMs + pauseMs, life, what: '', act: () => resolve() });
      return promise;
    },
    every(life, periodMs, act) {
      let next: Due | null = null;
      const plan = (): void => {
        const lateMs = calm ? 0 : chance.between(0, chance.pick([100, 100, 3 * periodMs]));
        next = { atMs: nowMs + periodMs + lateMs, life, what: `${life.name} beats`, act: beat };
        if (life.alive) due.push(next);
      };
      const beat = (): void => {
        act();
        plan();
      };
      plan();
      return () => {
        due = due.filter((one) => one !== next);
      };
    },
    at: (atMs, what, act) => void due.push({ atMs, life: null, what, act }),
    async play(maxSteps) {
      await drained();
      const limit = steps + maxSteps;
      while (steps < limit) if (over() || !(await event())) return true;
      return false;
    },
  };
}

// Money that no number holds comes as a bigint, which JSON does not know.
const exactly = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

function brief(answer: { value: unknown } | { error: unknown }): string {
  const text = 'error' in answer ? String(answer.error) : (JSON.stringify(answer.value, exactly) ?? '');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
