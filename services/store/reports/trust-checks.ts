import { isKnown } from '../../report/reporters/reporters.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lockIdentities } from '../locks.ts';
import type { ReportSize } from '../rollups/allowance.ts';
import {
  dropEmptyPending,
  loadPolicyReports,
  noteDomains,
  type RollupChange,
  rollUp,
  rollUpPolicies,
  SIZE,
} from '../rollups/source-days.ts';
import { plain } from './copy-records.ts';
import {
  beginRange,
  gone,
  outranks,
  type Ranked,
  reporterKey,
  standingOfGone,
  type Trust,
  type TrustClass,
  trustTexts,
} from './reports.ts';

/** A report that waits for the verification of one of the mails that brought it. */
export interface Check {
  message_key: number;
  report_key: number;
  attempts: number;
  mailbox: string;
  received_at: Date;
  stored_at: Date;
  size: number;
  org_name: string | null;
  org_email: string | null;
}

/** The checks of these messages that still wait. */
export async function waitingChecks(db: Queryable, keys: readonly number[]): Promise<Check[]> {
  const { rows } = await db.query<Check>(
    `select c.message_key, c.report_key, c.attempts, m.mailbox, m.received_at, m.stored_at, m.size, r.org_name, r.org_email
       from ruawatch.trust_checks c
       join ruawatch.messages m on m.message_key = c.message_key
       join ruawatch.reports r on r.report_key = c.report_key
      where c.message_key = any($1::bigint[])
      order by c.message_key, c.report_key`,
    [keys],
  );
  return rows;
}

/** Takes up to `limit` messages whose checks are due, and puts them off by `seconds`, so that two sweepers never take the same. */
export async function takeDueChecks(db: Db, seconds: number, limit: number): Promise<number[]> {
  const { rows } = await db.query<{ message_key: number }>(
    `with due as (
       select message_key, report_key from ruawatch.trust_checks where due_at < now() order by due_at limit $2
          for update skip locked)
     update ruawatch.trust_checks c set due_at = now() + make_interval(secs => $1)
       from due where c.message_key = due.message_key and c.report_key = due.report_key
     returning c.message_key`,
    [seconds, limit],
  );
  return [...new Set(rows.map((r) => r.message_key))].sort((a, b) => a - b);
}

/** Puts checks off after a try that led to nothing, and says on the reports why they still wait. */
export async function deferChecks(
  db: Db,
  deferred: readonly { message_key: number; report_key: number; seconds: number; reason: string }[],
): Promise<void> {
  if (deferred.length === 0) return;
  await transaction(db, async (tx) => {
    // Whoever changes a report or its checks has its identity first: the rows themselves are then nobody else's.
    const { rows } = await tx.query<{ identity: string }>(
      `select distinct encode(identity, 'hex') as identity from ruawatch.reports where report_key = any($1::bigint[])`,
      [deferred.map((d) => d.report_key)],
    );
    await lockIdentities(
      tx,
      rows.map((row) => row.identity),
    );
    await tx.query(
      `with given as (select * from unnest($1::bigint[], $2::bigint[], $3::float8[], $4::text[]) as g(message_key, report_key, seconds, reason)),
       put_off as (
         update ruawatch.trust_checks c set attempts = c.attempts + 1, due_at = now() + make_interval(secs => g.seconds)
           from given g where c.message_key = g.message_key and c.report_key = g.report_key
         returning c.report_key, g.reason)
       update ruawatch.reports r set trust_reason = p.reason from put_off p where r.report_key = p.report_key and r.trust = 'pending'`,
      [
        deferred.map((d) => d.message_key),
        deferred.map((d) => d.report_key),
        deferred.map((d) => d.seconds),
        deferred.map((d) => plain(d.reason).slice(0, 500)),
      ],
    );
  });
}

interface Row extends Ranked {
  identity: string;
  domain: string;
  day: string;
  /** Seconds since the epoch. */
  begin: number;
  superseded_by: number | null;
  /** Its records were dropped. */
  gone: boolean;
  size: ReportSize;
}

/**
 * Writes what verification found, in the caller's transaction: the verdicts on the reports, which report of an identity stands now, the
 * rollups accordingly, and the analyzer's work. A check that is no longer there was settled by another worker and is left out.
 *
 * One proven mail is enough: a report that came twice is what its better mail says. It stays pending while another of its mails may
 * still prove it, and a known reporter's own mail speaks for it whoever else sent the same.
 * @returns the domains to be judged again
 */
