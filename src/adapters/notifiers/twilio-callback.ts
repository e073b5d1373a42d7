// Reads what Twilio posts to us: what became of a message, and what a user wrote.
import type { ProviderCall, ProviderUpdate } from '../../ports/world.ts';
import type { TwilioSettings } from './twilio-settings.ts';

const STATUSES = new Set(
  'accepted scheduled queued sending sent delivered read failed undelivered canceled'.split(' '),
);

/** An id is stored and indexed: Twilio's have 34 characters. */
const PROVIDER_ID = /^[\x21-\x7e]{1,64}$/;
const CODE = /^\d{1,6}$/;
const MAX_ATTEMPTS = 1_000_000;

/** A status as Twilio may give it to a message; null for any other text. */
export function knownStatus(status: unknown): string | null {
  return typeof status === 'string' && STATUSES.has(status) ? status : null;
}

/**
 * Reads what Twilio posts to us: a status of a message, or a message somebody sent. Null where it is not signed with our
 * token for the address the outside sees (PUBLIC_URL, whatever a proxy made of it). Fields Twilio adds are let be.
 */
export async function readCallback(
  { authToken, authTokenPrevious, publicUrl, accountSid }: TwilioSettings,
  { path, signature, form }: ProviderCall,
): Promise<ProviderUpdate | null> {
  if (publicUrl === null) return null;
  const { default: twilio } = await import('twilio');
  const tokens = authTokenPrevious ? [authToken, authTokenPrevious] : [authToken];
  if (!tokens.some((token) => twilio.validateRequest(token, signature, `${publicUrl}${path}`, form))) return null;
  const field = (name: string): string | null => {
    const value = form[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  if (field('AccountSid') !== accountSid) return null;
  const providerId = field('MessageSid') ?? field('SmsSid');
  if (providerId === null || !PROVIDER_ID.test(providerId)) return { kind: 'nothing' };
  const query = new URL(path, 'http://here').searchParams;
  return query.has('n') ? deliveryOf(query, providerId, field) : inboundOf(providerId, field);
}

type Field = (name: string) => string | null;

function deliveryOf(query: URLSearchParams, providerId: string, field: Field): ProviderUpdate {
  const messageId = wholeNumber(query.get('n'));
  const attempt = wholeNumber(query.get('a'));
  const code = field('ErrorCode');
  // `read` comes as an event of the channel in some versions, as a status in others.
  const status = field('EventType') === 'READ' ? 'read' : (field('MessageStatus') ?? field('SmsStatus'));
  if (messageId === null || attempt === null || attempt > MAX_ATTEMPTS || status === null || !STATUSES.has(status))
    return { kind: 'nothing' };
  const errorCode = code !== null && CODE.test(code) ? code : null;
  return { kind: 'delivery', messageId, attempt, providerId, providerStatus: status, code: errorCode };
}

function inboundOf(providerId: string, field: Field): ProviderUpdate {
  const match = /^(whatsapp:)?(\+[1-9]\d{6,14})$/.exec(field('From') ?? '');
  const number = match?.[2];
  if (number === undefined) return { kind: 'nothing' };
  const channel = match?.[1] === undefined ? 'sms' : 'whatsapp';
  return { kind: 'inbound', number, text: field('Body') ?? '', providerId, channel };
}

function wholeNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
