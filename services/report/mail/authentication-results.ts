import { normalDomain, organizationalDomain } from '../orgdomain.ts';
import { withoutComments } from './author.ts';
import type { Field } from './header.ts';

/**
 * One method's result in an Authentication-Results field (RFC 8601 section 2.2). Names and results are lower
 * case.
 */
export interface MethodResult {
  method: string;
  result: string;
  /** `ptype.property` to value, such as header.d to google.com. */
  properties: Map<string, string>;
}

export interface AuthenticationResults {
  /** Lower case. */
  authservId: string;
  /** Without passes that can be read in more than one way. */
  results: MethodResult[];
  /**
   * Something in it can be read in more than one way, so it may have been written by the sender of the mail.
   */
  unclear: boolean;
}

/** What follows `method=result`: a name, and a value in which parts may be quoted. */
const PROPERTY = /^\s+([a-z0-9_-]+(?:\s*\.\s*[a-z0-9_-]+)*)\s*=\s*((?:"(?:[^"\\]|\\.)*"|[^\s"])*)(?=\s|$)/i;

/**
 * Parses the value of one field. Null when it does not follow RFC 8601 (Microsoft 365, for one, omits the
 * authserv-id). The sender of a mail chooses the content of some values, and not all servers quote them:
 * anything outside the grammar of section 2.2 is no result.
 */
export function parseAuthenticationResults(value: string): AuthenticationResults | null {
  const plain = withoutComments(value);
  const parts = splitOutsideQuotes(plain);
  const head = /^"?([^\s;="]+)"?(?:\s+\d+)?$/.exec(parts[0]!.trim());
  if (!head) return null;
  const authservId = head[1]!.toLowerCase();
  // A quoted address within a comment, as some servers write it, may contain the parenthesis that ends the
  // comment.
  if (plain !== withoutComments(value, true) || oddlyQuoted(plain)) return { authservId, results: [], unclear: true };
  const results: MethodResult[] = [];
  let unclear = false;
  for (const part of parts.slice(1)) {
    const method = /^\s*([a-z0-9-]+)(?:\s*\/\s*\d+)?\s*=\s*([a-z]+)/i.exec(part);
    if (!method) continue;
    const [properties, clear] = propertiesOf(part.slice(method[0].length));
    const result = method[2]!.toLowerCase();
    unclear ||= !clear;
    if (clear || result !== 'pass') results.push({ method: method[1]!.toLowerCase(), result, properties });
  }
  return { authservId, results, unclear };
}

/** The properties of one result, and whether the text holds nothing else and no property with two values. */
function propertiesOf(text: string): [Map<string, string>, boolean] {
  const properties = new Map<string, string>();
  let rest = text.trimEnd();
  while (rest !== '') {
    const found = PROPERTY.exec(rest);
    if (!found) return [properties, false];
    const name = found[1]!.replace(/\s+/g, '').toLowerCase();
    const known = properties.get(name);
    const value = unquoted(found[2]!);
    if (known !== undefined && known !== value) return [properties, false];
    properties.set(name, value);
    rest = rest.slice(found[0].length);
  }
  return [properties, true];
}

/** The value without quotes when it is quoted as a whole; else unchanged. */
const unquoted = (value: string): string => /^"((?:[^"\\]|\\.)*)"$/.exec(value)?.[1]?.replace(/\\(.)/g, '$1') ?? value;

/** Whether a quoted string does not end, or ends in the middle of something other than an address. */
function oddlyQuoted(text: string): boolean {
  const quoted = /"(?:[^"\\]|\\.)*"(?=[\s;@]|$)/y;
  // Ends at the first odd quote: a search from each quote would take quadratic time.
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', quoted.lastIndex)) {
    quoted.lastIndex = at;
    if (!quoted.test(text)) return true;
  }
  return false;
}

/** What one's own server found, as far as it can be relied on. */
export interface OwnResults {
  results: MethodResult[];
  /** Another field in its name follows below, which may be its own or a forger's. */
  more: boolean;
}

/**
 * What one's own servers found, from the fields of a mail; null when no field of theirs can be relied on.
 *
 * Forgers can write anything into their own mail, including a field in the name of one's own server, and RFC
 * 8601 section 5 leaves it to that server to remove it. So the position of a field decides: every server adds
 * its fields above those that the mail already had. The search goes from the top to the first Received field
 * of a server that is not one's own, since everything below was in the mail before. Of the fields above, only
 * the topmost counts.
 *
 * There is one exception, for servers that write a field for each method (Postfix with several milters):
 * fields above every Received are read as one when the next Received is clearly one's own (by name, not by an
 * address or without one) and no method occurs twice. A hop of one's own mail store (LMTP) may be above them.
 * Below the server's own Received, fields are never read as one: there the received mail may begin right
 * after the first field.
 */
