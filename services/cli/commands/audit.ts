import { CONTROLS } from '../../requests/audit-report.ts';
import { DAY_MS } from '../../shared/days.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type AuditRow, listAudit, newestAudit, numberOf, verifyAudit } from '../../store/requests/audit.ts';
import { auditedRequests, chainOf, groupChanges } from '../../store/requests/audit-report.ts';
import { withDatabase } from '../open.ts';
import { type AuditReport, allExceptions, auditCsv, auditText, isCutByOthers } from '../terminal/audit-text.ts';
import { dateOf, limitOf, moment, type Terminal } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

type Out = Terminal['out'];

interface Body {
  actor?: string;
  verb?: string;
  object?: string;
  says?: string;
}

/** `audit list`: the newest rows of the chain. */
export async function runAuditList(config: Config, options: { limit?: string }, out: Out): Promise<number> {
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const rows = await newestAudit(db, limit);
    if (rows.length === 0) return out('The audit chain is empty: nothing was requested yet.');
    out(
      table(
        ['number', 'at', 'who', 'what', 'to', ''],
        rows.reverse().map((row) => {
          const { actor = '', verb = '', object = '', says = '' } = JSON.parse(row.body) as Body;
          return [String(row.number), moment(row.at), actor, verb, object, says];
        }),
        { widths: [8, 16, 40, 24, 20, 100] },
      ),
    );
  });
}

/**
 * `audit verify`: computes the whole chain again.
 * @returns 0 when nothing is wrong, 2 when something is
 */
export async function runAuditVerify(config: Config, options: { head?: string; json?: boolean }, out: Out): Promise<number> {
  const noted = headOf(options.head);
  let wrong = false;
  await withDatabase(config, async (db) => {
    const found = await verifyAudit(db, noted);
    const older = noted !== null && found.has_head === null;
    // Without a setting that deletes rows, nobody but an intruder has moved the beginning of the chain.
    const moved = isCutByOthers(found, config.retention.audit_days);
    wrong = found.faults.length > 0 || found.has_head === false || moved;
    if (options.json) return out(jsonText(found, 2));
    for (const { number, fault } of found.faults) out(`Row ${number}: ${FAULTS[fault]}`);
    if (found.has_head === false)
      out(escaped(`The head ${noted} is not in this chain: rows were cut off, or the chain was computed anew.`));
    if (moved)
      out(
        `The chain begins after row ${numberOf(found.base)}, and retention.audit_days is not set: rows were deleted by somebody else.`,
      );
    if (older) out(`The head ${noted} is of a row that retention has deleted: rows after ${numberOf(found.base)} are kept.`);
    if (!wrong)
      out(`${counted(found.rows, 'row')}, every hash is right${found.has_head === true ? ', and the head is in it' : ''}.`);
    out(`Head: ${found.head}`);
    if (noted === null) out('Rows that were cut off together with the head show only with --head, from an earlier mail.');
  });
  return wrong ? 2 : 0;
}

/** @throws PermanentError `usage` */
function headOf(given: string | undefined): string | null {
  if (given === undefined) return null;
  if (!/^\d{1,15}:[0-9a-f]{64}$/.test(given))
    throw new PermanentError(
      'usage',
      '--head is a number, a colon and 64 hexadecimal digits, as decision mails and the digest have it.',
    );
  return given;
}

const FAULTS = {
  changed: 'its hash is not that of its content and the row before it: it was changed.',
  missing: 'the row before it is gone.',
  cut: 'the head names this row, and it is gone: the newest rows were cut off.',
};

const PAGE = 1000;

/**
 * `audit export`: the chain as JSON lines, the oldest first: what `audit verify` computes can be computed
 * from it.
 */
export async function runAuditExport(config: Config, options: { from?: string; to?: string }, out: Out): Promise<number> {
  const [from, to] = [dateOf(options.from, '--from'), dateOf(options.to, '--to')];
  return withDatabase(config, async (db) => {
    for (let after = 0; ; ) {
      const rows: AuditRow[] = await listAudit(db, { after, from, to, limit: PAGE });
      for (const { number, at, body, hash } of rows) out(jsonText({ number, at: at.toISOString(), body, hash }));
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.number;
    }
  });
}

export interface AuditReportOptions {
  from?: string;
  to?: string;
  head?: string;
  json?: boolean;
  csv?: boolean;
}

const QUARTER_DAYS = 90;

/**
 * `audit report`: who asked, who decided, why, what was done, and what an auditor must look at, by controls;
 * without dates of the last 90 days.
 * @returns 0, or 2 when the chain is not intact, begins later than a setting explains, or the head is not in
 *   it
 * @throws PermanentError `usage`
 */
export async function runAuditReport(
  config: Config,
  options: AuditReportOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  if (options.json && options.csv) throw new PermanentError('usage', '--json and --csv exclude each other: keep one.');
  const to = dateOf(options.to, '--to') ?? now;
  const from = dateOf(options.from, '--from') ?? new Date(to.getTime() - QUARTER_DAYS * DAY_MS);
  if (from >= to) throw new PermanentError('usage', '--from must be before --to.');
  const noted = headOf(options.head);
  let wrong = false;
  await withDatabase(config, async (db) => {
    const time = { from, to };
    const report: AuditReport = {
      ...time,
      requests: await auditedRequests(db, time),
      groups: await groupChanges(db, time),
      chain: await chainOf(db, time),
      verified: await verifyAudit(db, noted),
      noted,
      audit_days: config.retention.audit_days,
    };
    const { faults, has_head } = report.verified;
    wrong = faults.length > 0 || has_head === false || isCutByOthers(report.verified, report.audit_days);
    if (options.json) return out(jsonText({ ...report, controls: CONTROLS, exceptions: allExceptions(report) }, 2));
    for (const line of options.csv ? auditCsv(report) : auditText(report)) out(escaped(line));
  });
  return wrong ? 2 : 0;
}
