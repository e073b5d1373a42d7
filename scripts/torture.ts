// Kills and freezes real processes on a real Postgres while a venue misbehaves, and then compares the books:
// `npm run torture -- [--minutes M] [--speed S] [--unrest SECONDS]`. The processes it starts are this file with another part as argument.
import { Argument, Command } from 'commander';
import { parsed, positiveNumber } from './support/flags.ts';

const command = parsed(
  new Command('torture')
    .description(
      'Kills and freezes real processes on a real Postgres while a venue misbehaves, and compares the books.',
    )
    .usage('[options]')
    .addArgument(new Argument('[part]').choices(['director', 'venue', 'worker', 'scan']).default('director'))
    .addArgument(new Argument('[input]').default('{}'))
    .option('--minutes <M>', 'start no further round after this time', positiveNumber, 2)
    .option('--speed <S>', 'how much faster than the clock the day passes', positiveNumber, 10)
    .option('--unrest <SECONDS>', 'how long processes are struck in each round', positiveNumber, 25),
);
const [part, input] = command.processedArgs as [string, string];
if (part === 'director') {
  const { minutes, speed, unrest } = command.opts<{ minutes: number; speed: number; unrest: number }>();
  const { direct } = await import('./torture/director.ts');
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const violations = await direct({ minutes, speed, unrestMs: unrest * 1000, say });
  process.exit(violations > 0 ? 1 : 0);
} else if (part === 'venue') {
  const { venuePart } = await import('./torture/venue-part.ts');
  await venuePart(JSON.parse(input));
} else if (part === 'worker' || part === 'scan') {
  const { tradingPart } = await import('./torture/trading-part.ts');
  await tradingPart(part, JSON.parse(input));
}
