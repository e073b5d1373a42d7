import { expect, test } from 'vitest';
import type { RunTimings } from '../../src/ports/store/runs.ts';
import { plain } from '../../src/terminal/table.ts';
import { timingsText } from '../../src/terminal/timings.ts';
import { sampleReport } from './sample-report.ts';

const openedAtMs = Date.parse('2025-08-28T09:20:00.000+05:30');
const timings: RunTimings = {
  openedAtMs,
  decidedAtMs: openedAtMs + 210,
  firstSentAtMs: openedAtMs + 250,
  lastSentAtMs: openedAtMs + 1_950,
  lastSettledAtMs: openedAtMs + 2_140,
  lastMessageAtMs: null,
  doneAtMs: null,
  attempts: 5,
  troubles: [
    {
      status: 'rejected',
      venue: 'paper',
      reason: 'venue_rejected',
      message: 'RMS:\u001b[2J margin\nshort',
      count: 1200,
    },
  ],
  setbacks: [{ status: 'queued', venue: 'paper', reason: 'http_429', count: 3 }],
};
const { totals } = sampleReport();
const report = sampleReport({ totals: { ...totals, accepted: 3, filled: 2 } });

test('says when the run did what, from its opening on, and leaves out what has not happened', () => {
  expect(timingsText({ ...timings, troubles: [], setbacks: [] }, report, 100, plain)).toBe(
    [
      'Opened        2025-08-28 09:20:00.000 IST',
      'Planned       +210 ms',
      'First sent    +250 ms',
      'Last sent     +1.9 s',
      'Last settled  +2.1 s',
      'Success       66.6 % (2 of 3 orders filled, 5 attempts)',
    ].join('\n'),
  );
});

test('counts the same trouble once, and keeps what venues say harmless', () => {
  const text = timingsText(timings, report, 120, plain);
  expect(text).toMatch(/1,200 {2}rejected\s+paper {2}venue_rejected {2}RMS: \[2J margin short/);
  expect(text).toMatch(/3 {2}not sent, tried again\s+paper {2}http_429/);
});

test('100 % is only said where every order was filled', () => {
  const all = (accepted: number, filled: number) => {
    return timingsText(timings, sampleReport({ totals: { ...totals, accepted, filled } }), 100, plain);
  };
  expect(all(100_000, 99_999)).toContain('99.9 %');
  expect(all(7, 7)).toContain('100.0 % (7 of 7 orders filled)');
  expect(all(0, 0)).toContain('no order was placed');
});
