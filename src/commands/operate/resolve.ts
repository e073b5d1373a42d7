// npm run resolve: records what became of an order that was left to a person.
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { INR } from '../../domain/currency.ts';
import { formatMinor, parseMinor } from '../../domain/money.ts';
import type { ResolvedOrder } from '../../ports/store/money.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';

const endings = ['filled', 'partly', 'canceled', 'rejected', 'not-placed'] as const;

interface ResolveFlags {
  order: string;
  as: string;
  quantity?: string;
  price?: string;
  by?: string;
  json?: boolean;
}

/** `npm run resolve -- --order ID --as …`: a person says what became of an order that was left to them. It is recorded. */
export async function resolveCommand(config: Config, flags: ResolveFlags): Promise<number | Refusal> {
  const as = endings.find((one) => one === flags.as);
  if (!as) return refusal('bad_flag', `--as is one of ${endings.join(', ')}, not ${flags.as}.`);
  const bought = as === 'filled' || as === 'partly';
  const quantity =
    flags.quantity !== undefined && /^[1-9]\d{0,8}$/.test(flags.quantity) ? Number(flags.quantity) : null;
  const priceMinor = flags.price === undefined ? null : parseMinor(flags.price, INR);
  const wholeOrder = as === 'filled' && flags.quantity === undefined;
  if (bought && ((quantity === null && !wholeOrder) || priceMinor === null || priceMinor <= 0)) {
    return refusal(
      'bad_flag',
      `--as ${as} needs --quantity and --price as the broker's book has them, such as --quantity 28 --price 3564.80.`,
    );
  }
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const by = actorOf(flags);
    const resolution = {
      order: flags.order,
      as,
      quantity: bought ? quantity : null,
      priceMinor: bought ? priceMinor : null,
    };
    const answer = await store.call('resolve_order', { ...resolution, by, nowMs: realClock().nowMs() });
    return ended(flags, answer);
  });
}

function ended({ order, as, price, json }: ResolveFlags, answer: ResolvedOrder): number | Refusal {
  switch (answer.kind) {
    case 'no_such_order':
      return refusal('no_such_order', `There is no order ${order} here: give its client order id.`);
    case 'not_unknown':
      return refusal(
        'not_unknown',
        `Order ${order} is ${answer.status}: only an order at its venue that is left to a person can be resolved.`,
      );
    case 'still_looked_up':
      return refusal(
        'still_looked_up',
        `Order ${order} is still being looked up at its venue: let a scan or a worker go on; what nobody finds out is left to you, after four minutes where it is unknown, else after its day.`,
      );
    case 'wrong_quantity':
      return refusal(
        'bad_flag',
        `Order ${order} is for ${answer.quantity}, of which ${answer.filledQuantity} are booked: --quantity does not fit --as ${as}.`,
      );
    case 'wrong_price': {
      const limit = `${answer.side === 'BUY' ? 'at most' : 'at least'} ${formatMinor(answer.limitPriceMinor, INR)}`;
      return refusal(
        'wrong_price',
        `Order ${order} is for ${limit}: its venue can't have filled it at --price ${price}.`,
      );
    }
    case 'resolved':
      process.stdout.write(
        json ? `${JSON.stringify(answer)}\n` : `Order ${answer.clientOrderId} is now ${answer.status}.\n`,
      );
      return 0;
  }
}
