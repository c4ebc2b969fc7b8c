import { organizationalDomain } from '../report/orgdomain.ts';
import type { Config } from '../shared/config.ts';
import { plain } from '../store/copy.ts';
import type { Trust } from '../store/reports.ts';
import { ownResults, provenBy } from './authentication_results.ts';
import { fromDomain, type HeaderSection, headerSection } from './header.ts';
import type { Judge } from './judge.ts';

/** Whether a mail comes from the domain its From field names, where that is known. */
export type Authenticated =
  | { state: 'authentic'; from: string; how: string }
  | { state: 'unproven'; from: string | null; why: string };

/** What the header alone says: `open` when the mail's DKIM signatures are to be verified. */
export function byHeader(
  raw: Buffer,
  settings: Config['trust'],
): Authenticated | { state: 'open'; header: HeaderSection; from: string } {
  const header = headerSection(raw);
  if (header === null) return { state: 'unproven', from: null, why: 'the header of the mail is broken, or too long to verify' };
  const from = fromDomain(header.fields);
  if (from === null) return { state: 'unproven', from, why: 'the mail has no From field with one address' };

  const results = settings.authserv_ids.length > 0 ? ownResults(header.fields, settings.authserv_ids) : null;
  if (results !== null) {
    const how = provenBy(results, from);
    if (how !== null) return { state: 'authentic', from, how: `${how} by our own server` };
    const said = results.map((r) => `${r.method}=${r.result}`).slice(0, 6);
    return { state: 'unproven', from, why: `our own server found ${said.join(', ') || 'nothing'} for ${from}` };
  }
  if (settings.check === 'authserv')
    return { state: 'unproven', from, why: 'none of trust.authserv_ids wrote Authentication-Results where a forger could not' };
  return { state: 'open', header, from };
}

/**
 * Large reporters that call themselves by a name that is no domain of theirs, or report from another domain than their name says. Who
 * uses such a name must write from one of these (organizational) domains, whatever address the report holds.
 */
const KNOWN: readonly { name: RegExp; domains: readonly string[] }[] = [
  { name: /^google(\.com| inc\.?| llc)?$/, domains: ['google.com'] },
  {
    name: /^(enterprise )?outlook(\.com)?$|^hotmail(\.com)?$|^microsoft( corp(oration|\.)?|\.com)?$/,
    domains: ['microsoft.com', 'outlook.com', 'hotmail.com'],
  },
  {
    name: /^(yahoo!?|aol)(,? inc\.?|\.com)?$|^yahooinc\.com$/,
    domains: ['yahoo.com', 'yahooinc.com', 'yahoo-inc.com', 'aol.com'],
  },
  { name: /^(mail|corp\.mail)\.ru$|^vk(\.com)?$/, domains: ['mail.ru', 'vk.com', 'vk.company'] },
  { name: /^gmx(\.(net|de|com|at|ch))?$/, domains: ['gmx.net', 'gmx.com', 'gmx.de'] },
  { name: /^web\.de$/, domains: ['web.de'] },
  { name: /^fastmail( pty ltd)?(\.com)?$/, domains: ['fastmail.com', 'fastmaildmarc.com', 'messagingengine.com'] },
  { name: /^amazon[- ]ses$|^amazon(ses)?\.com$/, domains: ['amazonses.com', 'amazon.com'] },
  { name: /^linkedin(\.com)?$/, domains: ['linkedin.com'] },
  { name: /^mimecast(\.com|\.org)?$/, domains: ['mimecast.com', 'mimecastreport.com', 'mimecast.org'] },
  { name: /^proofpoint(\.com)?$/, domains: ['proofpoint.com', 'pphosted.com'] },
  { name: /^(net ?ease|163\.com|126\.com)$/, domains: ['163.com', '126.com', 'netease.com'] },
];

/** Who a report says it is from. */
export interface Claim {
  org_name: string | null;
  org_email: string | null;
}

/**
 * What the mail's authenticity says about a report in it. The domain that wrote the mail must be the reporter's: that of the address in
 * the report, or of its name. A name is for show, and gateways of a hosting company report in the names of its customers; but who uses
 * the name of one of the large reporters must be that one.
 */
export function trustOf(mail: Authenticated, claim: Claim): Trust {
  if (mail.state === 'unproven') {
    return { reporter_trust: 'unauthenticated', trust: 'bad', domain: mail.from, reason: sentence(`Not proven: ${mail.why}`) };
  }
  const proof = `${mail.how}, as ${mail.from}`;
  const own = (domain: string | null) => domain !== null && organizationalDomain(domain) === organizationalDomain(mail.from);
  const name = (claim.org_name ?? '').trim().toLowerCase();
  const known = KNOWN.find((reporter) => reporter.name.test(name));
  const belongs = known
    ? known.domains.includes(organizationalDomain(mail.from))
    : own(domainOf(claim.org_email)) || own(domainOf(claim.org_name));
  if (belongs) return { reporter_trust: 'authenticated', trust: 'ok', domain: mail.from, reason: sentence(proof) };
  const who = claim.org_name ?? claim.org_email ?? 'nobody';
  return {
    reporter_trust: 'mismatched',
    trust: 'bad',
    domain: mail.from,
    reason: sentence(`Authentic (${proof}), but the report is in the name of ${who.slice(0, 100)}`),
  };
}

/** The domain of an address or a bare domain name; null when the text is neither. */
function domainOf(text: string | null): string | null {
  const domain = /(?:^|@|<)([^\s@<>]+\.[^\s@<>]+?)\.?>?$/.exec((text ?? '').trim().slice(-320))?.[1];
  return domain?.toLowerCase() ?? null;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\.?$/, '.');
}

/** The judge of a mail whose header alone decides; null when its DKIM signatures are to be verified. */
export function judgeByHeader(raw: Buffer, settings: Config['trust']): Judge | null {
  const mail = byHeader(raw, settings);
  return mail.state === 'open' ? null : (claim) => trustOf(mail, asStored(claim));
}

/** As the verifier would read it from the database. */
const asStored = ({ org_name, org_email }: Claim): Claim => ({
  org_name: org_name === null ? null : plain(org_name),
  org_email: org_email === null ? null : plain(org_email),
});
