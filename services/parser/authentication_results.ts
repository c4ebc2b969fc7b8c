import { organizationalDomain } from '../report/orgdomain.ts';
import { type Field, withoutComments } from './header.ts';

/** One method's result in an Authentication-Results field (RFC 8601 section 2.2). Names and results are lower case. */
export interface MethodResult {
  method: string;
  result: string;
  /** `ptype.property` to value, such as header.d to google.com. */
  properties: Map<string, string>;
}

export interface AuthenticationResults {
  /** Lower case. */
  authservId: string;
  results: MethodResult[];
}

/** Reads one field's value. Null when it is none by RFC 8601 (Microsoft 365, for one, leaves the authserv-id out). */
export function parseAuthenticationResults(value: string): AuthenticationResults | null {
  const parts = splitOutsideQuotes(withoutComments(value));
  const head = /^"?([^\s;="]+)"?(?:\s+\d+)?$/.exec(parts[0]!.trim());
  if (!head) return null;
  const results: MethodResult[] = [];
  for (const part of parts.slice(1)) {
    const method = /^\s*([a-z0-9-]+)(?:\s*\/\s*\d+)?\s*=\s*([a-z]+)/i.exec(part);
    if (!method) continue;
    const properties = new Map<string, string>();
    for (const [, name, quoted, plain] of part
      .slice(method[0].length)
      .matchAll(/\b([a-z]+\s*\.\s*[a-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/gi)) {
      const key = name!.replace(/\s+/g, '').toLowerCase();
      // Said twice, a property says nothing certain: the first stands, as it does for everybody who reads the field.
      if (!properties.has(key)) properties.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    }
    results.push({ method: method[1]!.toLowerCase(), result: method[2]!.toLowerCase(), properties });
  }
  return { authservId: head[1]!.toLowerCase(), results };
}

/**
 * What one's own servers found, from the fields of a mail: null when none of them says anything that can be believed.
 *
 * A forger writes what he likes into his own mail, a field in the name of one's own server included, and RFC 8601 section 5 leaves
 * it to that server to take it out again. So where a field stands decides: every server puts its fields on top of what it was given.
 * From the top, the search ends at the first Received field of a server that is not one's own: whatever comes below was in the mail
 * before. Of what is above it only the topmost field counts, and others of the same server that follow it before the next Received
 * (Postfix with a milter for each method writes several); but where the server's own Received stands above the field (as Google
 * does it), the mail begins right below, so that there the topmost alone counts.
 */
export function ownResults(fields: readonly Field[], authservIds: readonly string[]): MethodResult[] | null {
  const ids = new Set(authservIds.map((id) => id.toLowerCase()));
  let own: MethodResult[] | null = null;
  let id = '';
  let below = false;
  for (const field of fields) {
    if (field.name === 'received') {
      if (own !== null) return own;
      const by = receivedBy(field.value);
      if (!isOwn(by, ids)) return null;
      below ||= by !== null && ids.has(by);
    } else if (field.name === 'authentication-results') {
      const said = parseAuthenticationResults(field.value);
      if (said === null || !ids.has(said.authservId)) continue;
      if (own === null) {
        own = said.results;
        id = said.authservId;
        if (below) return own;
      } else if (said.authservId === id) own = [...own, ...said.results];
    }
  }
  return own;
}

/** The host that wrote a Received field (RFC 5321 section 4.4); null when it does not say. */
function receivedBy(value: string): string | null {
  return /(?:^|\s)by\s+([^\s;]+)/i.exec(withoutComments(value))?.[1]?.toLowerCase().replace(/\.$/, '') ?? null;
}

/** One's own: named by an authserv-id, of the same organization, or a hop that has no public name (localhost, an address, a pipe). */
function isOwn(by: string | null, ids: ReadonlySet<string>): boolean {
  if (by === null || ids.has(by)) return true;
  if (!by.includes('.') || /^\[?[0-9a-f.:]+\]?$/i.test(by)) return true;
  const organization = organizationalDomain(by);
  return [...ids].some((id) => organizationalDomain(id) === organization);
}

/** How one's own server authenticated the author's domain. Null: it did not. */
export function provenBy(results: readonly MethodResult[], from: string): string | null {
  const dmarc = results.find((r) => r.method === 'dmarc');
  const of = dmarc?.properties.get('header.from');
  if (dmarc?.result === 'pass') return of === undefined || domainIn(of) === from ? 'dmarc=pass' : null;
  // A server that says the policy's alignment failed knows more than we: strict alignment is in the DNS record.
  if (dmarc?.result === 'fail') return null;
  const aligned = (domain: string | undefined) =>
    domain !== undefined && organizationalDomain(domainIn(domain)) === organizationalDomain(from);
  for (const { method, result, properties } of results) {
    if (result !== 'pass') continue;
    if (method === 'dkim' && aligned(properties.get('header.d') ?? properties.get('header.i'))) return 'dkim=pass';
    if (method === 'spf' && aligned(properties.get('smtp.mailfrom'))) return 'spf=pass';
  }
  return null;
}

function domainIn(address: string): string {
  return address
    .slice(address.lastIndexOf('@') + 1)
    .trim()
    .toLowerCase()
    .replace(/\.$/, '');
}

function splitOutsideQuotes(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\' && quoted) i++;
    else if (c === '"') quoted = !quoted;
    else if (c === ';' && !quoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
