import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig, settings } from '../../src/config/config.ts';
import { secretNames } from '../../src/config/secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'daily-scan-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(text: string | Buffer): string {
  const path = join(folder, randomBytes(8).toString('hex'));
  writeFileSync(path, text);
  return path;
}

function problemsOf(env: Record<string, string>): string[] {
  // Twilio's three make sense together only.
  const sender = { TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`, TWILIO_WHATSAPP_FROM: '+14155238886' };
  const read = readConfig({ ...(env['TWILIO_AUTH_TOKEN'] === undefined ? {} : sender), ...env });
  return read.kind === 'refused' ? read.problems : [];
}

const good = 'Vx7-and-then-something-else-9k';
const key = Buffer.from('f1c3a59b07d2e8461b3c5d7e9fa0b2c4d6e8f70011a3b5c7d9ebfd0f21334557', 'hex').toString('base64');

describe('a secret that can not work, or protects nothing, is refused at the start', () => {
  test.each([
    ['words with spaces between', 'correct horse battery staple', 'visible ASCII'],
    ['a line end', `${good}\n`, 'visible ASCII'],
    ['a tab', `${good}\t${good}`, 'visible ASCII'],
    ['an umlaut', `schlüssel-${good}`, 'visible ASCII'],
    ['a zero-width space', `${good}\u200b`, 'visible ASCII'],
    ['a NUL', `${good}\0`, 'visible ASCII'],
    ['too few characters', 'Vx7-and', 'at least 16 characters'],
    ['one character', 'aaaaaaaaaaaaaaaa', 'too easily guessed'],
    ['zeros', '00000000000000000000000000000000', 'too easily guessed'],
    ['two characters', 'ababababababababab', 'too easily guessed'],
    ['a word again and again', 'changemechangeme', 'too easily guessed'],
    ['a pattern again and again', 'x7Kq2m9Zx7Kq2m9Z', 'too easily guessed'],
    ['counting up', '1234567890123456', 'too easily guessed'],
    ['counting down', 'zyxwvutsrqponmlk', 'too easily guessed'],
    ['blocks of the same', 'aaaabbbbccccddddeeeeffff', 'too easily guessed'],
    ['a common word and digits', 'password-2025-1131', 'too easily guessed'],
  ])('%s', (_what, value, why) => {
    for (const name of ['CRON_SECRET', 'SIGNALS_SECRET']) {
      const problems = problemsOf({ [name]: value });
      expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name} .*${why}.*openssl rand`))]);
      expect(problems.join()).not.toContain(value.trim());
    }
  });

  test.each([
    ['zeros', Buffer.alloc(32)],
    ['one byte', Buffer.alloc(32, 7)],
    ['a short pattern', Buffer.from('deadbeef'.repeat(8), 'hex')],
    ['a half that is filled', Buffer.concat([Buffer.from(key, 'base64').subarray(0, 10), Buffer.alloc(22)])],
    ['counting up', Buffer.from(Array.from({ length: 32 }, (_, index) => index))],
  ])('a master key of %s', (_what, bytes) => {
    const value = bytes.toString('base64');
    const problems = problemsOf({ CREDENTIALS_KEY: value });
    expect(problems).toEqual([expect.stringMatching(/^CREDENTIALS_KEY is not random.*openssl rand -base64 32/)]);
  });

  test.each(['token of twilio here', `${good}\n`, 'schlüssel-von-twilio', 'short'])('TWILIO_AUTH_TOKEN=%j', (value) => {
    expect(problemsOf({ TWILIO_AUTH_TOKEN: value })).toEqual([expect.stringMatching(/^TWILIO_AUTH_TOKEN /)]);
  });

  test('random ones are taken, as every usual tool makes them', () => {
    for (let made = 0; made < 500; made += 1) {
      const env = {
        CRON_SECRET: randomBytes(32).toString('hex'),
        SIGNALS_SECRET: randomBytes(18).toString('base64url'),
        TWILIO_AUTH_TOKEN: randomBytes(16).toString('hex'),
        CREDENTIALS_KEY: randomBytes(32).toString('base64'),
      };
      expect(problemsOf(env), JSON.stringify(env)).toEqual([]);
    }
  });
});

