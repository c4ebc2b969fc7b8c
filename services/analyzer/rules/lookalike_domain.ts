import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { dayOf } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import type { StoredLookalike } from '../../store/dns/lookalikes.ts';
import type { Candidate } from '../../store/findings/findings.ts';
import { lookalikesQuery } from '../../store/findings/kind-queries.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DnsRule } from './rule.ts';
import { type DnsWindow, openOf, settledUntil } from './window.ts';

const KIND = 'lookalike_domain';
/** Findings of one domain that are open at once: the most similar names. */
const MOST = 20;
/**
 * Up to this rank a difference is hard to see: one letter that looks like another in a name of six letters or
 * more.
 */
const HARD_TO_SEE = 0.6;
/** Names as short as this are neighbours of many others by chance. */
const SHORT_LABEL = 4;
/** How likely a registration near the name has nothing to do with it. */
const BY_CHANCE = 0.3;
/** Hosts that the evidence names. */
const HOSTS = 10;

/**
 * A name that looks like the domain was registered and accepts mail, or changed its mail hosts or DMARC
 * record: whoever holds it can send mail under it that passes DMARC. What was registered before the watch
 * began is no finding.
 */
export const lookalikeDomain: DnsRule = {
  kind: KIND,
  scope: 'dns',
  severity: ['low', 'medium', 'high'],
  tested: false,
  find(window) {
    const standing = (window.lookalikes ?? []).filter(stands);
    const isOpen = ({ name }: StoredLookalike) => openOf(window.known, KIND, name) !== undefined;
    const open = standing.filter(isOpen);
    const fresh = standing.filter((one) => !isOpen(one) && settledUntil(window.known, KIND, one.name) < dayOf(one.changed_at!));
    return [...open, ...fresh.slice(0, Math.max(0, MOST - open.length))].map((one) => candidateOf(window, one));
  },
  over(finding, { lookalikes }): Ending | null {
    const now = lookalikes?.find(({ name }) => name === finding.subject);
    if (now === undefined || stands(now)) return null;
    if (now.ignored_at !== null) return { reason: 'lookalike_ignored', by: now.ignored_by ?? '', why: now.ignored_why ?? '' };
    if (now.yours) return { reason: 'lookalike_yours' };
    return { reason: now.registered ? 'lookalike_without_mail' : 'lookalike_gone' };
  },
};

/**
 * Whether what changed still holds: it is registered, and accepts mail or has a DMARC record for mail of its
 * own.
 */
function stands({ registered, change, yours, ignored_at, mail_hosts, dmarc }: StoredLookalike): boolean {
  if (!registered || change === null || yours || ignored_at !== null) return false;
  return (mail_hosts?.length ?? 0) > 0 || (change === 'dmarc' && dmarc !== '');
}

function candidateOf({ domain, now }: DnsWindow, one: StoredLookalike): Candidate {
  const event = one.baseline ? one.change! : 'registered';
  const day = dayOf(one.changed_at!);
  return {
    kind: KIND,
    subject: one.name,
    severity: severityOf(domain, one, event),
    confidence: certainty({ otherwise: BY_CHANCE }),
    first_day: day,
    last_day: dayOf(now ?? one.changed_at!),
    evidence: {
      ...withoutMail(day, dayOf(now ?? one.changed_at!)),
      facts: {
        rule: KIND,
        event,
        shown: one.shown === one.name ? null : one.shown,
        likeness: one.kind,
        at: one.changed_at!.toISOString().slice(0, 16).replace('T', ' '),
        servers: one.servers.slice(0, HOSTS),
        mail_hosts: (one.mail_hosts ?? []).slice(0, HOSTS),
        dmarc: one.dmarc,
        before: one.before && { mail_hosts: one.before.mail_hosts.slice(0, HOSTS), dmarc: one.before.dmarc },
      },
      query: lookalikesQuery(domain),
    },
  };
}

function severityOf(domain: string, { rank }: StoredLookalike, event: 'registered' | 'mail' | 'dmarc'): Severity {
  if (organizationalDomain(domain).split('.')[0]!.length <= SHORT_LABEL) return 'low';
  const isHard = rank <= HARD_TO_SEE;
  if (event === 'registered') return isHard ? 'high' : 'medium';
  return isHard ? 'medium' : 'low';
}
