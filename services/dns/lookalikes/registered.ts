import type { Answer, AskOptions, Dns } from '../client/types.ts';
import type { Lookalike } from './lookalikes.ts';

/** A look-alike that exists. */
export interface Registered extends Lookalike {
  /** The name servers of the name, sorted; empty when it is part of another zone. */
  servers: readonly string[];
  /** Mail hosts; empty without any. */
  mailHosts: readonly string[];
  /** Whether it has the same name servers as the domain that it looks like: most likely a registration of the same owner. */
  sameServers: boolean;
}

export interface Survey {
  registered: Registered[];
  /** How many names were looked up, and for how many the query failed. */
  asked: number;
  unknown: number;
}

/** Names looked up at once; the client limits the rate. */
const AT_ONCE = 50;

/** Looks up which names are registered: NS first, then MX of those that exist. Failed queries are counted. */
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
      const answer = await dns.ask(one.name, 'NS', options);
      if (answer.state === 'unknown') survey.unknown++;
      if (answer.state === 'unknown' || answer.state === 'nxdomain') continue;
      const servers = serversOf(answer);
      const mail = await dns.ask(one.name, 'MX', options);
      const mailHosts =
        mail.state === 'records'
          ? mail.records.map(({ exchange }) => exchange).filter((host) => host !== '.' && host !== '')
          : [];
      // A name without either is a node on the way to another name, or a zone's wildcard that answers nothing.
      if (servers.length === 0 && mailHosts.length === 0) continue;
      const sameServers = own.length > 0 && servers.length === own.length && servers.every((server, i) => server === own[i]);
      survey.registered.push({ ...one, servers, mailHosts: [...new Set(mailHosts)].sort(), sameServers });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  survey.registered.sort((a, b) => a.rank - b.rank || (a.name < b.name ? -1 : 1));
  return survey;
}

function serversOf(answer: Answer<'NS'>): string[] {
  return answer.state === 'records' ? [...answer.records].map((name) => name.toLowerCase()).sort() : [];
}
