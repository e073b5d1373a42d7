// Seals the secrets of an account under the master key, and opens them.
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { type RecordOwner, VaultError } from '../../ports/vault.ts';

/** 32 bytes each. What was sealed with an old one still opens; everything new is sealed with the current one. */
export interface MasterKeys {
  current: Buffer;
  old: readonly Buffer[];
}

/** As it is stored; both texts are base64 of nonce (12 bytes), tag (16 bytes) and ciphertext. */
export interface SealedRecord {
  keyId: string;
  wrappedKey: string;
  sealed: string;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The first 8 hex digits of the key's SHA-256: enough to find a key again, useless to guess it. */
function keyIdOf(key: Buffer): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 8);
}

/**
 * Seals a record for its owner: AES-256-GCM under a key made for it, which is wrapped by the current master key. Both are
 * bound to the owner (additional data), so that a row put in another's place does not open.
 */
export function seal(keys: MasterKeys, owner: RecordOwner, secrets: unknown): SealedRecord {
  const dataKey = randomBytes(32);
  const sealed = encrypted(dataKey, bound('record', owner), Buffer.from(JSON.stringify(secrets), 'utf8'));
  return { ...wrapped(keys.current, owner, dataKey), sealed };
}

/** @throws VaultError when no key of ours opens it, or it is not this owner's, or somebody changed it */
export function unseal(keys: MasterKeys, owner: RecordOwner, record: SealedRecord): unknown {
  const plain = decrypted(dataKeyOf(keys, owner, record), bound('record', owner), record.sealed);
  if (plain === null) throw new VaultError(`the credentials of account ${owner.accountId} do not open: ${notItsOwn}`);
  return JSON.parse(plain.toString('utf8'));
}

/**
 * The same record under the current master key; null: it is under that already. What is in it is not opened.
 * @throws VaultError as `unseal` does
 */
export function rewrap(keys: MasterKeys, owner: RecordOwner, record: SealedRecord): SealedRecord | null {
  const dataKey = dataKeyOf(keys, owner, record);
  if (record.keyId === keyIdOf(keys.current)) return null;
  return { ...wrapped(keys.current, owner, dataKey), sealed: record.sealed };
}

/** A key for another purpose, made of the current master key. */
export function derivedKey(keys: MasterKeys, purpose: string): Buffer {
  return createHmac('sha256', keys.current).update(`daily-scan ${purpose}`).digest();
}

const notItsOwn = 'the record was changed, or is another account’s; connect the account again';

function wrapped(key: Buffer, owner: RecordOwner, dataKey: Buffer): Omit<SealedRecord, 'sealed'> {
  return { keyId: keyIdOf(key), wrappedKey: encrypted(key, bound('key', owner), dataKey) };
}

function dataKeyOf(keys: MasterKeys, owner: RecordOwner, { keyId, wrappedKey }: SealedRecord): Buffer {
  const key = [keys.current, ...keys.old].find((one) => keyIdOf(one) === keyId);
  if (!key) {
    throw new VaultError(
      `the credentials of account ${owner.accountId} are sealed with the master key ${keyId}, which is not here: ` +
        'put it in CREDENTIALS_KEY or CREDENTIALS_KEYS_OLD, or connect the account again',
    );
  }
  const dataKey = decrypted(key, bound('key', owner), wrappedKey);
  if (dataKey === null) {
    throw new VaultError(`the credentials of account ${owner.accountId} do not open: ${notItsOwn}`);
  }
  return dataKey;
}

function bound(what: 'record' | 'key', { accountId, venue, mode }: RecordOwner): Buffer {
  return Buffer.from(JSON.stringify(['daily-scan credentials 1', what, accountId, venue, mode]), 'utf8');
}

function encrypted(key: Buffer, additional: Buffer, plain: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(additional);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
}

/** null: another key, other additional data, or changed. */
function decrypted(key: Buffer, additional: Buffer, text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additional).setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  } catch {
    // The error says nothing more than this.
    return null;
  }
}
