import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, dayOf, earlier, later } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { domainQuery } from '../../store/findings/kind-queries.ts';
import { dmarcRecordOf } from '../published/dmarc-record.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DnsRule } from './rule.ts';
import { type DnsWindow, openOf, rounded, settledUntil } from './window.ts';

const KIND = 'reports_stopped';
/** How likely definite answers of DNS in several checks are all wrong. */
const LOST_BY_MISTAKE = 0.01;
/** So many domains without reports are a fault of the way that they share. */
const MANY = 10;
/** Domains that DNS no longer leads here since days so close to each other have one cause. */
const ONE_CAUSE_DAYS = 2;

/**
 * No reports on the domain reach us any more, which ends all else that is said about it. Either DNS proved
 * that they are sent to us and does so no more: its DMARC record is gone or names our mailbox no longer, or
 * the mailbox's domain does not take them any more (RFC 9990 section 4); the enricher says so by definite
 * answers in several checks, never by a name service that does not answer. Or none has come for longer than
 * the habit of its reporters allows, which only the clock can show (silences.ts): a record that reporters
 * cannot read, a mailbox that is full. What many domains have in common is mailed once.
 */
export const reportsStopped: DnsRule = {
  kind: KIND,
  scope: 'dns',
  severity: ['medium', 'high'],
  tested: false,
  find,
  over,
};

function find(window: DnsWindow): Candidate[] {
  const { domain, confirmation, known } = window;
  const silence = silenceOf(window);
  const lost = confirmation?.lost_since && confirmation.last_checked ? confirmation : null;
  if (lost === null && silence === null) return [];
  const days = [...(lost ? [dayOf(lost.lost_since!)] : []), ...(silence ? [silence.since] : [])];
  const since = days.reduce(earlier);
  const last_day = [...(lost ? [dayOf(lost.last_checked!)] : []), ...(silence ? [silence.last_day] : [])].reduce(later);
  const open = openOf(known, KIND, domain);
  return [
    {
      kind: KIND,
      subject: domain,
      severity: severityOf(window),
      confidence: certainty({ chance: lost ? LOST_BY_MISTAKE : silence!.chance }),
      first_day: open ? earlier(open.first_day, since) : since,
      last_day,
      ...(isToldElsewhere(window, since) && { quiet: true }),
      evidence: {
        who: [],
        senders: 0,
        messages: 0,
        of: silence ? Math.round(silence.expected) : 0,
        share: 0,
        per_day: 0,
        since,
        last_day,
        reporters: silence?.reporters ?? [],
        ...(silence && { usual: rounded(silence.usual), chance: rounded(silence.chance) }),
        delivered: 0,
        quarantined: 0,
        rejected: 0,
        facts: {
          rule: KIND,
          reason: lost?.reason ?? null,
          lost: lost !== null,
          silence: silence && {
            since: silence.since,
            usual: Math.round(silence.usual),
            others: silence.others,
            others_in_all: silence.others_in_all,
            reported: silence.reported,
          },
          record: silence && dmarcRecordOf(window.published, domain, silence.since),
          confirmed:
            lost === null && confirmation?.confirmed_at ? dayOf(confirmation.last_checked ?? confirmation.confirmed_at) : null,
        },
        query: domainQuery(domain),
      },
    },
  ];
}

/** The silence, unless a person has closed what was said about it. */
function silenceOf({ domain, silence, known }: DnsWindow): DnsWindow['silence'] {
  return silence === null || settledUntil(known, KIND, domain) >= silence.since ? null : silence;
}

function severityOf({ confirmation, silence }: DnsWindow): Severity {
  if (confirmation?.lost_since) return 'high';
  return silence && silence.others_in_all + 1 >= MANY ? 'high' : 'medium';
}

/** Whether another domain's mail is about the same cause. */
function isToldElsewhere({ domain, silence, elsewhere }: DnsWindow, since: string): boolean {
  if (silence !== null) return silence.told_by !== domain;
  return elsewhere.some(
    (one) =>
      one.kind === KIND && one.first_day >= addDays(since, -ONE_CAUSE_DAYS) && one.first_day <= addDays(since, ONE_CAUSE_DAYS),
  );
}

/** Resolved when DNS leads the reports here, and when there are some again. */
function over(finding: KnownFinding, { confirmation, silence, today }: DnsWindow): Ending | null {
  if (silence !== null || confirmation?.lost_since) return null;
  const { facts } = finding.evidence;
  const wasSilent = facts?.rule === KIND && facts.silence !== null;
  if (wasSilent) return today > addDays(facts.silence!.since, -1) ? { reason: 'reports_again', since: today } : null;
  return confirmation === null ? null : { reason: 'dns_restored' };
}
