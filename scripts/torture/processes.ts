// The workers and scans of a torture's round, and what is done to them.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { chosen } from './book.ts';

const PROGRAM = fileURLToPath(new URL('../torture.ts', import.meta.url));

export type Kind = 'worker' | 'scan';

interface Member {
  kind: Kind;
  child: ChildProcess;
  frozen: boolean;
  /** How it may end: `any` once it was killed or its connection was cut, `well` once it was asked to stop. */
  mayEnd: 'no' | 'well' | 'any';
}

/** What is done to a process. `cut`: one of the database's connections is ended under it. */
const strikes = { kill: 65, freeze: 15, stop: 10, cut: 10 };

/** Starts a part of this program; it ends when we do. */
export function startPart(part: string, input: unknown): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [PROGRAM, part, JSON.stringify(input)], {
    env: { PATH, HOME },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const end = () => void child.kill('SIGKILL');
  process.on('exit', end);
  child.on('exit', () => process.off('exit', end));
  return child;
}

/** The workers and scans of a round. Whoever ends is started again; whoever dies by itself is a violation. */
export class TortureProcesses {
  /** Strikes by kind: `kill worker`. */
  readonly deeds: Record<string, number> = {};
  readonly died: string[] = [];
  /** Scans that came to their end by themselves. */
  scansEnded = 0;
  readonly #members = new Set<Member>();
  readonly #toldOf: (kind: Kind) => unknown;
  readonly #cut: () => Promise<void>;
  #disbanded = false;

  constructor(inputOf: (kind: Kind) => unknown, cut: () => Promise<void>) {
    this.#toldOf = inputOf;
    this.#cut = cut;
  }

  start(kind: Kind): void {
    const member: Member = { kind, child: startPart(kind, this.#toldOf(kind)), frozen: false, mayEnd: 'no' };
    this.#members.add(member);
    let stderr = '';
    member.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4_000);
    });
    member.child.on('close', (code, signal) => {
      this.#members.delete(member);
      if (kind === 'scan' && code === 0) this.scansEnded += 1;
      // SIGTERM itself ends a worker that has not come far enough to listen for it.
      else if (member.mayEnd === 'no' || (member.mayEnd === 'well' && code !== 0 && signal !== 'SIGTERM')) {
        this.died.push(`a ${kind} ended with ${code ?? signal}: ${stderr}`);
      }
      const pauseMs = kind === 'scan' && code === 0 ? randomInt(500, 2_000) : randomInt(0, 300);
      if (!this.#disbanded) setTimeout(() => this.#disbanded || this.start(kind), pauseMs);
    });
  }

  /** Does something to one process at random; `freezeMs` should be longer than a lease. */
  async strike(freezeMs: number): Promise<void> {
    const awake = [...this.#members].filter(({ mayEnd, frozen }) => mayEnd !== 'well' && !frozen);
    const victim = awake[randomInt(Math.max(awake.length, 1))];
    if (!victim) return;
    const drawn = chosen(strikes);
    // A scan does not listen for SIGTERM: for it that is a kill.
    const strike = drawn === 'stop' && victim.kind === 'scan' ? 'kill' : drawn;
    this.#count(`${strike} ${strike === 'cut' ? 'connection' : victim.kind}`);
    if (strike === 'freeze') this.#freeze(victim, freezeMs);
    else if (strike === 'cut') await this.#cutOne();
    else {
      victim.mayEnd = strike === 'kill' ? 'any' : 'well';
      victim.child.kill(strike === 'kill' ? 'SIGKILL' : 'SIGTERM');
    }
  }

  #count(deed: string): void {
    this.deeds[deed] = (this.deeds[deed] ?? 0) + 1;
  }

  #freeze(victim: Member, freezeMs: number): void {
    victim.frozen = true;
    victim.child.kill('SIGSTOP');
    setTimeout(() => {
      victim.frozen = false;
      victim.child.kill('SIGCONT');
    }, freezeMs);
  }

  /** Nobody knows whose connection it was: until the next start anybody may end over it. */
  async #cutOne(): Promise<void> {
    for (const member of this.#members) member.mayEnd = 'any';
    await this.#cut();
  }

  anyFrozen(): boolean {
    return [...this.#members].some(({ frozen }) => frozen);
  }

  /** Asks all to stop as an operator would; who has not stopped in time is a violation. */
  async disband(withinMs: number): Promise<void> {
    this.#disbanded = true;
    const late = setTimeout(() => {
      for (const { kind, child } of this.#members) {
        this.died.push(`a ${kind} did not stop within ${withinMs} ms of SIGTERM`);
        child.kill('SIGKILL');
      }
    }, withinMs);
    await Promise.all(
      [...this.#members].map(async (member) => {
        const gone = new Promise((resolve) => member.child.once('close', resolve));
        if (member.kind === 'scan') member.child.kill('SIGKILL');
        else if (member.mayEnd !== 'well') member.child.kill('SIGTERM');
        member.mayEnd = member.kind === 'scan' ? 'any' : 'well';
        await gone;
      }),
    );
    clearTimeout(late);
  }
}
