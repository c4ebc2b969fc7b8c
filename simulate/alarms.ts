import { type Evidence, readEvidence } from '../services/findings/evidence.ts';
import { networkOf } from '../services/report/address.ts';
import type { Db } from '../services/shared/runtime/db.ts';
import type { Calendar } from './calendar.ts';
import { QUIET_KINDS } from './kinds.ts';
import type { World } from './model.ts';

/** An alert that a person got or could have read. */
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
  /**
   * Further domains that it is about, where one cause is reported once for several; `many` where it counts
   * some without their names.
   */
  also?: readonly string[] | 'many';
  notified: boolean;
  summary: string;
  /** The key of the finding's event; absent for a baseline. */
  event?: number;
}

/**
 * The alarms of the analyzer: the events of findings that open, change or come back. What is merely recorded
 * (`info`) is no alarm.
 */
export async function ruawatchAlarms(db: Db, calendar: Calendar): Promise<Alarm[]> {
  const { rows } = await db.query<{
    domain: string;
    kind: string;
    subject: string;
    at: Date;
    event: string;
    notify: boolean;
    summary: string;
    evidence: unknown;
    event_key: number;
  }>(
    `select e.event_key, f.domain, f.kind, f.subject, e.at, e.event, e.notify, e.summary, e.evidence
       from ruawatch.finding_events e join ruawatch.findings f on f.finding_key = e.finding_key
      where e.event <> 'resolved' and (e.severity <> 'info' or f.kind = any($1::text[]))
      order by e.event_key`,
    [QUIET_KINDS],
  );
  const alarms = rows.map(
    ({ domain, kind, subject, at, notify, summary, evidence, event_key }): Alarm => ({
      system: 'ruawatch',
      kind,
      domain,
      tick: calendar.tickAt(at),
      key: `${kind} ${subject}`,
      names: namesOf(domain, subject, readEvidence(evidence)),
      ...alsoOf(readEvidence(evidence)),
      notified: notify,
      summary,
      event: event_key,
    }),
  );
  // Domains are analysed side by side: keys of events say nothing of their order.
  const order = ({ tick, domain, key }: Alarm) => `${String(tick).padStart(5, '0')} ${domain} ${key}`;
  return alarms.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** The other domains that a finding says the same of. */
function alsoOf({ facts }: Evidence): Pick<Alarm, 'also'> {
  if (facts?.rule !== 'reports_stopped' || facts.silence == null) return {};
  const { others, others_in_all } = facts.silence;
  return { also: others.length < others_in_all ? 'many' : others };
}

/**
 * Whom a finding blames: its subject if that is neither the domain nor a cause, and the culprits in its
 * evidence, under whatever name they are listed.
 */
function namesOf(domain: string, subject: string, evidence: Evidence): string[] | null {
  const names = new Set<string>(subject === domain || evidence.broken !== undefined ? [] : [subject]);
  for (const { source } of [...evidence.who, ...(evidence.broken ?? [])]) names.add(source);
  return names.size === 0 ? null : [...names];
}

/**
 * The names under which an alarm may mean an incident's senders: their addresses and networks, what their
 * rows were counted for, the domains of others that SPF or DKIM passed for, and the signatures of ours they
 * bear; of an incident about a reporter, its name.
 */
export async function namesOfIncidents(db: Db, world: World): Promise<Map<string, Set<string>>> {
  const names = new Map<string, Set<string>>();
  for (const incident of world.incidents) {
    const { domain, reporter, addresses } = incident;
    const of = new Set(addresses);
    for (const address of addresses) of.add(networkOf(address));
    if (reporter !== null) of.add(reporter.toLowerCase());
    const { rows } = await db.query<{ name: string }>(
      `with own as (select source, foreign_dkim, foreign_spf, auth from dmarc.records where domain = $1 and source_ip = any($2::inet[]))
       select source as name from own union
       select s.grouped_as from dmarc.sources s where s.domain = $1 and s.source in (select source from own) union select foreign_dkim from own union select foreign_spf from own
       union select (d ->> 'selector') || '._domainkey.' || (d ->> 'domain') from own, jsonb_array_elements(auth -> 'dkim') d
        where d ->> 'result' = 'pass'`,
      [domain, [...addresses]],
    );
    for (const { name } of rows) if (name !== null) of.add(name);
    names.set(incident.id, of);
  }
  return names;
}
