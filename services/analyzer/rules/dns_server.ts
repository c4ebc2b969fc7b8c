import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { dayOf } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { historyQuery } from '../../store/findings/kind-queries.ts';
import { certainty } from '../statistics/confidence.ts';
import type { DnsRule } from './rule.ts';
import { type DnsWindow, settledUntil } from './window.ts';

const KIND = 'dns_broken';
/** A zone is copied to its secondary servers within the refresh time of its SOA record, which is hours. */
const BEHIND_MS = 4 * 3_600_000;
/** A server that is restarted or moved is back within hours. */
const FAILING_MS = 6 * 3_600_000;
/** How likely a server is taken for broken because the way to it is. */
const THE_WAY = 0.2;

/**
 * An authoritative server does not answer for the zone (RFC 1912 section 2.8: lame), or answers with records
 * that the others no longer have: receivers that happen to ask it get no record, or an old one. Of servers
 * none of which answers, nothing is said: the way to them is closed, or the whole zone is.
 */
export const dnsServer: DnsRule = {
  kind: KIND,
  facts: 'dns_server',
  scope: 'dns',
  severity: ['low'],
  tested: false,
  find: (window) => [...failing(window), ...behind(window)],
  over,
};

function failing(window: DnsWindow): Candidate[] {
  const { published, now } = window;
  if (published == null || now === undefined) return [];
  return published.servers.flatMap((server) => {
    const { failing_since: since, failure } = server;
    const others = published.servers.filter(({ zone, failing_since }) => zone === server.zone && failing_since === null);
    if (since === null || failure === null || others.length === 0 || now.getTime() - since.getTime() < FAILING_MS) return [];
    return candidateOf(window, server.server, { failure, since, zone: server.zone, name: null });
  });
}

/** Servers whose answer is that of the fewest; where as many say one thing as the other, nobody is behind. */
function behind(window: DnsWindow): Candidate[] {
  const { published, now } = window;
  if (published == null || now === undefined) return [];
  const told = new Map<string, Candidate>();
  for (const { name, type, differ_since: since, answers } of published.questions) {
    if (since === null || now.getTime() - since.getTime() < BEHIND_MS) continue;
    const live = published.records.filter((one) => one.name === name && one.type === type && one.gone_at === null);
    const newest = [...live].sort((a, b) => b.first_seen.getTime() - a.first_seen.getTime())[0];
    const definite = answers.filter(({ server, state }) => server !== 'resolver' && state !== 'unknown');
    const old = definite.filter(({ values }) => newest !== undefined && !values.includes(newest.value));
    if (old.length === 0 || old.length === definite.length) continue;
    const zone = published.servers.find(({ server }) => server === old[0]!.server)?.zone ?? name;
    for (const { server } of old)
      for (const one of candidateOf(window, server, { failure: 'behind', since, zone, name }))
        if (!told.has(server)) told.set(server, one);
  }
  return [...told.values()];
}

interface Fault {
  failure: 'silent' | 'lame' | 'no address' | 'behind';
  since: Date;
  zone: string;
  name: string | null;
}

function candidateOf({ domain, now, known }: DnsWindow, server: string, { failure, since, zone, name }: Fault): Candidate[] {
  const day = dayOf(since);
  if (settledUntil(known, KIND, server) >= day) return [];
  return [
    {
      kind: KIND,
      subject: server,
      severity: 'low',
      confidence: certainty({ otherwise: failure === 'silent' ? THE_WAY : 0 }),
      first_day: day,
      last_day: dayOf(now!),
      evidence: {
        ...withoutMail(day, dayOf(now!)),
        facts: { rule: 'dns_server', failure, zone, name },
        query: historyQuery(domain),
      },
    },
  ];
}

/** Resolved when it answers as the others do, or the zone no longer names it. */
function over(finding: KnownFinding, window: DnsWindow): Ending | null {
  const { published, now } = window;
  if (published == null || now === undefined) return null;
  const server = published.servers.find((one) => one.server === finding.subject);
  if (server === undefined) return published.servers.length > 0 ? { reason: 'server_gone' } : null;
  const differs = published.questions.some(({ differ_since }) => differ_since !== null);
  if (
    server.failing_since !== null ||
    (differs && finding.evidence.facts?.rule === 'dns_server' && finding.evidence.facts.failure === 'behind')
  )
    return null;
  return { reason: 'server_answers', since: dayOf(server.answered_at ?? now) };
}
