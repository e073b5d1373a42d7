import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeScreen } from '../../src/terminal/screen.ts';
import { manyUsers, order, sampleReport } from './sample-report.ts';

function recorder(isTerminal: boolean, columns?: number) {
  const stream = new PassThrough();
  if (isTerminal) Object.assign(stream, { isTTY: true, columns, getColorDepth: WriteStream.prototype.getColorDepth });
  const screen = makeScreen({ stream, isTerminal, columns });
  return { screen, text: (): string => String(stream.read() ?? '') };
}

const signals = [
  { id: 's1', symbol: 'TITAN', side: 'BUY' },
  { id: 's2', symbol: 'ITC', side: 'SELL' },
] as const;

beforeEach(() => {
  vi.stubEnv('TERM', 'xterm-256color');
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS', 'CI']) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

describe('without a terminal', () => {
  test('a report is plain text: no colour and no cursor move, even where colours are forced', () => {
    vi.stubEnv('FORCE_COLOR', '1');
    const { screen, text } = recorder(false);
    screen.report(sampleReport());
    const output = text();
    expect(output).toBe(stripVTControlCharacters(output));
    expect(output).toMatch(/^2 of 4 orders filled, 1 rejected, 1 unknown, in 412 ms\n\nUser /);
    expect(output).toContain(`Run         XNSE:2025-08-28:open:paper
Decisions   6: 4 accepted, 1 skipped, 1 denied
Orders      4: 2 filled, 1 rejected, 1 unknown
Bought for  ₹1,98,274.40
Spread      0.10 % at most between users (ITC)
Messages    2 sent, 1 failed
Time        412 ms, the slowest signal TITAN 120 ms

1 order unknown: the venue has not said whether it took it.
The money stays on hold and nothing is sent again; the next scan or a worker asks the venue.
  cd34  कृष्णा: BUY 28 TITAN  npm run why -- --user u2 --symbol TITAN
1 message failed: npm run messages -- --run XNSE:2025-08-28:open:paper --status failed
`);
  });

  test('progress is one line per signal when it is done, and one for what was left', () => {
    const { screen, text } = recorder(false);
    const progress = screen.progress.signalProgress([...signals]);
    progress.update('s1', 1, 5);
    progress.update('s2', 1, 3);
    progress.update('nobody', 1, 1);
    progress.update('s1', 5, 5);
    progress.update('s1', 5, 5);
    screen.note('the venue is slow');
    progress.stop();
    progress.stop();
    screen.note('after');
    expect(text()).toBe('BUY TITAN: 5 of 5 orders done\nthe venue is slow\nSELL ITC: 1 of 3 orders done\n\nafter\n');
  });

  test('messages stand exactly as they are sent, except for what would steer the terminal', () => {
    const { screen, text } = recorder(false);
    screen.messages(sampleReport());
    expect(text()).toBe(`── Asha Rao, message sent ──────────────────────────────────
daily-scan · 28 Aug 2025
Hello Asha Rao

── कृष्णा, message failed ────────────────────────────────────
Hello [2J
there

`);
    screen.messages(manyUsers(100));
    expect(text()).toContain('… and 88 more: npm run messages -- --run XNSE:2025-08-28:open:paper');
  });

  test('a plan shows its hash and how to place exactly it, and speaks of nothing as done', () => {
    const { screen, text } = recorder(false);
    screen.plan(sampleReport({ dryRun: true, orders: [order({ status: 'planned' })], messages: [] }));
    const output = text();
    expect(output).toMatch(/^Plan: 4 orders out of 6 decisions; nothing is placed\n/);
    expect(output).toContain('Plan hash c0ffee\n');
    expect(output).toContain('\n  --expect-plan c0ffee\n');
    expect(output).not.toMatch(/Messages|unknown:/);
  });

  test('a run that did not open says why in words, and when the next one is', () => {
    const { screen, text } = recorder(false);
    const skipped = { reason: 'market_closed', nextSession: 'XNSE:2025-08-29:open' } as const;
    screen.skipped(sampleReport({ session: 'XNSE:2025-08-27:open', skipped }));
    expect(text()).toBe(`Not run: the market is closed on this day.
Session: NSE open, Wednesday, 27 August 2025
Next session: NSE open, Friday, 29 August 2025

`);
    screen.skipped(sampleReport());
    expect(text()).toBe('');
  });

  test('a session done before says so and gives its report again', () => {
    const { screen, text } = recorder(false);
    screen.alreadyDone(sampleReport());
    expect(text()).toMatch(/is already done \(finished 2025-.*Nothing was placed now.*2 of 4 orders filled/s);
  });

  test('a report without its lists says where they are, and claims no sum it can not know', () => {
    const { screen, text } = recorder(false);
    screen.report(sampleReport({ truncated: true, signals: [], orders: [], decisions: [], messages: [] }));
    const output = text();
    expect(output).toContain('npm run report -- --run XNSE:2025-08-28:open:paper');
    expect(output).not.toContain('₹');
  });

  test('problems name file, line, field and value; after twenty they are counted', () => {
    const { screen, text } = recorder(false);
    const problem = {
      file: 'signals.csv',
      line: 4,
      field: 'reference_price',
      reason: 'must be a price',
      value: '12,5',
    };
    screen.problems([problem, { ...problem, line: 1, field: null, reason: 'unknown column', value: null }]);
    expect(text()).toBe(`2 problems in the input
signals.csv line 4: reference_price must be a price ("12,5")
signals.csv line 1: unknown column

`);
    screen.problems(Array.from({ length: 23 }, () => problem));
    const output = text();
    expect(output.match(/line 4/g)).toHaveLength(20);
    expect(output).toContain('\nand 3 more\n');
    screen.problems([]);
    expect(text()).toBe('');
  });
});

describe('on a terminal', () => {
  test('colours are few and only the paint: without them it is the text of a pipe', () => {
    const coloured = recorder(true, 100);
    const piped = recorder(false, 100);
    coloured.screen.report(sampleReport());
    piped.screen.report(sampleReport());
    const screen = coloured.text();
    expect(screen).toContain('\u001b[32m28 @ 3564.80\u001b[39m');
    expect(stripVTControlCharacters(screen)).toBe(piped.text());
  });

  test('NO_COLOR is honoured', () => {
    vi.stubEnv('NO_COLOR', '1');
    const { screen, text } = recorder(true, 100);
    screen.report(sampleReport());
    const output = text();
    expect(output).toBe(stripVTControlCharacters(output));
  });

  test('every signal has its bar, and they end full', () => {
    const { screen, text } = recorder(true, 100);
    const progress = screen.progress.signalProgress([...signals]);
    progress.update('s1', 5, 5);
    progress.update('s2', 1, 2);
    screen.note('the venue is slow');
    progress.stop();
    const output = stripVTControlCharacters(text());
    expect(output).toContain(`BUY TITAN  ${'━'.repeat(32)}  5 of 5 orders`);
    expect(output).toContain(`SELL ITC   ${'━'.repeat(16)}${'╌'.repeat(16)}  1 of 2 orders`);
    expect(output).toContain('the venue is slow\n');
  });

  test('many signals share one bar, so a small screen holds it', () => {
    const { screen, text } = recorder(true, 80);
    const many = Array.from({ length: 30 }, (_, n) => ({ id: `s${n}`, symbol: `SYM${n}`, side: 'BUY' as const }));
    const progress = screen.progress.signalProgress(many);
    for (const { id } of many) progress.update(id, 2, 4);
    progress.stop();
    const output = stripVTControlCharacters(text());
    expect(output).toContain('60 of 120 orders');
    expect(output).not.toContain('SYM1');
  });
});