export async function settleTrust(
  tx: Tx,
  verdicts: readonly { message_key: number; report_key: number; verdict: Trust }[],
): Promise<string[]> {
  if (verdicts.length === 0) return [];
  const { rows: named } = await tx.query<{ identity: string; begin: number }>(
    `select distinct encode(identity, 'hex') as identity, extract(epoch from begin_at)::float8 as begin
       from ruawatch.reports where report_key = any($1::bigint[])`,
    [verdicts.map((v) => v.report_key)],
  );
  const identities = named.map((r) => r.identity);
  await lockIdentities(tx, identities);
  const { rows: settled } = await tx.query<{ message_key: number; report_key: number }>(
    `delete from ruawatch.trust_checks c using unnest($1::bigint[], $2::bigint[]) as g(message_key, report_key)
      where c.message_key = g.message_key and c.report_key = g.report_key
     returning c.message_key, c.report_key`,
    [verdicts.map((v) => v.message_key), verdicts.map((v) => v.report_key)],
  );
  const { rows: open } = await tx.query<{ report_key: number }>(
    'select distinct report_key from ruawatch.trust_checks where report_key = any($1::bigint[])',
    [verdicts.map((v) => v.report_key)],
  );
  const { rows } = await tx.query<Omit<Row, 'received'> & { received_at: Date }>(
    `select report_key as key, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash, salvaged, received_at,
            messages, superseded_by, trust, reporter, domain, (begin_at at time zone 'UTC')::date as day, extract(epoch from begin_at)::float8 as begin,
            ${SIZE} as size, ${gone('p', '$2', '$3')} as gone
       from ruawatch.reports p
      where identity = any(select decode(i, 'hex') from unnest($1::text[]) i)`,
    [identities, ...beginRange(named)],
  );
  const before = new Map(rows.map((row) => [row.key, { ...row, received: row.received_at.getTime() }]));
  const after = new Map([...before].map(([key, row]) => [key, { ...row }]));

  const done = new Set(settled.map((c) => `${c.message_key} ${c.report_key}`));
  const stillOpen = new Set(open.map((c) => c.report_key));
  const written = new Map<number, Trust & { class: TrustClass }>();
  for (const { message_key, report_key, verdict } of verdicts) {
    const report = after.get(report_key);
    if (!report || !done.has(`${message_key} ${report_key}`)) continue;
    const better = verdict.trust === 'ok' && isKnown(reporterKey(verdict.reporter)) && !isKnown(report.reporter);
    if (report.trust === 'ok' && !better) continue;
    report.trust = verdict.trust === 'bad' && report.trust === 'pending' && stillOpen.has(report_key) ? 'pending' : verdict.trust;
    // What is still to be proven stays under whom it claims to be.
    if (report.trust !== 'pending') report.reporter = reporterKey(verdict.reporter);
    written.set(report_key, { ...verdict, class: report.trust });
  }
  restand(after);
  await writeTrust(tx, written);
  await writeStanding(tx, before, after);
  await moveRollups(tx, before, after);

  const told = [...written.keys()].map((key) => after.get(key)!);
  // What has no record, or does not stand, moves no rollup: the domain is to be looked at all the same.
  await noteDomains(tx, told);
  return [...new Set(told.map((r) => r.domain))].sort();
}

/** Lets the highest of each identity stand, the others behind it. Where records were dropped, what stands cannot change any more. */
function restand(rows: Map<number, Row>): void {
  const best = standingOfGone([...rows.values()]);
  const settled = new Set(best.keys());
  for (const row of rows.values()) {
    if (settled.has(row.identity)) continue;
    const other = best.get(row.identity);
    if (!other || outranks(row, other)) best.set(row.identity, row);
  }
  for (const row of rows.values()) {
    const first = best.get(row.identity)!;
    if (row === first) row.superseded_by = null;
    else row.superseded_by ??= first.key;
  }
}

async function writeTrust(tx: Tx, written: ReadonlyMap<number, Trust & { class: TrustClass }>): Promise<void> {
  const trusts = [...written.values()].map((trust) => ({ ...trust, ...trustTexts(trust) }));
  await tx.query(
    `update ruawatch.reports r set trust = g.trust, reporter_trust = g.reporter_trust, trust_reason = g.reason, trust_domain = g.domain,
            reporter = case when g.trust = 'pending' then r.reporter else g.reporter end
       from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         as g(key, trust, reporter_trust, reason, domain, reporter)
      where r.report_key = g.key`,
    [
      [...written.keys()],
      trusts.map((t) => t.class),
      trusts.map((t) => (t.class === 'pending' ? null : t.reporter_trust)),
      trusts.map((t) => t.trust_reason),
      trusts.map((t) => t.trust_domain),
      trusts.map((t) => reporterKey(t.reporter)),
    ],
  );
}

