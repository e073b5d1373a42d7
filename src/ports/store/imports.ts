// Users, instruments, signals, prices and the calendar: what files bring in, and operators set by hand.
import { z } from 'zod';
import type { Actor } from '../../domain/actions.ts';
import { type CurrencyCode, currencyCodes } from '../../domain/currency.ts';
import type { DayOverride } from '../../domain/market/calendar.ts';
import type { CorporateAction } from '../../domain/market/corporate-actions.ts';
import type { Language } from '../../domain/messages/texts/en.ts';
import type { ListedInstrument, Signal, UserSettings } from '../../domain/types.ts';
import { cashMove } from './money.ts';
import { call, language, listing, minor, mode, namedUser } from './shapes.ts';

/** A user to import: settings, and what no users file says (the bundled sample does). */
/** `currency`: of the account it is about, and of its amounts; rupees where nothing is said. */
export type UserToImport = UserSettings & { active?: boolean; tradingEnabled?: boolean; currency?: CurrencyCode };

const storedUser = z.object({
  id: z.string(),
  name: z.string(),
  active: z.boolean(),
  tradingEnabled: z.boolean(),
  strategies: z.array(z.string()).nullable(),
  allowSymbols: z.array(z.string()).nullable(),
  denySymbols: z.array(z.string()),
  priority: z.int(),
  hasWhatsapp: z.boolean(),
  notify: z.enum(['always', 'orders', 'off']),
  language,
  accounts: z.array(
    z.object({
      venue: z.string(),
      mode,
      currency: z.enum(currencyCodes),
      notReady: z.string().nullable(),
      cashMinor: minor,
      heldMinor: minor,
      /** The last deposits and withdrawals, the newest first. */
      moved: z.array(cashMove),
      /** null: no limit. */
      maxOrdersPerDay: z.int().nullable(),
      maxOrderValueMinor: minor.nullable(),
    }),
  ),
});
export type StoredUser = z.infer<typeof storedUser>;

export type UserAccount = StoredUser['accounts'][number];

const foundUsers = z.object({ matches: z.array(namedUser), near: z.array(namedUser) });

const changedUser = z.object({
  changed: z.boolean(),
  /** Their orders that were not sent, and now never will be. */
  stopped: z.int(),
  /** Those that were, and go on. */
  underWay: z.int(),
});
export type ChangedUser = z.infer<typeof changedUser>;

const usersPreview = z.object({
  known: z.array(namedUser),
  changes: z.array(
    z.object({
      userId: z.string(),
      /** Of the account that changes; left out: INR. */
      currency: z.enum(currencyCodes).optional(),
      numberChanges: z.boolean(),
      was: z.record(z.string(), z.unknown()),
      now: z.record(z.string(), z.unknown()),
    }),
  ),
});
export type UsersPreview = z.infer<typeof usersPreview>;

export const storedPrices = z.object({
  any: z.boolean(),
  prices: z.array(listing.extend({ priceMinor: minor, previousCloseMinor: minor.nullable() })),
});
export type StoredPrices = z.infer<typeof storedPrices>;

const calendarDay = z.object({
  date: z.string(),
  kind: z.enum(['open', 'closed']),
  name: z.string(),
  openTime: z.string().nullable(),
  closeTime: z.string().nullable(),
  ofYearList: z.boolean(),
}) satisfies z.ZodType<DayOverride>;
export type CalendarDay = z.infer<typeof calendarDay>;

