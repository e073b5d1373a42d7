// Reads the symbols people and programs write, and refuses those that could mean two shares.
import { symbolPattern, symbolRule } from '../decision/signal-rules.ts';
import { exchangesWithRuns, markets, xnse } from './market.ts';
import { foldedSymbol, type Listing } from './share.ts';

/** What a symbol names, or why nobody can say. */
export type NamedSymbol = { value: string } | { reason: string };

/** Reads a symbol of an exchange (left out: the NSE), however other programs write it, as the exchange does. */
export type SymbolReader = (text: string, exchange?: string) => NamedSymbol;

/**
 * NSE symbols with a character TradingView writes as '_'. Only a help where no instruments are imported: a symbol that
 * is neither here nor among the instruments is refused. Former names stay: files of earlier years have them.
 */
const PUNCTUATED = [
  ...['ALSTOMT&D', 'ARE&M', 'AREVAT&D', 'AXIS-IT&T', 'BAJAJ-AUTO', 'COX&KINGS', 'GET&D', 'GMRP&UI', 'GVT&D'],
  ...['HCL-INSYS', 'HYDROS&S', 'IL&FSENGG', 'IL&FSTRANS', 'J&KBANK', 'L&TFH', 'L&TFINANCE', 'L&TINFRA', 'M&M'],
  ...['M&MFIN', 'MCDOWELL-N', 'MRO-TEK', 'NAM-INDIA', 'S&SPOWER', 'SB&TINTL', 'SHIRPUR-G', 'SURANAT&P', 'TV-18'],
];

const EXCHANGE = /^([A-Z][A-Z_]*):(.*)$/;
const [NSE] = xnse.exchanges;
/** How Yahoo and other sources of prices write the exchange. */
const SUFFIX = /\.(NS|NSE|BO|BSE)$/;

const withRuns = markets.filter(({ notTraded }) => notTraded === null);

/** Which exchange an alert or a file means, as signals name it (NASDAQ is US); else why nothing is bought there. */
export function exchangeNamed(code: string): NamedSymbol {
  const market = withRuns.find(({ mic, exchanges }) => mic === code || exchanges.includes(code));
  if (market) return { value: market.exchanges[0] };
  if (code === 'NSE_DLY' || code === 'NSE_DL') {
    return {
      reason: `${code} is the NSE with prices of 15 minutes ago: only the NSE as it is now is traded, give NSE`,
    };
  }
  const names = withRuns.map(({ name }) => `the ${name}`).join(' and ');
  return { reason: `${code} is not traded here: only shares at ${names} are, give ${exchangesWithRuns.join(' or ')}` };
}

/** What is wrong with a symbol of an exchange that names an exchange itself; null: nothing. */
function exchangeFault(named: string, exchange: string): string | null {
  const read = exchangeNamed(named);
  if ('reason' in read) return read.reason;
  return read.value === exchange
    ? null
    : `is of ${named}, not of the exchange ${exchange}: give exchange ${read.value}`;
}

/**
 * A reader that knows what is listed: `known` are the instruments there are, in any order; none where nobody has
 * imported any. Read are `NSE:TITAN`, `TITAN.NS`, `titan`, a series behind the symbol (`TITAN-EQ`, `ABB-BE`) and
 * TradingView's `M_M`. What is listed under just this symbol is that; else what has it as its share's symbol, if it is
 * one; else the symbol without its series. What could be two shares is refused, naming them.
 */
export function symbolReader(listings: readonly Listing[]): SymbolReader {
  return readerOf(listings, (named) => exchangeFault(named, NSE));
}

/** For a first look, before what is listed could be asked: a '_' nobody can read yet is let be. */
export function unsureReader(text: string, at: string = NSE): NamedSymbol {
  if (at !== NSE) return readElsewhere(text, at);
  const { exchange, symbol } = taken(text);
  const isHere = exchange === null || exchangeFault(exchange, NSE) === null;
  const named = symbolReader([])(text);
  return 'reason' in named && isHere && /^[A-Z0-9].*_/.test(symbol) && symbolPattern.test(symbol)
    ? { value: symbol }
    : named;
}

/** As `symbolReader`, for lists of shares (what to buy never, what to show): a share of the BSE is the same share. */
export function shareReader(listings: readonly Listing[]): SymbolReader {
  return readerOf(listings, (named) => (named === 'BSE' || named === 'XBOM' ? null : exchangeFault(named, NSE)));
}

