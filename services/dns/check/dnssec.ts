import type { AskOptions, Dns } from '../client/types.ts';
import { type Finding, finding } from './finding.ts';
import type { Refusal } from './refusals.ts';

/**
 * What the resolver says of a domain's DNSSEC: `validated`: it has validated an answer (AD, RFC 4035 section
 * 3.2.3); `unsigned`: it validates others, and this domain has no keys; `no_chain`: the domain has keys, and
 * the zone above names none of them; `bogus`: the resolver refuses answers that it has, since their
 * signatures do not validate; `not_validating`: the resolver does not validate, so that nothing can be said.
 */
export type DnssecState = 'validated' | 'unsigned' | 'no_chain' | 'bogus' | 'not_validating' | 'unknown';

export interface DnssecCheck {
  findings: Finding[];
  state: DnssecState;
}

const ROOT_TIMEOUT_MS = 1_000;

/**
 * Checks whether a domain's answers can be validated. A resolver that validates answers SERVFAIL to what is
 * bogus: see `checkRefusals`.
 */
export async function checkDnssec(domain: string, dns: Dns, options: AskOptions = {}): Promise<DnssecCheck> {
  const own = await dns.ask(domain, 'SOA', options);
  if (own.state === 'unknown') return { state: 'unknown', findings: [] };
  if (own.authenticated) return { state: 'validated', findings: [] };
  // The root is signed: a resolver that validates says so of it, and at once. One that cannot reach it would
  // cost every domain six seconds.
  const timeout = AbortSignal.timeout(ROOT_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const root = await dns.ask('.', 'NS', { ...options, signal });
  if (root.state !== 'records' || !root.authenticated) return { state: 'not_validating', findings: [] };
  const keys = await dns.ask(domain, 'DNSKEY', options);
  if (keys.state === 'unknown') return { state: 'unknown', findings: [] };
  if (keys.state === 'records') {
    const message = `${domain} is signed (DNSKEY), but nothing above vouches for its keys: nobody can validate the signatures. Have the registrar publish the DS record.`;
    return { state: 'no_chain', findings: [finding('dnssec_no_chain', { domain, message })] };
  }
  const message = `${domain} is not signed (DNSSEC): whoever controls the network on the way to a resolver can forge its records, MX and MTA-STS among them.`;
  return { state: 'unsigned', findings: [finding('dnssec_unsigned', { domain, message })] };
}

/** Names whose refusal is looked into. One zone that is broken refuses all of its names. */
const MOST_PROBED = 4;

/**
 * Finds out whether what the resolver refused (SERVFAIL) is bogus: it says what is there when it is asked not
 * to validate, and refuses it once more when it is not (RFC 4035 sections 3.2.2 and 5.5). A server that
 * cannot be reached fails either way.
 * @returns null when nothing is
 */
export async function checkRefusals(
  domain: string,
  refused: readonly Refusal[],
  dns: Dns,
  options: AskOptions = {},
): Promise<DnssecCheck | null> {
  const ownFirst = [...refused].sort((a, b) => Number(b.name === domain) - Number(a.name === domain));
  const names = ownFirst.filter((one, i) => ownFirst.findIndex(({ name }) => name === one.name) === i).slice(0, MOST_PROBED);
  const probes = await Promise.all(names.map((one) => bogusReason(one, dns, options)));
  const bogus = names.flatMap((one, i) => (probes[i] === null ? [] : [{ ...one, why: probes[i]! }]));
  if (bogus.length === 0) return null;
  const why = bogus.find((one) => one.why !== '')?.why;
  const because = why === undefined ? '' : ` (${why})`;
  const told = finding('dnssec_bogus', {
    domain,
    message: bogus.some(({ name, type }) => name === domain && type === 'SOA')
      ? `DNSSEC of ${domain} is broken${because}: resolvers that validate refuse every answer about it, so for receivers behind them it has no SPF, DKIM or DMARC, and no mail host. Sign the zone anew, or have the registrar correct the DS record.`
      : `DNSSEC is broken at ${bogus.map(({ name, type }) => `${name} (${type})`).join(', ')}${because}: resolvers that validate refuse these records, so that receivers behind them do without. ${
          bogus.every(({ name }) => name === domain || name.endsWith(`.${domain}`))
            ? 'Sign the zone anew.'
            : 'Whoever runs the zone must sign it anew.'
        }`,
  });
  return { state: 'bogus', findings: [told] };
}

/**
 * Why a name is bogus, as far as the resolver says: an empty text when it does not; null when the name is
 * not bogus.
 */
async function bogusReason({ name, type }: Refusal, dns: Dns, options: AskOptions): Promise<string | null> {
  const there = await dns.ask(name, type, { ...options, unchecked: true });
  if (there.state === 'unknown') return null;
  const again = await dns.ask(name, type, options);
  if (again.state !== 'unknown' || again.reason !== 'servfail') return null;
  return again.extended ?? '';
}
