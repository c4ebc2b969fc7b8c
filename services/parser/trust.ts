import { belongingOf, type Claim, reporterOf } from '../report/reporters.ts';
import type { Config } from '../shared/config.ts';
import { plain } from '../store/copy.ts';
import type { Trust } from '../store/reports.ts';
import { ownResults, provenBy } from './authentication_results.ts';
import { fromAddress, fromDomain, type HeaderSection, headerSection } from './header.ts';
import type { Judge } from './judge.ts';

/** Whether a mail comes from the domain its From field names, where that is known. */
export type Authenticated =
  /** `address` is the whole of the From field, lower case. */
  | { state: 'authentic'; from: string; address: string | null; how: string }
  | { state: 'unproven'; from: string | null; why: string };

/** What the header alone says: `open` when the mail's DKIM signatures are to be verified. */
export function byHeader(
  raw: Buffer,
  settings: Config['trust'],
): Authenticated | { state: 'open'; header: HeaderSection; from: string; address: string | null } {
  const header = headerSection(raw);
  if (header === null) return { state: 'unproven', from: null, why: 'the header of the mail is broken, or too long to verify' };
  const from = fromDomain(header.fields);
  if (from === null) return { state: 'unproven', from, why: 'the mail has no From field with one address' };

  const address = fromAddress(header.fields);
  const results = settings.authserv_ids.length > 0 ? ownResults(header.fields, settings.authserv_ids) : null;
  if (results !== null) {
    const how = provenBy(results, from);
    if (how !== null) return { state: 'authentic', from, address, how: `${how} by our own server` };
    const said = results.map((r) => `${r.method}=${r.result}`).slice(0, 6);
    return { state: 'unproven', from, why: `our own server found ${said.join(', ') || 'nothing'} for ${from}` };
  }
  if (settings.check === 'authserv')
    return { state: 'unproven', from, why: 'none of trust.authserv_ids wrote Authentication-Results where a forger could not' };
  return { state: 'open', header, from, address };
}

/**
 * What the mail's authenticity says about a report in it. The domain that wrote the mail must be the reporter's: that of the address in
 * the report, or of its name. A name is for show, and gateways of a hosting company report in the names of its customers; but who uses
 * the name of a reporter of the catalogue must be that one, and an account that anybody gets speaks for nobody (report/reporters.ts).
 */
export function trustOf(mail: Authenticated, claim: Claim): Trust {
  const claimed = reporterOf(claim, null, null);
  if (mail.state === 'unproven') {
    const reason = sentence(`Not proven: ${mail.why}`);
    return { reporter_trust: 'unauthenticated', trust: 'bad', domain: mail.from, reason, reporter: claimed };
  }
  const proof = `${mail.how}, as ${mail.from}`;
  const belonging = belongingOf(claim, mail.from, mail.address);
  if (belonging === 'known' || belonging === 'own') {
    const reporter = reporterOf(claim, mail.from, mail.address);
    return { reporter_trust: 'authenticated', trust: 'ok', domain: mail.from, reason: sentence(proof), reporter };
  }
  const who = (claim.org_name ?? claim.org_email ?? 'nobody').slice(0, 100);
  const but =
    belonging === 'free_mail'
      ? `but anybody gets an address there, so it speaks for no organization, and the report is in the name of ${who}`
      : `but the report is in the name of ${who}`;
  const reason = sentence(`Authentic (${proof}), ${but}`);
  return { reporter_trust: 'mismatched', trust: 'bad', domain: mail.from, reason, reporter: claimed };
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
