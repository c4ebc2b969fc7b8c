import { belongingOf, type Claim, reporterOf } from '../../report/reporters/reporters.ts';
import type { Trust } from '../../store/reports/trust.ts';
import { plain } from '../../store/sql-text.ts';
import type { Authenticated, Origin } from './origin.ts';

/**
 * Says of each report in a mail whose it is; null when that is to be verified.
 * @param doubt why what proves the mail does not prove this report; null when it does
 */
export type Judge = (claim: Claim, doubt: string | null) => Trust | null;

/**
 * What the mail's authenticity says about a report in it. The domain that wrote the mail must be the reporter's: that of the address in
 * the report, or of its name. A name is for show, and gateways of a hosting company report in the names of its customers; but who uses
 * the name of a reporter of the catalogue must be that one, and an account that anybody gets speaks for nobody (report/reporters/reporters.ts).
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

/** The judge of a mail by its header alone: null for what is to be verified. */
export function judgeOf(origin: Origin): Judge {
  return (claim, doubt) => {
    if (doubt !== null) return trustOf({ state: 'unproven', from: origin.from, why: doubt }, asStored(claim));
    return origin.state === 'open' ? null : trustOf(origin, asStored(claim));
  };
}

/** As the verifier would read it from the database. */
const asStored = ({ org_name, org_email }: Claim): Claim => ({
  org_name: org_name === null ? null : plain(org_name),
  org_email: org_email === null ? null : plain(org_email),
});
