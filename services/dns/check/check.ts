import { labelsOf, lowerName } from '../client/name.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import type { Severity } from './codes.ts';
import { checkDkim, type DkimCheck } from './dkim.ts';
import { checkDmarc, type DmarcCheck } from './dmarc.ts';
import { type Finding, finding } from './finding.ts';
import { checkSpf, type SpfCheck } from './spf.ts';

export interface DomainCheck {
  domain: string;
  findings: Finding[];
  /** Null when the domain does not exist. */
  spf: SpfCheck | null;
  dkim: DkimCheck | null;
  dmarc: DmarcCheck | null;
}

export interface CheckOptions extends AskOptions {
  /** DKIM selectors to look at. */
  selectors?: readonly string[];
  registrable?: (name: string) => string;
  /** Questions for one domain at most, whatever its records say. */
  questions?: number;
}

/** SPF with forty terms, a dozen selectors, two walks for each place of reports. */
const MOST_QUESTIONS = 400;

/** Checks a domain's SPF, DKIM and DMARC. Asks through `dns` alone; what nobody could answer is `unknown`. */
export async function checkDomain(given: string, dns: Dns, options: CheckOptions = {}): Promise<DomainCheck> {
  const domain = lowerName(given.replace(/\.$/, ''));
  const asking = { signal: options.signal, budget: options.budget ?? { left: options.questions ?? MOST_QUESTIONS } };
  const none = { domain, spf: null, dkim: null, dmarc: null };
  const exists = labelsOf(domain) === null ? null : await dns.ask(domain, 'SOA', asking);
  if (exists === null || (exists.state === 'nxdomain' && exists.aliases.length === 0)) {
    return { ...none, findings: [finding('domain_missing', { domain, message: `${domain} does not exist.` })] };
  }
  const [spf, dkim, dmarc] = await Promise.all([
    checkSpf(domain, dns, { ...asking, registrable: options.registrable }),
    checkDkim(domain, options.selectors ?? [], dns, asking),
    checkDmarc(domain, dns, asking),
  ]);
  const findings = [...spf.findings, ...dkim.findings, ...dmarc.findings];
  return { domain, findings: inOrder(once(findings)), spf, dkim, dmarc };
}

const ORDER: readonly Severity[] = ['error', 'unknown', 'warning', 'hint'];

/** The worst first; within that, as they were found. */
function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** The same record may be reached by several ways, and a name service that is away is told of once. */
function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, message, place }) => {
    const key = `${code} ${message} ${place?.at ?? ''}`;
    return !seen.has(key) && seen.add(key);
  });
}
