import { belongingOf, type Claim, reporterOf } from '../../report/reporters/reporters.ts';
import type { Trust } from '../../store/reports/trust.ts';
import { plain } from '../../store/sql-text.ts';
import type { Authenticated, Origin } from './origin.ts';

/**
 * The verdict on one report of a mail: whether it comes from the reporter it names. Null when that is still
 * to be verified.
 * @param doubt why what proves the mail does not prove this report; null when it does
 */
export type VerdictOf = (claim: Claim, doubt: string | null) => Trust | null;

/**
 * The verdict on a report, by the authenticity of its mail. The domain that wrote the mail must be the
 * reporter's: that of the address in the report, or of its name. The name alone proves nothing: the gateways
 * of a hosting company report under the names of its customers. A name of the catalogue, however, belongs to
 * that reporter alone, and an address at a free-mail provider speaks for no organization
 * (report/reporters/reporters.ts).
 */
export function verdictFor(mail: Authenticated, claim: Claim): Trust {
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
  // A result is written as the header field has it: dmarc=pass.
  const begin = /^\w+=/.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase();
  return `${begin}${text.slice(1)}`.replace(/\.?$/, '.');
}

/** The verdicts on a mail's reports by its header alone; null where its DKIM signatures decide. */
export function verdictsByHeader(origin: Origin): VerdictOf {
  return (claim, doubt) => {
    if (doubt !== null) return verdictFor({ state: 'unproven', from: origin.from, why: doubt }, asStored(claim));
    return origin.state === 'open' ? null : verdictFor(origin, asStored(claim));
  };
}

/** The claim as it will read once it was stored: NUL and lone surrogates replaced. */
const asStored = ({ org_name, org_email }: Claim): Claim => ({
  org_name: org_name === null ? null : plain(org_name),
  org_email: org_email === null ? null : plain(org_email),
});
