import type { Db } from '../services/shared/db.ts';
import type { Evidence } from '../services/store/findings.ts';
import type { Calendar } from './calendar.ts';
import type { World } from './model.ts';

/** Something a person was told, or could have read. */
export interface Alarm {
  /** Which rules raised it: `ruawatch` or a baseline. */
  system: string;
  kind: string;
  domain: string;
  tick: number;
  /** The same key again is the same alarm repeated. */
  key: string;
  /** Sources, addresses or reporters it names; null when it speaks of the domain as a whole. */
  names: string[] | null;
  notified: boolean;
  summary: string;
}

/** What the analyzer told: the events of findings that open or change. */
export async function ruawatchAlarms(db: Db, calendar: Calendar): Promise<Alarm[]> {
  const { rows } = await db.query<{
    domain: string;
    kind: string;
    subject: string;
    at: Date;
    event: string;
    notify: boolean;
    summary: string;
    evidence: Evidence;
  }>(
    `select f.domain, f.kind, f.subject, e.at, e.event, e.notify, e.summary, e.evidence
       from ruawatch.finding_events e join ruawatch.findings f on f.finding_key = e.finding_key
      where e.event not in ('resolved', 'acknowledged', 'snoozed') and e.severity <> 'info'
         or f.kind = any($1::text[])
      order by e.event_key`,
    [['policy_ready']],
  );
  const alarms = rows.map(({ domain, kind, subject, at, notify, summary, evidence }) => ({
    system: 'ruawatch',
    kind,
    domain,
    tick: calendar.tickAt(at),
    key: `${kind} ${subject}`,
    names: namesOf(domain, subject, evidence),
    notified: notify,
    summary,
  }));
  // Domains are analysed side by side: keys of events say nothing of their order.
  const order = ({ tick, domain, key }: Alarm) => `${String(tick).padStart(5, '0')} ${domain} ${key}`;
  return alarms.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** Whom a finding blames: its subject if that is not the domain, and the culprits in its evidence, under whatever name they are listed. */
function namesOf(domain: string, subject: string, evidence: Evidence): string[] | null {
  const names = new Set<string>(subject === domain ? [] : [subject]);
  for (const { source } of evidence.who) names.add(source);
  const { sources, addresses } = evidence as unknown as { sources?: unknown; addresses?: unknown };
  for (const list of [sources, addresses]) {
    for (const one of Array.isArray(list) ? list : []) if (typeof one === 'string') names.add(one);
  }
  return names.size === 0 ? null : [...names];
}

/** The names under which the pipeline knows an incident's senders: its addresses, and the sources their rows were counted for. */
export async function namesOfIncidents(db: Db, world: World): Promise<Map<string, Set<string>>> {
  const names = new Map<string, Set<string>>();
  for (const incident of world.incidents) {
    const of = new Set(incident.addresses);
    if (incident.reporter !== null) of.add(incident.reporter.toLowerCase());
    const { rows } = await db.query<{ source: string }>(
      `select distinct source from dmarc.records where domain = $1 and source_ip = any($2::inet[])`,
      [incident.domain, [...incident.addresses]],
    );
    for (const { source } of rows) of.add(source);
    names.set(incident.id, of);
  }
  return names;
}