/** The old one steps aside first: only one of an identity may stand at any moment. */
async function writeStanding(tx: Tx, before: ReadonlyMap<number, Row>, after: ReadonlyMap<number, Row>): Promise<void> {
  const changed = [...after.values()].filter((row) => row.superseded_by !== before.get(row.key)!.superseded_by);
  for (const stands of [false, true]) {
    const rows = changed.filter((row) => (row.superseded_by === null) === stands);
    if (rows.length === 0) continue;
    await tx.query(
      `update ruawatch.reports r set superseded_by = s.by from unnest($1::bigint[], $2::bigint[]) as s(key, by) where r.report_key = s.key`,
      [rows.map((row) => row.key), rows.map((row) => row.superseded_by)],
    );
  }
}

/**
 * Takes what stood out of the rollups and puts what stands in, where standing or trust changed. A report without records any more stays in
 * the sums where it is: no join finds anything to move.
 */
async function moveRollups(tx: Tx, before: ReadonlyMap<number, Row>, after: ReadonlyMap<number, Row>): Promise<void> {
  const changes: RollupChange[] = [];
  for (const [key, now] of after) {
    const was = before.get(key)!;
    const [stood, stands] = [was.superseded_by === null, now.superseded_by === null];
    if (stood === stands && (!stands || (was.trust === now.trust && was.reporter === now.reporter))) continue;
    const { begin, size } = was;
    if (stood) changes.push({ key, sign: -1, trust: was.trust, reporter: was.reporter, begin, size });
    if (stands) changes.push({ key, sign: 1, trust: now.trust, reporter: now.reporter, begin, size });
  }
  await rollUp(tx, changes);
  const keys = [...new Set(changes.map((c) => c.key))];
  const reports = new Map((await loadPolicyReports(tx, keys)).map((report) => [report.key, report]));
  await rollUpPolicies(
    tx,
    changes.map(({ key, sign, trust, reporter }) => ({ report: reports.get(key)!, sign, trust, reporter })),
  );
  await dropEmptyPending(tx, changes);
}

/** Reports in a reporter's name that do not come from it, as one sender brought them on one UTC day. */
export interface ForgedDay {
  reporter: string;
  /** The domain of the mails' From fields; null when they had none. */
  sender: string | null;
  /** The day they arrived: what they say of their own day is the forger's choice. */
  day: string;
  reports: number;
  messages: number;
  /** Authentic for another domain than the reporter's. */
  mismatched: number;
  /** Contradict a proven report of the same identity. */
  contradicting: number;
}

/** Proven reports of a reporter. */
export interface GenuineReports {
  reporter: string;
  reports: number;
  messages: number;
  last_day: string;
}

/** What came in the names of reporters since `from` and is not from them, the newest days first; and what did come from them. */
export async function loadForged(
  tx: Tx,
  domain: string,
  from: string,
  limit: number,
): Promise<{ forged: ForgedDay[]; genuine: GenuineReports[] }> {
  const { rows: forged } = await tx.query<ForgedDay>(
    `select r.reporter, r.trust_domain as sender, (r.received_at at time zone 'UTC')::date as day, count(*) as reports,
            sum(r.messages) as messages, count(*) filter (where r.reporter_trust = 'mismatched') as mismatched,
            count(*) filter (where exists (
              select from ruawatch.reports o
               where o.identity = r.identity and o.content_hash <> r.content_hash and o.reporter_trust = 'authenticated')) as contradicting
       from ruawatch.reports r
      where r.domain = $1 and r.trust = 'bad' and r.received_at >= $2::date::timestamp at time zone 'UTC'
      group by 1, 2, 3
      order by day desc, reporter, sender limit $3`,
    [domain, from, limit],
  );
  if (forged.length === 0) return { forged, genuine: [] };
  const { rows: genuine } = await tx.query<GenuineReports>(
    `select reporter, count(*) as reports, sum(messages) as messages, max((received_at at time zone 'UTC')::date) as last_day
       from ruawatch.reports
      where domain = $1 and reporter = any($2::text[]) and reporter_trust = 'authenticated'
        and received_at >= $3::date::timestamp at time zone 'UTC'
        -- A proven report is hardly older than a month when it comes; its begin has the index.
        and begin_at >= $3::date - interval '31 days'
      group by reporter`,
    [domain, [...new Set(forged.map((f) => f.reporter))], from],
  );
  return { forged, genuine };
}