describe('a secret in a file', () => {
  test('is read without the one line end at its end, and means what it would mean as itself', () => {
    for (const end of ['', '\n', '\r\n']) {
      const read = readConfig({
        CRON_SECRET_FILE: fileOf(`${good}${end}`),
        DATABASE_URL_FILE: fileOf('postgres://h/d'),
      });
      expect(read).toMatchObject({ config: { http: { cronSecret: good }, databaseUrl: 'postgres://h/d' } });
    }
    expect(problemsOf({ CRON_SECRET_FILE: fileOf(`${good}\n\n`) })).toEqual([
      expect.stringMatching(/^CRON_SECRET must be visible ASCII/),
    ]);
  });

  test('may be any setting that is one', () => {
    expect(Object.keys(settings).filter((name) => /SECRET|PASSWORD|TOKEN|KEY/.test(name))).toEqual(
      expect.arrayContaining(secretNames.filter((name) => name !== 'DATABASE_URL')),
    );
    const env = Object.fromEntries(secretNames.map((name) => [`${name}_FILE`, join(folder, 'none')]));
    const problems = problemsOf(env);
    for (const name of secretNames) {
      expect(problems).toContain(
        `${name}_FILE names ${join(folder, 'none')}, which can not be read (there is no such file)`,
      );
    }
  });

  test('is not taken beside the setting itself', () => {
    expect(problemsOf({ CRON_SECRET: good, CRON_SECRET_FILE: fileOf(`${good}x`) })).toEqual([
      'CRON_SECRET and CRON_SECRET_FILE are both set: leave one out, or nobody knows which counts',
    ]);
  });

  test('counts as not set where it is empty, and is judged like any other', () => {
    const needed = (env: Record<string, string>) => readConfig(env, { http: true });
    expect(needed({ CRON_SECRET_FILE: fileOf('\n') })).toMatchObject({
      problems: [expect.stringContaining('CRON_SECRET is not set')],
    });
    expect(problemsOf({ CRON_SECRET_FILE: fileOf('aaaaaaaaaaaaaaaa\n') })).toEqual([
      expect.stringMatching(/^CRON_SECRET is too easily guessed/),
    ]);
    expect(problemsOf({ CRON_SECRET_FILE: folder })).toEqual([`CRON_SECRET_FILE names ${folder}, which is no file`]);
    expect(problemsOf({ CRON_SECRET_FILE: fileOf(Buffer.alloc(70_000, 'x')) })).toEqual([
      expect.stringContaining('which is larger than 65536 bytes'),
    ]);
    expect(needed({ CRON_SECRET_FILE: folder })).toMatchObject({
      problems: [`CRON_SECRET_FILE names ${folder}, which is no file`],
    });
  });
});

describe('a secret that is being changed', () => {
  test.each(['CRON_SECRET', 'SIGNALS_SECRET', 'TWILIO_AUTH_TOKEN'])('%s has one of before', (name) => {
    expect(problemsOf({ [name]: good, [`${name}_PREVIOUS`]: `${good}-before` })).toEqual([]);
    expect(problemsOf({ [`${name}_PREVIOUS`]: good })).toEqual([
      `${name}_PREVIOUS is set without ${name}: it is the one of before`,
    ]);
    expect(problemsOf({ [name]: good, [`${name}_PREVIOUS`]: good })).toEqual([
      `${name}_PREVIOUS is the same as ${name}: leave it out`,
    ]);
    expect(problemsOf({ [name]: good, [`${name}_PREVIOUS`]: 'two words of before' })).toHaveLength(1);
  });
});

