// Checks the tokens Supabase Auth gives to people who log in.
import type { JWTPayload } from 'jose';

export interface JwtClaims {
  sub: string;
  /** `app_metadata.role`: only the project's own secret key can set it, never the user. */
  role: string | null;
  /** How sure the issuer is of who logged in (`aal`): `aal2` after a second factor. */
  aal: string | null;
}

/** Nothing signed with a shared secret: the issuer's public keys alone decide. */
const ALGORITHMS = ['ES256', 'RS256', 'EdDSA'];

/**
 * Checks the JWTs Supabase Auth gives to users: signature (keys from `ISSUER/.well-known/jwks.json`, fetched once and
 * kept), issuer, audience `authenticated`, and that it has not expired. null for a token that fails any of these.
 * @param issuer `https://PROJECT.supabase.co/auth/v1`
 * @throws Error when the issuer's keys can't be fetched
 */
export function jwtVerifier(issuer: string): (token: string) => Promise<JwtClaims | null> {
  // Loaded with the first token: most starts, those for the scheduler, see none.
  let verify: Promise<(token: string) => Promise<JwtClaims | null>> | null = null;
  return async (token) => {
    verify ??= makeVerify(issuer);
    return (await verify)(token);
  };
}

async function makeVerify(issuer: string): Promise<(token: string) => Promise<JwtClaims | null>> {
  const { createRemoteJWKSet, errors, jwtVerify } = await import('jose');
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const options = { issuer, audience: 'authenticated', algorithms: ALGORITHMS, requiredClaims: ['sub', 'exp'] };
  // What says that the keys could not be had, which is no verdict on the token. jose says ERR_JOSE_GENERIC where the
  // key server answered with another status or with what is no JSON.
  const lost = [errors.JWKSTimeout.code, errors.JWKSInvalid.code, errors.JOSEError.code];
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, options);
      return typeof payload.sub === 'string'
        ? { sub: payload.sub, role: appRole(payload), aal: levelOf(payload) }
        : null;
    } catch (cause) {
      if (cause instanceof errors.JOSEError && !lost.includes(cause.code)) return null;
      throw new Error(`The keys of ${issuer} could not be fetched: no JWT can be checked now.`, { cause });
    }
  };
}

function levelOf({ aal }: JWTPayload): string | null {
  return typeof aal === 'string' ? aal : null;
}

function appRole({ app_metadata: facts }: JWTPayload): string | null {
  if (typeof facts !== 'object' || facts === null || !('role' in facts)) return null;
  return typeof facts.role === 'string' ? facts.role : null;
}
