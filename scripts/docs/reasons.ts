// Writes the reference of the reason codes from their definitions.
import { denyReasons, skipReasons } from '../../src/domain/decision/decision.ts';
import type { Clause } from '../../src/domain/messages/texts/reason-clause.ts';
import { englishReasons, runSkipTexts, shortReason } from '../../src/domain/messages/texts/reasons-en.ts';
import { hindiReasons } from '../../src/domain/messages/texts/reasons-hi.ts';
import { orderReasons } from '../../src/domain/order.ts';
import { markdownTable } from './markdown.ts';

/** Why a run did not open. */
export function runSkipsText(): string {
  const rows = Object.entries(runSkipTexts).map(([code, meaning]) => [`\`${code}\``, meaning]);
  return markdownTable(['code', 'meaning'], rows);
}

const figures = ({ measure }: Clause): string =>
  measure === undefined ? '' : `actual: ${measure.actual}, limit: ${measure.limit} (${measure.unit})`;

/** Why a signal came to nothing for a user, in the order the reasons are checked in. */
export function decisionReasonsText(): string {
  const { decisions } = englishReasons;
  const rowsOf = (outcome: string, codes: readonly (keyof typeof decisions)[]) =>
    codes.map((code) => {
      const clause = decisions[code];
      const hindi = hindiReasons.decisions[code].you;
      return [`\`${code}\``, outcome, shortReason(code), clause.you, hindi, figures(clause)];
    });
  const heads = ['code', 'outcome', 'shown as', 'to the user', 'in Hindi', 'figures'];
  return markdownTable(heads, [...rowsOf('skipped', skipReasons), ...rowsOf('denied', denyReasons)]);
}

/** Why an order ended without (all of) its fill. */
export function orderReasonsText(): string {
  const rows = orderReasons.map((code) => {
    return [`\`${code}\``, englishReasons.orders[code].you, hindiReasons.orders[code].you];
  });
  return markdownTable(['code', 'to the user', 'in Hindi'], rows);
}
