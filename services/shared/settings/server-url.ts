/** What every text gets that begins like a URL of ours and cannot be read as one. */
export const ENCODE_HINT =
  'has special characters that must be percent-encoded in the user and the password, such as %40 for @, %2F for /, %23 for # and %25 for % (it is not shown here)';

/**
 * A URL of a server with a user and a password. What is left of an unescaped password must never be taken for
 * the host, since hosts are looked up and logged: so all that stands before the last "@" must be a user and a
 * password.
 *
 * @param schemes without ":"
 * @returns `unreadable` when the text does not begin with one of the schemes, `encode` when it does and
 *   cannot be read without doubt
 */
export function readServerUrl(text: string, schemes: readonly string[]): URL | 'unreadable' | 'encode' {
  const [start, scheme] = /^\s*([a-z+]+):/i.exec(text) ?? [];
  if (start === undefined || !schemes.includes(scheme!.toLowerCase())) return 'unreadable';
  const rest = /^\/\/(.*)$/s.exec(text.slice(start.length))?.[1];
  if (rest === undefined || isAmbiguous(rest)) return 'encode';
  return URL.canParse(text) ? new URL(text) : 'encode';
}

/** Whether an unescaped password may end elsewhere than at the last "@". @param rest what follows "//" */
export function isAmbiguous(rest: string): boolean {
  const userinfo = rest.slice(0, Math.max(0, rest.lastIndexOf('@')));
  const colon = userinfo.indexOf(':');
  // A user may be an address; a password with an "@" in it could end anywhere.
  const password = colon < 0 ? '' : userinfo.slice(colon + 1);
  return rest.includes('#') || /[/?\\\s]/.test(userinfo) || password.includes('@');
}

/**
 * Whether every "%" begins an escaped octet, and these are UTF-8: all that decode them later would throw
 * otherwise.
 */
export function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    // A URIError: nothing else can be wrong with a text.
    return false;
  }
}