export const imports = {
  /**
   * Creates users and their accounts of one mode, or changes their settings. Only the first import of a paper account
   * deposits its capital.
   */
  import_users: call<{ users: UserToImport[]; mode: string; source: string; nowMs: number; by: Actor }>()(
    z.object({ created: z.int() }),
    { isLong: true },
  ),
  /** Says what an import of these users would do. `names`: ids that names would have, whoever has them. */
  preview_users: call<{ users: UserToImport[]; names: string[]; mode: string }>()(usersPreview, { isLong: true }),
  /** Changes the settings of a user: only the keys given. */
  set_user: call<{
    userId: string;
    active?: boolean;
    tradingEnabled?: boolean;
    /** When they want a message: always, only of a run that placed an order for them, or never. */
    notify?: 'always' | 'orders' | 'off';
    language?: Language;
    strategies?: string[] | null;
    allowSymbols?: string[] | null;
    denySymbols?: string[] | null;
    /** The login (JWT `sub`) that is this user's. */
    authUserId?: string | null;
    by: Actor;
  }>()(changedUser),
  /** Reads a user with their accounts; null: there is no such user. */
  read_user: call<{ userId: string }>()(storedUser.nullable()),
  /** Finds whom a name or an id may mean, and, where it means nobody, whose is near it. */
  find_users: call<{ user: string }>()(foundUsers),
  /** Brings instruments in. */
  import_instruments: call<{
    instruments: ListedInstrument[];
    /** What the file says nothing of: of an instrument there is, that stays. */
    keeps?: ('isin' | 'freezeQuantity' | 'fno' | 'restricted')[];
    by: Actor;
  }>()(z.object({ written: z.int() }), { isLong: true }),
  /**
   * Says what nobody may enter today in the market of an exchange (left out: the NSE); what is no longer among it is free again. `unknown`: listings no instruments file
   * has named.
   */
  import_restrictions: call<{
    restrictions: { exchange: string; symbol: string; restricted: string }[];
    exchange?: string;
    by: Actor;
  }>()(
    z.object({
      restricted: z.array(z.string()),
      freed: z.array(z.string()),
      unknown: z.array(z.string()),
    }),
    { isLong: true },
  ),
  /** Reads an exchange's listings (left out: the NSE's) by symbols without their series; null: everything that is listed. */
  read_listings: call<{ symbols: string[] | null; exchange?: string }>()(z.array(listing)),
  /** Brings the signals of a file in. */
  import_signals: call<{ signals: Signal[]; source: string; by: Actor }>()(z.object({ written: z.int() }), {
    isLong: true,
  }),
  /** Books holdings we did not buy, as paid for; each `reference` once. */
  import_holdings: call<{ holdings: object[]; nowMs: number }>()(z.object({ booked: z.int() }), { isLong: true }),
  /** Brings corporate actions in; a row that is there gets the ratio of the file. */
  import_corporate_actions: call<{ actions: CorporateAction[]; by: Actor }>()(z.object({ written: z.int() }), {
    isLong: true,
  }),
  /** Brings daily prices in, for paper trading; without an exchange they are the NSE's. */
  import_prices: call<{
    prices: { exchange?: string; symbol: string; date: string; openMinor: number; closeMinor: number | null }[];
    by: Actor;
  }>()(z.object({ written: z.int() }), { isLong: true }),
  /**
   * Reads the opens of a day with each symbol’s last close before it; `any`: whether there are stored prices at all.
   */
  read_prices: call<{ tradeDate: string; listings: { exchange: string; symbol: string }[] }>()(storedPrices),
  /** Replaces the imported lists of the years these days are of; days an operator set one by one stand. */
  import_calendar: call<{
    exchange: string;
    days: { date: string; kind: 'open' | 'closed'; name: string; openTime: string | null; closeTime: string | null }[];
    by: Actor;
  }>()(
    z.object({
      added: z.array(z.string()),
      changed: z.array(z.string()),
      removed: z.array(z.string()),
    }),
    { isLong: true },
  ),
  /** Sets a day of the calendar; `kind` null takes it out again. */
  set_calendar_day: call<{
    exchange: string;
    date: string;
    kind: 'open' | 'closed' | null;
    name: string;
    openTime: string | null;
    closeTime: string | null;
    by: Actor;
  }>()(z.object({})),
  /** Reads the days that were imported or set. */
  read_calendar_days: call<{ exchange: string }>()(z.array(calendarDay)),
};
