// Fetches a message template from Twilio, with WhatsApp’s approval of it.
import { connected } from './twilio.ts';
import type { TwilioSettings } from './twilio-settings.ts';

/** A template as Twilio has it. `status`: WhatsApp's decision on it, such as approved, pending, rejected, paused. */
interface StoredTemplate {
  body: string;
  status: string;
  category: string;
}

/** Fetches a content template and what WhatsApp said of it. @throws the SDK's error where Twilio refuses or is away */
export async function fetchTemplate(
  settings: Pick<TwilioSettings, 'accountSid' | 'authToken' | 'baseUrl' | 'timeoutMs'>,
  contentSid: string,
): Promise<StoredTemplate> {
  const client = await connected(settings);
  const content = client.content.v1.contents(contentSid);
  const [{ types }, { whatsapp }] = await Promise.all([content.fetch(), content.approvalFetch().fetch()]);
  return { body: bodyOf(types), status: textOf(whatsapp, 'status'), category: textOf(whatsapp, 'category') };
}

/** The first kind of content that has a body: twilio/text, twilio/quick-reply … */
function bodyOf(types: unknown): string {
  if (!(types instanceof Object)) return '';
  return (
    Object.values(types)
      .map((type: unknown) => textOf(type, 'body'))
      .find((body) => body !== '') ?? ''
  );
}

function textOf(of: unknown, name: string): string {
  const value: unknown = of instanceof Object ? Reflect.get(of, name) : undefined;
  return typeof value === 'string' ? value : '';
}
