/** What an error means: for the message, for its recipient, for everybody. */
export type SendErrorClass = 'later' | 'recipient' | 'message' | 'everything' | 'person';

/**
 * Twilio's error codes by what follows from them. Read on Twilio's own pages: 63016, 63018, 63021, 63024, 63049, 21656,
 * 92007; the rest is from Twilio's table of WhatsApp errors. Twilio may change what a code means, so one that is not
 * here is for a person, never for a retry.
 */
const classes: Readonly<Record<Exclude<SendErrorClass, 'person'>, readonly string[]>> = {
  // Too fast (20429, 63018), the channel stumbled (63012), the user is in an experiment of Meta's (63032), or Meta chose
  // not to deliver now (63049).
  later: ['20429', '63018', '63012', '63032', '63049'],
  // Not a number, said STOP, not on WhatsApp.
  recipient: ['21211', '21610', '21614', '63003', '63024'],
  // Variables or text that are refused as they are: the next message is made by the same rules.
  message: ['21617', '21656', '92007', '63005', '63013', '63021'],
  // Login, sender or template: nothing can go until somebody mends it.
  everything: [
    ...['20003', '20404', '21212', '21606', '63007', '63016', '63019', '63020', '63025'],
    ...['63027', '63028', '63029', '63030', '63040', '63041', '63042'],
  ],
};

const HALF_A_MINUTE_MS = 30_000;
const AN_HOUR_MS = 3_600_000;

/** What a code means; null (none was given) and unknown ones are for a person. */
export function sendErrorClass(code: string | null): SendErrorClass {
  if (code === null) return 'person';
  for (const name of ['later', 'recipient', 'message', 'everything'] as const) {
    if (classes[name].includes(code)) return name;
  }
  return 'person';
}

/** How long to wait before the next try: half a minute, doubled with each; after 63049 hours, as Meta asks. */
export function retryAfterMs(code: string | null, attempt: number): number {
  if (code === '63049') return AN_HOUR_MS * 2 ** Math.min(attempt, 3);
  return HALF_A_MINUTE_MS * 2 ** Math.min(Math.max(attempt, 1) - 1, 6);
}
