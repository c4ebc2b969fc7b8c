import { counted, number } from '../../shared/format.ts';
import type { HeldFacts } from '../held/facts.ts';
import { isImitation, reasonWords } from '../held/reasons.ts';
import { isPlanName, type Plan, type Risk } from '../plan.ts';

/** What is known beside the mail itself, at the moment it is held. */
export interface ReleaseEvidence {
  /** What reporters that decide say of the source over the last days; null when they do not mention it. */
  seen: { days: number; messages: number; passed: number; class: string | null } | null;
  /** Mails of the last 30 days with the same author's domain that were held, by how they ended. */
  similar: { held: number; released: number; stopped: number };
}

/** Classes of sources whose mail is the domain's own, or was passed on. */
const KNOWN = ['authorized', 'misaligned', 'forwarded'];

/** A plan to deliver a mail that is held. */
export function planRelease(facts: HeldFacts, evidence: ReleaseEvidence): Plan {
  const { results, source, source_class, rule, reason, recipients, header_from_domain } = facts;
  const from = header_from_domain === null ? 'names no author' : `says it is from ${header_from_domain}`;
  const { risk, because } = riskOf(facts);
  return {
    version: 1,
    kind: 'messages.release',
    domain: isPlanName(facts.domain) ? facts.domain : '*',
    summary: `Deliver a mail to ${counted(recipients.length, 'recipient')} that ${from}, held by the rule "${rule}": ${reasonWords(reason)}.`,
    warnings: risk === 'high' ? ['Whoever sent it is not shown to be who it says: it may be a forgery.'] : [],
    why: [
      `SPF ${results.spf.result}, DKIM ${dkimWords(results)}, ARC ${results.arc.result}, DMARC ${results.dmarc.result}${
        results.dmarc.policy === null ? '' : ` (policy ${results.dmarc.policy})`
      }.`,
      source === null
        ? 'No report names its source.'
        : source_class === null
          ? `No report mentions its source ${source} as a sender of ${facts.domain}.`
          : `Reports call its source ${source} ${source_class}.${seenWords(evidence.seen)}`,
      similarWords(evidence.similar),
    ],
    risk,
    risk_because: because,
    changes: [
      {
        target: 'message',
        sha256: facts.sha256,
        size: facts.size,
        kept_in: facts.kept_in,
        from_domain: header_from_domain,
        recipients: recipients.length,
      },
    ],
    back: { watch_hours: 0, text: 'What is delivered cannot be taken back. What is rejected or deleted is gone.' },
    finding: null,
    reviews: null,
  };
}

/**
 * What is of low risk may be delivered by a rule: a proof that is about somebody else must not make it so.
 */
function riskOf({ results, source_class, reason }: HeldFacts): { risk: Risk; because: string[] } {
  if (isImitation(reason))
    return { risk: 'high', because: ['It imitates you or one of your people, whatever is proven of its sender.'] };
  if (source_class !== null && KNOWN.includes(source_class))
    return { risk: 'low', because: [`Its source is known from the reports as ${source_class}.`] };
  if (results.dmarc.result === 'fail') return { risk: 'high', because: ['It fails DMARC, and its source is not a known one.'] };
  if (results.dmarc.result === 'pass')
    return { risk: 'medium', because: ['It passes DMARC, which shows whose domain it is from, and not that it is welcome.'] };
  return { risk: 'medium', because: ['Nothing shows who sent it.'] };
}

function dkimWords({ dkim }: HeldFacts['results']): string {
  if (dkim.length === 0) return 'none';
  return dkim
    .slice(0, 5)
    .map(({ result, domain, aligned }) => `${result}${domain === null ? '' : ` of ${domain}`}${aligned ? ' (aligned)' : ''}`)
    .join(', ');
}

const seenWords = (seen: ReleaseEvidence['seen']): string =>
  seen === null
    ? ''
    : ` They count ${counted(seen.messages, 'message')} of it in ${seen.days} days, of which ${number(seen.passed)} passed DMARC.`;

function similarWords({ held, released, stopped }: ReleaseEvidence['similar']): string {
  if (held === 0) return 'No mail of this domain was held in the last 30 days.';
  return `${counted(held, 'mail')} of this domain ${held === 1 ? 'was' : 'were'} held in the last 30 days: ${number(released)} delivered, ${number(stopped)} stopped.`;
}
