// Alpaca as a module: its settings, what is stored of an account, and whose symbols go there.
import { z } from 'zod';
import { webAddress } from '../../../ports/web-address.ts';
import { exchangesIn, venueModule } from '../module.ts';

/** Where Alpaca's market data is (docs.alpaca.markets), for paper and live keys alike. */
const DATA_URL = 'https://data.alpaca.markets';

export const alpaca = venueModule({
  name: 'alpaca',
  currency: 'USD',
  address: { setting: 'ALPACA_BASE_URL', example: 'https://api.alpaca.markets' },
  variables: {
    ALPACA_DATA_URL: webAddress(DATA_URL).optional(),
    /** Its money is dollars: what trades in others is nothing for it. */
    ALPACA_EXCHANGES: exchangesIn('USD').default(['US']),
    ALPACA_FEED: z.enum(['iex', 'sip'], { error: 'must be iex or sip' }).default('iex'),
  },
  settings: (variables, baseUrl) => ({
    baseUrl,
    dataUrl: variables.ALPACA_DATA_URL ?? DATA_URL,
    feed: variables.ALPACA_FEED,
    /** Those whose instruments are traded there, by our names of both. */
    exchanges: variables.ALPACA_EXCHANGES,
  }),
  credentials: {
    promptFields: ['keyId', 'secretKey'],
    schema: async () => (await import('./credentials.ts')).alpacaRecord,
  },
  async open(deps, settings) {
    const { alpacaVenue } = await import('./venue.ts');
    return { venue: alpacaVenue({ ...deps, ...settings }) };
  },
  warnings({ exchanges: taken }, scanned) {
    if (taken.some((one) => scanned.includes(one))) return [];
    const says = `alpaca takes ${taken.join(', ')} only, and MARKETS scans no such market: a schedule sends it no order`;
    return [{ says, todo: 'Add XNYS to MARKETS: MARKETS=XNSE,XNYS' }];
  },
});
