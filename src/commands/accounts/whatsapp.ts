// npm run whatsapp: prints and checks the message templates, and lets stopped messages go again.
import { realClock } from '../../adapters/clock.ts';
import { fetchTemplate } from '../../adapters/notifiers/twilio-templates.ts';
import type { Config } from '../../config/config.ts';
import type { TwilioConfig } from '../../config/messages.ts';
import { reminderSamples, reminderTemplates } from '../../domain/messages/login-reminder.ts';
import { operatorTemplate, sampleSlots, slotsIn, templates } from '../../domain/messages/template.ts';
import { languages } from '../../domain/messages/texts/en.ts';
import { actorOf } from '../actor.ts';
import { showTarget, targetToRead, withStore } from '../database-target.ts';
import { type Refusal, refusal } from '../refusal.ts';

const TIMEOUT_MS = 10_000;
const noTwilio =
  'There is nothing to compare with: TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_WHATSAPP_FROM are not set.';

/** `npm run whatsapp -- template [--check]` and `npm run whatsapp -- resume`. */
export function whatsappCommand(what: string) {
  return async (config: Config, flags: { check?: boolean; by?: string; json?: boolean }): Promise<number | Refusal> => {
    if (what === 'resume') return resumeMessages(config, flags);
    if (what !== 'template') return refusal('bad_flag', `It is template or resume, not ${what}.`);
    if (!flags.check) return printTemplates();
    return config.twilio === null ? refusal('bad_environment', noTwilio) : checkTemplates(config.twilio);
  };
}

/** The texts to submit, each with its name, language, category and a sample for each slot. */
function printTemplates(): number {
  const sections = [
    ...languages.map((one) => printed('daily_scan_summary', one, templates[one], sampleSlots[one])),
    ...languages.map((one) => printed('daily_scan_login', one, reminderTemplates[one], reminderSamples[one])),
  ];
  sections.push(`── daily_scan_operator, language en, category UTILITY ──\n${operatorTemplate}`);
  process.stdout.write(`${sections.join('\n\n')}\n`);
  return 0;
}

function printed(name: string, language: string, text: string, samples: readonly string[]): string {
  const slots = samples.map((value, index) => `  {{${index + 1}}} ${value}`);
  return `── ${name}, language ${language}, category UTILITY ──\n${text}\n\nSamples:\n${slots.join('\n')}`;
}

/** 0 where every template that is set has our slots and is approved, else 1. */
async function checkTemplates(twilio: TwilioConfig): Promise<number> {
  const settings = { ...twilio, timeoutMs: TIMEOUT_MS };
  const wanted = [
    ['TWILIO_CONTENT_SID', twilio.contentSids.en ?? null, templates.en],
    ['TWILIO_CONTENT_SID_HI', twilio.contentSids.hi ?? null, templates.hi],
    ['TWILIO_REMINDER_CONTENT_SID', twilio.reminderContentSids.en ?? null, reminderTemplates.en],
    ['TWILIO_REMINDER_CONTENT_SID_HI', twilio.reminderContentSids.hi ?? null, reminderTemplates.hi],
    ['TWILIO_OPERATOR_CONTENT_SID', twilio.operatorContentSid, operatorTemplate],
  ] as const;
  let good = true;
  for (const [name, sid, template] of wanted) {
    if (sid === null) {
      process.stdout.write(`${name}: not set\n`);
      continue;
    }
    const troubles = await troublesOf(() => fetchTemplate(settings, sid), template);
    process.stdout.write(`${name}: ${troubles.join('; ') || 'approved, with our slots'}\n`);
    if (troubles.length > 0) good = false;
  }
  return good ? 0 : 1;
}

async function troublesOf(fetch: () => ReturnType<typeof fetchTemplate>, template: string): Promise<string[]> {
  try {
    const { body, status, category } = await fetch();
    const theirs = slotsIn(body);
    const list = (slots: number[]) => slots.join(', ') || 'none';
    return [
      ...(status === 'approved' ? [] : [`WhatsApp says ${status || 'nothing'}: only an approved template goes`]),
      ...(category.toUpperCase() === 'UTILITY' || category === '' ? [] : [`it is ${category}, not UTILITY (63049)`]),
      ...(list(theirs) === list(slotsIn(template))
        ? []
        : [
            `it has the slots ${list(theirs)}, we send ${list(slotsIn(template))}: every message would be refused (63028)`,
          ]),
      ...(body.trim() === template.trim() || body === ''
        ? []
        : ['its text is not ours: a message whose answer is lost can then not be found by listing']),
    ];
  } catch (error) {
    return [`it could not be fetched: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function resumeMessages(config: Config, flags: { by?: string }): Promise<number> {
  const target = targetToRead(config);
  showTarget(target);
  const by = actorOf(flags);
  const { why } = await withStore(config, target, (store) =>
    store.call('resume_messages', { by, nowMs: realClock().nowMs() }),
  );
  process.stdout.write(
    why === null ? 'Messages were not stopped.\n' : `Messages go again. They were stopped by: ${why}\n`,
  );
  return 0;
}
