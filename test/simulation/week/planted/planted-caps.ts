// Bugs of symbols' caps planted in weeks: what counts towards one, and who looks.
import { edit, type PlantedBug } from '../../common/planting.ts';

/** What counts towards a symbol's cap, and the last look at it under its lock. */
export const plantedCaps: readonly PlantedBug[] = [
  {
    name: 'counts nothing of what is open towards a symbol’s cap',
    promise: /^limits: .* is bought for/,
    seed: 14,
    edits: [edit('core.cap_use_minor', 'core.value_up(o.quantity, greatest', 'core.value_up(0, greatest')],
  },
  {
    name: 'accepts single orders beyond a symbol’s cap that were decided side by side',
    promise: /^limits: .* is bought for/,
    seed: 14,
    edits: [edit('core.recheck_capped', `side = 'BUY' and with_this_minor > cap`, 'false')],
  },
  {
    name: 'counts a limit that is named above the quote at the quote',
    promise: /^limits: .* is bought for/,
    seed: 14,
    edits: [
      edit('core.cap_use_minor', 'greatest(o.decision_price_minor, named_limit_minor)', 'o.decision_price_minor'),
      edit('core.recheck_capped', 'greatest("priceMinor", named_minor)', '"priceMinor"'),
    ],
  },
  {
    name: 'counts refused orders towards a symbol’s cap',
    promise: /^limits: .* is said to be used/,
    seed: 1,
    edits: [edit('core.cap_use_minor', 'case when o.ended_at is null', 'case when true')],
  },
];
