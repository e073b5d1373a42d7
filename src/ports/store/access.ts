// Who may call: API keys, logins and sources of signals; what they may stop; and the log of who did what.
import { z } from 'zod';
import type { Actor, OperatorAction } from '../../domain/actions.ts';
import type { Signal } from '../../domain/types.ts';
import { call } from './shapes.ts';

/** One row of a request to `POST /api/signals`: a signal for a run, or what is wrong with it. */
export interface SignalToReceive {
  position: number;
  /** What was sent, for the record. */
  payload: string;
  signal: Signal | null;
  /** The run the signal is for: once it is open, the signal comes too late. */
  runId: string | null;
  problem: string | null;
}

interface Scope {
  scope: 'all' | 'venue' | 'user';
  target: string;
  why: string;
  by: Actor;
  nowMs: number;
}

const role = z.enum(['operator', 'user', 'signals']);
const scope = z.enum(['read', 'trade']);

const createdKey = z.object({ kind: z.enum(['created', 'no_such_user']) });
const revokedKey = z.object({ kind: z.enum(['revoked', 'already_revoked', 'no_such_key']) });

const foundKey = z.object({
  hint: z.string(),
  role,
  /** null: a key that sends signals, and does nothing else. */
  scope: scope.nullable(),
  userId: z.string().nullable(),
  /** Whose signals it sends. */
  source: z.string().nullable(),
  expiresAtMs: z.int().nullable(),
  /** Why it opens nothing any more; null: it does. */
  fault: z.enum(['revoked', 'expired']).nullable(),
});
export type FoundKey = z.infer<typeof foundKey>;

const apiKey = z.object({
  hint: z.string(),
  role,
  scope: scope.nullable(),
  userId: z.string().nullable(),
  source: z.string().nullable(),
  label: z.string(),
  createdAtMs: z.int(),
  expiresAtMs: z.int().nullable(),
  /** To the minute. */
  lastUsedAtMs: z.int().nullable(),
  revokedAtMs: z.int().nullable(),
});
export type ApiKey = z.infer<typeof apiKey>;

const authUser = z.object({ userId: z.string().nullable() });

const signalSource = z.object({
  name: z.string(),
  /** null: every strategy. */
  strategies: z.array(z.string()).nullable(),
  perDay: z.int(),
  enabled: z.boolean(),
  /** How many signals were taken of it today. */
  today: z.int(),
  /** The hints of its keys that still open something. */
  keys: z.array(z.string()),
});
export type SignalSource = z.infer<typeof signalSource>;

const sourceKey = z.object({ hint: z.string(), hash: z.string() });

const receivedSignal = z.object({
  position: z.int(),
  signalId: z.string().nullable(),
  outcome: z.enum(['accepted', 'duplicate', 'rejected']),
  problem: z.string().nullable(),
});
export type ReceivedSignal = z.infer<typeof receivedSignal>;

/** Why nothing is taken of a sender. */
const refusedSender = z.object({
  refused: z.enum(['unknown', 'revoked', 'expired', 'not_for_signals', 'source_disabled', 'daily_quota']),
  limit: z.int().optional(),
});
export type RefusedSender = z.infer<typeof refusedSender>;

/** What became of each row; or why nothing is taken of this sender. */
const receivedSignals = z.union([z.array(receivedSignal), refusedSender]);

/** One act: what stood before and after it, as small JSON that the acting function chose. */
const recordedAction = z.object({
  id: z.int(),
  atMs: z.int(),
  who: z.string(),
  how: z.enum(['cli', 'http', 'service']),
  action: z.string(),
  target: z.string(),
  userId: z.string().nullable(),
  before: z.json(),
  after: z.json(),
  why: z.string().nullable(),
  hash: z.string(),
  /** The number of the action by which a person was taken out of this one. */
  redactedBy: z.int().nullable(),
});
export type RecordedAction = z.infer<typeof recordedAction>;

/** `changed`, `missing` and `added` say where the chain breaks; `not_as_kept`: the row is not the one that was kept. */
const verifiedActions = z.object({
  rows: z.int(),
  headId: z.int(),
  headHash: z.string(),
  redacted: z.int(),
  problems: z.array(z.object({ id: z.int(), kind: z.enum(['added', 'changed', 'missing', 'not_as_kept']) })),
});
export type VerifiedActions = z.infer<typeof verifiedActions>;

const erasedRows = z.object({
  orders: z.int(),
  decisions: z.int(),
  messages: z.int(),
  credentials: z.int(),
  apiKeys: z.int(),
});

