// The settings of WhatsApp and SMS through Twilio.
import { z } from 'zod';
import type { Language } from '../domain/messages/texts/en.ts';
import { webAddress } from '../ports/web-address.ts';
import { issuedSecret } from './secrets.ts';
import { whole } from './shapes.ts';

/** How WhatsApp messages go; what each figure means is said in .env.example. */
export interface TwilioConfig {
  accountSid: string;
  authToken: string;
  /** What it was before: what Twilio signed with it is still taken. */
  authTokenPrevious: string | null;
  whatsappFrom: string;
  smsFrom: string | null;
  /** The approved templates of the summary, and of the reminder of a missing login. */
  contentSids: Partial<Record<Language, string>>;
  reminderContentSids: Partial<Record<Language, string>>;
  baseUrl: string | null;
  perSecond: number;
  dailyRecipients: number | null;
  maxResends: number;
  /** Who hears of runs and troubles; in which approved template. */
  operators: string[];
  operatorContentSid: string | null;
}

const phone = z.string().regex(/^\+[1-9]\d{6,14}$/, 'must be a number such as +919876543210');
const phones = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .pipe(z.array(phone));
const contentSid = z
  .string()
  .regex(/^HX[0-9a-fA-F]{32}$/, 'must be the SID of an approved template: HX and 32 hex digits');

export const messageVariables = {
  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'must be AC and 32 hex digits')
    .optional(),
  TWILIO_AUTH_TOKEN: issuedSecret.optional(),
  TWILIO_AUTH_TOKEN_PREVIOUS: issuedSecret.optional(),
  TWILIO_WHATSAPP_FROM: phone.optional(),
  TWILIO_CONTENT_SID: contentSid.optional(),
  TWILIO_CONTENT_SID_HI: contentSid.optional(),
  TWILIO_REMINDER_CONTENT_SID: contentSid.optional(),
  TWILIO_REMINDER_CONTENT_SID_HI: contentSid.optional(),
  TWILIO_SMS_FROM: phone.optional(),
  TWILIO_BASE_URL: webAddress('https://api.twilio.com').optional(),
  TWILIO_PER_SECOND: whole(1, 1000).prefault('80'),
  TWILIO_DAILY_RECIPIENTS: whole(1, 10_000_000).optional(),
  MESSAGE_RESENDS: whole(0, 1).prefault('0'),
  OPERATOR_WHATSAPP: phones.optional(),
  TWILIO_OPERATOR_CONTENT_SID: contentSid.optional(),
};

const variables = z.object(messageVariables);

export function twilioConfig(e: z.infer<typeof variables>): TwilioConfig | null {
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_WHATSAPP_FROM: whatsappFrom } = e;
  if (accountSid === undefined || authToken === undefined || whatsappFrom === undefined) return null;
  return {
    accountSid,
    authToken,
    authTokenPrevious: e.TWILIO_AUTH_TOKEN_PREVIOUS ?? null,
    whatsappFrom,
    smsFrom: e.TWILIO_SMS_FROM ?? null,
    contentSids: inLanguages(e.TWILIO_CONTENT_SID, e.TWILIO_CONTENT_SID_HI),
    reminderContentSids: inLanguages(e.TWILIO_REMINDER_CONTENT_SID, e.TWILIO_REMINDER_CONTENT_SID_HI),
    baseUrl: e.TWILIO_BASE_URL ?? null,
    perSecond: e.TWILIO_PER_SECOND,
    dailyRecipients: e.TWILIO_DAILY_RECIPIENTS ?? null,
    maxResends: e.MESSAGE_RESENDS,
    operators: e.OPERATOR_WHATSAPP ?? [],
    operatorContentSid: e.TWILIO_OPERATOR_CONTENT_SID ?? null,
  };
}

function inLanguages(en: string | undefined, hi: string | undefined): Partial<Record<Language, string>> {
  return { ...(en === undefined ? {} : { en }), ...(hi === undefined ? {} : { hi }) };
}

/** What only makes sense together. */
export function twilioProblems(set: NodeJS.ProcessEnv): string[] {
  const needed = ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_WHATSAPP_FROM'];
  const missing = needed.filter((name) => set[name] === undefined);
  if (missing.length === 0) return [];
  const templates = ['TWILIO_CONTENT_SID', 'TWILIO_REMINDER_CONTENT_SID'].flatMap((name) => [name, `${name}_HI`]);
  const wants = [...needed, ...templates, 'TWILIO_SMS_FROM', 'OPERATOR_WHATSAPP'];
  if (!wants.some((name) => set[name] !== undefined)) return [];
  return [
    `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not set: messages need all of ${needed.join(', ')}`,
  ];
}
