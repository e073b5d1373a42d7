// The arguments of moving cash and correcting fills.
import type { Actor } from '../../domain/actions.ts';

/** What a person says of an account's money: deposits, withdrawals, and what a fill really was. */
export interface MoveCash {
  userId: string;
  /** null: the only paper account they have. */
  venue: string | null;
  kind: 'deposit' | 'withdrawal';
  amountMinor: number;
  /** Counts once within its account. */
  reference: string;
  /** A person named it; else it is made for this one command, and the same amount soon after is a key pressed twice. */
  isNamed: boolean;
  by: Actor & { why: string };
  nowMs: number;
}

export interface CorrectFill {
  order: string;
  /** As its venue names it; null: the order's only one. */
  fill: string | null;
  /** 0: it never was. */
  quantity: number;
  /** null: as it was told. */
  priceMinor: number | null;
  by: Actor;
  nowMs: number;
}
