import type { Clock } from '../shared/clock.ts';
import { connectionFailure, messageOf, PermanentError, TransientError } from '../shared/errors.ts';
import type { OAuth } from '../shared/settings/mailbox.ts';

/** Provides access tokens for one mailbox. */
export interface Tokens {
  /**
   * An access token that is valid for some time; the token endpoint is called only when the last token is
   * about to expire.
   * @throws PermanentError `oauth_refused`, `oauth_settings`; TransientError `oauth_unreachable`
   */
  get(signal?: AbortSignal): Promise<string>;
  /** Drops the current token: the mail server did not accept it. */
  forget(): void;
}

/** A token is renewed this long before it expires, or after half of its life when that is shorter. */
const MARGIN_MS = 5 * 60_000;
/** Life of a token that comes without expires_in, which is only RECOMMENDED (RFC 6749 section 5.1). */
const DEFAULT_LIFE_SECONDS = 600;
const TIMEOUT_MS = 30_000;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

interface Token {
  value: string;
  renewAt: number;
}

/**
 * Access tokens by the refresh_token grant (RFC 6749 section 6) when there is a refresh token, else by
 * client_credentials (section 4.4).
 * @param name the mailbox, for the sentences
 */
export function createTokens(name: string, oauth: OAuth, clock: Clock): Tokens {
  let token: Token | null = null;
  let requesting: Promise<Token> | null = null;
  // An endpoint may issue a new refresh token with each use and expect that one the next time.
  let refreshToken = oauth.refreshToken;

  const request = async (signal: AbortSignal | undefined): Promise<Token> => {
    const { answer, ok, status } = await post(name, oauth, refreshToken, signal);
    if (!ok) throw refused(name, oauth, status, answer);
    const value = answer.access_token;
    if (typeof value !== 'string' || value === '')
      throw new TransientError('oauth_unreachable', {
        about: `Mailbox "${name}"`,
        says: `the token endpoint answered without an access_token.`,
      });
    if (typeof answer.refresh_token === 'string' && refreshToken !== null) refreshToken = answer.refresh_token;
    const said = Number(answer.expires_in);
    const life = (Number.isFinite(said) && said > 0 ? said : DEFAULT_LIFE_SECONDS) * 1000;
    return { value, renewAt: clock.now().getTime() + life - Math.min(MARGIN_MS, life / 2) };
  };

  return {
    async get(signal) {
      if (token !== null && clock.now().getTime() < token.renewAt) return token.value;
      requesting ??= request(signal).finally(() => {
        requesting = null;
      });
      token = await requesting;
      return token.value;
    },
    forget() {
      token = null;
    },
  };
}

async function post(
  name: string,
  oauth: OAuth,
  refreshToken: string | null,
  signal: AbortSignal | undefined,
): Promise<{ ok: boolean; status: number; answer: Record<string, unknown> }> {
  const url = new URL(oauth.tokenUrl);
  if (url.protocol !== 'https:' && !LOOPBACK.has(url.hostname))
    throw new PermanentError('oauth_settings', {
      about: `Mailbox "${name}"`,
      says: `oauth.token_url must be https, or the secret would be sent in the clear.`,
    });
  const form = new URLSearchParams({
    grant_type: refreshToken === null ? 'client_credentials' : 'refresh_token',
    client_id: oauth.clientId,
  });
  if (refreshToken !== null) form.set('refresh_token', refreshToken);
  if (oauth.clientSecret !== null) form.set('client_secret', oauth.clientSecret);
  if (oauth.scope !== null) form.set('scope', oauth.scope);
  try {
    const response = await fetch(url, {
      method: 'POST',
      body: form,
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])]),
    });
    return { ok: response.ok, status: response.status, answer: parse(await response.text()) };
  } catch (error) {
    throw new TransientError(
      'oauth_unreachable',
      {
        about: `Mailbox "${name}"`,
        says: `the token endpoint ${url.host} cannot be reached (${connectionFailure(error)}); it is retried.`,
      },
      error,
    );
  }
}

/** Of an answer that is not a JSON object (a proxy's error page), only the status counts. */
function parse(text: string): Record<string, unknown> {
  try {
    return { ...JSON.parse(text) };
  } catch (error) {
    return { error_description: messageOf(error) };
  }
}

/** RFC 6749 section 5.2 names the errors; the advice is ours. */
function refused(name: string, oauth: OAuth, status: number, answer: Record<string, unknown>): Error {
  const code = typeof answer.error === 'string' ? answer.error.slice(0, 60) : '';
  const host = new URL(oauth.tokenUrl).host;
  if (code === '' || status >= 500 || status === 429 || code === 'temporarily_unavailable') {
    return new TransientError('oauth_unreachable', {
      about: `Mailbox "${name}"`,
      says: `the token endpoint ${host} answered with status ${status}; it is retried.`,
    });
  }
  const advice: Record<string, string> = {
    invalid_grant: 'the refresh token was revoked or has expired; obtain a new one and set oauth.refresh_token',
    invalid_client: 'check oauth.client_id and oauth.client_secret (the secret may have expired)',
    unauthorized_client: 'this client may not use this grant; check the app registration',
    invalid_scope: 'check oauth.scope',
  };
  const said =
    typeof answer.error_description === 'string' ? (answer.error_description.split(/[\r\n]/)[0] ?? '').slice(0, 200) : '';
  return new PermanentError('oauth_refused', {
    about: `Mailbox "${name}"`,
    says: `the token endpoint ${host} refused a token (${code}): ${advice[code] ?? 'check the oauth settings'}.${said === '' ? '' : ` The server says: ${said}`}`,
  });
}
