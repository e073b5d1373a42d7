// What is set of Twilio: the account, its numbers and templates, and how fast it may be asked.
import type { Language } from '../../domain/messages/texts/en.ts';
import type { NotifierPace } from '../../ports/world.ts';

export interface TwilioSettings {
  accountSid: string;
  authToken: string;
  /** While the token is changed: what Twilio signed with the one of before is taken too. */
  authTokenPrevious?: string | null;
  /** E.164, without `whatsapp:`. */
  whatsappFrom: string;
  /** For the fallback; null: there is none. */
  smsFrom: string | null;
  /** The approved templates, HX and 32 hex digits. None: free text, which Twilio takes in an open window only. */
  contentSids: Partial<Record<Language, string>>;
  /** Those of the reminder of a missing login. None: nobody is reminded. */
  reminderContentSids: Partial<Record<Language, string>>;
  /** Who hears of runs and troubles; null: as free text, which goes in an open window only. */
  operators: readonly string[];
  operatorContentSid: string | null;
  /** Instead of https://api.twilio.com. */
  baseUrl: string | null;
  /** Where Twilio reaches us; null: it can not, and what became of a message is found by asking only. */
  publicUrl: string | null;
  timeoutMs: number;
  pace: NotifierPace;
}
