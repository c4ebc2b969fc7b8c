import { setMaxListeners } from 'node:events';
import type { MarkTrust } from '../bimi/mark.ts';
import { labelsOf, lowerName } from '../client/name.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { type Planned, withPlanned } from '../planned.ts';
import type { Web } from '../web.ts';
import { stringsOf } from '../zonefile.ts';
import { type BimiCheck, checkBimi } from './bimi.ts';
import type { Code, Severity } from './codes.ts';
import { checkDkim, type DkimCheck } from './dkim.ts';
import { checkDmarc, type DmarcCheck } from './dmarc.ts';
import { checkDnssec, checkRefusals, type DnssecCheck } from './dnssec.ts';
import { type Finding, finding, type Publication } from './finding.ts';
import { checkSts, type StsCheck } from './mta-sts.ts';
import { checkMx, type MxCheck } from './mx.ts';
import { checkPtr, type PtrCheck } from './ptr.ts';
import { Refusals } from './refusals.ts';
import { type SeenMail, seenFindings } from './seen.ts';
import { checkSpf, type SpfCheck } from './spf.ts';
import { leavesNobody } from './spf-correct.ts';
import { checkTlsRpt, type TlsRptCheck } from './tlsrpt.ts';

export interface DomainCheck {
  domain: string;
  findings: Finding[];
  /** Null when the domain does not exist. */
  spf: SpfCheck | null;
  dkim: DkimCheck | null;
  dmarc: DmarcCheck | null;
  mx: MxCheck | null;
  mtaSts: StsCheck | null;
  tlsRpt: TlsRptCheck | null;
  bimi: BimiCheck | null;
  ptr: PtrCheck | null;
  dnssec: DnssecCheck | null;
}

