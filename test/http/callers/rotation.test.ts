import { createHmac } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { readCallback } from '../../../src/adapters/notifiers/twilio-callback.ts';
import { accountSid, authToken, publicUrl, settingsFor } from '../../notifiers/fixtures.ts';
import { tradeDate } from '../../support/builders.ts';
import { cronSecret, signalsSecret, startService, type TestService } from '../support/service.ts';

const signal = { strategy: 'breakout', symbol: 'TITAN', side: 'BUY', referencePrice: '3560.00' };
const before = 'the-secret-there-was-before';
let service: TestService | null = null;
afterEach(async () => {
  await service?.close();
  service = null;
});

test('while the cron secret is changed both open the cron routes, and nothing else does', async () => {
  service = await startService({ deps: { cronSecretPrevious: before } });
  const statusOf = async (token: string) => (await service?.ask(token, 'GET', '/api/cron/order-worker'))?.status;
  expect([await statusOf(cronSecret), await statusOf(before), await statusOf(`${before}x`)]).toEqual([200, 200, 401]);
  await service.close();
  service = await startService();
  expect(await statusOf(before)).toBe(401);
});

test('while the signals’ secret is changed a request may be signed with either', async () => {
  const body = JSON.stringify({ signals: [{ ...signal, tradeDate }] });
  const statusOf = async (secret: string) => {
    const timestamp = String(Math.floor((service?.clock.nowMs() ?? 0) / 1000));
    const signature = `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
    const headers = { 'X-Timestamp': timestamp, 'X-Signature': signature };
    return (await service?.ask(null, 'POST', '/api/signals', body, headers))?.status;
  };
  service = await startService({ deps: { signalsSecretPrevious: before } });
  expect([await statusOf(signalsSecret), await statusOf(before), await statusOf('another')]).toEqual([202, 202, 401]);
  await service.close();
  service = await startService({ deps: { signalsSecret: null, signalsSecretPrevious: null } });
  expect(await statusOf('')).toBe(401);
});

test('while Twilio’s token is changed what it signs with either is taken', async () => {
  const path = '/api/webhooks/twilio';
  const form = { AccountSid: accountSid, MessageSid: 'SM1', From: 'whatsapp:+919812345678', Body: 'STOP' };
  const signedWith = (token: string) => {
    const data = Object.keys(form)
      .toSorted()
      .reduce((text, name) => `${text}${name}${form[name as keyof typeof form]}`, `${publicUrl}${path}`);
    return createHmac('sha1', token).update(data, 'utf8').digest('base64');
  };
  const readSigned = (token: string, authTokenPrevious: string | null) => {
    const settings = settingsFor('http://127.0.0.1:1', { authTokenPrevious });
    return readCallback(settings, { path, signature: signedWith(token), form });
  };
  expect(await readSigned(authToken, before)).toMatchObject({ kind: 'inbound' });
  expect(await readSigned(before, before)).toMatchObject({ kind: 'inbound' });
  expect(await readSigned(before, null)).toBeNull();
});