function readerOf(known: readonly Listing[], faultOf: (exchange: string) => string | null): SymbolReader {
  const listed = new Set<string>();
  const named = new Map<string, string[]>();
  for (const one of known) {
    if (one.exchange !== 'NSE') continue;
    listed.add(one.symbol);
    const key = underscored(foldedSymbol(one));
    named.set(key, [...(named.get(key) ?? []), one.symbol]);
  }
  return (text, at = NSE) => {
    if (at !== NSE) return readElsewhere(text, at);
    const { exchange, symbol } = taken(text);
    const fault = exchange === null ? null : faultOf(exchange);
    if (fault !== null) return { reason: fault };
    if (!symbolPattern.test(symbol)) return { reason: symbolRule };
    if (listed.has(symbol)) return { value: symbol };
    const folded = foldedSymbol({ exchange: 'NSE', symbol });
    if (!/^[A-Z0-9]/.test(folded)) return { reason: symbolRule };
    return oneOf(folded, named.get(underscored(folded)) ?? []);
  };
}

/** A symbol of another exchange than the NSE is as that exchange writes it; the exchange may stand before it. */
function readElsewhere(text: string, exchange: string): NamedSymbol {
  // As written: small letters mean something elsewhere (a p is a preferred share).
  const trimmed = text.trim();
  const [, named = null, symbol = trimmed] = EXCHANGE.exec(trimmed) ?? [];
  const fault = named === null ? null : exchangeFault(named, exchange);
  if (fault !== null) return { reason: fault };
  return symbolPattern.test(symbol) ? { value: symbol } : { reason: symbolRule };
}

/** The exchange a text names, if it names one, and the symbol as it stands; the usual series is none. */
function taken(text: string): { exchange: string | null; symbol: string } {
  const upper = text.trim().toUpperCase();
  const [, before = null, rest = upper] = EXCHANGE.exec(upper) ?? [];
  const after = SUFFIX.exec(rest)?.[1];
  const exchange = before ?? (after === undefined ? null : after.startsWith('N') ? 'NSE' : 'BSE');
  return { exchange, symbol: rest.replace(SUFFIX, '').replace(/-EQ$/, '') };
}

/** `&` and `-` as TradingView writes them. */
function underscored(symbol: string): string {
  return symbol.replace(/[&-]/g, '_');
}

function oneOf(folded: string, similar: readonly string[]): NamedSymbol {
  // Without a '_' only the series may differ: M-M names nothing because there is an M&M.
  const meant = folded.includes('_')
    ? similar
    : similar.filter((symbol) => foldedSymbol({ exchange: 'NSE', symbol }) === folded);
  const [first, ...others] = meant;
  if (first !== undefined && others.length === 0) return { value: first };
  if (first !== undefined) return { reason: `may be ${meant.join(' or ')}: write which` };
  if (!folded.includes('_')) return { value: folded };
  const usual = PUNCTUATED.filter((symbol) => underscored(symbol) === underscored(folded));
  const [match, ...more] = usual;
  if (match !== undefined && more.length === 0) return { value: match };
  const ways = (usual.length > 0 ? usual : [folded.replaceAll('_', '&'), folded.replaceAll('_', '-')]).join(' or ');
  return { reason: `may be ${ways}: write it as the NSE does` };
}

/**
 * Of a symbol, the start of every listing it could name, for a look at the instruments: the folded symbol, with `&` and
 * `-` for each '_'.
 */
export function possibleSymbols(text: string): string[] {
  const { symbol } = taken(text);
  if (!symbolPattern.test(symbol)) return [];
  const folded = foldedSymbol({ exchange: 'NSE', symbol });
  if (folded.split('_').length > 4) return [folded];
  return folded.split('_').reduce<string[]>((starts, part, at) => {
    return at === 0 ? [part] : starts.flatMap((start) => ['_', '&', '-'].map((sign) => `${start}${sign}${part}`));
  }, []);
}

/** A symbol in a list of what is listed: the series stays, for it is part of what the exchange trades it under. */
export function listedSymbol(text: string): NamedSymbol {
  const { symbol } = taken(text);
  const series = foldedSymbol({ exchange: 'NSE', symbol });
  const found = symbolReader([])(text);
  return 'reason' in found || series === symbol ? found : { value: symbol };
}
