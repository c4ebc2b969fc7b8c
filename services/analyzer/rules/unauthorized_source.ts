import type { Network, NetworkDay } from '../../store/analysis.ts';
import { type Candidate, type KnownFinding, recordsQuery, type Severity } from '../../store/findings.ts';
import { stated, wilson, witnessed } from '../confidence.ts';
import { publishedTag } from '../policy.ts';
import { count, list, number, percent, short } from '../text.ts';
import { type DomainWindow, earlier, isEvidence, openOf, settledUntil } from '../window.ts';
import { silent } from './silence.ts';

const KIND = 'unauthorized_source';
/** Report days the rule looks at, and without such mail after which the finding resolves. */
export const UNAUTHORIZED_DAYS = 7;
/** Open findings hold until fewer messages than this are left: what opens at ten and closes below ten would flap. */
const HOLD = 3;
const WHO = 10;

/**
 * Mail in the domain's name that nothing authenticates and no forwarder explains (RFC 9989 section 5.3.5: neither mechanism
 * yields an aligned identifier, nor any other). One finding for the domain, whatever the number of networks: a botnet is one cause.
 *
 * A network that mostly passes is a rightful sender with noise and stays out. So does one whose own mail stops passing as the failing
 * mail begins: that is a sender that broke, and authentication_regression's as soon as two days show it. A network where both
 * go on side by side (a spoofer beside a forwarder) is in.
 */
export function unauthorizedSource(window: DomainWindow): Candidate[] {
  const settled = settledUntil(window.known, KIND, window.domain);
  const recent = window.domainDays.slice(0, UNAUTHORIZED_DAYS).filter((day) => day.day > settled);
  const open = openOf(window.known, KIND, window.domain);

  const concerned = window.networks.largest
    .filter(({ source }) => !window.excluded.has(source))
    .map((network) => ({ source: network.source, days: culpable(network, settled) }))
    .filter(({ days }) => days.length > 0)
    .map(({ source, days }) => ({ source, days, ...sumOf(days) }))
    .sort((a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1));
  if (concerned.length === 0) return [];

  const sum = sumOf(concerned.flatMap(({ days }) => days));
  const messages = sum.messages + window.networks.others.failed;
  const networks = concerned.length + window.networks.others.networks;
  const dayList = [...new Set(concerned.flatMap(({ days }) => days.map((day) => day.day)))].sort();
  const reporters = reportersOf(concerned.flatMap(({ days }) => days));
  if (open ? messages < HOLD : !isEvidence({ messages, reporters, days: dayList.length }, window.domainDays)) return [];

  const of = Math.max(
    messages,
    recent.reduce((n, day) => n + day.messages, 0),
  );
  const first = dayList[0]!;
  const since = open ? earlier(open.first_day, first) : first;
  const last_day = dayList.at(-1)!;
  const seen = new Set(concerned.flatMap(({ days }) => days.flatMap((day) => day.reporters.map((r) => `${day.day} ${r}`)))).size;
  const p = publishedTag(window.policy, 'p');
  const who = `${count(networks, 'network')}${networks > 3 ? `, the largest ${concerned[0]!.source}` : ` (${list(concerned.map((c) => c.source))})`}`;
  const what = `${count(messages, 'message')} in the name of ${short(window.domain)} from ${who} had neither a passing SPF nor a passing DKIM of anybody.`;
  return [
    {
      kind: KIND,
      subject: window.domain,
      severity: severityOf(messages, sum.delivered),
      confidence: stated(wilson(sum.messages, sum.messages + sum.passed) * witnessed(seen)),
      first_day: since,
      last_day,
      summary: `${count(networks, 'network')} ${networks === 1 ? 'sends' : 'send'} as ${short(window.domain)} without authentication: ${count(messages, 'message')} since ${since}, ${percent(sum.delivered / messages)} delivered`,
      evidence: {
        what,
        who: concerned.slice(0, WHO).map((c) => ({ source: c.source, messages: c.messages, delivered: c.delivered })),
        senders: networks,
        messages,
        of,
        share: messages / of,
        per_day: messages / dayList.length,
        since,
        last_day,
        reporters,
        delivered: sum.delivered,
        quarantined: sum.quarantined,
        rejected: sum.rejected,
        advice: adviceOf(p, sum.delivered, messages),
        query: recordsQuery({ domain: window.domain, from: first, to: last_day, rows: 'unauthenticated' }),
      },
    },
  ];
}

/** Resolved when the rule saw enough newer report days and holds no more. */
export function unauthorizedSourceResolved(finding: KnownFinding, window: DomainWindow): string | null {
  return silent(finding, window.domainDays, UNAUTHORIZED_DAYS)
    ? `No such mail on the last ${UNAUTHORIZED_DAYS} report days.`
    : null;
}

/** The days since unauthenticated mail took the upper hand on a network; none when it never did, or when a sender of ours broke. */
function culpable(network: Network, settled: string): NetworkDay[] {
  const days = network.days.filter((day) => day.day > settled).sort((a, b) => (a.day < b.day ? -1 : 1));
  const bad = days.filter((day) => day.failed > day.passed);
  const good = days.filter((day) => day.passed >= day.failed && day.passed > 0);
  if (bad.length === 0) return [];
  const mean = (some: NetworkDay[]) => some.reduce((n, day) => n + day.passed, 0) / some.length;
  if (good.length > 0 && mean(bad) < mean(good) / 3) return [];
  return days.filter((day) => day.day >= bad[0]!.day && day.failed > 0);
}

function sumOf(days: readonly NetworkDay[]) {
  const sum = { messages: 0, passed: 0, delivered: 0, quarantined: 0, rejected: 0 };
  for (const day of days) {
    sum.messages += day.failed;
    sum.passed += day.passed;
    sum.delivered += Math.min(day.failed, day.delivered);
    sum.quarantined += Math.min(day.failed, day.quarantined);
    sum.rejected += Math.min(day.failed, day.rejected);
  }
  return sum;
}

function reportersOf(days: readonly NetworkDay[]): string[] {
  return [...new Set(days.flatMap((day) => day.reporters))].sort();
}

/** Harm is what reached people: a campaign that receivers turned away is worth knowing, not worth waking up for. */
function severityOf(messages: number, delivered: number): Severity {
  const share = delivered / messages;
  if (delivered >= 1000 && share >= 0.5) return 'critical';
  if (delivered >= 100 && share >= 0.2) return 'high';
  if (messages >= 1000 || delivered >= 20) return 'medium';
  return 'low';
}

function adviceOf(p: string | null, delivered: number, messages: number): string[] {
  const check = 'Look through the networks: if one is yours, let it sign with DKIM, or add it to the SPF record.';
  if (p === 'reject') {
    return [
      check,
      delivered === 0
        ? 'If none is, nothing is left to do: p=reject kept this mail out.'
        : `If none is, nothing is left to do in DNS: p=reject asks for refusal, though ${number(delivered)} of ${number(messages)} were delivered all the same.`,
    ];
  }
  const next = p === 'quarantine' ? 'p=reject' : 'p=quarantine and then p=reject';
  return [
    check,
    `If none is, somebody forges your domain${p === null ? '' : ` and p=${p} lets them`}: once your own senders are aligned, publish ${next}.`,
  ];
}