/** `tied`: something of theirs is open, and has to end first. */
const erasure = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('erased'), tombstone: z.string(), counts: erasedRows }),
  z.object({ kind: z.literal('would_erase'), name: z.string(), counts: erasedRows }),
  z.object({
    kind: z.literal('tied'),
    ties: z.array(
      z.object({ kind: z.enum(['open_order', 'open_position', 'undecided_run', 'unsettled_message']), count: z.int() }),
    ),
  }),
  z.object({ kind: z.literal('already_erased') }),
  z.object({ kind: z.literal('no_such_user') }),
]);
export type Erasure = z.infer<typeof erasure>;

export type PossibleErasure = Extract<Erasure, { kind: 'would_erase' }>;

/** Everything kept of a person, by table; the columns are the database's own. */
const exportedUser = z.record(z.string(), z.json()).nullable();

export const access = {
  /** Creates an API key; the same hash is one key. */
  create_api_key: call<{
    hash: string;
    hint: string;
    role: 'operator' | 'user' | 'signals';
    /** Left out: trade. */
    scope?: 'read' | 'trade';
    userId: string | null;
    /** Whose signals a key of role signals sends. */
    source?: string | null;
    label: string;
    /** From then on it opens nothing; left out: it has no end. */
    expiresMs?: number | null;
    nowMs: number;
    by: Actor;
  }>()(createdKey),
  /** Finds whose key it is and what it may do, or why it opens nothing any more; null: it is unknown. */
  find_api_key: call<{ hash: string }>()(foundKey.nullable()),
  /** The same for many, in their order. */
  find_api_keys: call<{ hashes: string[] }>()(z.array(foundKey.nullable())),
  /** Notes that keys were used, once a minute for each. */
  note_key_uses: call<{ hints: string[] }>()(z.object({ noted: z.int() })),
  /** Revokes a key for good; the first time stands. */
  revoke_api_key: call<{ hint: string; nowMs: number; by: Actor }>()(revokedKey),
  /** Reads all keys. */
  read_api_keys: call<Record<string, never>>()(z.array(apiKey), { isReport: true }),
  /** Finds the user that a login (JWT `sub`) belongs to. */
  find_auth_user: call<{ authUserId: string }>()(authUser),
  /**
   * Creates or changes a source of signals: only the keys given. A new one takes every strategy and 100 signals a day.
   */
  set_signal_source: call<{
    name: string;
    /** null: every strategy. */
    strategies?: string[] | null;
    perDay?: number;
    enabled?: boolean;
    by: Actor;
    nowMs: number;
  }>()(z.object({ created: z.boolean() })),
  /** Reads every source, with what was taken of it today and which of its keys still open something. */
  read_signal_sources: call<Record<string, never>>()(z.array(signalSource)),
  /** Finds the keys of a source that still open something: its requests are signed with the hash of one. */
  find_source_keys: call<{ name: string }>()(z.array(sourceKey)),
  /** Books the rows of one request and brings the good ones in; answers what became of each. */
  receive_signals: call<{
    requestId: string;
    source: string;
    /** Most signals that are taken of it on a day; left out: no ceiling. A key of a source has that of its source. */
    perDay?: number | null;
    /** The hint of the key they were sent with: it says by itself whose they are. */
    apiKey?: string | null;
    nowMs: number;
    rows: SignalToReceive[];
    by: Actor;
  }>()(receivedSignals),
  /** Stops sending: of everybody, a venue or a user. What is halted stays so, for its first reason. */
  halt: call<Scope>()(z.object({ changed: z.boolean() })),
  /** Lifts a halt. */
  resume: call<Scope>()(z.object({ changed: z.boolean() })),
  /** Reads who did what, the newest first. null: any. */
  read_actions: call<{
    /** Only older ones than this number. */
    beforeId: number | null;
    limit: number;
    userId: string | null;
    action: OperatorAction | null;
    sinceMs: number | null;
  }>()(z.array(recordedAction), { isReport: true }),
  /** Checks the chain of actions. `keptId`, `keptHash`: a row as somebody kept it elsewhere. */
  verify_actions: call<{ keptId: number | null; keptHash: string | null }>()(verifiedActions, {
    isLong: true,
    isReport: true,
  }),
  /** Reads everything kept of a user; null: there is no such user. */
  export_user: call<{ userId: string }>()(exportedUser, { isLong: true }),
  /** Takes a person out; not `confirmed`: only says what would happen. */
  erase_user: call<{ userId: string; confirmed: boolean; by: Actor }>()(erasure, { isLong: true }),
  /** Deletes what nothing is decided by any more, `limit` rows of a kind at most. */
  forget_old: call<{ nowMs: number; keptDays: number; limit: number; by: Actor }>()(
    z.object({ receivedSignals: z.int(), rateUses: z.int() }),
    { isLong: true },
  ),
};