export interface CheckOptions extends AskOptions {
  /** DKIM selectors to look at. */
  selectors?: readonly string[];
  registrable?: (name: string) => string;
  /**
   * The mailboxes that are read here, in lower case; without them, nothing is said about reports that are
   * sent elsewhere.
   */
  mailboxes?: readonly string[];
  /** Fetches MTA-STS policies and BIMI logos; without it they are not looked at. */
  web?: Web;
  /** Whom to believe about mark certificates (BIMI); without it, or without `web`, they are not looked at. */
  marks?: MarkTrust;
  /** What reports say of its mail; without it, nothing is said of it. */
  seen?: SeenMail | undefined;
  /** The id of its MTA-STS record, and the digest of the policy when that id was first seen. */
  stsBefore?: { id: string; digest: string } | null | undefined;
  /** Questions for one domain at most, whatever its records say. */
  questions?: number;
  /** Milliseconds for one domain at most: what was not answered until then is unknown. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/** SPF with forty terms, a dozen selectors, two walks for each place of reports. */
const MOST_QUESTIONS = 400;

/**
 * Checks all that DNS says about a domain's mail. All queries go through `asked`; a failed one is `unknown`.
 */
export async function checkDomain(given: string, asked: Dns, options: CheckOptions = {}): Promise<DomainCheck> {
  const dns = new Refusals(asked);
  const domain = lowerName(given.replace(/\.$/, ''));
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  // Every question listens to it: Node takes more than ten for a leak.
  setMaxListeners(0, signal);
  const asking = { signal, budget: options.budget ?? { left: options.questions ?? MOST_QUESTIONS } };
  const none = {
    domain,
    spf: null,
    dkim: null,
    dmarc: null,
    mx: null,
    mtaSts: null,
    tlsRpt: null,
    bimi: null,
    ptr: null,
    dnssec: null,
  };
  const exists = labelsOf(domain) === null ? null : await dns.ask(domain, 'SOA', asking);
  if (exists === null || (exists.state === 'nxdomain' && exists.aliases.length === 0)) {
    return { ...none, findings: [finding('domain_missing', { domain, message: `${domain} does not exist.` })] };
  }
  const [spf, dkim, dmarc, mx, tlsRpt, validation] = await Promise.all([
    checkSpf(domain, dns, { ...asking, registrable: options.registrable }),
    checkDkim(domain, options.selectors ?? [], dns, asking),
    checkDmarc(domain, dns, { ...asking, mailboxes: options.mailboxes, registrable: options.registrable }),
    checkMx(domain, dns, asking),
    checkTlsRpt(domain, dns, asking),
    checkDnssec(domain, dns, asking),
  ]);
  const { record } = spf.tree.root;
  const [mtaSts, bimi, ptr] = await Promise.all([
    checkSts(domain, mx, dns, { ...asking, web: options.web, before: options.stsBefore }),
    checkBimi(domain, dmarc.discovery, dns, {
      ...asking,
      web: options.web,
      marks: options.marks,
      registrable: options.registrable,
    }),
    checkPtr(domain, record !== null && record.errors.length === 0 ? record.text : null, dns, asking),
  ]);
  const seen = options.seen ? await seenFindings({ domain, tree: spf.tree }, options.seen, dns, { signal }) : [];
  const dnssec = (await checkRefusals(domain, dns.all, asked, asking)) ?? validation;
  const all = [spf, { findings: seen }, dkim, dmarc, mx, mtaSts, tlsRpt, bimi, ptr, dnssec].flatMap((one) => one.findings);
  // Nobody opens a connection to a domain that takes no mail, so that there is nothing to report.
  const findings = mx.state === 'null' || mx.state === 'none' ? all.filter(({ code }) => code !== 'tlsrpt_missing') : all;
  return { domain, findings: inOrder(once(findings)), spf, dkim, dmarc, mx, mtaSts, tlsRpt, bimi, ptr, dnssec };
}

/** Who may send, and where reports go, is for the domain to decide: never part of a correction as a whole. */
export const DECISIONS: readonly Code[] = ['spf_missing', 'spf_ptr', 'spf_wide', 'spf_unused', 'spf_pass_all', 'dmarc_not_here'];

const OPEN_SP = /;\s*sp\s*=\s*none\b/i;

/** Whether its correction is for the domain's owner to decide. */
export function needsDecision({ code, publish, record }: Pick<Finding, 'code' | 'publish' | 'record'>): boolean {
  if (DECISIONS.includes(code)) return true;
  // Names that nobody has can be closed at once; those that exist, when what is sent from them passes.
  if (code === 'dmarc_subdomains_open' && record !== null && publish?.value != null)
    return OPEN_SP.test(record.text) && !OPEN_SP.test(publish.value);
  return /^spf_/.test(code) && record !== null && publish?.value != null && leavesNobody(record.text, publish.value);
}

const MOST_ROUNDS = 20;

/**
 * The domain's own records with all corrections in them that need no decision, one after the other until
 * there is nothing more to correct.
 * @param check the result; what is in the client's cache is not queried again
 */
export async function correctedRecords(check: DomainCheck, dns: Dns, options: CheckOptions = {}): Promise<Publication[]> {
  const planned: Planned = new Map();
  const values = new Map<string, string>();
  const tried = new Set<string>();
  let findings = check.findings;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    // One correction of each record at a time: the next of the same record begins with what that leaves.
    // Every round is a whole check.
    const next = new Map<string, string>();
    for (const { code, publish, severity, record } of findings) {
      if (publish?.value == null || severity === 'unknown' || needsDecision({ code, publish, record })) continue;
      // An error in someone else's record can only be avoided by dropping the include, which is a decision
      // for people.
      const foreign = record === null ? code.startsWith('spf_') : record.name !== publish.name;
      if (foreign || next.has(publish.name) || tried.has(`${publish.name} ${publish.value}`)) continue;
      if (publish.name === check.domain || publish.name.endsWith(`.${check.domain}`)) next.set(publish.name, publish.value);
    }
    if (next.size === 0) break;
    for (const [name, value] of next) {
      tried.add(`${name} ${value}`);
      values.set(name, value);
      planned.set(name, { TXT: [stringsOf(value)] });
    }
    ({ findings } = await checkDomain(check.domain, withPlanned(planned, dns), options));
  }
  return [...values].map(([name, value]) => ({ name, value }));
}

const ORDER: readonly Severity[] = ['error', 'unknown', 'warning', 'hint'];

/** The worst first; within that, as they were found. */
function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/**
 * Removes duplicates: a record may be reached in several ways, and a name server that does not answer is
 * reported once.
 */
function once(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, message, place }) => {
    const key = `${code} ${message} ${place?.at ?? ''}`;
    return !seen.has(key) && seen.add(key);
  });
}
