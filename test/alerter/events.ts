import { type Evidence, readEvidence } from '../../services/findings/evidence.ts';
import { storedForm } from '../../services/findings/sentences/finding.ts';
import type { FindingEvent } from '../../services/store/alerts/outbox.ts';

const base = { revision: 1, event: 'opened', at: new Date('2026-10-06T07:30:00Z'), domain: 'example.com', subject: '' } as const;

const FOUND: Record<string, Omit<FindingEvent, 'summary' | 'stored'>> = {
  unauthorized_source: {
    ...base,
    finding_key: 17,
    kind: 'unauthorized_source',
    severity: 'critical',
    confidence: 0.93,
    evidence: {
      who: [
        { source: '203.0.113.0/24', messages: 1204, delivered: 1190 },
        { source: '198.51.100.0/24', messages: 310, delivered: 250 },
        { source: '2001:db8:77::/48', messages: 41, delivered: 30 },
        { source: '192.0.2.0/24', messages: 22, delivered: 22 },
        { source: '100.64.3.0/24', messages: 12, delivered: 8 },
      ],
      senders: 8,
      messages: 1610,
      of: 12400,
      share: 1610 / 12400,
      per_day: 536,
      since: '2026-10-03',
      last_day: '2026-10-05',
      reporters: ['google.com', 'Enterprise Outlook', 'Yahoo', 'mail.ru', 'Fastmail', 'GMX'],
      delivered: 1500,
      quarantined: 60,
      rejected: 50,
      facts: { rule: 'unauthorized_source', p: 'none' },
      query: [
        'select source_ip, org_name, sum(count) as messages',
        '  from dmarc.records',
        " where domain = 'example.com' and not dmarc_pass",
        "   and begin_at >= '2026-10-03' and source in ('203.0.113.0/24', '198.51.100.0/24')",
        ' group by 1, 2 order by 3 desc;',
      ].join('\n'),
    },
  },
  alignment_failure: {
    ...base,
    finding_key: 18,
    kind: 'alignment_failure',
    severity: 'medium',
    confidence: 0.81,
    subject: 'sendgrid.net',
    evidence: {
      who: [{ source: 'sendgrid.net', messages: 4210, delivered: 4210 }],
      senders: 1,
      messages: 4210,
      of: 4210,
      share: 1,
      per_day: 526,
      since: '2026-09-28',
      last_day: '2026-10-05',
      reporters: ['google.com', 'Yahoo'],
      delivered: 4210,
      quarantined: 0,
      rejected: 0,
      mechanism: 'both',
      facts: {
        rule: 'alignment_failure',
        bare: false,
        approved_by: null,
        signer: 'sendgrid.net',
        small: false,
        p: 'none',
        strict_spf: false,
        service: null,
      },
      query: "select * from dmarc.records where domain = 'example.com' and source = 'sendgrid.net' and not dmarc_pass;",
    },
  },
  authentication_regression: {
    ...base,
    finding_key: 19,
    revision: 2,
    event: 'changed',
    kind: 'authentication_regression',
    severity: 'critical',
    confidence: 0.97,
    subject: 'dkim',
    evidence: {
      who: [{ source: 'mail.example.com', messages: 9120, delivered: 20 }],
      senders: 1,
      messages: 9120,
      of: 9131,
      share: 9120 / 9131,
      per_day: 1824,
      since: '2026-10-01',
      last_day: '2026-10-05',
      reporters: ['google.com', 'Enterprise Outlook', 'Yahoo'],
      delivered: 20,
      quarantined: 0,
      rejected: 9100,
      mechanism: 'dkim',
      last_good_day: '2026-09-30',
      broken: [
        {
          source: 'mail.example.com',
          mechanism: 'dkim',
          since: '2026-10-01',
          last_good_day: '2026-09-30',
          last_day: '2026-10-05',
          messages: 9120,
          of: 9131,
          per_day: 1824,
          delivered: 20,
          quarantined: 0,
          rejected: 9100,
          reporters: ['google.com', 'Enterprise Outlook', 'Yahoo'],
          confidence: 0.97,
        },
      ],
      facts: { rule: 'authentication_regression', strict: [] },
      query: "select * from dmarc.source_days where domain = 'example.com' and source = 'mail.example.com' order by day;",
    },
  },
  policy_change: {
    ...base,
    finding_key: 20,
    kind: 'policy_change',
    severity: 'high',
    confidence: 0.66,
    evidence: {
      who: [],
      senders: 0,
      messages: 0,
      of: 0,
      share: 1,
      per_day: 0,
      since: '2026-10-04',
      last_day: '2026-10-05',
      reporters: ['google.com', 'Yahoo'],
      delivered: 0,
      quarantined: 0,
      rejected: 0,
      tags: [{ tag: 'p', from: 'reject', to: 'none', since: '2026-10-04' }],
      facts: { rule: 'policy_change', stronger: false, reports: 4 },
      query: "select * from dmarc.policy_days where domain = 'example.com' order by day desc limit 20;",
    },
  },
};

/** Some plausible findings, as they are read from their rows. */
export const FINDINGS: Record<string, FindingEvent> = Object.fromEntries(
  Object.entries(FOUND).map(([kind, found]) => {
    const { summary, evidence: stored } = storedForm(found);
    return [kind, { ...found, summary, stored, evidence: readEvidence(stored) }];
  }),
);

/** The evidence as an older version stored it: sentences and no facts. */
export function unversioned({ stored }: FindingEvent): Record<string, unknown> {
  const { v: _, facts: __, ...evidence } = stored as Record<string, unknown>;
  return evidence;
}

/** A row's evidence with these parts alone. */
export function evidenceOf(parts: Record<string, unknown>): { evidence: Evidence; stored: unknown } {
  return { evidence: readEvidence(parts), stored: parts };
}
