import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { addDays, dayOf } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { historyQuery } from '../../store/findings/kind-queries.ts';
import { type Affected, affectedBy, ofUnpublished } from '../published/affected.ts';
import { isLost } from '../published/causes.ts';
import { absentKeys, type KeyLoss, type Loss, lossesOf, type RecordLoss } from '../published/losses.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DnsRule } from './rule.ts';
import { type DnsWindow, openOf } from './window.ts';

/** What has been so for longer, somebody meant. */
export const LOST_DAYS = 30;
/** A key whose mail ended so many days before it was withdrawn is no loss: mail in queues lives five days. */
const IN_USE_DAYS = 7;
/** Messages of the window that rest on what was lost. */
const LEAST = 20;
/** Of the domain's mail, or a day: what passes by the lost mechanism alone. */
const MUCH = 0.1;
const MANY = 100;
const SOME = 0.01;
/** How likely several answers of the authority are wrong. */
const MISTAKEN = 0.01;
/** Senders that are listed. */
const TOLD = 10;

type Kind = 'dns_broken' | 'dkim_key_missing';

/**
 * A rule about records that lost what mail rests on.
 * @param isIts whether a loss is the business of this kind
 */
export function lostRule(kind: Kind, isIts: (loss: Pick<Loss, 'loss'>) => boolean): DnsRule {
  return {
    kind,
    facts: kind,
    scope: 'dns',
    severity: ['low', 'medium', 'high'],
    tested: false,
    find: (window) => find(window, kind, isIts),
    over,
  };
}

function find(window: DnsWindow, kind: Kind, isIts: (loss: Loss) => boolean): Candidate[] {
  const { domain, published, now, known, keyMail = [] } = window;
  // Without the senders nothing can be said of what rests on a record.
  if (published == null || window.senders == null || now === undefined) return [];
  const since = new Date(now.getTime() - LOST_DAYS * 86_400_000);
  const losses = [...lossesOf(domain, published, since), ...absentKeys(published, keyMail, since)];
  return losses.filter(isIts).flatMap((loss) => {
    if (wasClosed(known, kind, loss)) return [];
    const dmarc = loss.loss.startsWith('dmarc_');
    const affected = dmarc ? [] : affectedIn(window, loss);
    const passed = affected.reduce((n, one) => n + one.passed, 0);
    // What fails since counts less and less as mail of its sender; while the record lacks it, the finding
    // stays.
    const open = openOf(known, kind, loss.name);
    if (!dmarc && passed < LEAST && !isOf(open, loss)) return [];
    return [candidateOf(window, { kind, loss, affected })];
  });
}

/** Whether what was found of just this change is over: by a person's word, or since its mail ended. */
function wasClosed(known: readonly KnownFinding[], kind: Kind, { name, at }: Loss): boolean {
  if (openOf(known, kind, name)) return false;
  const closed = known.find((one) => one.kind === kind && one.subject === name && one.state === 'resolved');
  return isOf(closed, { at });
}

/** Whether a finding is about just this change. */
function isOf(finding: KnownFinding | undefined, { at }: Pick<Loss, 'at'>): boolean {
  const facts = finding?.evidence.facts;
  return isLost(facts) && facts.at === minute(at);
}

/** "2026-11-20 14:02", in UTC. */
function minute(at: Date): string {
  return at.toISOString().slice(0, 16).replace('T', ' ');
}

function affectedIn({ published, senders, keyMail = [], spfMail }: DnsWindow, loss: Loss): Affected[] {
  if (loss.loss === 'key_unpublished')
    return ofUnpublished(
      keyMail.find(({ name }) => name === loss.name),
      senders!,
    );
  if (loss.loss.startsWith('key_')) {
    const mail = keyMail.find(({ name }) => name === loss.name);
    if (mail === undefined || mail.last_day < addDays(dayOf(loss.at), -IN_USE_DAYS)) return [];
  }
  return affectedBy(loss, senders!, { published: published!, keyMail, spfMail });
}

function candidateOf(
  window: DnsWindow,
  { kind, loss, affected }: { kind: Kind; loss: Loss; affected: readonly Affected[] },
): Candidate {
  const { domain, now, known } = window;
  const open = openOf(known, kind, loss.name);
  const before = open?.evidence.facts;
  const days = Math.max(1, window.days ?? 1);
  const passed = affected.reduce((n, one) => n + one.passed, 0);
  const day = dayOf(loss.at);
  const faded = passed < LEAST && isLost(before) && isOf(open, loss);
  const rests = affected
    .slice(0, TOLD)
    .map((one) => ({ name: one.name, per_day: one.passed / days, alone: one.alone / one.passed }));
  return {
    kind,
    subject: loss.name,
    severity: faded ? open!.severity : severityOf(window, loss, affected),
    confidence: certainty({ chance: MISTAKEN }),
    first_day: day,
    last_day: dayOf(now!),
    evidence: {
      ...withoutMail(day, dayOf(now!)),
      senders: faded ? open!.evidence.senders : affected.length,
      of: faded ? open!.evidence.of : passed,
      facts: {
        ...(loss.loss.startsWith('key_')
          ? { rule: 'dkim_key_missing' as const, loss: loss.loss as KeyLoss }
          : { rule: 'dns_broken' as const, loss: loss.loss as RecordLoss }),
        name: loss.name,
        at: minute(loss.at),
        before: loss.before,
        now: loss.now,
        terms: loss.terms,
        rests: faded ? before.rests : rests,
        rests_in_all: faded ? before.rests_in_all : affected.length,
        seen: isLost(before) ? (before.seen ?? null) : null,
      },
      query: historyQuery(domain),
    },
  };
}

function severityOf({ senders, days = 1 }: DnsWindow, loss: Loss, affected: readonly Affected[]): Severity {
  if (loss.loss === 'dmarc_gone') return 'high';
  if (loss.loss === 'dmarc_weaker')
    return loss.terms.some((term) => term.startsWith('p=') && term.endsWith('p=none')) ? 'high' : 'medium';
  const alone = affected.reduce((n, one) => n + one.alone, 0);
  const all = senders!.reduce((n, sender) => n + sender.sources.reduce((m, one) => m + one.passed, 0), 0);
  if (alone >= MUCH * all || alone / Math.max(1, days) >= MANY) return 'high';
  return alone >= SOME * all ? 'medium' : 'low';
}

/** Resolved when the record is as it was, when its mail ended, or after LOST_DAYS. */
function over(finding: KnownFinding, { domain, published, senders, now, keyMail = [] }: DnsWindow): Ending | null {
  const { facts } = finding.evidence;
  if (published == null || senders == null || now === undefined || !isLost(facts)) return null;
  const losses = [...lossesOf(domain, published, new Date(0)), ...absentKeys(published, keyMail, new Date(0))];
  const still = losses.find(({ name }) => name === facts.name);
  const live = published.records.find((one) => one.name === facts.name && one.gone_at === null);
  if (still === undefined && live === undefined) return null;
  if (still === undefined) return { reason: 'record_restored', since: dayOf(live!.first_seen) };
  return { reason: 'record_kept', days: LOST_DAYS };
}
