// Kite as a module: its settings, what is stored of an account, its login and its postbacks.
import { oneWord, venueModule } from '../module.ts';

export const kite = venueModule({
  name: 'kite',
  address: { setting: 'KITE_BASE_URL', example: 'https://api.kite.trade' },
  variables: { KITE_ALGO_ID: oneWord.optional() },
  settings: (variables, baseUrl) => ({ baseUrl, algoId: variables.KITE_ALGO_ID ?? null }),
  credentials: {
    promptFields: ['clientId', 'apiKey', 'apiSecret'],
    schema: async () => (await import('./credentials.ts')).kiteRecord,
  },
  webhook: { title: 'Kite', form: 'JSON with order_id, order_timestamp, checksum and user_id as Kite sends them' },
  async open(deps, settings) {
    const [{ kiteVenue }, { kiteLogin }] = await Promise.all([import('./venue.ts'), import('./login.ts')]);
    return { venue: kiteVenue({ ...deps, ...settings }), login: kiteLogin({ ...deps, ...settings }) };
  },
});
