// A venue that nobody has: what docs/adding-a-venue.md asks of one, and no more.
import { oneWord, venueModule } from '../../../src/adapters/venues/module.ts';

export const madeUp = venueModule({
  name: 'made-up',
  address: { setting: 'MADE_UP_URL', example: 'https://api.made-up.example' },
  variables: { MADE_UP_MARKET: oneWord.default('NSE') },
  settings: (settings, baseUrl) => ({ baseUrl, market: settings.MADE_UP_MARKET }),
  credentials: { promptFields: ['apiKey'], schema: async () => (await import('./credentials.ts')).madeUpRecord },
  webhook: { title: 'Made Up', form: 'JSON with id, tag and key' },
  async open(deps, settings) {
    const [{ madeUpVenue }, { madeUpLogin }] = await Promise.all([import('./venue.ts'), import('./login.ts')]);
    return { venue: madeUpVenue({ ...deps, ...settings }), login: madeUpLogin({ ...deps, ...settings }) };
  },
  warnings({ market }, exchanges) {
    if (exchanges.includes(market)) return [];
    const [first] = exchanges;
    return [{ says: `made-up is for ${market}, and signals are of ${first}`, todo: `MADE_UP_MARKET=${first}` }];
  },
});
