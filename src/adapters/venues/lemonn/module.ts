// Lemonn as a module: its settings, what is stored of an account, and its two logins.
import { z } from 'zod';
import { oneWord, venueModule } from '../module.ts';
import type { LemonnDialect } from './dialect.ts';

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a JSON object, on one line' });
    return z.NEVER;
  }
});

export const lemonn = venueModule({
  name: 'lemonn',
  address: { setting: 'LEMONN_BASE_URL', example: 'https://cs-prod.lemonn.co.in' },
  variables: {
    LEMONN_REQUEST_ID: oneWord.optional(),
    LEMONN_AMO: z.enum(['yes', 'no'], { error: 'must be yes or no' }).default('no'),
    LEMONN_DIALECT: json.optional(),
  },
  settings: (variables, baseUrl) => ({
    baseUrl,
    requestId: variables.LEMONN_REQUEST_ID ?? null,
    afterMarketOrders: variables.LEMONN_AMO === 'yes',
    /** As it was given: the names in it are checked when the venue is opened. */
    dialect: variables.LEMONN_DIALECT ?? {},
  }),
  credentials: {
    promptFields: ['clientId', 'apiKey', 'privateKey', 'flow'],
    schema: async () => (await import('./credentials.ts')).lemonnRecord,
  },
  async open(deps, settings) {
    const { lemonnVenue } = await import('./venue.ts');
    const { lemonnLogin } = await import('./login.ts');
    const dialect = await dialectOf(settings.dialect);
    return { venue: lemonnVenue({ ...deps, ...settings, dialect }), login: lemonnLogin({ ...deps, ...settings }) };
  },
});

async function dialectOf(names: unknown): Promise<LemonnDialect> {
  const { lemonnDialect } = await import('./dialect.ts');
  const read = lemonnDialect.safeParse(names);
  if (read.success) return read.data;
  const why = read.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`).join('; ');
  throw new Error(`LEMONN_DIALECT is not usable: ${why}`);
}
