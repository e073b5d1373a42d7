// The arguments of importing files.
import type { Actor } from '../../domain/actions.ts';
import type { CorporateAction } from '../../domain/market/corporate-actions.ts';
import type { Instrument, Signal, UserSettings } from '../../domain/types.ts';

/** A user to import: settings, and what no users file says (the bundled sample does). */
export type UserToImport = UserSettings & { active?: boolean; tradingEnabled?: boolean };

/** The arguments of what brings files in. */
export interface ImportArguments {
  import_instruments: {
    instruments: Instrument[];
    /** What the file says nothing of: of an instrument there is, that stays. */
    keeps?: ('isin' | 'freezeQuantity' | 'fno' | 'restricted')[];
    by: Actor;
  };
  import_restrictions: { restrictions: { exchange: string; symbol: string; restricted: string }[]; by: Actor };
  /** Symbols without their series; null: everything that is listed. */
  read_listings: { symbols: string[] | null };
  import_signals: { signals: Signal[]; source: string; by: Actor };
  import_users: { users: UserToImport[]; mode: string; source: string; nowMs: number; by: Actor };
  /** `names`: ids that names would have, whoever has them. */
  preview_users: { users: UserToImport[]; names: string[]; mode: string };
  import_calendar: {
    exchange: string;
    days: { date: string; kind: 'open' | 'closed'; name: string; openTime: string | null; closeTime: string | null }[];
    by: Actor;
  };
  import_holdings: { holdings: object[]; nowMs: number };
  import_corporate_actions: { actions: CorporateAction[]; by: Actor };
  import_prices: {
    prices: { symbol: string; date: string; openMinor: number; closeMinor: number | null }[];
    by: Actor;
  };
}
