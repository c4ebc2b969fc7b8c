import { isKnown } from '../../report/reporters/reporters.ts';
import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { noteDomains } from '../analysis/note-work.ts';
import { lockIdentities } from '../locks.ts';
import type { RollupChange } from '../rollups/over-allowance.ts';
import { dropEmptyPending } from '../rollups/pending.ts';
import { loadPolicyReports, rollUpPolicies } from '../rollups/policy-days.ts';
import { rollUp } from '../rollups/source-days.ts';
import { clipped } from '../sql-text.ts';
import { lockVersions, outranks, type StoredVersion } from './report-versions.ts';
import { AGGREGATE_REPORTS, rankVersions, writeSuperseded } from './supersession.ts';
import { reporterKey, type Trust, type TrustClass, trustTexts } from './trust.ts';

/** A check: a report that waits for the verification of one of the mails that brought it. */
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

/** The open checks of these messages. */
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

/**
 * Opens checks of reports again whose mails are in the archive: those that wait for their verification, those
 * that were never verified because that was off, and on request those that were found unproven. Imported
 * reports count as they are.
 * @param mailbox that of imported mails
 * @returns the messages that are to be verified
 */
export async function reopenChecks(db: Db, mailbox: string, { unproven }: { unproven: boolean }): Promise<number[]> {
  const { rows } = await db.query<{ message_key: number }>(
    `with due as (
       select m.message_key, r.report_key
         from ruawatch.reports r join ruawatch.messages m on m.message_key = r.message_key
        where (r.trust = 'pending' or (r.trust = 'ok' and r.reporter_trust is null) or ($2 and r.trust = 'bad'))
          and m.mailbox <> $1 and m.raw_gone_at is null),
     opened as (
       insert into ruawatch.trust_checks (message_key, report_key) select message_key, report_key from due
       on conflict (message_key, report_key) do update set due_at = now() + interval '1 minute')
     select distinct message_key from due order by message_key`,
    [mailbox, unproven],
  );
  return rows.map((row) => row.message_key);
}

/** How many reports of all kinds have each verdict; the key '' is that of those without one. */
export async function countVerdicts(db: Queryable): Promise<Record<string, number>> {
  const { rows } = await db.query<{ verdict: string; n: number }>(
    `select case when trust = 'pending' then 'pending' else coalesce(reporter_trust, '') end as verdict, count(*) as n
       from (select trust, reporter_trust from ruawatch.reports
             union all select trust, reporter_trust from ruawatch.tls_reports
             union all select trust, reporter_trust from ruawatch.failure_reports) r group by 1`,
  );
  return Object.fromEntries(rows.map(({ verdict, n }) => [verdict, n]));
}

/**
 * Takes up to `limit` messages whose checks are due, and postpones the checks by `seconds`, so that two
 * sweepers never take the same.
 */
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

