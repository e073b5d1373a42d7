// Sends messages by WhatsApp and SMS through Twilio, and finds those whose answer was lost.
import type { Twilio } from 'twilio';
import { type Language, languages } from '../../domain/messages/texts/en.ts';
import { retryAfterMs } from '../../domain/send-errors.ts';
import { untrustedText } from '../../domain/text/secrets.ts';
import type { FindOutcome, MessageToFind, MessageToSend, Notifier, SendOutcome } from '../../ports/world.ts';
import { knownStatus, readCallback } from './twilio-callback.ts';
import { sendErrorMeaning } from './twilio-error-class.ts';
import type { TwilioSettings } from './twilio-settings.ts';

/** The path both the status callbacks and the incoming messages come to. */
const CALLBACK_PATH = '/api/webhooks/twilio';
/** How long Twilio may try: its own least and most (validityPeriod, seconds). */
const MIN_VALIDITY_S = 1;
const MAX_VALIDITY_S = 36_000;
const SID = /^(SM|MM)[0-9a-fA-F]{32}$/;
/** Never reached anybody: the connection was not made. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Our clock and Twilio's may differ, and it lists to the second. */
const CLOCKS_DIFFER_MS = 30_000;
const MAX_LISTED = 50;

/**
 * WhatsApp through Twilio (package `twilio`, loaded at the first message). There is no idempotency key: whatever is not
 * a clear answer is `unknown`. Our message id and the try are in the address of the status callback, so that a signed
 * callback proves what a lost answer does not.
 */
export function twilioNotifier(settings: TwilioSettings): Notifier {
  let client: Promise<Twilio> | null = null;
  const connect = () => {
    client ??= connected(settings);
    return client;
  };
  const approved = approvedIn(settings.contentSids);
  return {
    name: 'twilio',
    pace: settings.pace,
    ...(approved.length > 0 ? { templates: approved } : {}),
    reminderTemplates: approvedIn(settings.reminderContentSids),
    classify: sendErrorMeaning,
    operators: { numbers: settings.operators, template: settings.operatorContentSid !== null },
    send: async (message) => send(await connect(), settings, message),
    lookup: async (message) => find(await connect(), settings, message),
    parseCallback: (call) => readCallback(settings, call),
  };
}

/** English is the fallback; without an English template none is used. */
function approvedIn(contentSids: TwilioSettings['contentSids']): Language[] {
  return contentSids.en === undefined ? [] : languages.filter((language) => contentSids[language] !== undefined);
}

type Access = Pick<TwilioSettings, 'accountSid' | 'authToken' | 'baseUrl' | 'timeoutMs'>;

/** The SDK's client, at the address of the settings. */
export async function connected({ accountSid, authToken, baseUrl, timeoutMs }: Access): Promise<Twilio> {
  const { default: twilio } = await import('twilio');
  const httpClient = new twilio.RequestClient({ timeout: timeoutMs, keepAlive: true, maxSockets: 100 });
  if (baseUrl !== null) {
    const request = httpClient.request.bind(httpClient);
    httpClient.request = (options) => {
      const { pathname, search } = new URL(options.uri);
      return request({ ...options, uri: `${baseUrl}${pathname}${search}` });
    };
  }
  // Without the environment: TWILIO_REGION and TWILIO_EDGE would move the address behind our back.
  return twilio(accountSid, authToken, { httpClient, env: {}, autoRetry: false });
}

async function send(client: Twilio, settings: TwilioSettings, message: MessageToSend): Promise<SendOutcome> {
  const { messageId, attempt, slots, text, validForMs } = message;
  const contentSid = contentSidFor(settings, message);
  const { publicUrl } = settings;
  try {
    const { sid, status } = await client.messages.create({
      ...addressed(settings, message),
      ...(contentSid === undefined || slots === null
        ? { body: text }
        : { contentSid, contentVariables: JSON.stringify(numbered(slots)) }),
      ...(publicUrl === null ? {} : { statusCallback: `${publicUrl}${CALLBACK_PATH}?n=${messageId}&a=${attempt}` }),
      validityPeriod: Math.min(Math.max(Math.floor(validForMs / 1000), MIN_VALIDITY_S), MAX_VALIDITY_S),
    });
    if (typeof sid !== 'string' || !SID.test(sid)) return { kind: 'unknown', reason: 'unreadable_answer' };
    return { kind: 'sent', providerId: sid, providerStatus: knownStatus(status) ?? 'queued' };
  } catch (error) {
    return failedSend(error, attempt);
  }
}

