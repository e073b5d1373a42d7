// Alpaca as a module: its settings, what is stored of an account, and the exchanges it may be meant for by mistake.
import { z } from 'zod';
import { webAddress } from '../../../ports/web-address.ts';
import { venueModule } from '../module.ts';

/** Where Alpaca's market data is (docs.alpaca.markets), for paper and live keys alike. */
const DATA_URL = 'https://data.alpaca.markets';

/** As our instruments name them: at least one. */
const exchanges = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .pipe(z.tuple([exchange()], exchange()));

function exchange() {
  return z.string().regex(/^[A-Z]{2,10}$/, 'must be names of exchanges, such as NSE, with commas between');
}

export const alpaca = venueModule({
  name: 'alpaca',
  address: { setting: 'ALPACA_BASE_URL', example: 'https://api.alpaca.markets' },
  variables: {
    ALPACA_DATA_URL: webAddress(DATA_URL).optional(),
    ALPACA_EXCHANGES: exchanges.default(['US']),
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
  warnings({ exchanges: taken }, signalsExchange) {
    if (taken.includes(signalsExchange)) return [];
    const says = `alpaca takes ${taken.join(', ')} only, and signals are of ${signalsExchange}: it gets no order`;
    return [{ says, todo: `ALPACA_EXCHANGES=${signalsExchange}, if the same symbols are meant there` }];
  },
});
