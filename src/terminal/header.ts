// What a scan shows before anything happens.
import type { Currency } from '../domain/currency.ts';
import { currencyOfRun } from '../domain/market/session.ts';
import { formatHundredths } from '../domain/money.ts';
import { formatMoney } from '../domain/text/money-text.ts';
import type { Mode, Side } from '../domain/types.ts';
import { type Exit, exitCells } from './exits.ts';
import { databaseText, grouped, plural, sessionLabel, signalPriceText } from './format.ts';
import { type Cell, type Column, type Paint, table } from './table.ts';
import { fitted, padded } from './width.ts';

/** What a person wants to know before anything happens. */
export interface HeaderFacts {
  /** 'XNSE:2025-08-28:open' */
  session: string;
  /** The clock's time of day in words: '09:20 IST'; add 'virtual clock' or the like where it is not the real one. */
  time: string;
  mode: Mode;
  dryRun: boolean;
  /** What the bundled sample session is; null: it is none. */
  sample: string | null;
  /** Where the database is; a password in it is not shown. */
  database: string;
  users: number;
  signals: HeaderSignal[];
  /** `signal`: no prices were given, and each signal's own stands for one. */
  pricesFrom?: 'signal' | null;
}

export interface HeaderSignal extends Exit {
  rank: number;
  symbol: string;
  side: Side;
  referencePriceMinor: number;
  /** null: there is no price to decide at. */
  priceMinor: number | null;
}

const MAX_SIGNALS_SHOWN = 20;

const signalColumns: Column[] = [
  { title: 'Rank', align: 'right' },
  { title: 'Symbol' },
  { title: 'Side' },
  { title: 'Reference', align: 'right' },
  { title: 'Price', align: 'right' },
  { title: 'Moved', align: 'right', spare: true },
];
const exitColumns: Column[] = [
  { title: 'Stop', align: 'right', spare: true },
  { title: 'Target', align: 'right', spare: true },
];

/** The head of a run: what is about to happen, on what, where, and whether real money is in it. */
export function headerText(facts: HeaderFacts, columns: number, paint: Paint): string {
  const { session, time, mode, dryRun, sample, database, users, signals } = facts;
  const rows: [string, string][] = [
    ['Session', `${sessionLabel(session)}, ${fitted(time, 60)}`],
    ['Mode', mode === 'live' ? paint('bad', 'LIVE: real orders, real money') : 'paper: no real money'],
    ...(sample === null ? [] : [['Data', sample] as [string, string]]),
    ...pricesRow(facts, paint),
    ['Database', databaseText(database)],
    ['Users', grouped(users)],
    ['Signals', grouped(signals.length)],
  ];
  const lines = rows.map(([label, value]) => `${paint('quiet', padded(label, 12))}${value}`);
  const sections = [paint('strong', `daily-scan${dryRun ? ' · dry run' : ''}`), lines.join('\n')];
  if (signals.length > 0) sections.push(signalTable(facts, columns, paint));
  sections.push(aboutTo(facts));
  return sections.join('\n\n');
}

/** Said where there is something to say: on paper a price is somebody's to bring. */
function pricesRow({ mode, signals, pricesFrom }: HeaderFacts, paint: Paint): [string, string][] {
  if (pricesFrom === 'signal') return [['Prices', paint('notice', signalPriceText)]];
  if (mode === 'live' || signals.length === 0 || signals.some(({ priceMinor }) => priceMinor !== null)) return [];
  const how = 'import them (npm run import -- prices F.csv) or name a file (--prices);';
  const text = `none of this day: ${how}\n${padded('', 12)}PAPER_PRICES=signal trades at the signals’ own where none were ever given`;
  return [['Prices', paint('notice', text)]];
}

function signalTable({ signals, session }: HeaderFacts, columns: number, paint: Paint): string {
  const currency = currencyOfRun(session);
  const exits = signals.some(({ stopLossMinor, targetMinor }) => stopLossMinor || targetMinor);
  const heads = exits ? [...signalColumns, ...exitColumns] : signalColumns;
  const rows = signals
    .slice(0, MAX_SIGNALS_SHOWN)
    .map((signal) => [...signalRow(signal, currency), ...(exits ? exitCells(currency, signal) : [])]);
  const left = signals.length - MAX_SIGNALS_SHOWN;
  return [
    table(heads, rows, columns, paint),
    ...(left > 0 ? [`… and ${plural(left, 'more signal')}`] : []),
    ...(exits ? ['Stops and targets are shown, not placed.'] : []),
  ].join('\n');
}

function signalRow(signal: HeaderSignal, currency: Currency): Cell[] {
  const { rank, symbol, side, referencePriceMinor, priceMinor } = signal;
  const price: Cell = priceMinor === null ? { text: 'no price', tone: 'notice' } : formatMoney(priceMinor, currency);
  const moved = priceMinor === null ? '' : movedPct(priceMinor, referencePriceMinor);
  return [String(rank), fitted(symbol, 24), side, formatMoney(referencePriceMinor, currency), price, moved];
}

/** Percent from the reference price, rounded to the hundredth, as a refusal for `price_outside_band` says it too. */
function movedPct(priceMinor: number, referencePriceMinor: number): string {
  if (referencePriceMinor <= 0) return '';
  const halfBps = (BigInt(Math.abs(priceMinor - referencePriceMinor)) * 20_000n) / BigInt(referencePriceMinor);
  const bps = (halfBps + 1n) / 2n;
  const sign = bps === 0n ? '' : priceMinor < referencePriceMinor ? '-' : '+';
  return `${sign}${formatHundredths(bps)} %`;
}

function aboutTo({ mode, dryRun, users, signals }: HeaderFacts): string {
  const pairs = `${plural(signals.length, 'signal')} × ${plural(users, 'user')}`;
  if (dryRun) return `Next: decide ${pairs}, and show the plan. Nothing is written, nothing is sent.`;
  const where = mode === 'live' ? 'their venues with real money' : 'the paper venue';
  return `Next: decide ${pairs}, place the accepted orders at ${where},\nand message every user once.`;
}
