import { createServer, type Server } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jwtVerifier } from '../../src/adapters/jwt.ts';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

let server: Server;
let issuer: string;
let pair: Pair;
let fetched = 0;
let keyServerAnswers: unknown;
let keyServerStatus = 200;

beforeAll(async () => {
  pair = await generateKeyPair('ES256');
  keyServerAnswers = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' }] };
  server = createServer((request, response) => {
    fetched += 1;
    response.writeHead(request.url === '/auth/v1/.well-known/jwks.json' ? keyServerStatus : 404);
    response.end(JSON.stringify(keyServerAnswers));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  issuer = `http://127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}/auth/v1`;
});
afterAll(() => void server.close());

interface Token {
  claims?: Record<string, unknown>;
  issuer?: string;
  audience?: string;
  /** From now. */
  expires?: string;
  key?: Pair['privateKey'];
}

/** As Supabase Auth signs one; each part may be another. */
function token({
  claims = {},
  audience = 'authenticated',
  expires = '1h',
  key = pair.privateKey,
  ...rest
}: Token = {}) {
  return new SignJWT({ role: 'authenticated', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setSubject('6f6f3a5e-0000-4000-8000-000000000001')
    .setIssuer(rest.issuer ?? issuer)
    .setAudience(audience)
    .setExpirationTime(expires)
    .sign(key);
}

describe('a JWT of Supabase Auth', () => {
  test('says who it is; the role is only what the project set, not what the user could', async () => {
    const verify = jwtVerifier(issuer);
    const sub = '6f6f3a5e-0000-4000-8000-000000000001';
    expect(await verify(await token())).toEqual({ sub, role: null, aal: null });
    const own = { user_metadata: { role: 'operator' }, user_role: 'operator' };
    expect(await verify(await token({ claims: own }))).toEqual({ sub, role: null, aal: null });
    const set = { app_metadata: { role: 'operator' } };
    expect(await verify(await token({ claims: set }))).toEqual({ sub, role: 'operator', aal: null });
  });

  test('says whether a second factor was shown', async () => {
    const verify = jwtVerifier(issuer);
    expect(await verify(await token({ claims: { aal: 'aal2' } }))).toMatchObject({ aal: 'aal2' });
    expect(await verify(await token({ claims: { aal: 2 } }))).toMatchObject({ aal: null });
  });

  test('is nobody’s when it is expired, for others, from others, or signed by others', async () => {
    const verify = jwtVerifier(issuer);
    const otherKeys = await generateKeyPair('ES256');
    const bad: Token[] = [
      { expires: '-1m' },
      { audience: 'anon' },
      { issuer: 'https://other.example/auth/v1' },
      { key: otherKeys.privateKey },
    ];
    for (const one of bad) expect(await verify(await token(one))).toBe(null);
    for (const text of ['', 'abc', 'a.b.c']) expect(await verify(text)).toBe(null);
  });

  test('says whether a second factor was shown', async () => {
    const verify = jwtVerifier(issuer);
    expect(await verify(await token({ claims: { aal: 'aal2' } }))).toMatchObject({ aal: 'aal2' });
    expect(await verify(await token({ claims: { aal: 2 } }))).toMatchObject({ aal: null });
  });

  test('is nobody’s when it is unsigned or signed with the public key as a shared secret', async () => {
    const verify = jwtVerifier(issuer);
    const [, payload = ''] = (await token()).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    expect(await verify(`${none}.${payload}.`)).toBe(null);
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK(pair.publicKey)));
    const shared = new SignJWT({}).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).setSubject('x').setIssuer(issuer);
    expect(await verify(await shared.setAudience('authenticated').setExpirationTime('1h').sign(secret))).toBe(null);
  });

  test('fetches the keys once for many', async () => {
    const verify = jwtVerifier(issuer);
    fetched = 0;
    await Promise.all([verify(await token()), verify(await token()), verify(await token())]);
    await verify(await token());
    expect(fetched).toBe(1);
  });

  test('can not be judged when the keys can not be had: that is an error, no verdict', async () => {
    keyServerStatus = 503;
    await expect(jwtVerifier(issuer)(await token())).rejects.toThrow('could not be fetched');
    keyServerStatus = 200;
    const nobody = 'http://127.0.0.1:1/auth/v1';
    await expect(jwtVerifier(nobody)(await token({ issuer: nobody }))).rejects.toThrow('could not be fetched');
  });
});
