// `npm run correct`: a person says what a fill that was reported wrong really was.
import { realClock } from '../../adapters/clock.ts';
import type { Config } from '../../config/config.ts';
import { INR } from '../../domain/currency.ts';
import { formatMinor, parseMinor } from '../../domain/money.ts';
import type { CorrectedFill, FillCorrection, NamedFill } from '../../ports/store/money.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';

interface CorrectFlags {
  order: string;
  fill?: string;
  quantity: string;
  price?: string;
  why?: string;
  by?: string;
  json?: boolean;
}

/** `npm run correct -- --order ID --quantity Q [--fill F] [--price P] --why W`. It is recorded; what was reported first stays. */
export async function correctCommand(config: Config, flags: CorrectFlags): Promise<number | Refusal> {
  const priceMinor = flags.price === undefined ? null : parseMinor(flags.price, INR);
  if (!/^(0|[1-9]\d{0,8})$/.test(flags.quantity)) {
    return refusal(
      'bad_flag',
      `--quantity is a whole number of shares (0: it was never filled), not ${flags.quantity}.`,
    );
  }
  if (flags.price !== undefined && (priceMinor === null || priceMinor <= 0)) {
    return refusal('bad_flag', `--price is a price such as 3564.80, not ${flags.price}.`);
  }
  if (flags.why === undefined || flags.why.trim() === '') {
    return refusal('bad_flag', '--why says what shows it, such as --why "contract note 4711": it stays in the log.');
  }
  const target = targetToRead(config);
  showTarget(target);
  return withStore(config, target, async (store) => {
    const correction = { order: flags.order, fill: flags.fill ?? null, quantity: Number(flags.quantity), priceMinor };
    const by = actorOf(flags);
    return ended(flags, await store.call('correct_fill', { ...correction, by, nowMs: realClock().nowMs() }));
  });
}

function ended({ order, json }: CorrectFlags, answer: CorrectedFill): number | Refusal {
  switch (answer.kind) {
    case 'no_such_order':
      return refusal(
        'no_such_order',
        `There is no order ${order} here, or its records were removed (npm run log -- --action remove_old): give its client order id. What was removed is corrected by a deposit or withdrawal.`,
      );
    case 'still_open':
      return refusal(
        'still_open',
        `Order ${order} is ${answer.status}: its fills still come from its venue. Correct it once it has ended; ` +
          'one that nobody can find out about ends with npm run resolve.',
      );
    case 'which_fill':
      return refusal('bad_flag', whichFill(order, answer.fills));
    case 'wrong_quantity':
      return refusal(
        'bad_flag',
        `Order ${order} is for ${answer.quantity}, of which ${answer.filledQuantity} are in other fills: --quantity is more than is left.`,
      );
    case 'wrong_price':
      return refusal(
        'bad_flag',
        `Order ${order} has the limit ${formatMinor(answer.limitPriceMinor, INR)}: --price is beyond it, which no venue may do.`,
      );
    case 'unchanged':
      process.stdout.write(json ? `${JSON.stringify(answer)}\n` : 'It is booked like this already: nothing changed.\n');
      return 0;
    case 'corrected':
      process.stdout.write(json ? `${JSON.stringify(answer)}\n` : correctedText(answer));
      return 0;
  }
}

function whichFill(order: string, fills: NamedFill[]): string {
  if (fills.length === 0) return `Order ${order} has no such fill: nothing of it is booked to correct.`;
  const names = fills.map((one) => `${one.venueFillId} (${one.quantity} at ${formatMinor(one.priceMinor, INR)})`);
  return `Order ${order} has ${fills.length} fills: say with --fill which one: ${names.join(', ')}.`;
}

function correctedText(done: FillCorrection): string {
  const fillText = ({ quantity, priceMinor }: { quantity: number; priceMinor: number }) =>
    quantity === 0 ? 'nothing' : `${quantity} at ${formatMinor(priceMinor, INR)}`;
  const lines = [
    `Order ${done.clientOrderId}, fill ${done.venueFillId}: ${fillText(done.was)} → ${fillText(done.now)}.`,
    `  cash of ${done.userId} at ${done.accountVenue}: ${formatMinor(done.cashBeforeMinor, INR)} → ${formatMinor(done.cashMinor, INR)}`,
  ];
  if (done.notReady !== null) {
    lines.push(`  still blocked: ${done.notReady}`, `  next: npm run account -- --user ${done.userId}`);
  }
  return `${lines.join('\n')}\n`;
}
