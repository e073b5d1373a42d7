// The operator actions that are logged, and who did one.
/** Every act of a person that the log of operator actions knows, with what it means. A test compares it with the database. */
export const operatorActions = {
  halt: 'stopped sending: of everybody, a venue or a user',
  resume: 'lifted a halt',
  resolve_order: 'said what became of an order that stayed unknown',
  correct_fill: 'said what a fill that was told wrong really was',
  resend_message: 'had a message sent once more',
  stop_messages: 'stopped all messages',
  resume_messages: 'let messages go again after a stop',
  import_calendar: 'brought a calendar in',
  import_instruments: 'brought instruments in',
  import_restrictions: 'said what nobody may enter',
  import_signals: 'brought signals in from a file',
  import_users: 'brought users in: counts, and who changed how (the first 200)',
  import_prices: 'brought daily prices in',
  import_corporate_actions: 'brought corporate actions in',
  receive_signals: 'sent signals over HTTP',
  set_user: 'changed the settings of a user',
  open_account: 'opened an account at a venue for a user',
  store_credentials: 'stored what opens an account at a venue, or put it under another master key',
  acknowledge_account: 'acknowledged what blocked an account',
  move_cash: 'deposited money in a paper account, or withdrew it',
  set_calendar_day: 'added a day to the calendar, or took one out',
  create_api_key: 'made an API key',
  revoke_api_key: 'revoked an API key',
  open_run: 'began the run of a session',
  place_order: 'placed one order in a user’s name',
  erase_user: 'took a person out; what must be kept stays under a tombstone',
  forget_old: 'deleted rows that are kept for a time only',
  remove_old: 'removed the records of a closed month that no law wants kept',
  set_legal_hold: 'placed a legal hold, under which nothing is removed, or lifted it',
  migrate: 'brought the schema to a version',
  set_signal_source: 'changed what a source of signals may send',
} as const;

export type OperatorAction = keyof typeof operatorActions;

/** The names alone, for whoever asks for one. */
export const actionNames = Object.keys(operatorActions).filter(
  (name): name is OperatorAction => name in operatorActions,
);

/** Who does something, and how it reached us. Never a phone number or a secret. */
export interface Actor {
  /** cli: `user@host` or what `--by` said; http: `key:HINT` or `login:SUBJECT`; service: the part that acts by itself. */
  who: string;
  how: 'cli' | 'http' | 'service';
  why?: string;
}