/** Postpones checks after an attempt without a result, and writes on the reports why they still wait. */
export async function deferChecks(
  db: Db,
  deferred: readonly { message_key: number; report_key: number; seconds: number; reason: string }[],
): Promise<void> {
  if (deferred.length === 0) return;
  await transaction(db, async (tx) => {
    // Whoever changes a report or its checks locks its identity first: nobody else changes the rows then.
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
       postponed as (
         update ruawatch.trust_checks c set attempts = c.attempts + 1, due_at = now() + make_interval(secs => g.seconds)
           from given g where c.message_key = g.message_key and c.report_key = g.report_key
         returning c.report_key, g.reason)
       update ruawatch.reports r set trust_reason = p.reason from postponed p where r.report_key = p.report_key and r.trust = 'pending'`,
      [
        deferred.map((d) => d.message_key),
        deferred.map((d) => d.report_key),
        deferred.map((d) => d.seconds),
        deferred.map((d) => clipped(d.reason, 500)),
      ],
    );
  });
}

/** A stored version with what verification changed. */
interface SettledVersion extends StoredVersion {
  /** What is to be written; null: nothing. */
  written: (Trust & { class: TrustClass }) | null;
}

/** The result of verifying the mail `message_key` for the report `report_key`. */
export interface Verification {
  message_key: number;
  report_key: number;
  verdict: Trust;
}

/**
 * Writes the results of verifications, in the caller's transaction: on the reports, which version of an
 * identity is current, the rollups accordingly, and the analyzer's work. A check that is no longer there was
 * settled by another worker and is left out.
 *
 * One proven mail is enough: a report that came twice has the result of its better mail. It stays pending
 * while another of its mails may still prove it, and a known reporter's own mail proves the report whoever
 * else sent the same.
 * @returns the domains to be analyzed again
 */
export async function settleTrust(tx: Tx, verifications: readonly Verification[]): Promise<string[]> {
  if (verifications.length === 0) return [];
  const { rows: named } = await tx.query<{ identity: string; begin: number }>(
    `select distinct encode(identity, 'hex') as identity, extract(epoch from begin_at)::float8 as begin
       from ruawatch.reports where report_key = any($1::bigint[])`,
    [verifications.map((v) => v.report_key)],
  );
  const before = await lockVersions(tx, named);
  const { settled, open } = await takeChecks(tx, verifications);
  const after = applyVerifications(before, settled, open);
  const ranked = rankVersions(after, outranks);
  const written = after.filter((version) => version.written !== null);
  await writeTrust(tx, written);
  await writeSuperseded(tx, AGGREGATE_REPORTS, before, ranked);
  await moveRollups(tx, before, after, ranked);
  // A report without records, or one that is superseded, moves no rollup: its domain is analyzed all the
  // same.
  await noteDomains(
    tx,
    written.map(({ domain }) => domain),
  );
  return [...new Set(written.map(({ domain }) => domain))].sort();
}

/** Removes the checks. @returns those that were there, and the reports that still wait for other checks */
async function takeChecks(
  tx: Tx,
  verifications: readonly Verification[],
): Promise<{ settled: Verification[]; open: Set<number> }> {
  const keys = verifications.map((v) => v.report_key);
  const { rows: removed } = await tx.query<{ message_key: number; report_key: number }>(
    `delete from ruawatch.trust_checks c using unnest($1::bigint[], $2::bigint[]) as g(message_key, report_key)
      where c.message_key = g.message_key and c.report_key = g.report_key
     returning c.message_key, c.report_key`,
    [verifications.map((v) => v.message_key), keys],
  );
  const { rows: open } = await tx.query<{ report_key: number }>(
    'select distinct report_key from ruawatch.trust_checks where report_key = any($1::bigint[])',
    [keys],
  );
  const done = new Set(removed.map((c) => `${c.message_key} ${c.report_key}`));
  return {
    settled: verifications.filter((v) => done.has(`${v.message_key} ${v.report_key}`)),
    open: new Set(open.map((c) => c.report_key)),
  };
}

function applyVerifications(
  before: readonly StoredVersion[],
  settled: readonly Verification[],
  open: ReadonlySet<number>,
): SettledVersion[] {
  const after = before.map((version): SettledVersion => ({ ...version, written: null }));
  const byKey = new Map(after.map((version) => [version.key, version]));
  for (const { report_key, verdict } of settled) {
    const version = byKey.get(report_key);
    // Its domain was removed meanwhile; a copy that came at that moment may have opened the check after it.
    if (!version) continue;
    const reporter = reporterKey(verdict.reporter);
    const better = verdict.trust === 'ok' && isKnown(reporter) && !isKnown(version.reporter);
    if (version.trust === 'ok' && version.verified && !better) continue;
    version.trust = verdict.trust === 'bad' && version.trust === 'pending' && open.has(report_key) ? 'pending' : verdict.trust;
    // A report that is still to be proven stays under the reporter it claims to be from.
    if (version.trust !== 'pending') version.reporter = reporter;
    version.written = { ...verdict, class: version.trust };
  }
  return after;
}

async function writeTrust(tx: Tx, versions: readonly SettledVersion[]): Promise<void> {
  const trusts = versions.map(({ written }) => ({ ...written!, ...trustTexts(written!) }));
  await tx.query(
    `update ruawatch.reports r set trust = g.trust, reporter_trust = g.reporter_trust, trust_reason = g.reason, trust_domain = g.domain,
            reporter = case when g.trust = 'pending' then r.reporter else g.reporter end
       from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         as g(key, trust, reporter_trust, reason, domain, reporter)
      where r.report_key = g.key`,
    [
      versions.map(({ key }) => key),
      trusts.map((t) => t.class),
      trusts.map((t) => (t.class === 'pending' ? null : t.reporter_trust)),
      trusts.map((t) => t.trust_reason),
      trusts.map((t) => t.trust_domain),
      trusts.map((t) => reporterKey(t.reporter)),
    ],
  );
}

/**
 * Takes out of the rollups what was current and puts in what is current now, where rank, trust or reporter
 * changed. A report whose records were dropped stays in the sums as it is: no join finds anything to move.
 */
async function moveRollups(
  tx: Tx,
  before: readonly StoredVersion[],
  after: readonly SettledVersion[],
  ranked: ReadonlyMap<number, number | null>,
): Promise<void> {
  const changes: RollupChange[] = [];
  for (const [i, was] of before.entries()) {
    const now = after[i]!;
    const { key, begin, size } = was;
    const [left, entered] = [was.superseded_by === null, ranked.get(key) === null];
    if (left && entered && was.trust === now.trust && was.reporter === now.reporter) continue;
    if (left) changes.push({ key, sign: -1, trust: was.trust, reporter: was.reporter, begin, size });
    if (entered) changes.push({ key, sign: 1, trust: now.trust, reporter: now.reporter, begin, size });
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
