/** Every act of a person that the log of operator actions knows, with what it means. A test compares it with the database. */
export const operatorActions = {
  halt: 'stopped sending: of everybody, a venue or a user',
  resume: 'lifted a halt',
  resolve_order: 'said what became of an order that stayed unknown',
  resend_message: 'had a message sent once more',
  resume_messages: 'let messages go again after a stop',
} as const;

export type OperatorAction = keyof typeof operatorActions;

/** Who does something, and how it reached us. Never a phone number or a secret. */
export interface Actor {
  /** cli: `user@host` or what `--by` said; http: `key:HINT` or `login:SUBJECT`; service: the part that acts by itself. */
  who: string;
  how: 'cli' | 'http' | 'service';
}
