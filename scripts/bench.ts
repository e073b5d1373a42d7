// Measures what the goals are about, each case alone or all together: `npm run bench -- [orders]`. Figures of one run
// are compared with figures of the same run only.
import { Argument, Command } from 'commander';
import { parsed, wholeNumber } from './flags.ts';

const command = parsed(
  new Command('bench')
    .description('Measures: orders (single orders over HTTP).')
    .usage('[options] [case]')
    .addArgument(new Argument('[case]').choices(['orders', 'door']).default('orders'))
    .addArgument(new Argument('[told]').default('{}'))
    .option('--rate <N...>', 'orders a second, open loop', (text: string, before: number[] = []) => [
      ...before,
      wholeNumber(text),
    ]),
);
const [name, told] = command.processedArgs as [string, string];
if (name === 'door') {
  const { doorPart } = await import('./bench/door-part.ts');
  await doorPart(JSON.parse(told));
} else {
  const { startServer } = await import('./bench/ground.ts');
  const { benchOrders } = await import('./bench/orders.ts');
  const server = await startServer();
  try {
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    const { rate } = command.opts<{ rate?: number[] }>();
    await benchOrders(server, rate ?? [10, 100, 300], say);
  } finally {
    await server.stop();
  }
}
