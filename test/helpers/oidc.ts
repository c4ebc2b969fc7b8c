import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the provider says of the person who is signed in there. */
export interface OidcAccount {
  sub: string;
  [claim: string]: unknown;
}

export interface TestProvider {
  issuer: string;
  account: OidcAccount;
  /** What goes wrong at the next grant. */
  wrong: 'nothing' | 'nonce' | 'audience' | 'issuer' | 'signature' | 'expired' | 'grant' | 'silent';
  /** How often it was asked for a token. */
  grants: number;
  stop(): Promise<void>;
}

const CLIENT = { id: 'ruawatch', secret: 'secret of the client' };
const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * A provider of OpenID Connect that signs everybody in at once: discovery, codes with PKCE, refresh tokens,
 * ID tokens by RS256.
 */
export async function startProvider(account: OidcAccount): Promise<TestProvider> {
  const [keys, others] = [0, 1].map(() => generateKeyPairSync('rsa', { modulusLength: 2048 }));
  const codes = new Map<string, { nonce: string; challenge: string; redirect: string }>();
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: TestProvider = {
    issuer,
    account,
    wrong: 'nothing',
    grants: 0,
    stop: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };

  const idToken = (nonce: string | null): string => {
    const { wrong } = provider;
    const now = Math.floor(Date.now() / 1000) - (wrong === 'expired' ? 7200 : 0);
    const claims = {
      iss: wrong === 'issuer' ? 'https://evil.example' : issuer,
      aud: wrong === 'audience' ? 'another' : CLIENT.id,
      iat: now,
      exp: now + 300,
      ...(nonce !== null && { nonce: wrong === 'nonce' ? 'another' : nonce }),
      ...provider.account,
    };
    const input = `${text({ alg: 'RS256', kid: 'one' })}.${text(claims)}`;
    const key = (wrong === 'signature' ? others! : keys!).privateKey;
    return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
  };

  const json = (response: ServerResponse, value: unknown, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, issuer);
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json(response, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          id_token_signing_alg_values_supported: ['RS256'],
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          code_challenge_methods_supported: ['S256'],
        });
      case '/jwks':
        return json(response, { keys: [{ ...keys!.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }] });
      case '/authorize': {
        const of = (name: string) => url.searchParams.get(name) ?? '';
        const code = randomUUID();
        codes.set(code, { nonce: of('nonce'), challenge: of('code_challenge'), redirect: of('redirect_uri') });
        const back = new URL(of('redirect_uri'));
        back.search = new URLSearchParams({ code, state: of('state') }).toString();
        return void response.writeHead(302, { location: back.href }).end();
      }
      case '/token':
        return grant(request, response);
      default:
        return json(response, {}, 404);
    }
  }

  async function grant(request: IncomingMessage, response: ServerResponse): Promise<void> {
    provider.grants++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = new URLSearchParams(Buffer.concat(chunks).toString());
    if (provider.wrong === 'silent') return json(response, {}, 503);
    if (provider.wrong === 'grant' || body.get('client_secret') !== CLIENT.secret)
      return json(response, { error: 'invalid_grant' }, 400);
    const of = codes.get(body.get('code') ?? '');
    codes.delete(body.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url');
    const right = of !== undefined && of.challenge === challenge && of.redirect === body.get('redirect_uri');
    const refreshed = body.get('grant_type') === 'refresh_token' && body.get('refresh_token') === 'refresh';
    if (!right && !refreshed) return json(response, { error: 'invalid_grant' }, 400);
    return json(response, {
      access_token: 'access',
      token_type: 'Bearer',
      expires_in: 300,
      refresh_token: 'refresh',
      id_token: idToken(of?.nonce ?? null),
    });
  }
  return provider;
}