describe('where secrets go', () => {
  const addresses = [
    'PUBLIC_URL',
    'SUPABASE_JWT_ISSUER',
    'TWILIO_BASE_URL',
    'KITE_BASE_URL',
    'LEMONN_BASE_URL',
    'ALPACA_BASE_URL',
    'ALPACA_DATA_URL',
  ];
  test.each(addresses)('%s is https, or near', (name) => {
    for (const far of [
      'http://api.example.com',
      'http://8.8.8.8',
      'http://172.32.0.1',
      'http://127.0.0.1.example.com',
    ]) {
      expect(problemsOf({ [name]: far }), far).toEqual([
        expect.stringMatching(new RegExp(`^${name} must be https://`)),
      ]);
    }
    const near = [
      'http://127.0.0.1:4000',
      'http://localhost',
      'http://[::1]:80',
      'http://twilio:8080/x',
      'http://10.1.2.3',
    ];
    for (const url of [...near, 'http://venue.internal', 'https://api.example.com/v1/']) {
      expect(problemsOf({ [name]: url }), url).toEqual([]);
    }
    for (const odd of [
      'https://',
      'https://a b',
      'https://me:pass@api.example.com',
      'https://x.example.com?a=1',
      'ftp://x',
    ]) {
      expect(problemsOf({ [name]: odd }), odd).toEqual([
        expect.stringMatching(new RegExp(`^${name} must be an address`)),
      ]);
    }
  });

  test.each([
    'postgres://u:p@db.example.com/scan',
    'postgresql://u:p@8.8.8.8:5432/scan?application_name=x',
    'postgres://u:p@postgres,db.example.com/scan',
    'postgres://u:p@134744072/scan',
    'postgres://u:p@localhost/scan?host=db.example.com',
    'postgres://u:p@db.example.com/scan?sslmode=of-course',
  ])('a database elsewhere without TLS: %s', (url) => {
    const problems = problemsOf({ DATABASE_URL: url });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL goes to .* without TLS.*sslmode=verify-full/)]);
    expect(problems.join()).not.toContain('u:p');
  });

  test.each([
    'postgres://u:p@db.example.com/scan?sslmode=verify-full',
    'postgres://u:p@db.example.com/scan?sslmode=disable',
    'postgres://u:p@db.example.com/scan?ssl=true',
    'postgres://u:p@postgres:5432/scan',
    'postgres://u:p@192.168.1.5/scan',
    'postgres://u:p@[::1]/scan',
    'postgres:///scan?host=/var/run/postgresql',
  ])('a database that is near, or reached with TLS, or where somebody said so: %s', (url) => {
    expect(problemsOf({ DATABASE_URL: url })).toEqual([]);
  });

  test.each([
    'postgres://u:pa#w0rd@h/d',
    'postgres://u:pa/w0rd@h/d',
    'postgres://u:p%zz@h/d',
    'postgres://[h/d',
    'postgres://u:p@h:99999/d',
    'postgres://u:p@h/d\n',
    'postgres://u:p w@h/d',
  ])('an address no driver could use names DATABASE_URL, and is not shown: %j', (url) => {
    const problems = problemsOf({ DATABASE_URL: url });
    expect(problems).toEqual([expect.stringMatching(/^DATABASE_URL is not an address such as postgres:/)]);
    expect(problems.join()).not.toContain('w0rd');
  });

  test('the password of the database may stand alone', () => {
    const password = 'p@ss/w#rd%41';
    const read = readConfig({ DATABASE_URL: 'postgres://scan@h/d', DATABASE_PASSWORD_FILE: fileOf(`${password}\n`) });
    expect(read).toMatchObject({ kind: 'config' });
    const url = new URL(read.kind === 'config' ? (read.config.databaseUrl ?? '') : '');
    expect([url.username, decodeURIComponent(url.password)]).toEqual(['scan', password]);
    expect(problemsOf({ DATABASE_PASSWORD: password })).toEqual([
      expect.stringMatching(/^DATABASE_PASSWORD belongs to/),
    ]);
    expect(problemsOf({ DATABASE_URL: 'postgres://a:b@h/d', DATABASE_PASSWORD: password })).toEqual([
      expect.stringMatching(/^DATABASE_PASSWORD is set, and DATABASE_URL holds a password/),
    ]);
  });
});

test('nobody trades live without saying what no order may pass', () => {
  const live = { TRADING_MODE: 'live', CREDENTIALS_KEY: key, KITE_BASE_URL: 'https://api.kite.trade' };
  expect(problemsOf(live)).toEqual([
    expect.stringMatching(/^MAX_ORDER_VALUE is not set, and TRADING_MODE=live needs it/),
  ]);
  expect(problemsOf({ ...live, MAX_ORDER_VALUE: '500000' })).toEqual([]);
});
