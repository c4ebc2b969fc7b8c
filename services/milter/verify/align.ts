import type { AskOptions, Dns } from '../../dns/client/types.ts';
import { type Discovery, discoverPolicy, walkTree } from '../../dns/dmarc/walk.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';

/** The author's domain, what it publishes, and which other domains align with it. */
export interface Alignment {
  discovery: Discovery;
  dkim(domain: string): Promise<boolean>;
  spf(domain: string): Promise<boolean>;
}

/**
 * Finds the DMARC policy of the author's domain, and what aligns with it (RFC 9989 section 4.4).
 * Organizational domains come from the tree walk (section 4.10.2); where nobody publishes a record, or the
 * walk was not answered, from the public suffix list: a domain without any record is still somebody's.
 */
export async function alignmentOf(author: string, dns: Dns, options: AskOptions): Promise<Alignment> {
  const discovery = await discoverPolicy(author, dns, options);
  const record = discovery.state === 'found' ? discovery.record : null;
  const top = discovery.state === 'found' ? discovery.organizationalDomain : null;
  const related = async (domain: string): Promise<boolean> => {
    const byList = organizationalDomain(domain) === organizationalDomain(author);
    if (top === null) return byList;
    // Two domains of one organization are both at or below its domain: others need no walk.
    if (domain !== top && !domain.endsWith(`.${top}`)) return false;
    const { organizationalDomain: of } = await walkTree(domain, dns, options);
    return of === null ? byList : of === top;
  };
  const aligned = async (text: string, mode: 'r' | 's'): Promise<boolean> => {
    const domain = normalDomain(text);
    if (domain === author) return true;
    return mode === 'r' && domain.includes('.') && (await related(domain));
  };
  return {
    discovery,
    dkim: (domain) => aligned(domain, record?.adkim ?? 'r'),
    spf: (domain) => aligned(domain, record?.aspf ?? 'r'),
  };
}