function contentSidFor(settings: TwilioSettings, { template, language }: MessageToSend): string | undefined {
  if (template === 'operator') return settings.operatorContentSid ?? undefined;
  return (template === 'reminder' ? settings.reminderContentSids : settings.contentSids)[language];
}

function addressed({ whatsappFrom, smsFrom }: TwilioSettings, { channel, whatsapp }: MessageToFindOrSend) {
  if (channel === 'sms') return { to: whatsapp, from: smsFrom ?? whatsappFrom };
  return { to: `whatsapp:${whatsapp}`, from: `whatsapp:${whatsappFrom}` };
}
type MessageToFindOrSend = Pick<MessageToSend, 'channel' | 'whatsapp'>;

function numbered(slots: readonly string[]): Record<string, string> {
  return Object.fromEntries(slots.map((value, index) => [String(index + 1), value]));
}

/** A refusal with Twilio's own code is proof; a 5xx, a time-out or a strange answer is none. */
function failedSend(error: unknown, attempt: number): SendOutcome {
  const { status, code, message } = errorFacts(error);
  if (typeof code === 'string' && NOT_CONNECTED.has(code)) {
    return { kind: 'later', reason: code, afterMs: retryAfterMs(attempt) };
  }
  if (status === null || status >= 500 || status < 400 || status === 408) {
    return { kind: 'unknown', reason: status === null ? String(code ?? 'unreadable_answer') : `http ${status}` };
  }
  // Without Twilio's own code the answer may be a proxy's: its status stands in for one.
  const twilioCode = code === null || code === 0 ? STATUS_AS_CODE[status] : String(code);
  const { about, means, declined, afterMs } = sendErrorMeaning(twilioCode ?? null, attempt);
  const shownCode = twilioCode ?? `http_${status}`;
  const reason = `${shownCode}: ${means ?? message}`;
  return about === 'later'
    ? { kind: about, reason, code: shownCode, afterMs }
    : { kind: 'failed', reason, code: shownCode, about, declined };
}

/** What Twilio would have said. */
const STATUS_AS_CODE: Readonly<Partial<Record<number, string>>> = {
  401: '20003',
  403: '20403',
  404: '20404',
  429: '20429',
};

/** Twilio's codes have five digits, Node's are in capitals; anything else is no code. */
function readable(code: unknown): string | number | null {
  if (typeof code === 'number') return Number.isInteger(code) && code >= 0 && code < 1_000_000 ? code : null;
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : null;
}

/** Twilio's text may name the number it is about: digits are taken out. */
function errorFacts(error: unknown): { status: number | null; code: string | number | null; message: string } {
  const of = (name: string): unknown => (error instanceof Error ? Reflect.get(error, name) : undefined);
  const status = of('status');
  const code = of('code');
  // The SDK's own error for an answer without a body says it has a message and has none.
  const message = of('message');
  return {
    status: typeof status === 'number' ? status : null,
    code: readable(code),
    message: untrustedText(
      (typeof message === 'string' ? message : 'no words').slice(0, 5_000).replace(/\+?\d{7,}/g, '…'),
    ),
  };
}

/**
 * Looks for the message among those to its number: same text, made about when it was sent, and no other message of ours.
 * Twilio filters by addresses and day only, so the rest is compared here.
 */
async function find(client: Twilio, settings: TwilioSettings, sought: MessageToFind): Promise<FindOutcome> {
  try {
    const listed = await client.messages.list({ ...addressed(settings, sought), limit: MAX_LISTED });
    const others = new Set(sought.otherIds);
    const wanted = plain(sought.text);
    const match = listed.find(({ sid, body, dateCreated, direction }) => {
      const atMs = dateCreated instanceof Date ? dateCreated.getTime() : Number.NaN;
      const inTime = atMs >= sought.sendingMs - CLOCKS_DIFFER_MS && atMs <= sought.sendingMs + 4 * CLOCKS_DIFFER_MS;
      return SID.test(sid) && inTime && !others.has(sid) && !direction.startsWith('inbound') && plain(body) === wanted;
    });
    if (!match) return { kind: 'missing' };
    const providerStatus = knownStatus(match.status);
    if (providerStatus === null) return { kind: 'unreadable', reason: 'unknown_status' };
    return { kind: 'found', providerId: match.sid, providerStatus };
  } catch (error) {
    const { status, code } = errorFacts(error);
    return { kind: 'unreadable', reason: status === null ? String(code ?? 'unreadable_answer') : `http ${status}` };
  }
}

function plain(text: string | null): string {
  return (text ?? '').replace(/\s+/g, ' ').trim();
}