export function ownResults(fields: readonly Field[], authservIds: readonly string[]): OwnResults | null {
  const ids = new Set(authservIds.map((id) => id.toLowerCase().replace(/\.$/, '')));
  const found: AuthenticationResults[] = [];
  let hops = 0;
  let closed: 'named' | 'nameless' | null = null;
  for (const field of fields) {
    if (field.name === 'received') {
      if (closed !== null) continue;
      const by = receivedBy(field.value);
      const whose = whoseIs(by, ids);
      if (found.length > 0) closed = whose === 'named' && hops === 0 ? 'named' : 'nameless';
      else if (whose === 'foreign') return null;
      else if (!(whose === 'named' && isDelivery(field.value))) hops++;
    } else if (field.name === 'authentication-results') {
      const said = parseAuthenticationResults(field.value);
      if (said === null || !ids.has(said.authservId)) continue;
      if (closed === null && (found.length === 0 || found[0]!.authservId === said.authservId)) found.push(said);
      else return concluded(found, closed, true);
    }
  }
  return found.length === 0 ? null : concluded(found, closed, false);
}

function concluded(found: readonly AuthenticationResults[], closed: 'named' | 'nameless' | null, below: boolean): OwnResults {
  const [top] = found as [AuthenticationResults];
  const methods = found.map(({ results }) => new Set(results.map(({ method }) => method)));
  const disjoint = methods.every((one, i) =>
    methods.slice(i + 1).every((other) => [...one].every((method) => !other.has(method))),
  );
  if (found.length > 1 && closed === 'named' && disjoint && !found.some(({ unclear }) => unclear))
    return { results: found.flatMap(({ results }) => results), more: false };
  return { results: top.results, more: top.unclear || below || found.length > 1 };
}

/** The host that wrote a Received field (RFC 5321 section 4.4); null when it is not named. */
function receivedBy(value: string): string | null {
  return /(?:^|\s)by\s+([^\s;]+)/i.exec(withoutComments(value))?.[1]?.toLowerCase().replace(/\.$/, '') ?? null;
}

/** A hop into a mail store (RFC 2033), which receives mail from the server in front of it. */
function isDelivery(value: string): boolean {
  return /\swith\s+LMTPS?A?\b/i.test(withoutComments(value));
}

/**
 * Which server wrote a Received field. `named`: an authserv-id, or a host of the same organization.
 * `nameless`: a hop without a public name (localhost, an address, a pipe), which may be one's own.
 */
function whoseIs(by: string | null, ids: ReadonlySet<string>): 'named' | 'nameless' | 'foreign' {
  if (by === null || !by.includes('.') || /^\[?[0-9a-f.:]+\]?$/i.test(by))
    return by !== null && ids.has(by) ? 'named' : 'nameless';
  const organization = organizationalDomain(by);
  return ids.has(by) || [...ids].some((id) => organizationalDomain(id) === organization) ? 'named' : 'foreign';
}

/**
 * Whether the server's results are conclusive, so that signatures are not checked when they prove nothing.
 */
export function decides({ results, more }: OwnResults): boolean {
  const dmarc = verdictOf(results, 'dmarc');
  if (dmarc !== null) return dmarc !== 'several';
  return !more && verdictOf(results, 'dkim') !== null;
}

/** The result of a method; `several` when there are different ones. */
function verdictOf(results: readonly MethodResult[], method: string): string | null {
  const said = new Set(results.filter((r) => r.method === method).map((r) => r.result));
  return said.size > 1 ? 'several' : ([...said][0] ?? null);
}

/** A proof of the author's domain. */
export interface Proof {
  how: 'dmarc=pass' | 'dkim=pass' | 'spf=pass';
  /**
   * Proves the whole mail, as it came directly from a server of the author's (SPF); else only what a
   * signature covers.
   */
  whole: boolean;
}

/** How one's own server authenticated the author's domain; null when it did not. */
export function provenBy(results: readonly MethodResult[], from: string): Proof | null {
  const aligned = (value: string | undefined) => {
    const domain = value === undefined ? null : domainIn(value);
    return domain !== null && organizationalDomain(domain) === organizationalDomain(from);
  };
  const by = new Set<string>();
  for (const { method, result, properties } of results) {
    if (result !== 'pass') continue;
    if (method === 'dkim' && aligned(properties.get('header.d') ?? properties.get('header.i'))) by.add('dkim=pass');
    if (method === 'spf' && aligned(properties.get('smtp.mailfrom'))) by.add('spf=pass');
  }
  const dmarc = verdictOf(results, 'dmarc');
  // A server that reports a failed alignment knows more than we do: strict alignment is in the DNS record.
  if (dmarc === 'fail' || dmarc === 'several') return null;
  if (dmarc === 'pass') {
    const of = results.flatMap((r) => (r.method === 'dmarc' ? (r.properties.get('header.from') ?? []) : []));
    if (of.some((one) => domainIn(one) !== from)) return null;
    return { how: 'dmarc=pass', whole: by.has('spf=pass') };
  }
  if (by.has('spf=pass')) return { how: 'spf=pass', whole: true };
  return by.has('dkim=pass') ? { how: 'dkim=pass', whole: false } : null;
}

/**
 * The domain of a value (RFC 8601 section 2.2: a domain name or an address); null when it is neither. A
 * quoted part of an address is a local part, chosen by its owner, whatever it looks like:
 * `"x@bank.example"@evil.example`.
 */
function domainIn(value: string): string | null {
  const address = value.replace(/^<([^<>]*)>$/, '$1').replace(/^"(?:[^"\\]|\\.)*"@/, '@');
  const domain = /^(?:[^\s@<>,:"()]*@)?([^\s@<>,:"()=]+)$/.exec(address)?.[1];
  return domain === undefined ? null : normalDomain(domain);
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
