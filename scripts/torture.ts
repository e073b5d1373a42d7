// Kills and freezes real processes on a real Postgres while a venue misbehaves, and then compares the books:
// `npm run torture -- [--minutes M] [--speed S] [--unrest SECONDS]`. The processes it starts are this file with another part as argument.
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '2' },
    speed: { type: 'string', default: '10' },
    unrest: { type: 'string', default: '25' },
  },
});
const [part = 'director', told = '{}'] = positionals;
if (part === 'director') {
  const { direct } = await import('./torture/director.ts');
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const violations = await direct({
    minutes: Number(values.minutes),
    speed: Number(values.speed),
    unrestMs: Number(values.unrest) * 1000,
    say,
  });
  process.exit(violations > 0 ? 1 : 0);
} else if (part === 'venue') {
  const { venuePart } = await import('./torture/venue-part.ts');
  await venuePart(JSON.parse(told));
} else if (part === 'worker' || part === 'scan') {
  const { tradingPart } = await import('./torture/trading-part.ts');
  await tradingPart(part, JSON.parse(told));
} else {
  throw new Error(`there is no part "${part}": director, venue, worker or scan`);
}
