import type { Answer, AskOptions, Dns } from '../client/types.ts';
import { isDmarc } from '../dmarc/record.ts';
import type { Lookalike } from './lookalikes.ts';

/** A look-alike that exists. */
export interface Registered extends Lookalike {
  /** The name servers of the name, sorted; empty when it is part of another zone. */
  servers: readonly string[];
  /** Mail hosts; empty without any. */
  mailHosts: readonly string[];
  /**
   * Whether it has the same name servers as the domain that it looks like: most likely a registration of the
   * same owner.
   */
  sameServers: boolean;
}

export interface Survey {
  registered: Registered[];
  /** How many names were looked up, and for how many the query failed. */
  asked: number;
  unknown: number;
}

/** What DNS says of a name. */
export interface LookedUp {
  state: 'registered' | 'free' | 'unknown';
  /** Sorted; empty when it is part of another zone, or they are unknown. */
  servers: readonly string[];
  /** Sorted, without a null MX (RFC 7505); null when the query failed. */
  mailHosts: readonly string[] | null;
  /** The DMARC record, '' without one; null when the query failed, or it was not asked for. */
  dmarc: string | null;
  /** How many questions were asked. */
  questions: number;
}

/** The most questions that looking up one name takes. */
export const MOST_QUESTIONS = 3;

/** Names looked up at once; the client limits the rate. */
const AT_ONCE = 50;
/** Characters of a DMARC record that are kept: a hostile one has no end. */
const MOST_TEXT = 1_000;

/**
 * Looks up a name: NS first, MX if the name exists, then, where that is wanted, its DMARC record. A name
 * whose servers answer the one and not the other counts by what they answer: whoever registers it chooses
 * what they do.
 */
export async function lookUp(
  name: string,
  dns: Dns,
  { dmarc = false, ...options }: AskOptions & { dmarc?: boolean } = {},
): Promise<LookedUp> {
  const answer = await dns.ask(name, 'NS', options);
  if (answer.state === 'nxdomain') return { state: 'free', servers: [], mailHosts: [], dmarc: '', questions: 1 };
  const servers = serversOf(answer);
  const mail = await dns.ask(name, 'MX', options);
  const mailHosts = mail.state === 'unknown' ? null : mailHostsOf(mail);
  if (servers.length === 0 && !mailHosts?.length) {
    // A name without either is a node on the way to another name, or a zone's wildcard that answers nothing.
    const state = answer.state === 'unknown' || mail.state === 'unknown' ? 'unknown' : 'free';
    return { state, servers, mailHosts, dmarc: null, questions: 2 };
  }
  if (!dmarc) return { state: 'registered', servers, mailHosts, dmarc: null, questions: 2 };
  return { state: 'registered', servers, mailHosts, dmarc: await dmarcOf(name, dns, options), questions: 3 };
}

/** Looks up which names are registered. Failed queries are counted. */
export async function surveyLookalikes(
  domain: string,
  names: readonly Lookalike[],
  dns: Dns,
  options: AskOptions = {},
): Promise<Survey> {
  const own = serversOf(await dns.ask(domain, 'NS', options));
  const survey: Survey = { registered: [], asked: names.length, unknown: 0 };
  const waiting = [...names];
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const { state, servers, mailHosts } = await lookUp(one.name, dns, options);
      if (state === 'unknown') survey.unknown++;
      if (state !== 'registered') continue;
      survey.registered.push({ ...one, servers, mailHosts: mailHosts ?? [], sameServers: isSame(servers, own) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  survey.registered.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
  return survey;
}

/** The name servers in an answer, sorted, in lower case. */
export function serversOf(answer: Answer<'NS'>): string[] {
  return answer.state === 'records' ? [...new Set(answer.records.map((name) => name.toLowerCase()))].sort() : [];
}

/** The mail hosts in an answer, sorted; a null MX is none. */
export function mailHostsOf(answer: Answer<'MX'>): string[] {
  if (answer.state !== 'records') return [];
  const hosts = answer.records.map(({ exchange }) => exchange.toLowerCase()).filter((host) => host !== '.' && host !== '');
  return [...new Set(hosts)].sort();
}

/** Whether two sorted lists hold the same names, and at least one. */
function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length > 0 && one.length === other.length && one.every((name, i) => name === other[i]);
}

async function dmarcOf(name: string, dns: Dns, options: AskOptions): Promise<string | null> {
  const answer = await dns.ask(`_dmarc.${name}`, 'TXT', options);
  if (answer.state === 'unknown') return null;
  if (answer.state !== 'records') return '';
  const texts = answer.records.map((strings) => strings.join('')).filter(isDmarc);
  return texts.sort().join(' ').slice(0, MOST_TEXT);
}
