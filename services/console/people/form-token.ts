import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The value of the hidden field that every form has: nobody who does not know the cookie can compute it, and
 * it ends with the session.
 * @param cookie the token of the session, or of a visitor who is not signed in
 */
export function formToken(cookie: string): string {
  return createHmac('sha256', cookie).update('form').digest('base64url');
}

/** Whether a form was made for the one who sends it. */
export function isFormToken(given: unknown, cookie: string): boolean {
  if (typeof given !== 'string') return false;
  const expected = Buffer.from(formToken(cookie));
  const sent = Buffer.from(given);
  return sent.length === expected.length && timingSafeEqual(sent, expected);
}

/** Names that browsers resolve to this machine, whoever asks. */
const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;
const IS_ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/**
 * Whether the console may be reached under this host: the one in `console.url`, a name of this machine or,
 * without `console.url`, any address. Other names may be a stranger's that lead here (DNS rebinding).
 * @param host the field Host
 */
export function isOwnHost(host: string | undefined, url: string | null): boolean {
  if (host === undefined) return false;
  const name = host.toLowerCase().replace(/:\d+$/, '');
  if (LOCAL.test(name)) return true;
  return url === null ? IS_ADDRESS.test(name) : host.toLowerCase() === new URL(url).host;
}

/**
 * Whether a request that changes something comes from a page of ours: browsers say so themselves, and no
 * script of another page can change it.
 */
export function isOwnOrigin(headers: { origin?: string; site?: string; host: string }, url: string | null): boolean {
  const { origin, site, host } = headers;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (origin === undefined) return site === 'same-origin' || site === 'none';
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  if (url !== null && from.origin === new URL(url).origin) return true;
  return from.host === host.toLowerCase() && isOwnHost(host, url);
}
